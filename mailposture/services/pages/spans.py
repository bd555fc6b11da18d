"""Arithmetic of times that something lasted: joined, met, taken away, cut into days."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

type Span = tuple[datetime, datetime]


def union(spans: Iterable[Span]) -> list[Span]:
    """The same time as spans in order that neither touch nor overlap; empty ones are dropped."""
    merged: list[Span] = []
    for begin, end in sorted(spans):
        if begin >= end:
            continue
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((begin, end))
    return merged


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
        for n, lasted in _by_day(max(begin, start), end, start):
            if n < days:
                found[n] += lasted / timedelta(minutes=1)
    return found


def _by_day(begin: datetime, end: datetime, start: datetime) -> Iterator[tuple[int, timedelta]]:
    while begin < end:
        n = (begin - start) // timedelta(days=1)
        midnight = start + timedelta(days=n + 1)
        yield n, min(end, midnight) - begin
        begin = midnight
