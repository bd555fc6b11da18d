"""Mail servers that mean harm, one table: what each does, and how a conversation with it may end.

`python -m tests.hostile serve` does to each client what its source address says (127.0.40.n is met
by the n-th); `python -m tests.hostile drive PORT N` meets them N at once, in a process of its own,
and prints what came of it and what it cost in memory.
"""

import asyncio
import json
import resource
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any, Final

import trustme

from mailposture.adapters.smtp import Limits, Order, converse_all, run
from mailposture.core.smtp.transcript import Ended, Transcript
from tests.adapters.smtp_server import BANNER, LOCKED, Peer, server_context, serving

LIMITS: Final = Limits(connect=5.0, reply=1.5, quit=0.5, session=6.0)
# One process that does harm to a thousand needs a while for each.
PATIENT: Final = Limits(connect=10.0, reply=5.0, quit=1.0, session=10.0)
HELLO: Final = b"250-x\r\n250 STARTTLS\r\n"
PIPELINING: Final = b"250-x\r\n250 PIPELINING\r\n"
NAME: Final = "*.mail.protection.outlook.com"
AUTHORITY: Final = trustme.CA()
CHUNK: Final = 65_536
TICK: Final = 0.05

type Does = Callable[[Peer], Awaitable[None]]


@dataclass(frozen=True)
class Hostile:
    """What a server does, and the ends that are right with it."""

    does: Does
    ends: frozenset[str]


async def endless(peer: Peer, data: bytes) -> None:
    while True:
        await peer.say(data)
        await asyncio.sleep(0)  # to a reader that keeps up, `say` never waits


async def dripping(peer: Peer, data: bytes) -> None:
    """A byte at a time, for ever."""
    while True:
        for byte in data:
            await peer.say(bytes([byte]))
            await asyncio.sleep(TICK)


def at_once(data: bytes) -> Does:
    async def does(peer: Peer) -> None:
        await peer.say(data)
        await peer.silence()

    return does


def for_ever(data: bytes) -> Does:
    return lambda peer: endless(peer, data)


def drip(data: bytes) -> Does:
    return lambda peer: dripping(peer, data)


async def greet(peer: Peer, *answers: bytes) -> None:
    """The banner and so many answers, each when it is asked for."""
    await peer.say(BANNER)
    for answer in answers:
        await peer.hear()
        await peer.say(answer)


def after(*answers: bytes, then: Does) -> Does:
    async def does(peer: Peer) -> None:
        await greet(peer, *answers)
        await then(peer)

    return does


@cache
def certified(names: tuple[str, ...], tickets: int) -> ssl.SSLContext:
    """Made once: a megabyte takes its time to sign."""
    context = server_context(AUTHORITY, *names)
    context.num_tickets = tickets
    return context


def in_tls(then: Does, *names: str, tickets: int = 2, answers: int = 0) -> Does:
    """A true handshake under these names, and then this."""

    async def does(peer: Peer) -> None:
        context = certified(names, tickets)
        await greet(peer, HELLO, b"220 go\r\n")
        await peer.start_tls(context)
        for _ in range(answers):
            await peer.hear()
            await peer.say(b"250 x\r\n")
        await then(peer)

    return does


async def reset(peer: Peer) -> None:
    peer.reset()


async def half_closed(peer: Peer) -> None:
    """No more from us, but we go on listening."""
    peer.writer.write_eof()
    await peer.silence()


async def gone(peer: Peer) -> None:
    peer.writer.transport.abort()


async def deaf(peer: Peer) -> None:
    """Reads nothing, says nothing, stays."""
    peer.writer.transport.pause_reading()  # type: ignore[attr-defined] # asyncio's own has it
    await asyncio.sleep(600)


async def asked_twice(peer: Peer) -> None:
    """Offers STARTTLS again within TLS, and a greeting besides."""
    await peer.hear()
    await peer.say(HELLO + BANNER)
    await peer.silence()


GARBAGE: Final = Random(1).randbytes(CHUNK)
HUGE_NAMES: Final = tuple(
    f"{number:063}.{'x' * 63}.{'y' * 63}.mail.protection.outlook.com" for number in range(5_000)
)
STARTED: Final = (HELLO, b"220 go\r\n")
ALERT: Final = b"\x15\x03\x03\x00\x02\x02\x28"  # handshake_failure, fatal
RECORD: Final = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"  # a ServerHello that never comes whole
OK: Final = b"250 2.1.0 OK\r\n"


def _hostile(does: Does, *ends: Ended) -> Hostile:
    return Hostile(does, frozenset(map(str, ends)))


# After a broken handshake it is asked once more in clear, and met the same way: the second
# connection waits for an answer to STARTTLS that it never sent, or is refused nothing.
_CLEAR: Final = (Ended.DONE, Ended.REPLY_TIMEOUT, Ended.CLOSED, Ended.RESET, Ended.OUT_OF_STEP,
                 Ended.OUT_OF_TURN, Ended.NOT_SMTP, Ended.SESSION_TIMEOUT)  # fmt: skip

