"""Arithmetic of times that something lasted: joined, cut, measured."""

from collections.abc import Iterable
from datetime import datetime, timedelta

type Span = tuple[datetime, datetime]


def union(spans: Iterable[Span], within: timedelta = timedelta(0)) -> list[Span]:
    """The same time as spans in order that do not overlap; those no more than `within` apart
    count as one.
    """
    merged: list[Span] = []
    for begin, end in sorted(spans):
        if merged and begin - merged[-1][1] <= within:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((begin, end))
    return merged


def cut(spans: Iterable[Span], begin: datetime, end: datetime) -> list[Span]:
    """What of these lies between two moments."""
    return [(max(a, begin), min(b, end)) for a, b in spans if a < end and b > begin]


def length(spans: Iterable[Span]) -> timedelta:
    """How long they last together, where they do not overlap."""
    return sum((b - a for a, b in spans), timedelta(0))
