"""The word by which everything stops: one key of the queue, signed by the centre, asked for each
second by whoever is in the middle of a shard.

A message in a queue would wait behind the shard that it is to stop. Who holds the broker can take
the word away, but not make a *go on* of it; the centre gives out no order while it stands, and
those that are out end with their claim. A place that cannot ask any more stops by itself.
"""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import redis
from redis import asyncio as aio

from mailposture import seals
from mailposture.core import codec

KEY: Final = "mailposture.halt"
PURPOSE: Final = "halt"
EVERY: Final = 1.0
# Longer than a broker takes to start again; the result could not be sent meanwhile anyhow.
DEAF_AFTER: Final = 15.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """What the centre says: stop, or go on; the latest counts."""

    stopped: bool
    issued: datetime


class HaltedError(Exception):
    """Probing was stopped; the sentence says by what."""


def say(url: str, word: Word, private: str) -> None:
    """Leave the word at the broker. redis.RedisError if it cannot be reached."""
    message = json.dumps(seals.seal(PURPOSE, codec.dump(word), private))
    with redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=3) as queue:
        queue.set(KEY, message)


@dataclass(slots=True)
class Watch:
    """Asks whether probing was stopped, for one place. A word older than the latest one that was
    believed is not believed again, and neither is one that the centre did not sign.
    """

    url: str
    centre: str
    clock: Callable[[], float] = time.monotonic
    _latest: Word | None = field(default=None, init=False)
    _heard: float = field(default=0.0, init=False)

    async def guard[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work if, and for as long as, probing is not stopped; else HaltedError, with all
        that the work had under way cancelled.
        """
        self._heard = self.clock()
        async with aio.Redis.from_url(
            self.url, socket_timeout=2, socket_connect_timeout=2
        ) as queue:
            try:
                await self._ask(queue)  # before the first packet
            except HaltedError:
                work.close()
                raise
            doing = asyncio.ensure_future(work)
            try:
                while not (await asyncio.wait({doing}, timeout=EVERY))[0]:
                    await self._ask(queue)
                return doing.result()
            finally:
                doing.cancel()
                await asyncio.gather(doing, return_exceptions=True)

    async def _ask(self, queue: aio.Redis) -> None:
        try:
            said = await queue.get(KEY)
        except (redis.RedisError, OSError):
            if self.clock() - self._heard > DEAF_AFTER:
                raise HaltedError(
                    "the queue was not reached, so nobody could have said stop"
                ) from None
            return
        self._heard = self.clock()
        if self.believes(said):
            raise HaltedError("probing was stopped by its operators")

    def believes(self, said: object) -> bool:
        """Whether probing is stopped after this word, if it is one."""
        try:
            message = json.loads(said) if isinstance(said, bytes | str) else None
            word = codec.load(Word, seals.unseal(PURPOSE, message, self.centre))
        except (ValueError, RecursionError):
            word = None
        if word and (self._latest is None or word.issued >= self._latest.issued):
            self._latest = word
        return bool(self._latest and self._latest.stopped)
