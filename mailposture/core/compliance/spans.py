"""Arithmetic of the times in a report: joined, cut to a period, and what is missing of it."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Final

from mailposture.core.compliance.evidence import Period
from mailposture.core.compliance.report import DayOpen

type Span = tuple[datetime, datetime]

MINUTE: Final = timedelta(minutes=1)


def union(spans: Iterable[Span], within: timedelta = timedelta(0)) -> list[Span]:
    """The same time as spans in order; those less than `within` apart count as one."""
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


def missing(
    spans: Iterable[Span], begin: datetime, end: datetime, near: timedelta, lead: timedelta
) -> list[Span]:
    """What no span covers between two moments; a gap no longer than `near` is none.

    `lead` is how long may pass from the beginning to the first span.
    """
    gaps, at = [], begin
    for a, b in union(spans, near):
        if a - at > (lead if at == begin else near):
            gaps.append((at, min(a, end)))
        at = max(at, b)
        if at >= end:
            break
    if end - at > near:
        gaps.append((at, end))
    return [(a, b) for a, b in gaps if a < b]


def length(spans: Iterable[Span]) -> timedelta:
    """How long they last together, where they do not overlap."""
    return sum((b - a for a, b in spans), timedelta(0))


def by_day(
    period: Period, surely: list[Span], perhaps: list[Span], unseen: list[Span]
) -> tuple[DayOpen, ...]:
    """Minutes of each day of the period, from unions cut to it."""
    days, at = [], period.since
    while at < period.until and datetime.combine(at, time.min, UTC) < period.end:
        begin = datetime.combine(at, time.min, UTC)
        end = begin + timedelta(days=1)
        known, most, blind = (
            round(length(cut(spans, begin, end)) / MINUTE) for spans in (surely, perhaps, unseen)
        )
        days.append(DayOpen(day=at, open=known, possible=max(most - known, 0), unseen=blind))
        at += timedelta(days=1)
    return tuple(days)
