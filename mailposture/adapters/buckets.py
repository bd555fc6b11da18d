"""Token buckets: how much may be spent at once, and how fast it comes back.

Two implementations of one interface, held to the same tests: in Valkey, by its own clock, for all
processes together; and in this process, where there is no queue. Several buckets are asked in one
step, and give all or nothing. A bucket gives while it holds anything; what was taken beyond that
is a debt, which is made good before it gives again. So whatever is larger than a bucket passes,
too, and nobody small can keep it waiting by taking first what it would have saved up.

Where a server asked to be left alone for a while, its buckets are slowed: the pace at which they
fill is halved, and comes back by and by (multiplicative decrease, additive increase). All of it is
bounded: a clock that jumps ahead, or a queue that forgot, makes a bucket full and no more.
"""

import json
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol, cast

import redis

from mailposture import broker

# Of the full pace, a second: from half to whole in half an hour.
RECOVERY: Final = 1 / 3600
LEAST_PACE: Final = 1 / 32
# Answers to what was sent before we slowed down are no reason to slow down again.
APART: Final = 30.0
PREFIX: Final = "mailposture.budget"


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many at once, and so many a second when it is empty."""

    key: str
    rate: float
    size: float


@dataclass(frozen=True, slots=True)
class Take:
    """What is taken from one bucket."""

    bucket: Bucket
    cost: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Refused: for so many seconds, by this bucket, which is the one that takes longest."""

    seconds: float
    key: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What a bucket holds (below zero: owes) and how much of its pace it has."""

    level: float
    pace: float


class Buckets(Protocol):
    """Takes, slows and tells; each for many buckets in one step."""

    def take(self, asks: Sequence[Sequence[Take]]) -> list[Wait | None]:
        """Each ask in its turn: None where all its buckets gave, else how long to wait. Of one
        ask no two takes are from the same bucket.
        """

    def slow(self, buckets: Sequence[Bucket]) -> None:
        """Halve the pace of these, unless that was done a moment ago, and empty them."""

    def look(self, buckets: Sequence[Bucket]) -> list[Standing]:
        """How they stand now; nothing is taken."""


@dataclass(frozen=True, slots=True)
class _State:
    """A bucket as it stood at a time; its arithmetic is the script's below, line for line."""

    level: float
    at: float
    pace: float = 1.0
    slowed: float = -math.inf

    def now(self, bucket: Bucket, now: float) -> "_State":
        passed = max(now - self.at, 0)
        rising = min(passed, (1 - self.pace) / RECOVERY)
        filled = self.pace * rising + RECOVERY * rising**2 / 2 + (passed - rising)
        return replace(
            self,
            level=min(self.level + bucket.rate * filled, bucket.size),
            at=now,
            pace=min(self.pace + RECOVERY * passed, 1),
        )

    def wait(self, bucket: Bucket, wanted: float) -> float:
        """Seconds until it holds so much."""
        lacking = max(wanted - self.level, 0) / bucket.rate
        while_rising = (1 - self.pace**2) / (2 * RECOVERY)
        if lacking <= while_rising:
            return (math.sqrt(self.pace**2 + 2 * RECOVERY * lacking) - self.pace) / RECOVERY
        return (1 - self.pace) / RECOVERY + lacking - while_rising

    def slower(self, now: float) -> "_State":
        if 0 <= now - self.slowed < APART:
            return self
        pace = max(self.pace / 2, LEAST_PACE)
        return replace(self, level=min(self.level, 0), pace=pace, slowed=now)


@dataclass(slots=True)
class Here:
    """Buckets of this process alone."""

    clock: Callable[[], float] = time.monotonic
    _states: dict[str, _State] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def take(self, asks: Sequence[Sequence[Take]]) -> list[Wait | None]:
        """As the interface says."""
        with self._lock:
            now = self.clock()
            return [self._take(takes, now) for takes in asks]

    def _take(self, takes: Sequence[Take], now: float) -> Wait | None:
        found = [self._state(take.bucket, now) for take in takes]
        longest: Wait | None = None
        for take, state in zip(takes, found, strict=True):
            wait = state.wait(take.bucket, 1)
            if state.level < 1 and (longest is None or wait > longest.seconds):
                longest = Wait(wait, take.bucket.key)
        if longest is None:
            for take, state in zip(takes, found, strict=True):
                self._states[take.bucket.key] = replace(state, level=state.level - take.cost)
        return longest

    def slow(self, buckets: Sequence[Bucket]) -> None:
        """As the interface says."""
        with self._lock:
            now = self.clock()
            for bucket in buckets:
                self._states[bucket.key] = self._state(bucket, now).slower(now)

    def look(self, buckets: Sequence[Bucket]) -> list[Standing]:
        """As the interface says."""
        with self._lock:
            now = self.clock()
            found = [self._state(bucket, now) for bucket in buckets]
        return [Standing(state.level, state.pace) for state in found]

    def forget(self) -> None:
        """Begin anew: all are full."""
        with self._lock:
            self._states.clear()

    def _state(self, bucket: Bucket, now: float) -> _State:
        known = self._states.get(bucket.key) or _State(bucket.size, now)
        return known.now(bucket, now)


