"""What of a tenant stands open to strangers now: by the windows that no proof has ended."""

from collections import defaultdict
from datetime import datetime
from typing import Any, Final

from django.db.models import Exists, OuterRef, QuerySet

from mailposture import models
from mailposture.core.verdict import ASKED, Verdict
from mailposture.services import paths

MOST_DOMAINS: Final = 1000


def windows(tenant: models.Tenant) -> QuerySet[models.ExposureWindow]:
    """The open windows that still count.

    Turning a vantage point off proves nothing: what it last saw open stays open until another
    stranger is refused at the same door, or the tenant gives the domain up.
    """
    live = models.Path.objects.filter(
        tenant=tenant, retired_at=None, vantage_point__plays=models.VantagePoint.Plays.STRANGER
    )
    same = live.filter(
        domain=OuterRef("path__domain"),
        sender_class=OuterRef("path__sender_class"),
        verdict=str(Verdict.CLOSED),
    )
    found = tenant.windows.filter(
        first_closed_at=None,
        path__vantage_point__plays=models.VantagePoint.Plays.STRANGER,
    )
    gone = found.filter(path__retired_at__isnull=False)
    if not gone.exists():
        return found
    accepted = paths.accepted_domains(tenant) or ()
    outlived = gone.filter(Exists(same)) | gone.exclude(path__domain__in=accepted)
    return found.exclude(pk__in=outlived.values("pk"))


def stand_open(tenant: models.Tenant) -> bool:
    """Whether a stranger got in anywhere and nothing has proved the contrary since."""
    return windows(tenant).exists()


def since(tenant: models.Tenant) -> datetime | None:
    """When the first of the doors that stand open was first seen so."""
    return windows(tenant).order_by("first_open_at").values_list("first_open_at", flat=True).first()


def last_closed(tenant: models.Tenant) -> datetime | None:
    """When a door that stands open was last seen closed; None if each was open at first sight."""
    known = windows(tenant).exclude(last_closed_at=None).order_by("-last_closed_at")
    return known.values_list("last_closed_at", flat=True).first()


def subjects(tenant: models.Tenant) -> list[dict[str, Any]]:
    """Domain by domain, the sender classes that get in: at most a thousand domains."""
    found: dict[str, set[str]] = defaultdict(set)
    rows = windows(tenant).values_list("path__domain", "path__sender_class").distinct()
    for domain, sender_class in rows.order_by("path__domain"):
        found[domain].add(sender_class)
    order = [str(c) for c in ASKED]
    return [
        {"domain": domain, "classes": sorted(classes, key=order.index)}
        for domain, classes in sorted(found.items())
    ][:MOST_DOMAINS]


def proof(tenant: models.Tenant) -> models.Observation | None:
    """The newest answer that let a stranger in where a door stands open, a foreign sender first."""
    found = models.Observation.objects.filter(
        verdict=str(Verdict.OPEN), path__in=windows(tenant).values("path")
    ).select_related("path__vantage_point")
    foreign = found.filter(path__sender_class="foreign").order_by("-first_at", "pk").first()
    return foreign or found.order_by("-first_at", "pk").first()
