"""A word at a real broker stops what is under way within seconds, connections and all."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from mailposture import seals
from mailposture.adapters import halts, smtp
from mailposture.core import codec
from tests.servers import ValkeyServer

OURS = seals.fresh_key()
AT = datetime(2026, 11, 25, tzinfo=UTC)


def word(minutes: int, *, stopped: bool) -> halts.Word:
    return halts.Word(stopped=stopped, issued=AT + timedelta(minutes=minutes))


def watch(url: str, **fields: Any) -> halts.Watch:
    return halts.Watch(url=url, centre=seals.public_of(OURS), **fields)


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that takes a connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        yield listener


def order(listener: socket.socket) -> smtp.Order:
    return smtp.Order(
        address="127.0.0.1",
        port=listener.getsockname()[1],
        ehlo="probe.example",
        mail_from="",
        rcpt_to="postmaster@contoso.com",
    )


def test_work_that_nobody_stops_is_done(valkey: ValkeyServer) -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        return "done"

    assert smtp.run(watch(valkey.url).guard(work())) == "done"
    halts.say(valkey.url, word(1, stopped=True), OURS)
    halts.say(valkey.url, word(2, stopped=False), OURS)
    assert smtp.run(watch(valkey.url).guard(work())) == "done"


def test_what_is_stopped_before_sends_no_packet(
    valkey: ValkeyServer, silent: socket.socket
) -> None:
    halts.say(valkey.url, word(1, stopped=True), OURS)
    with pytest.raises(halts.HaltedError, match="its operators"):
        smtp.run(watch(valkey.url).guard(smtp.converse_all([order(silent)])))
    silent.settimeout(0.2)
    with pytest.raises(TimeoutError):
        silent.accept()


def test_a_conversation_under_way_is_cut_within_seconds(
    valkey: ValkeyServer, silent: socket.socket
) -> None:
    async def stopped_meanwhile() -> float:
        guarded = asyncio.ensure_future(watch(valkey.url).guard(smtp.converse_all([order(silent)])))
        connection, _ = await asyncio.to_thread(silent.accept)
        with connection:
            began = time.monotonic()
            await asyncio.to_thread(halts.say, valkey.url, word(1, stopped=True), OURS)
            with pytest.raises(halts.HaltedError):
                await guarded
            connection.settimeout(10)
            # The peer sees the end, and waits for nothing.
            try:
                rest = await asyncio.to_thread(connection.recv, 64)
            except ConnectionResetError:
                rest = b""
            assert rest == b""
            return time.monotonic() - began

    assert smtp.run(stopped_meanwhile()) < smtp.LIMITS.reply


def test_a_place_that_cannot_ask_any_more_stops_by_itself(
    valkey: ValkeyServer, silent: socket.socket
) -> None:
    # A clock on which every look is six seconds after the last one: three in vain are enough.
    ticks = iter(range(0, 6000, 6))
    deaf = watch(valkey.url, clock=lambda: float(next(ticks)))
    valkey.kill()
    with pytest.raises(halts.HaltedError, match="nobody could have said stop"):
        smtp.run(deaf.guard(smtp.converse_all([order(silent)])))


def test_a_broker_that_is_away_for_a_moment_stops_nothing(valkey: ValkeyServer) -> None:
    async def work() -> str:
        await asyncio.sleep(halts.EVERY * 1.5)
        return "done"

    valkey.kill()
    assert smtp.run(watch(valkey.url).guard(work())) == "done"


def test_work_that_fails_fails_as_it_would_alone(valkey: ValkeyServer) -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise KeyError("ours")

    with pytest.raises(KeyError, match="ours"):
        smtp.run(watch(valkey.url).guard(work()))


def test_the_word_is_json_that_the_centre_signed(valkey: ValkeyServer) -> None:
    halts.say(valkey.url, word(1, stopped=True), OURS)
    with redis.Redis.from_url(valkey.url) as queue:
        message = json.loads(queue.get(halts.KEY))
    said = seals.unseal(halts.PURPOSE, message, seals.public_of(OURS))
    assert codec.load(halts.Word, said) == word(1, stopped=True)
