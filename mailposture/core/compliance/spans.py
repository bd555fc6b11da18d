"""The times of a report: what is missing of a period, and its minutes day by day."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Final

from mailposture.core.compliance.evidence import Period
from mailposture.core.compliance.report import DayOpen
from mailposture.core.spans import Span, cut, length, union

MINUTE: Final = timedelta(minutes=1)


def dated(moment: datetime) -> str:
    """A day with its year, since a report is read later: 25 Nov 2026."""
    return f"{moment.day} {moment:%b %Y}"


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
