"""The times of a report: what is missing of a period, and its minutes day by day."""

from bisect import bisect_right
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


def joined(spans: Iterable[Span], blanks: Iterable[Span], within: timedelta) -> list[Span]:
    """Spans in order, those no more than `within` apart as one: what was seen counts so long. Not
    across a blank, when somebody looked and saw something else or nothing.
    """
    empty = union(blanks)
    ends = [end for _, end in empty]
    found: list[Span] = []
    for begin, end in union(spans):
        last = found[-1][1] if found else begin
        following = bisect_right(ends, last)
        blank = following < len(empty) and empty[following][0] < begin
        if found and begin - last <= within and not blank:
            found[-1] = found[-1][0], end
        else:
            found.append((begin, end))
    return found


def missing(
    spans: Iterable[Span], blanks: Iterable[Span], within: timedelta, begin: datetime, end: datetime
) -> list[Span]:
    """What of the time between two moments no span covers, nor any that ended so shortly before
    that it counts (see `joined`). Before the first span nothing counts.
    """
    gaps, at = [], begin
    # The end is looked at as well: whatever was seen last must count then.
    for a, b in joined([*spans, (end, end)], blanks, within):
        if a > at:
            gaps.append((at, min(a, end)))
        at = max(at, b)
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
