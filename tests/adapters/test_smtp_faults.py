"""The driver against servers gone wrong: every conversation ends, in time, with a reason."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
import trustme

from mailposture.adapters.smtp import Limits, Order, converse, run
from mailposture.core.smtp.transcript import Ended, Transcript, Who
from tests.adapters.smtp_server import (
    BANNER,
    LOCKED,
    ExchangeOnline,
    Peer,
    Script,
    Server,
    server_context,
    serving,
)

QUICK = Limits(connect=1.0, reply=0.4, quit=0.2, session=5.0)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def order(server: Server, **changes: object) -> Order:
    said: dict[str, object] = {
        "address": server.address,
        "port": server.port,
        "host": "contoso-com.mail.protection.outlook.com",
        "ehlo": "probe.example",
        "mail_from": "",
        "rcpt_to": "postmaster@contoso.com",
    }
    return Order(**{**said, **changes})  # type: ignore[arg-type] # each test names what it changes


def notes(transcript: Transcript) -> str:
    return "\n".join(line.data.decode() for line in transcript.lines if line.who is Who.NOTE)


async def met(script: Script, limits: Limits = QUICK, **changes: object) -> Transcript:
    async with serving(script) as server:
        return await converse(order(server, **changes), limits)


async def silent(peer: Peer) -> None:
    await peer.silence()


async def test_a_server_that_says_nothing_is_left_after_the_patience_for_one_reply() -> None:
    found = await met(silent)
    assert found.ended is Ended.REPLY_TIMEOUT
    assert "waiting for banner" in notes(found)
    assert found.replies == ()


async def test_a_server_that_trickles_bytes_gets_no_more_time_than_a_silent_one() -> None:
    async def tarpit(peer: Peer) -> None:
        for byte in BANNER * 100:
            await peer.say(bytes([byte]))
            await asyncio.sleep(0.02)

    found = await met(tarpit)
    assert found.ended is Ended.REPLY_TIMEOUT
    assert found.lines[-1].ms < 1000


async def test_a_server_that_trickles_whole_replies_is_ended_by_the_session() -> None:
    async def slow(peer: Peer) -> None:
        await peer.say(BANNER)
        while True:
            await peer.hear()
            await asyncio.sleep(0.3)
            await peer.say(b"250 2.0.0 slowly\r\n")

    found = await met(slow, Limits(reply=0.5, session=0.8))
    assert found.ended is Ended.SESSION_TIMEOUT
    assert found.lines[-1].ms < 1500


async def test_the_session_ends_in_time_though_starttls_makes_it_two_connections() -> None:
    async def deaf_after_starttls(peer: Peer) -> None:
        await peer.say(BANNER)
        await peer.hear()
        await peer.say(b"250-x\r\n250 STARTTLS\r\n")
        await peer.hear()
        await peer.say(b"220 go\r\n")
        await peer.silence()

    async with serving(deaf_after_starttls, silent) as server:
        found = await converse(order(server), Limits(reply=0.4, session=0.6))
    assert found.ended is Ended.SESSION_TIMEOUT
    assert "TLS handshake broken: no answer in time" in notes(found)
    assert len(server.peers) == 2
    assert found.lines[-1].ms < 1500


@pytest.mark.parametrize("step", range(5))
async def test_a_reset_at_any_step_is_recorded_with_all_replies_before_it(step: int) -> None:
    answers = [BANNER, b"250 x\r\n", b"250 2.1.0 OK\r\n", LOCKED]

    async def resetting(peer: Peer) -> None:
        for answer in answers[:step]:
            await peer.say(answer)
            await peer.hear()
        peer.reset()

    found = await met(resetting)
    # After the answer to RCPT nothing is missing but the good bye.
    assert found.ended is (Ended.DONE if step == 4 else Ended.RESET)
    assert len(found.replies) == step


@pytest.mark.parametrize("step", range(4))
async def test_a_close_at_any_step_is_told_apart_from_a_reset(step: int) -> None:
    answers = [BANNER, b"250 x\r\n", b"250 2.1.0 OK\r\n"]

    async def closing(peer: Peer) -> None:
        for answer in answers[:step]:
            await peer.say(answer)
            await peer.hear()
        peer.writer.write_eof()
        await peer.silence()

    found = await met(closing)
    assert found.ended is Ended.CLOSED
    assert len(found.replies) == step


@pytest.mark.parametrize(
    ("flood", "ended"),
    [
        (b"220 " + b"A" * 10_000_000, Ended.LINE_TOO_LONG),
        (b"220-A\r\n" * 1_400_000, Ended.REPLY_TOO_LONG),
        (b"\x00" * 10_000_000, Ended.LINE_TOO_LONG),
        (b"\xff\xfe\r\n" * 1000, Ended.NOT_SMTP),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Ended.NOT_SMTP),
        (BANNER + b"250 early\r\n" * 4, Ended.OUT_OF_TURN),
    ],
)
async def test_a_flood_ends_within_the_caps(flood: bytes, ended: Ended) -> None:
    async def flooding(peer: Peer) -> None:
        await peer.say(flood)
        await peer.silence()

    found = await met(flooding)
    assert found.ended is ended
    assert sum(len(line.data) for line in found.lines) < 100_000


async def test_a_refused_starttls_is_tried_once_more_in_clear() -> None:
    refusing = ExchangeOnline(
        offers=(b"STARTTLS",), replies={b"STARTTLS": b"454 4.7.0 TLS not available\r\n"}
    )
    async with serving(refusing) as server:
        found = await converse(order(server), QUICK)
    assert found.tls is None
    assert found.ended is Ended.DONE
    assert "STARTTLS refused" in notes(found)
    assert [r.stage for r in found.replies] == [
        "starttls",
        "connect",
        "ehlo",
        "mail",
        "rcpt",
        "quit",
    ]
    assert len(server.peers) == 2
    assert notes(found).count("connected to") == 2


async def garbage_for_tls(peer: Peer) -> None:
    await peer.reader.read(100)
    await peer.say(b"this is no TLS at all\r\n")
    await peer.silence()


async def close_in_tls(peer: Peer) -> None:
    peer.writer.transport.abort()


async def reset_in_tls(peer: Peer) -> None:
    peer.reset()


@pytest.mark.parametrize("fault", [garbage_for_tls, close_in_tls, reset_in_tls, silent])
async def test_a_broken_handshake_is_tried_once_more_in_clear(
    fault: Callable[[Peer], Awaitable[None]],
) -> None:
    async def breaking(peer: Peer) -> None:
        await peer.say(BANNER)
        await peer.hear()
        await peer.say(b"250-x\r\n250 STARTTLS\r\n")
        await peer.hear()
        await peer.say(b"220 go\r\n")
        await fault(peer)

    async with serving(breaking, ExchangeOnline(replies={b"RCPT": LOCKED})) as server:
        found = await converse(order(server), QUICK)
    assert "TLS handshake broken" in notes(found)
    assert (found.tls, found.ended) == (None, Ended.DONE)
    reply = found.reply_to("rcpt")
    assert reply is not None
    assert reply.code == 550


async def test_the_second_attempt_is_the_last() -> None:
    async def never(peer: Peer) -> None:
        peer.reset()

    refusing = ExchangeOnline(offers=(b"STARTTLS",), replies={b"STARTTLS": b"502 no\r\n"})
    async with serving(refusing, never) as server:
        found = await converse(order(server), QUICK)
    assert len(server.peers) == 2
    assert found.ended is Ended.RESET
    assert found.reply_to("connect") is None


async def test_words_slipped_in_before_the_handshake_do_not_count(authority: trustme.CA) -> None:
    injected = b"250-x Hello [203.0.113.66]\r\n250 PIPELINING\r\n"
    context = server_context(authority, "*.mail.protection.outlook.com")
    async with serving(ExchangeOnline(tls=context, injected=injected)) as server:
        found = await converse(order(server), QUICK)
    assert f"{len(injected)} bytes in clear after STARTTLS discarded" in notes(found)
    assert found.hello_ip == "192.0.2.7"
    assert found.tls is not None
    assert found.ended is Ended.DONE


async def test_a_server_that_speaks_first_inside_tls_is_out_of_step(authority: trustme.CA) -> None:
    context = server_context(authority, "x.example")

    async def greeting_again(peer: Peer) -> None:
        await peer.say(BANNER)
        await peer.hear()
        await peer.say(b"250-x\r\n250 STARTTLS\r\n")
        await peer.hear()
        await peer.say(b"220 go\r\n")
        await peer.start_tls(context)
        await peer.say(BANNER)
        await peer.silence()

    found = await met(greeting_again)
    assert found.ended in {Ended.OUT_OF_STEP, Ended.OUT_OF_TURN}
    assert found.reply_to("mail") is None


@pytest.mark.parametrize(("step", "ended"), [(1, Ended.CLOSED), (2, Ended.CLOSED)])
async def test_a_connection_lost_inside_tls_is_not_tried_in_clear(
    authority: trustme.CA, step: int, ended: Ended
) -> None:
    context = server_context(authority, "x.example")

    async def leaving(peer: Peer) -> None:
        await peer.say(BANNER)
        await peer.hear()
        await peer.say(b"250-x\r\n250 STARTTLS\r\n")
        await peer.hear()
        await peer.say(b"220 go\r\n")
        await peer.start_tls(context)
        for answer in [b"250 x\r\n", b"250 2.1.0 OK\r\n"][:step]:
            await peer.hear()
            await peer.say(answer)
        await peer.hear()
        peer.writer.transport.abort()

    async with serving(leaving) as server:
        found = await converse(order(server), QUICK)
    assert found.ended is ended
    assert found.tls is not None
    assert len(server.peers) == 1


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def at(address: str, port: int, **changes: object) -> Order:
    return order(Server(()), address=address, port=port, **changes)


@pytest.mark.parametrize("through", ["asyncio", "uvloop"])
@pytest.mark.parametrize(
    ("changes", "ended"),
    [
        ({}, Ended.REFUSED),
        ({"source": "192.0.2.77"}, Ended.SOURCE_NOT_USABLE),
        ({"source": "::1"}, Ended.SOURCE_NOT_USABLE),
    ],
)
def test_where_no_connection_comes_about_the_reason_is_told(
    through: str, changes: dict[str, object], ended: Ended
) -> None:
    work = converse(at("127.0.0.1", closed_port(), **changes), QUICK)
    found = asyncio.run(work) if through == "asyncio" else run(work)
    assert found.ended is ended
    assert found.replies == ()
    assert f"ended: {ended}" in notes(found)


async def test_a_connect_that_gets_no_answer_says_that_the_port_may_be_blocked() -> None:
    """A full backlog answers no connect, on loopback too."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        target = full.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(target)
        found = await converse(at(*target), Limits(connect=0.3))
        for filler in fillers:
            filler.close()
    assert found.ended is Ended.CONNECT_TIMEOUT
    assert f"port {target[1]} may be blocked on the way" in notes(found)


async def test_a_missing_good_bye_costs_little_and_changes_nothing() -> None:
    async def rude(peer: Peer) -> None:
        await peer.say(BANNER)
        await peer.hear()
        await peer.say(b"250-x\r\n250 PIPELINING\r\n")
        await peer.hear()
        await peer.say(b"250 2.1.0 OK\r\n" + LOCKED)
        await peer.silence()

    found = await met(rude)
    assert found.ended is Ended.DONE
    assert "no answer to QUIT: reply timeout" in notes(found)
    assert found.reply_to("rcpt") is not None
