"""What the paths of many tenants were answered, and how that stands to their configuration."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from django.db.models import Count, Max, Q
from django.urls import reverse

from mailposture import models
from mailposture.core.contradictions import CONTRADICTIONS, Agreement

# More tenants than this are not named one by one in a query: all are read.
MOST_NAMED: Final = 500
STRANGER: Final = Q(vantage_point__plays=models.VantagePoint.Plays.STRANGER)
_APART: Final = Q(apart_since__isnull=False, agreement__in=sorted(CONTRADICTIONS))


@dataclass(frozen=True, slots=True)
class Group:
    """Strangers' paths of one sender class with one verdict: the latest answer, a cause it gave,
    and whether any of them contradicts its prediction.
    """

    latest: int | None = None
    cause: str = ""
    apart: bool = False


NOBODY: Final = Group()


@dataclass(frozen=True, slots=True)
class Answers:
    """Groups by (tenant, sender class, verdict); and by tenant how many paths, approved sources'
    too, stand how to their prediction.
    """

    groups: Mapping[tuple[int, str, str], Group] = field(default_factory=dict)
    agreements: Mapping[int, Counter[str]] = field(default_factory=dict)

    def of(self, tenant: int, sender: str, verdict: str) -> Group:
        """What these strangers were answered; nobody was where there is no such path."""
        return self.groups.get((tenant, sender, verdict), NOBODY)

    def asks(self, tenant: int, senders: Iterable[str]) -> bool:
        """Whether some stranger's path has not been answered with anything that decides."""
        return any((tenant, name, "unknown") in self.groups for name in senders)

    def agreement(self, tenant: int) -> str:
        """The worst of how its paths stand: *apart*, *settling*, *agrees*, or nothing."""
        found = self.agreements.get(tenant, Counter())
        return next((name for name in ("apart", "settling", "agrees") if found[name]), "")


def load(pks: Sequence[int]) -> Answers:
    """One query, whatever is asked of these tenants."""
    some = {"tenant__in": pks} if len(pks) <= MOST_NAMED else {}
    live = models.Path.objects.filter(**some, retired_at=None, vantage_point__enabled=True)
    grouped = (
        live.values_list("tenant_id", "sender_class", "verdict")
        .annotate(
            asked=Count("pk", filter=STRANGER),
            latest=Max("current_id", filter=STRANGER),
            cause=Max("current__cause", filter=STRANGER),
            against=Count("pk", filter=STRANGER & _APART),
            apart=Count("pk", filter=_APART),
            settling=Count("pk", filter=Q(agreement=str(Agreement.SETTLING))),
            agrees=Count("pk", filter=Q(agreement=str(Agreement.AGREES))),
        )
        .order_by()
    )
    groups: dict[tuple[int, str, str], Group] = {}
    agreements: dict[int, Counter[str]] = {}
    for tenant, sender, verdict, asked, latest, cause, against, *sums in grouped:
        if asked:
            groups[tenant, sender, verdict] = Group(latest, cause or "", bool(against))
        counts = agreements.setdefault(tenant, Counter())
        counts.update(dict(zip(("apart", "settling", "agrees"), sums, strict=True)))
    return Answers(groups, agreements)


def apart(slug: str) -> str:
    """Where the contradictions of a tenant are listed."""
    return f"{reverse('contradictions')}?{urlencode({'tenant': slug})}"
