"""Exposure windows: when a stranger's path stood open, between which bounds, for how long.

A window has four bounds: last seen closed, first and last seen open, first seen closed. Between
the inner two the path was open; between an inner and an outer one it may have been.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from mailposture.core.spans import Span, cut, length, union
from mailposture.core.verdict import Verdict

DAYS: Final = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One time of standing open; it still does where `first_closed` is empty.

    `last_closed` is empty where the path was open at the first look.
    """

    last_closed: datetime | None
    first_open: datetime
    last_open: datetime
    first_closed: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a path's history stands: its window if it is open, and when it was last seen closed."""

    window: Window | None = None
    last_closed: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where one judgement leads, and the window that it opened or ended, if any."""

    position: Position
    opened: Window | None = None
    ended: Window | None = None


def move(position: Position, verdict: Verdict, at: datetime) -> Step:
    """Take one judgement. Unknown moves nothing; nor does an answer overtaken by a newer one."""
    if verdict is Verdict.OPEN:
        return _open(position, at)
    if verdict is Verdict.CLOSED:
        return _closed(position, at)
    return Step(position=position)


def _open(position: Position, at: datetime) -> Step:
    window, closed = position.window, position.last_closed
    if closed is not None and at < closed:
        return Step(position=position)
    if window is None:
        fresh = Window(last_closed=closed, first_open=at, last_open=at)
        return Step(position=replace(position, window=fresh), opened=fresh)
    wider = replace(
        window, first_open=min(window.first_open, at), last_open=max(window.last_open, at)
    )
    return Step(position=replace(position, window=wider))


def _closed(position: Position, at: datetime) -> Step:
    window, closed = position.window, position.last_closed
    newest = at if closed is None else max(closed, at)
    if window is None:
        return Step(position=Position(last_closed=newest))
    if at >= window.last_open:
        return Step(position=Position(last_closed=newest), ended=replace(window, first_closed=at))
    if at > window.first_open:
        return Step(position=position)
    narrower = replace(window, last_closed=newest)
    return Step(position=Position(window=narrower, last_closed=newest))


def windows(judgements: Iterable[tuple[Verdict, datetime]]) -> list[Window]:
    """One path's judgements, oldest first, as its windows; the last may still stand open."""
    position, found = Position(), []
    for verdict, at in judgements:
        step = move(position, verdict, at)
        position = step.position
        if step.ended:
            found.append(step.ended)
    return [*found, position.window] if position.window else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """How long on one UTC day something stood open, and how long more it may have."""

    day: date
    open: timedelta
    possible: timedelta

    @property
    def open_minutes(self) -> float:
        """Minutes between the inner bounds."""
        return self.open / timedelta(minutes=1)

    @property
    def possible_minutes(self) -> float:
        """Minutes between an inner and an outer bound, where no other path was surely open."""
        return self.possible / timedelta(minutes=1)


def by_day(found: Iterable[Window], now: datetime, days: int = DAYS) -> list[Day]:
    """The last days up to today, oldest first; overlapping windows of several paths count once."""
    held = list(found)
    surely = union([(w.first_open, w.last_open) for w in held])
    perhaps = union([_widest(w, now) for w in held])
    today = now.astimezone(UTC).date()
    dates = (today - timedelta(days=n) for n in range(days - 1, -1, -1))
    return [_day(day, surely, perhaps) for day in dates]


def total(found: Iterable[Window], now: datetime) -> tuple[timedelta, timedelta]:
    """How long all windows together were surely open, and how long at most."""
    held = list(found)
    surely = union([(w.first_open, w.last_open) for w in held])
    perhaps = union([_widest(w, now) for w in held])
    return length(surely), length(perhaps)


def _widest(window: Window, now: datetime) -> Span:
    """From the outer bound, or the first look, to the outer bound, or now."""
    begin = window.last_closed or window.first_open
    end = window.first_closed or max(now, window.last_open)
    return begin, end


def _day(day: date, surely: Sequence[Span], perhaps: Sequence[Span]) -> Day:
    begin = datetime.combine(day, time.min, UTC)
    end = begin + timedelta(days=1)
    known = length(cut(surely, begin, end))
    at_most = length(cut(perhaps, begin, end))
    return Day(day=day, open=known, possible=max(at_most - known, timedelta(0)))
