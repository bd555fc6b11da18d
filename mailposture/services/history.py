"""How the domains of a tenant stood at some moment, read from the spans."""

from collections import defaultdict
from datetime import datetime

from django.db.models import Q

from mailposture import models
from mailposture.core.states import State, domain_state, worst
from mailposture.core.verdict import SenderClass, Verdict


def stood_before(tenant: models.Tenant, last_seen: datetime, now: datetime) -> dict[str, State]:
    """How the domains stood before a change that was read now, and was not there at `last_seen`.

    What probes saw by then counts. Where they had not looked yet, what they see until now does:
    the change may already be in it, and then no move will be seen.
    """
    known = {d: s for d, s in domains_at(tenant, last_seen).items() if s is not State.UNKNOWN}
    return {**domains_at(tenant, now), **known}


def domains_at(tenant: models.Tenant, at: datetime) -> dict[str, State]:
    """Domain -> state at that time, by the spans whose first look was before and end was not."""
    spans = models.Observation.objects.filter(
        Q(last_at=None) | Q(last_at__gte=at),
        path__tenant=tenant,
        path__vantage_point__plays=models.VantagePoint.Plays.STRANGER,
        first_at__lte=at,
    )
    found: dict[str, dict[SenderClass, set[Verdict]]] = defaultdict(lambda: defaultdict(set))
    rows = spans.values_list("path__domain", "path__sender_class", "verdict")
    for domain, sender_class, verdict in rows:
        found[domain][SenderClass(sender_class)].add(Verdict(verdict))
    return {
        domain: domain_state({c: worst(v) for c, v in classes.items()})
        for domain, classes in found.items()
    }
