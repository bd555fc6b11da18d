"""The lab's mailbox takes what is mailed and treats it as it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiosmtplib
import pytest

from mailposture.lab import mailbox
from mailposture.lab.mailbox import Mailbox, Mode

MESSAGE = "Subject: a test\r\n\r\nwords\r\n"


@asynccontextmanager
async def listening(folder: Path) -> AsyncIterator[Mailbox]:
    box = Mailbox(folder)
    await box.start()
    try:
        yield box
    finally:
        await box.close()


async def hand_in(box: Mailbox) -> str:
    """One mail; the server's last words."""
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=box.port, start_tls=False, timeout=5)
    async with client:
        _, answer = await client.sendmail("a@example.com", ["b@example.com"], MESSAGE)
        return answer


def test_a_mail_is_kept_whole_under_a_name_of_its_time(tmp_path: Path) -> None:
    async def run() -> str:
        async with listening(tmp_path) as box:
            return await hand_in(box)

    said = asyncio.run(run())
    (kept,) = tmp_path.glob("*.eml")
    assert said == f"2.0.0 kept as {kept.name}"
    assert kept.read_bytes() == MESSAGE.encode()
    assert mailbox.NAME.fullmatch(kept.name)


@pytest.mark.parametrize(
    ("mode", "error", "kept"),
    [
        (Mode.REFUSE, aiosmtplib.SMTPRecipientsRefused, 0),
        (Mode.BUSY, aiosmtplib.SMTPDataError, 0),
        (Mode.HANG_UP, aiosmtplib.SMTPServerDisconnected, 1),
        (Mode.DOWN, (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPServerDisconnected), 0),
    ],
)
def test_it_treats_mails_as_it_is_told(
    tmp_path: Path, mode: Mode, error: type[Exception] | tuple[type[Exception], ...], kept: int
) -> None:
    async def run() -> None:
        async with listening(tmp_path) as box:
            assert box.turn(mode) == f"The mailbox {mailbox.MEANINGS[mode]}."
            with pytest.raises(error):
                await hand_in(box)

    asyncio.run(run())
    assert len(list(tmp_path.glob("*.eml"))) == kept


def test_slow_takes_it_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "SLOW_SECONDS", 0.2)

    async def run() -> float:
        async with listening(tmp_path) as box:
            box.turn("slow")
            began = asyncio.get_running_loop().time()
            await hand_in(box)
            return asyncio.get_running_loop().time() - began

    assert asyncio.run(run()) >= 0.2


def test_what_it_does_not_know_is_refused(tmp_path: Path) -> None:
    box = Mailbox(tmp_path)
    with pytest.raises(ValueError, match="the mailbox knows take, refuse"):
        box.turn("burn")
    assert box.mode is Mode.TAKE


def test_only_the_newest_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "MOST_KEPT", 3)
    box = Mailbox(tmp_path)
    names = [box.keep(b"x") for _ in range(5)]
    assert sorted(f.name for f in tmp_path.iterdir()) == names[2:]
