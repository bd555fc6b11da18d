"""How the domains of a tenant stood at some moment, read from the spans."""

from collections import defaultdict
from datetime import datetime

from django.db.models import OuterRef, QuerySet, Subquery

from mailposture import models
from mailposture.core.states import State, domain_state, worst
from mailposture.core.verdict import SenderClass, Verdict


def stood_before(tenant: models.Tenant, last_seen: datetime, now: datetime) -> dict[str, State]:
    """How the domains stood before a change that was read now, and was not there at `last_seen`.

    What probes had seen by then counts. Where they had not looked yet, what they saw first after
    it does: the change may already be in that, and then no move will be seen.
    """
    known = {d: s for d, s in domains_at(tenant, last_seen).items() if s is not State.UNKNOWN}
    later = models.Observation.objects.filter(first_at__gt=last_seen, first_at__lte=now)
    return {**_domains(tenant, later.order_by("first_at", "pk")), **known}


def domains_at(tenant: models.Tenant, at: datetime) -> dict[str, State]:
    """Domain -> state at that time, by the last answer that each stranger had had by then."""
    until = models.Observation.objects.filter(first_at__lte=at)
    return _domains(tenant, until.order_by("-first_at", "-pk"))


def _domains(tenant: models.Tenant, answers: QuerySet[models.Observation]) -> dict[str, State]:
    """The states that follow from the first of these answers of each stranger's path."""
    of_path = answers.filter(path=OuterRef("pk"))
    strangers = tenant.paths.filter(vantage_point__plays=models.VantagePoint.Plays.STRANGER)
    rows = strangers.annotate(answer=Subquery(of_path.values("verdict")[:1])).exclude(answer=None)
    found: dict[str, dict[SenderClass, set[Verdict]]] = defaultdict(lambda: defaultdict(set))
    for domain, sender_class, verdict in rows.values_list("domain", "sender_class", "answer"):
        found[domain][SenderClass(sender_class)].add(Verdict(verdict))
    return {
        domain: domain_state({c: worst(v) for c, v in classes.items()})
        for domain, classes in found.items()
    }
