"""What was seen of a period: whose answers count, until when, and when nothing is known."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from mailposture.core.compliance.evidence import Answer, Evidence, Opening, Period, Reading
from mailposture.core.compliance.spans import joined, missing
from mailposture.core.spans import Span, cut, union
from mailposture.core.states import READ_WITHIN, ROUNDS


def near(evidence: Evidence) -> timedelta:
    """How long an answer counts: four rounds."""
    return ROUNDS * evidence.probe_every


def strangers(evidence: Evidence, classes: Sequence[str]) -> list[Answer]:
    """What strangers were answered with these senders."""
    return [a for a in evidence.answers if a.stranger and a.sender_class in classes]


def during(answers: Iterable[Answer], period: Period) -> list[Answer]:
    """Answers that were given in the period."""
    return [a for a in answers if a.first < period.end and a.last >= period.begin]


def known(
    answers: Iterable[Answer], verdicts: Sequence[str], within: timedelta, end: datetime
) -> tuple[list[Span], list[Span]]:
    """When one of these was the answer, up to the end where the last still counts then; and when
    a look said another. First path by path: of two strangers, one that proves nothing takes
    nothing from what the other was told.
    """
    paths: dict[tuple[str, str, str], tuple[list[Span], list[Span]]] = {}
    for a in answers:
        said, other = paths.setdefault((a.vantage_point, a.domain, a.sender), ([], []))
        (said if a.verdict in verdicts else other).append((a.first, a.last))
    spans = [
        span
        for said, other in paths.values()
        if said
        for span in joined([*said, (end, end)], other, within)
    ]
    return spans, [span for _, other in paths.values() for span in other]


def surely_open(opening: Opening, period: Period) -> list[Span]:
    """When of the period a door surely stood open; one seen open once counts as that moment."""
    window = opening.window
    last = max(window.last_open, window.first_open)
    looks = [(window.first_open, window.first_open), (last, last), *opening.seen]
    return [
        (max(a, period.begin), min(b, period.end))
        for a, b in union(looks)
        if a < period.end and b >= period.begin
    ]


def widest(opening: Opening, period: Period) -> list[Span]:
    """When of the period a door may have stood open: between its outer bounds.

    What no refusal has closed may still be open, however long nobody has seen it.
    """
    window = opening.window
    begin = window.last_closed or window.first_open
    end = max(window.first_closed or period.end, window.last_open)
    return cut([(begin, end)], period.begin, period.end)


def stood(reading: Reading, period: Period) -> bool:
    """Whether it was read in the period."""
    return reading.first < period.end and reading.last >= period.begin


def readings(evidence: Evidence, period: Period) -> list[Reading]:
    """The configurations that stood in the period, oldest first."""
    found = [r for r in evidence.readings if stood(r, period)]
    return sorted(found, key=lambda r: r.first)


def unread(evidence: Evidence, period: Period) -> list[Span]:
    """When of the period nothing was read; a reading counts for two and a half intervals."""
    spans = [(r.first, r.last) for r in evidence.readings]
    within = evidence.fetch_every * READ_WITHIN
    return missing(spans, (), within, period.begin, period.end)
