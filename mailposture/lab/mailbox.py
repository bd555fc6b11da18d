"""The lab's mailbox: an SMTP sink on loopback that keeps each message as a file.

What the product mails in the demo ends here. It can be told to refuse, to be busy, to be slow or
to hang up, so that one can see what then becomes of a mail.
"""

import asyncio
import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Any, Final, override

from aiosmtpd.smtp import SMTP, Envelope, Session

from mailposture.lab.world import SERVICE

LARGEST: Final = 2_000_000
MOST_KEPT: Final = 500
SLOW_SECONDS: Final = 8.0
NAME: Final = re.compile(r"\d{8}T\d{12}-\d{4,}\.eml")


class Mode(StrEnum):
    """How the mailbox treats who hands something in."""

    TAKE = "take"
    REFUSE = "refuse"
    BUSY = "busy"
    SLOW = "slow"
    HANG_UP = "hang-up"
    DOWN = "down"


MEANINGS: Final[dict[Mode, str]] = {
    Mode.TAKE: "takes every mail",
    Mode.REFUSE: "refuses every recipient for good (550)",
    Mode.BUSY: "asks to come back later (451)",
    Mode.SLOW: f"takes every mail, {SLOW_SECONDS:.0f} s later",
    Mode.HANG_UP: "takes the whole mail and hangs up without an answer",
    Mode.DOWN: "hangs up on everyone before a word",
}


class Gone(asyncio.Protocol):
    """What a server that is down looks like through a proxy: there, and gone at once."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.abort()


class Mailbox:
    """The sink: where it keeps mails, how it treats them now, and its port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mode = Mode.TAKE
        self.server: asyncio.Server | None = None
        self.port = 0
        self._numbers = count(1)

    async def start(self, preferred: int = 0) -> None:
        """Listen, at the port it had before if that is free."""
        self.folder.mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        try:
            self.server = await loop.create_server(self._protocol, SERVICE, preferred)
        except OSError:
            self.server = await loop.create_server(self._protocol, SERVICE, 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening; what was taken is kept."""
        if self.server:
            self.server.close()

    def _protocol(self) -> asyncio.Protocol:
        if self.mode is Mode.DOWN:
            return Gone()
        return SMTP(self, data_size_limit=LARGEST, hostname="mailbox.lab.example", ident="lab")

    def turn(self, mode: str) -> str:
        """Change how mails are treated; raises ValueError for what it does not know."""
        try:
            self.mode = Mode(mode)
        except ValueError:
            raise ValueError(f"the mailbox knows {', '.join(Mode)}") from None
        return f"The mailbox {MEANINGS[self.mode]}."

    # ---- what aiosmtpd calls -------------------------------------------------------------

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        """Take the recipient, or not."""
        if self.mode is Mode.REFUSE:
            return f"550 5.1.1 <{address[:100]}> nobody here takes this mail"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keep the message, and answer as told."""
        if self.mode is Mode.BUSY:
            return "451 4.3.2 busy, come back later"
        if self.mode is Mode.SLOW:
            await asyncio.sleep(SLOW_SECONDS)
        name = self.keep(bytes(envelope.original_content or b""))
        if self.mode is Mode.HANG_UP and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
        return f"250 2.0.0 kept as {name}"

    def keep(self, content: bytes) -> str:
        """Write one message whole or not at all; the oldest beyond the first hundreds go."""
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{next(self._numbers):04}.eml"
        unfinished = self.folder / f".{name}"
        unfinished.write_bytes(content)
        unfinished.replace(self.folder / name)
        for old in sorted(self._kept())[:-MOST_KEPT]:
            with contextlib.suppress(FileNotFoundError):
                old.unlink()
        return name

    def _kept(self) -> Iterator[Path]:
        return (file for file in self.folder.glob("*.eml") if NAME.fullmatch(file.name))
