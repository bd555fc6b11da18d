"""An order is gone about at its pace, and left where a server asks for less."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from mailposture.adapters import paced, shards, smtp
from mailposture.core.pacing import asks_for_less
from mailposture.core.smtp.reply import parse
from mailposture.core.smtp.transcript import Transcript
from mailposture.core.work import Envelope, Pace, PutOff, Target
from tests.adapters.dns_server import name_server
from tests.adapters.smtp_server import ExchangeOnline, Peer, Server, serving

FAST = Pace(at_once=100, a_minute=1e6)
BUSY = b"451 4.7.500 Server busy. Please try again later from [192.0.2.7]. (S77714)\r\n"


@dataclass
class Counting:
    """Takes a moment for each client, and knows how many it had at once and when each came."""

    script: ExchangeOnline = field(default_factory=ExchangeOnline)
    seconds: float = 0.05
    now: int = 0
    most: int = 0
    came: list[float] = field(default_factory=list)

    async def __call__(self, peer: Peer) -> None:
        self.came.append(time.monotonic())
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.seconds)  # the client waits for our banner meanwhile
            await self.script(peer)
        finally:
            self.now -= 1


def order(server: Server, address: str = "127.0.0.1") -> smtp.Order:
    return smtp.Order(
        address=address,
        port=server.port,
        ehlo="probe.example",
        mail_from="",
        rcpt_to="postmaster@contoso.com",
    )


async def converse(
    server: Server, count: int, pace: Pace, seconds: float = 60.0, first: int = 0
) -> list[paced.Held]:
    return await paced.converse([[order(server)]] * count, pace, seconds, first=first)


def put_off(held: Sequence[paced.Held]) -> list[PutOff | None]:
    return [one if isinstance(one, PutOff) else None for one in held]


async def test_no_more_are_held_at_once_with_one_address_than_the_order_says() -> None:
    count = Counting()
    async with serving(count) as server:
        held = await converse(server, 12, Pace(at_once=3, a_minute=1e6))
    assert put_off(held) == [None] * 12
    assert len(server.peers) == 12
    assert 1 < count.most <= 3


async def test_conversations_with_one_address_are_begun_one_after_another() -> None:
    count = Counting(seconds=0)
    async with serving(count) as server:
        await converse(server, 6, Pace(at_once=6, a_minute=1200))
    assert count.came[-1] - count.came[0] >= 5 * 0.05 * 0.9


async def test_the_conversations_of_a_path_begin_together_whatever_stands_in_front() -> None:
    async with serving(ExchangeOnline()) as server:
        both = [order(server), order(server)]
        (held,) = await paced.converse([both], Pace(at_once=1, a_minute=1e6), 60)
    assert not isinstance(held, PutOff)
    assert [t.reply_to("rcpt") is not None for t in held] == [True, True]


@pytest.mark.parametrize(
    "busy",
    [
        ExchangeOnline(replies={b"RCPT": BUSY}),
        ExchangeOnline(banner=b"421 4.3.2 Service not available, closing\r\n"),
    ],
    ids=["4.7.500 to RCPT", "421 at connect"],
)
async def test_after_a_run_of_answers_that_ask_for_less_nothing_more_is_begun(
    busy: ExchangeOnline,
) -> None:
    async with serving(busy) as server:
        held = await converse(server, 40, Pace(at_once=1, a_minute=1e6, patience=4))
    assert put_off(held) == [None] * 4 + [PutOff.SLOW_DOWN] * 36
    assert len(server.peers) == 4


async def test_one_that_asks_for_less_now_and_then_is_asked_on() -> None:
    busy, kind = ExchangeOnline(replies={b"RCPT": BUSY}), ExchangeOnline()
    async with serving(*[busy, busy, kind] * 5) as server:
        held = await converse(server, 15, Pace(at_once=1, a_minute=1e6, patience=3))
    assert put_off(held) == [None] * 15


async def test_what_is_late_is_put_off_and_what_was_begun_has_its_time() -> None:
    count = Counting(seconds=0.4)
    async with serving(count) as server:
        # A third of three seconds is left to begin in; one takes 0.4.
        held = await converse(server, 30, Pace(at_once=1, a_minute=1e6), seconds=3.0)
    begun = [one for one in held if not isinstance(one, PutOff)]
    assert 1 <= len(begun) == len(server.peers) <= 4
    assert all(one[0].reply_to("rcpt") for one in begun)
    assert set(put_off(held)) == {None, PutOff.NO_TIME}


async def test_what_is_put_off_is_not_always_the_same() -> None:
    async with serving(ExchangeOnline(replies={b"RCPT": BUSY})) as server:
        pace = Pace(at_once=1, a_minute=1e6, patience=2)
        held = await converse(server, 5, pace, first=8)
    assert [n for n, one in enumerate(put_off(held)) if one is None] == [3, 4]


async def test_an_order_of_nothing_is_done_at_once() -> None:
    assert await paced.converse([], FAST, 60) == []


async def test_one_slow_address_holds_up_no_other() -> None:
    tarpit, quick = Counting(seconds=0.3), Counting(seconds=0)
    other = Server((quick,))
    listener = await asyncio.start_server(other.meet, "127.0.0.2", 0)
    other.port = listener.sockets[0].getsockname()[1]
    async with listener, serving(tarpit) as slow:
        paths = [[order(slow)]] * 3 + [[order(other, "127.0.0.2")]] * 3
        held = await paced.converse(paths, Pace(at_once=1, a_minute=1e6), 60)
    assert put_off(held) == [None] * 6
    assert max(quick.came) < tarpit.came[1]


@pytest.mark.parametrize(
    ("stage", "raw", "asks"),
    [
        ("rcpt", BUSY, True),
        ("connect", b"421 4.3.2 Service not available\r\n", True),
        ("mail", b"421 4.7.0 Too many errors\r\n", True),
        ("rcpt", b"451 4.7.651 The mail server has been temporarily rate limited\r\n", True),
        ("rcpt", b"451 4.7.0 Temporary server error. Please try again later. PRX2\r\n", True),
        ("starttls", b"454 4.7.0 TLS not available due to local problem\r\n", False),
        ("rcpt", b"450 4.7.25 Sending IPv6 address must have reverse DNS record\r\n", False),
        ("rcpt", b"451 4.4.62 Mail sent to the wrong Office 365 region\r\n", False),
        ("rcpt", b"550 5.7.51 TenantInboundAttribution; Rejecting\r\n", False),
        ("rcpt", b"250 2.1.5 Recipient OK\r\n", False),
    ],
)
def test_which_answers_ask_for_less(stage: str, raw: bytes, asks: bool) -> None:
    said = Transcript(address="192.0.2.1", port=25, replies=(parse(raw, stage),))
    assert asks_for_less(said) is asks


def test_a_shard_says_of_each_path_that_it_was_put_off() -> None:
    now = datetime.now(tz=UTC)
    targets = tuple(
        Target(
            path=n,
            domain="contoso.com",
            sender_class="null",
            mail_from="",
            rcpt_to="postmaster@contoso.com",
            endpoints=("mx.contoso.com",),
        )
        for n in range(3)
    )
    envelope = Envelope(
        vantage_point="stranger",
        shard=1,
        attempt=1,
        ehlo="probe.example",
        targets=targets,
        issued=now,
        expires=now + timedelta(seconds=40),
        nonce="1",
        pace=Pace(patience=0),
    )
    with name_server({("mx.contoso.com", "A"): ["127.0.0.1"]}) as resolver:
        place = shards.Place(
            slug="stranger", lab_networks=(ip_network("127.0.0.0/8"),), resolver=resolver
        )
        answers = shards.run(envelope, place, shards.now).answers
    assert [(a.put_off, a.tries, a.refused) for a in answers] == [(PutOff.SLOW_DOWN, (), "")] * 3
