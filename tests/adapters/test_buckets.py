"""Buckets here and in a real Valkey keep the same promises, by a clock that the test holds.

Valkey's own clock cannot be set; so the kept times are moved instead, which is the same to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from mailposture.adapters import buckets
from mailposture.adapters.buckets import Bucket, Buckets, Take, Wait
from tests.servers import ValkeyServer

DOOR = Bucket("door", rate=2.0, size=10.0)
WHOLE = Bucket("whole", rate=100.0, size=1000.0)
# Between two steps the real clock goes on: a slow machine must not fail for it.
ROUGHLY = 1.5


class Stage(Protocol):
    """Buckets, and a way to let time pass for them."""

    buckets: Buckets

    def pass_by(self, seconds: float) -> None:
        """Let time pass, backwards if it is below zero."""


@dataclass
class Inside:
    """Of this process."""

    now: float = 1000.0
    buckets: Buckets = field(init=False)

    def __post_init__(self) -> None:
        self.buckets = buckets.Here(clock=lambda: self.now)

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class InValkey:
    """Of a server."""

    url: str
    buckets: Buckets = field(init=False)

    def __post_init__(self) -> None:
        self.buckets = buckets.Shared(self.url)

    def pass_by(self, seconds: float) -> None:
        with redis.Redis.from_url(self.url) as queue:
            for key in queue.scan_iter(f"{buckets.PREFIX}.*"):
                for name in ("at", "slowed"):
                    queue.hincrbyfloat(key, name, -seconds)


@pytest.fixture(params=["here", "valkey"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "here":
        yield Inside()
    else:
        yield InValkey(request.getfixturevalue("valkey").url)


def ask(stage: Stage, cost: int, *of: Bucket) -> Wait | None:
    (answer,) = stage.buckets.take([[Take(bucket, cost) for bucket in of or (DOOR,)]])
    return answer


def level(stage: Stage, bucket: Bucket = DOOR) -> float:
    (standing,) = stage.buckets.look([bucket])
    return standing.level


def pace(stage: Stage, bucket: Bucket = DOOR) -> float:
    (standing,) = stage.buckets.look([bucket])
    return standing.pace


def test_a_fresh_bucket_is_full_and_gives_until_it_is_empty(stage: Stage) -> None:
    assert level(stage) == DOOR.size
    assert ask(stage, 6) is None
    assert ask(stage, 4) is None
    refused = ask(stage, 1)
    assert refused is not None
    assert refused.key == "door"
    assert 0 < refused.seconds <= 1 / DOOR.rate


def test_what_is_larger_than_a_bucket_passes_and_is_paid_off(stage: Stage) -> None:
    assert ask(stage, 50) is None
    assert level(stage) == pytest.approx(-40, abs=ROUGHLY)
    refused = ask(stage, 1)
    assert refused is not None
    assert refused.seconds == pytest.approx(20.5, abs=ROUGHLY)
    stage.pass_by(refused.seconds + 0.01)
    assert ask(stage, 50) is None


def test_several_buckets_give_all_or_nothing(stage: Stage) -> None:
    assert ask(stage, 10, DOOR) is None
    refused = ask(stage, 10, WHOLE, DOOR)
    assert refused is not None
    assert refused.key == "door"
    assert level(stage, WHOLE) == WHOLE.size


def test_the_bucket_that_takes_longest_says_how_long(stage: Stage) -> None:
    slow = Bucket("slow", rate=0.1, size=5.0)
    assert ask(stage, 20, DOOR, slow) is None
    refused = ask(stage, 1, DOOR, slow)
    assert refused is not None
    assert refused.key == "slow"
    assert refused.seconds == pytest.approx(160, abs=ROUGHLY * 10)


def test_of_many_asked_at_once_the_first_come_first(stage: Stage) -> None:
    answers = stage.buckets.take([[Take(DOOR, 6)], [Take(DOOR, 6)], [Take(DOOR, 6)]])
    assert [answer is None for answer in answers] == [True, True, False]
    assert stage.buckets.take([]) == []
    assert stage.buckets.take([[]]) == [None]


def test_a_bucket_fills_at_its_rate_and_not_above_its_size(stage: Stage) -> None:
    assert ask(stage, 10) is None
    stage.pass_by(3)
    assert level(stage) == pytest.approx(6, abs=ROUGHLY)
    stage.pass_by(10**9)
    assert level(stage) == DOOR.size


def test_a_clock_that_jumps_back_neither_gives_nor_stops_for_long(stage: Stage) -> None:
    assert ask(stage, 10) is None
    stage.pass_by(-(10**6))
    assert level(stage) == pytest.approx(0, abs=ROUGHLY)
    ask(stage, 1)
    stage.pass_by(-(10**6))
    refused = ask(stage, 1)
    assert refused is None or refused.seconds <= 2 / DOOR.rate


def test_to_slow_a_bucket_empties_it_and_halves_its_pace(stage: Stage) -> None:
    stage.buckets.slow([DOOR])
    assert pace(stage) == pytest.approx(0.5, abs=0.01)
    refused = ask(stage, 1)
    assert refused is not None
    assert refused.seconds == pytest.approx(1.0, abs=0.1)
    assert pace(stage, WHOLE) == 1


def test_answers_of_the_same_moment_slow_a_bucket_once(stage: Stage) -> None:
    for _ in range(5):
        stage.buckets.slow([DOOR])
    assert pace(stage) == pytest.approx(0.5, abs=0.01)
    stage.pass_by(buckets.APART + 1)
    stage.buckets.slow([DOOR])
    assert pace(stage) == pytest.approx(0.25, abs=0.02)


def test_a_clock_that_jumped_back_does_not_forbid_to_slow_down(stage: Stage) -> None:
    stage.buckets.slow([DOOR])
    stage.pass_by(-(10**6))
    stage.buckets.slow([DOOR])
    assert pace(stage) == pytest.approx(0.25, abs=0.02)


def test_the_pace_never_falls_to_nothing_and_comes_back_evenly(stage: Stage) -> None:
    for _ in range(12):
        stage.buckets.slow([DOOR])
        stage.pass_by(buckets.APART + 0.1)
    assert pace(stage) == pytest.approx(buckets.LEAST_PACE, abs=0.02)
    before = pace(stage)
    stage.pass_by(600)
    assert pace(stage) - before == pytest.approx(600 * buckets.RECOVERY, abs=0.01)
    stage.pass_by(3600)
    assert pace(stage) == 1


def test_the_wait_of_a_slowed_bucket_is_as_long_as_it_takes(stage: Stage) -> None:
    stage.buckets.slow([WHOLE])
    stage.pass_by(1)
    assert ask(stage, 150_000, WHOLE) is None
    refused = ask(stage, 1, WHOLE)
    assert refused is not None
    stage.pass_by(refused.seconds - 5)
    assert level(stage, WHOLE) < 1
    stage.pass_by(6)
    assert ask(stage, 1, WHOLE) is None


def test_a_full_bucket_leaves_no_key_behind(valkey: ValkeyServer) -> None:
    shared = buckets.Shared(valkey.url)
    shared.take([[Take(DOOR, 10)]])
    with redis.Redis.from_url(valkey.url) as queue:
        left = queue.pttl(f"{buckets.PREFIX}.door")
    # A little longer than it takes to fill, so that being forgotten gives nothing away.
    assert DOOR.size / DOOR.rate * 1000 < left <= (buckets.APART + 1) * 1000
    shared.look([WHOLE])
    with redis.Redis.from_url(valkey.url) as queue:
        assert [*queue.scan_iter(f"{buckets.PREFIX}.whole")] == []


def test_a_queue_that_forgot_gives_one_bucketful_and_no_more(valkey: ValkeyServer) -> None:
    shared = buckets.Shared(valkey.url)
    shared.take([[Take(DOOR, 500)]])
    valkey.kill()
    valkey.start()
    assert shared.look([DOOR])[0].level <= DOOR.size


def test_a_queue_that_is_away_is_an_error_and_not_a_yes() -> None:
    with pytest.raises(redis.RedisError):
        buckets.Shared("redis://127.0.0.1:1/0").take([[Take(DOOR, 1)]])


@given(
    steps=st.lists(
        st.tuples(st.floats(0, 120), st.integers(1, 60), st.booleans()), min_size=1, max_size=40
    )
)
def test_no_more_is_given_than_a_bucketful_its_rate_and_one_debt(
    steps: list[tuple[float, int, bool]],
) -> None:
    stage = Inside()
    given_out, began, largest = 0, stage.now, 0
    for seconds, cost, slow in steps:
        stage.pass_by(seconds)
        if slow:
            stage.buckets.slow([DOOR])
        if ask(stage, cost) is None:
            given_out += cost
            largest = max(largest, cost)
        bound = DOOR.size + DOOR.rate * (stage.now - began) + largest
        assert given_out <= bound + 1e-6
