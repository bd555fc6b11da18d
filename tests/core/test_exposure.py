"""Windows are bounded by proof on both sides, and minutes are counted once."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.core.exposure import Position, Window, by_day, move, total, windows
from mailposture.core.verdict import Verdict

OPEN, CLOSED, UNKNOWN = Verdict.OPEN, Verdict.CLOSED, Verdict.UNKNOWN
START = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)


def t(hours: float) -> datetime:
    """So many hours after the start."""
    return START + timedelta(hours=hours)


def window(*bounds: float | None) -> Window:
    """A window by hours: last closed, first open, last open, first closed."""
    a, b, c, d = (None if hours is None else t(hours) for hours in bounds)
    assert b is not None
    assert c is not None
    return Window(last_closed=a, first_open=b, last_open=c, first_closed=d)


@pytest.mark.parametrize(
    ("judged", "found"),
    [
        ([], []),
        ([UNKNOWN, CLOSED, UNKNOWN], []),
        ([OPEN], [window(None, 0, 0, None)]),
        ([OPEN, OPEN, OPEN], [window(None, 0, 2, None)]),
        ([CLOSED, OPEN, OPEN, CLOSED], [window(0, 1, 2, 3)]),
        ([CLOSED, UNKNOWN, OPEN, UNKNOWN, CLOSED], [window(0, 2, 2, 4)]),
        ([OPEN, UNKNOWN, UNKNOWN, OPEN], [window(None, 0, 3, None)]),
        ([OPEN, UNKNOWN], [window(None, 0, 0, None)]),
        (
            [CLOSED, OPEN, CLOSED, CLOSED, OPEN],
            [window(0, 1, 1, 2), window(3, 4, 4, None)],
        ),
    ],
)
def test_a_window_lies_between_what_was_seen(judged: list[Verdict], found: list[Window]) -> None:
    assert windows((verdict, t(n)) for n, verdict in enumerate(judged)) == found


def test_each_step_tells_what_opened_and_what_ended() -> None:
    opened = move(Position(last_closed=t(0)), OPEN, t(1))
    assert opened.opened == window(0, 1, 1, None)
    still = move(opened.position, OPEN, t(2))
    assert (still.opened, still.ended) == (None, None)
    unknown = move(still.position, UNKNOWN, t(3))
    assert unknown.position == still.position
    closed = move(unknown.position, CLOSED, t(4))
    assert closed.ended == window(0, 1, 2, 4)
    assert closed.position == Position(last_closed=t(4))


@pytest.mark.parametrize(
    ("position", "verdict", "hours", "expected"),
    [
        (Position(last_closed=t(5)), OPEN, 4, Position(last_closed=t(5))),
        (Position(last_closed=t(5)), CLOSED, 4, Position(last_closed=t(5))),
        (
            Position(window=window(0, 3, 6, None), last_closed=t(0)),
            OPEN,
            2,
            Position(window=window(0, 2, 6, None), last_closed=t(0)),
        ),
        (
            Position(window=window(0, 3, 6, None), last_closed=t(0)),
            CLOSED,
            2,
            Position(window=window(2, 3, 6, None), last_closed=t(2)),
        ),
        (
            Position(window=window(0, 3, 6, None), last_closed=t(0)),
            CLOSED,
            5,
            Position(window=window(0, 3, 6, None), last_closed=t(0)),
        ),
    ],
)
def test_a_late_answer_only_sharpens_the_bounds(
    position: Position, verdict: Verdict, hours: float, expected: Position
) -> None:
    step = move(position, verdict, t(hours))
    assert step.position == expected
    assert step.ended is None


HOURS = st.integers(0, 60)


@given(judged=st.lists(st.tuples(st.sampled_from(Verdict), HOURS), max_size=25))
def test_bounds_stay_in_order_in_whatever_order_answers_come(
    judged: list[tuple[Verdict, int]],
) -> None:
    found = windows((verdict, t(hours)) for verdict, hours in judged)
    for one in found:
        bounds = [one.last_closed, one.first_open, one.last_open, one.first_closed]
        known = [bound for bound in bounds if bound is not None]
        assert known == sorted(known)
    for before, after in pairwise(found):
        assert before.first_closed is not None
        assert after.last_closed is not None
        assert before.first_closed <= after.last_closed


@given(judged=st.lists(st.sampled_from(Verdict), max_size=25))
def test_in_order_every_open_answer_lies_in_a_window_and_no_closed_one_does(
    judged: list[Verdict],
) -> None:
    found = windows((verdict, t(n)) for n, verdict in enumerate(judged))
    for n, verdict in enumerate(judged):
        inside = any(w.first_open <= t(n) <= w.last_open for w in found)
        assert inside if verdict is OPEN else (verdict is UNKNOWN or not inside)


def test_minutes_are_split_at_midnight_utc() -> None:
    days = by_day([window(0, 1, 5, 6)], now=t(10), days=3)
    assert [d.day.isoformat() for d in days] == ["2026-11-19", "2026-11-20", "2026-11-21"]
    assert [d.open_minutes for d in days] == [0, 60, 180]
    assert [d.possible_minutes for d in days] == [0, 60, 60]


def test_a_window_that_stands_open_may_last_until_now() -> None:
    (day,) = by_day([window(None, 3, 4, None)], now=t(6), days=1)
    assert (day.open_minutes, day.possible_minutes) == (60, 120)


def test_paths_that_are_open_at_once_count_once() -> None:
    found = [window(2, 3, 6, 7), window(None, 4, 8, 9), window(3, 3, 3, 4)]
    (day,) = by_day(found, now=t(12), days=1)
    assert (day.open_minutes, day.possible_minutes) == (300, 120)
    assert total(found, now=t(12)) == (timedelta(hours=5), timedelta(hours=7))


def test_ninety_days_end_today_and_days_without_a_window_are_empty() -> None:
    days = by_day([], now=t(0))
    assert len(days) == 90
    assert days[-1].day == START.date()
    assert {(d.open_minutes, d.possible_minutes) for d in days} == {(0, 0)}


@given(starts=st.lists(st.tuples(HOURS, HOURS, HOURS, HOURS), max_size=8), days=st.integers(1, 5))
def test_no_day_has_more_than_its_minutes(
    starts: list[tuple[int, int, int, int]], days: int
) -> None:
    found = [window(*sorted(four)) for four in starts]
    for day in by_day(found, now=t(60), days=days):
        assert day.open_minutes >= 0
        assert day.possible_minutes >= 0
        assert day.open_minutes + day.possible_minutes <= 1440
    everything = by_day(found, now=t(60), days=4)
    surely, at_most = total(found, now=t(60))
    assert sum((d.open for d in everything), timedelta()) == surely
    assert sum((d.open + d.possible for d in everything), timedelta()) == at_most