# For work without a queue.
HERE: Final = Here()

# What each script knows: the server's time, and a bucket as it stands and as it is kept. A key
# goes away by itself once its bucket would be full and at its pace again, which is what no key is.
_COMMON: Final = f"""
local RECOVERY, LEAST, APART = {RECOVERY!r}, {LEAST_PACE!r}, {APART!r}
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000

local function stands(i, bucket)
  local kept = redis.call('HMGET', KEYS[i], 'level', 'at', 'pace', 'slowed')
  local s = {{rate = bucket[1], size = bucket[2]}}
  s.level, s.pace = tonumber(kept[1]) or s.size, tonumber(kept[3]) or 1
  s.slowed = tonumber(kept[4]) or -APART
  local passed = math.max(now - (tonumber(kept[2]) or now), 0)
  local rising = math.min(passed, (1 - s.pace) / RECOVERY)
  local filled = s.pace * rising + RECOVERY * rising * rising / 2 + (passed - rising)
  s.level = math.min(s.level + s.rate * filled, s.size)
  s.pace = math.min(s.pace + RECOVERY * passed, 1)
  return s
end

local function wait(s, wanted)
  local lacking = math.max(wanted - s.level, 0) / s.rate
  local while_rising = (1 - s.pace * s.pace) / (2 * RECOVERY)
  if lacking <= while_rising then
    return (math.sqrt(s.pace * s.pace + 2 * RECOVERY * lacking) - s.pace) / RECOVERY
  end
  return (1 - s.pace) / RECOVERY + lacking - while_rising
end

local function exact(number) return string.format('%.17g', number) end

local function keep(i, s)
  redis.call('HSET', KEYS[i], 'level', exact(s.level), 'at', exact(now),
    'pace', exact(s.pace), 'slowed', exact(s.slowed))
  local rest = math.max(wait(s, s.size), (1 - s.pace) / RECOVERY, APART)
  redis.call('PEXPIRE', KEYS[i], math.ceil(rest * 1000) + 1000)
end

local buckets = cjson.decode(ARGV[1])
"""
_TAKE: Final = (
    _COMMON
    + """
local answers = {}
for n, ask in ipairs(cjson.decode(ARGV[2])) do
  local found, longest, by = {}, 0, 0
  for t, take in ipairs(ask) do
    local s = stands(take[1], buckets[take[1]])
    found[t] = s
    if s.level < 1 and (by == 0 or wait(s, 1) > longest) then
      longest, by = wait(s, 1), take[1]
    end
  end
  if by == 0 then
    for t, take in ipairs(ask) do
      found[t].level = found[t].level - take[2]
      keep(take[1], found[t])
    end
  end
  answers[n] = {by, exact(longest)}
end
return answers
"""
)
_SLOW: Final = (
    _COMMON
    + """
for i, bucket in ipairs(buckets) do
  local s = stands(i, bucket)
  if now < s.slowed or now - s.slowed >= APART then
    s.level, s.pace, s.slowed = math.min(s.level, 0), math.max(s.pace / 2, LEAST), now
    keep(i, s)
  end
end
return 0
"""
)
_LOOK: Final = (
    _COMMON
    + """
local answers = {}
for i, bucket in ipairs(buckets) do
  local s = stands(i, bucket)
  answers[i] = {exact(s.level), exact(s.pace)}
end
return answers
"""
)


@dataclass(frozen=True, slots=True)
class Shared:
    """Buckets in Valkey, for all who share its queue. redis.RedisError if it cannot be reached."""

    url: str
    seconds: float = 5.0

    def take(self, asks: Sequence[Sequence[Take]]) -> list[Wait | None]:
        """As the interface says; one round trip."""
        buckets = list({t.bucket.key: t.bucket for takes in asks for t in takes}.values())
        place = {bucket.key: n for n, bucket in enumerate(buckets, 1)}
        wanted = [[(place[t.bucket.key], t.cost) for t in takes] for takes in asks]
        answers = (
            self._run(_TAKE, buckets, json.dumps(wanted)) if buckets else [(0, "0")] * len(asks)
        )
        return [Wait(float(s), buckets[by - 1].key) if by else None for by, s in answers]

    def slow(self, buckets: Sequence[Bucket]) -> None:
        """As the interface says; one round trip."""
        if buckets:
            self._run(_SLOW, buckets)

    def look(self, buckets: Sequence[Bucket]) -> list[Standing]:
        """As the interface says; one round trip."""
        answers = self._run(_LOOK, buckets) if buckets else []
        return [Standing(float(level), float(pace)) for level, pace in answers]

    def _run(self, script: str, buckets: Sequence[Bucket], *arguments: str) -> list[Any]:
        keys = [f"{PREFIX}.{bucket.key}" for bucket in buckets]
        given = json.dumps([(bucket.rate, bucket.size) for bucket in buckets])
        with redis.Redis.from_url(
            broker.verified(self.url), socket_timeout=self.seconds, socket_connect_timeout=3
        ) as queue:
            return cast(list[Any], queue.eval(script, len(keys), *keys, given, *arguments))
