"""Arithmetic of times that something lasted: joined, met, taken away, cut into days."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from mailposture.core import spans
from mailposture.core.spans import Span

MINUTE: Final = timedelta(minutes=1)
A_DAY: Final = 1440


def union(found: Iterable[Span]) -> list[Span]:
    """The same time as spans in order that neither touch nor overlap; empty ones are dropped."""
    return spans.union((begin, end) for begin, end in found if begin < end)


def both(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    """The time that lies in both of two unions."""
    met = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return [(begin, end) for begin, end in met if begin < end]


def minus(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    """The time of one union that does not lie in the other."""
    left: list[Span] = []
    for span in one:
        begin, end = span
        for a, b in other:
            if b <= begin or a >= end:
                continue
            left.append((begin, a))
            begin = b
        left.append((begin, end))
    return [(begin, end) for begin, end in left if begin < end]


def minutes_by_day(spans: Iterable[Span], first: date, days: int) -> list[float]:
    """Minutes of a union on each of so many UTC days from the first on."""
    found = [0.0] * days
    start = datetime.combine(first, time.min, UTC)
    for begin, end in spans:
        at = max(0.0, (begin - start) / MINUTE)
        until = min(days * A_DAY, (end - start) / MINUTE)
        while at < until:
            n = int(at // A_DAY)
            midnight = (n + 1) * A_DAY
            found[n] += min(until, midnight) - at
            at = midnight
    return found
