"""Whether anything is done at all: the central worker asks the places and plans the rounds.

Where it does not, nothing is read and nothing is probed, and no place is to blame for its silence.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Subquery

from mailposture import models


def grace() -> timedelta:
    """How long after its time a thing may be done before nothing is done at all."""
    return timedelta(seconds=3 * settings.TICK_EVERY) + timedelta(minutes=1)


def due() -> Subquery:
    """The earliest time at which a round of some tenant is to be planned."""
    watched = models.Tenant.objects.filter(paused_at=None, probe_due_at__isnull=False)
    return Subquery(watched.order_by("probe_due_at").values("probe_due_at")[:1])


def since(
    asked: Iterable[datetime | None], planned: datetime | None, now: datetime
) -> datetime | None:
    """Since when nothing was asked or planned though it was due; None where all goes on.

    Every tick plans all rounds that are due, and every 20 s a hello goes to every place: one that
    is late by more than the grace means that no tick came. Readings wait for a free reader.
    """
    last = max(filter(None, asked), default=None)
    late = [at for at in (last, planned) if at is not None and at < now - grace()]
    return min(late, default=None)
