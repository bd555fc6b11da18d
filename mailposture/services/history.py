"""What a tenant's configuration was, and how its domains stood while it held."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from mailposture import models
from mailposture.core.configuration import Configuration, last_known
from mailposture.core.states import State, domain_states
from mailposture.core.verdict import Verdict
from mailposture.services import coverage

# A part that was never readable must not make every reading walk the whole history.
MOST_LOOKED_BACK = 100


def known(tenant: models.Tenant) -> Configuration:
    """The newest known value of every part: a part that could not be read for a while is compared
    with what it was before, so that a change made meanwhile is still seen.
    """
    newest = tenant.snapshots.order_by("-last_seen_at")[:MOST_LOOKED_BACK].iterator(chunk_size=5)
    return last_known((row.last_seen_at, row.configuration) for row in newest)


@dataclass(frozen=True, slots=True)
class _Span:
    """One answer of one stranger's path, and between which looks it was seen."""

    path: int
    domain: str
    sender: str
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
    return domain_states((s.domain, s.sender, s.verdict) for s in spans)


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
            sender=path.sender,
            verdict=Verdict(row.verdict),
            first=row.first_at,
            last=row.last_at or max(seen or row.first_at, row.first_at),
        )
