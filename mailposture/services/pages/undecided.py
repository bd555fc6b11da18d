"""Tenants of which no stranger's look proves anything: each with its commonest reason.

It is read along with the tenants themselves, as a column of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Case, Count, Exists, F, JSONField, Max, OuterRef, Q, Subquery, When
from django.db.models.functions import JSONObject

from mailposture import models
from mailposture.core.states import State
from mailposture.core.verdict import Cause, Verdict
from mailposture.services.pages import reasons

# A block list is said of its place, a recipient with the way to name another.
TOLD_ELSEWHERE: Final = frozenset(
    {Cause.REPUTATION, Cause.RECIPIENT_UNKNOWN, Cause.RECIPIENT_RESTRICTED}
)

_ASKED: Final = models.Path.objects.filter(
    tenant=OuterRef("pk"),
    retired_at=None,
    vantage_point__enabled=True,
    vantage_point__plays=models.VantagePoint.Plays.STRANGER,
)

# Which tenants are Unknown at every door that a stranger tried.
WHOLLY: Final = (
    Q(state=str(State.UNKNOWN), probed_at__isnull=False)
    & Exists(_ASKED.filter(current__isnull=False))
    & ~Exists(_ASKED.filter(~Q(verdict=str(Verdict.UNKNOWN))))
)

_COMMONEST: Final = (
    _ASKED.filter(current__isnull=False)
    .order_by()
    .values("current__cause")
    .annotate(n=Count("pk"), latest=Max("current_id"))
    .annotate(said=JSONObject(cause=F("current__cause"), observation=F("latest")))
    .order_by("-n", "-latest")
)

# The column: the commonest reason and an answer that says so; empty for all other tenants.
COLUMN: Final = Case(
    When(WHOLLY, then=Subquery(_COMMONEST.values("said")[:1])), output_field=JSONField()
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Undecided:
    """Why mostly, and one such answer."""

    says: str
    observation: int


def reason(column: Mapping[str, Any] | None) -> Undecided | None:
    """What is to be said of a tenant; nothing where it is said elsewhere, or something is known."""
    if column is None or column["cause"] in TOLD_ELSEWHERE:
        return None
    why = reasons.WHY.get(column["cause"], reasons.OTHER)
    return Undecided(says=why.says, observation=column["observation"])
