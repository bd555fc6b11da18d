"""How the domains of a tenant stood while a configuration held, read from the spans."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from mailposture import models
from mailposture.core.states import State, domain_states
from mailposture.core.verdict import SenderClass, Verdict
from mailposture.services import coverage


@dataclass(frozen=True, slots=True)
class _Span:
    """One answer of one stranger's path, and between which looks it was seen."""

    path: int
    domain: str
    sender_class: SenderClass
    verdict: Verdict
    first: datetime
    last: datetime


def stood_before(before: models.Snapshot, now: datetime) -> dict[str, State]:
    """How the domains stood before a change that was read now, while `before` held.

    What probes saw last while it was read counts. Where they did not look in that time, what they
    saw first after it does: the change may already be in that, and then no move will be seen.
    Answers from before its time were given to another configuration and prove nothing.
    """
    proved: dict[int, _Span] = {}
    unproved: dict[int, _Span] = {}
    for span in _spans(before, now):
        chosen = unproved if span.verdict is Verdict.UNKNOWN else proved
        if span.last < before.first_seen_at:
            continue
        if span.first <= before.last_seen_at or span.path not in chosen:
            chosen[span.path] = span
    spans = {**unproved, **proved}.values()
    return domain_states((s.domain, s.sender_class, s.verdict) for s in spans)


def _spans(before: models.Snapshot, now: datetime) -> Iterable[_Span]:
    """The strangers' spans that reach into the time of a snapshot or begin after it, in order."""
    rows = models.Observation.objects.filter(
        Q(last_at=None) | Q(last_at__gte=before.first_seen_at),
        path__tenant=before.tenant_id,
        path__vantage_point__plays=models.VantagePoint.Plays.STRANGER,
        first_at__lte=now,
    ).select_related("path")
    ends = coverage.until(before.tenant)
    for row in rows.order_by("first_at", "pk").defer("tries", "reply", "reason"):
        path = row.path
        seen = path.seen_until or ends.get((path.vantage_point_id, path.part))
        yield _Span(
            path=path.pk,
            domain=path.domain,
            sender_class=SenderClass(path.sender_class),
            verdict=Verdict(row.verdict),
            first=row.first_at,
            last=row.last_at or max(seen or row.first_at, row.first_at),
        )
