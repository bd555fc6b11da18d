"""Tenants whose connecting was begun and is not over: they have a step, and no state of doors."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from mailposture import models
from mailposture.services import enrolling
from mailposture.services.pages import firstrun

# What stands where a watched tenant has its state.
STATE: Final = "connecting"
WORD: Final = "Being connected"
MOST_NAMED: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """One tenant that is being connected, and the step that comes next."""

    slug: str
    name: str
    step: int

    @property
    def stands(self) -> str:
        """How far it is, beside a name or a word."""
        return f"step {self.step} of {firstrun.LAST}"

    @property
    def says(self) -> str:
        """The same by itself."""
        return f"{WORD}: {self.stands}"

    @property
    def asks(self) -> str:
        """What the next step is called."""
        return firstrun.STEPS[self.step][0]

    @property
    def href(self) -> str:
        """Where connecting it goes on."""
        return reverse("connect", args=[self.slug])


def gather(tenants: Iterable[models.Tenant]) -> dict[int, Begun]:
    """Those of them that are being connected, by their pk; at most one query."""
    found = [tenant for tenant in tenants if tenant.setup_step is not None]
    reading = [tenant.pk for tenant in found if tenant.setup_step == enrolling.READ]
    read = _read(reading) if reading else set()
    return {
        tenant.pk: Begun(
            slug=tenant.slug,
            name=tenant.name,
            step=enrolling.SOURCES if tenant.pk in read else tenant.setup_step or firstrun.NAME,
        )
        for tenant in found
    }


def _read(pks: list[int]) -> set[int]:
    """Whose domains are known: their first read is over, although nobody pressed a button."""
    known = models.Snapshot.objects.filter(tenant__in=pks).exclude(document__accepted_domains=None)
    return {row["tenant_id"] for row in known.values("tenant_id").distinct()}


def first() -> tuple[Begun, ...]:
    """Those begun first, a few of them; at most two queries."""
    begun = models.Tenant.objects.exclude(setup_step=None).order_by("created_at", "pk")
    return tuple(gather(begun[:MOST_NAMED]).values())