SERVERS: Final = {
    "a banner by drops": _hostile(drip(b"220 x"), Ended.REPLY_TIMEOUT),
    "lines by drops, for ever": _hostile(drip(b"220-x\r\n"), Ended.REPLY_TIMEOUT),
    "an endless banner": _hostile(for_ever(b"220-x\r\n" * 9_000), Ended.REPLY_TOO_LONG),
    "an endless line": _hostile(for_ever(b"2" * CHUNK), Ended.LINE_TOO_LONG),
    "ten megabytes of banner": _hostile(
        at_once(b"220 " + b"A" * 10_000_000 + b"\r\n"), Ended.LINE_TOO_LONG
    ),
    "garbage": _hostile(for_ever(GARBAGE), Ended.NOT_SMTP, Ended.LINE_TOO_LONG),
    "NUL": _hostile(for_ever(bytes(CHUNK)), Ended.LINE_TOO_LONG),
    "bytes above 127 and controls": _hostile(
        after(b"250-\xff\xfe\x1b[2J\r\n250 \x00\r\n", b"550 \x9b2J\x07\r\n", b"221 \xff\r\n",
              then=half_closed), Ended.DONE, Ended.CLOSED
    ),
    "another protocol": _hostile(at_once(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Ended.NOT_SMTP),
    "nothing": _hostile(deaf, Ended.REPLY_TIMEOUT),
    "gone at once": _hostile(gone, Ended.CLOSED, Ended.RESET),
    "reset at once": _hostile(reset, Ended.RESET),
    "reset after the banner": _hostile(after(then=reset), Ended.RESET),
    "reset after EHLO": _hostile(after(b"250 x\r\n", then=reset), Ended.RESET),
    "reset after MAIL": _hostile(after(b"250 x\r\n", OK, then=reset), Ended.RESET),
    "half-closed at once": _hostile(half_closed, Ended.CLOSED),
    "half-closed after EHLO": _hostile(after(b"250 x\r\n", then=half_closed), Ended.CLOSED),
    "every reply early": _hostile(
        at_once(BANNER + b"250 x\r\n" + OK + OK + b"221 x\r\n"), Ended.OUT_OF_TURN
    ),
    "one reply to a group of three": _hostile(
        after(PIPELINING, OK, then=deaf), Ended.REPLY_TIMEOUT
    ),
    "nine replies to a group of three": _hostile(
        after(PIPELINING, OK * 9, then=half_closed), Ended.OUT_OF_STEP
    ),
    "a lock to a group's third": _hostile(
        after(PIPELINING, OK + OK + LOCKED, then=half_closed), Ended.OUT_OF_STEP
    ),
    "clear bytes for a handshake": _hostile(
        after(*STARTED, then=for_ever(b"250 no TLS here\r\n" * 1_000)), *_CLEAR
    ),
    "an alert for a handshake": _hostile(after(*STARTED, then=at_once(ALERT)), *_CLEAR),
    "a handshake that never ends": _hostile(after(*STARTED, then=deaf), *_CLEAR),
    "a handshake by drops": _hostile(
        after(*STARTED, then=drip(RECORD + bytes(CHUNK))), *_CLEAR
    ),
    "a handshake without end": _hostile(
        after(*STARTED, then=for_ever(RECORD + bytes(16_380))), *_CLEAR
    ),
    "reset in the handshake": _hostile(after(*STARTED, then=reset), *_CLEAR),
    "half-closed in the handshake": _hostile(after(*STARTED, then=half_closed), *_CLEAR),
    "a certificate of a megabyte": _hostile(in_tls(deaf, *HUGE_NAMES), *_CLEAR),
    "tickets and no words": _hostile(
        in_tls(deaf, NAME, tickets=2_000), Ended.REPLY_TIMEOUT, *_CLEAR
    ),
    "silence within TLS": _hostile(in_tls(deaf, NAME, answers=1), Ended.REPLY_TIMEOUT),
    "an endless line within TLS": _hostile(
        in_tls(for_ever(b"2" * CHUNK), NAME), Ended.LINE_TOO_LONG, *_CLEAR
    ),
    "gone within TLS": _hostile(in_tls(gone, NAME, answers=1), Ended.CLOSED, Ended.RESET),
    "a greeting within TLS": _hostile(
        in_tls(asked_twice, NAME), Ended.OUT_OF_TURN, Ended.OUT_OF_STEP
    ),
}  # fmt: skip
NAMES: Final = tuple(SERVERS)


def order(number: int, address: str, port: int) -> Order:
    """One conversation with the server of this number."""
    return Order(
        address=address,
        port=port,
        host="contoso-com.mail.protection.outlook.com",
        ehlo="probe.example",
        mail_from="",
        rcpt_to="postmaster@contoso.com",
        source=f"127.0.40.{number + 1}",
    )


async def by_source(peer: Peer) -> None:
    """Do what the client's address asks for."""
    number = int(peer.source.rpartition(".")[2]) - 1
    await SERVERS[NAMES[number]].does(peer)


async def serve() -> None:
    """Until it is ended; its port on standard output."""
    certified(HUGE_NAMES, 2)
    async with serving(by_source, backlog=4_096) as server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def memory() -> float:
    """The most that this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def drive(port: int, many: int) -> dict[str, Any]:
    """Meet so many at once: how each ended, when the last did, and what it cost."""
    orders = [order(number % len(NAMES), "127.0.0.1", port) for number in range(many)]
    run(converse_all(orders[: len(NAMES)], LIMITS))  # what is made once is not theirs
    before, began = memory(), time.monotonic()
    found = run(converse_all(orders, PATIENT, at_once=many))
    return {
        "seconds": round(time.monotonic() - began, 1),
        "grown": round(memory() - before, 1),
        "kept": max(map(kept, found)),
        "ends": [[NAMES[n % len(NAMES)], str(t.ended)] for n, t in enumerate(found)],
        "slowest": max(t.lines[-1].ms for t in found),
    }


def kept(found: Transcript) -> int:
    """The bytes that a transcript holds."""
    return sum(len(line.data) for line in found.lines)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve())
    else:
        sys.stdout.write(json.dumps(drive(int(sys.argv[2]), int(sys.argv[3]))))
