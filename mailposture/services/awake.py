"""How long we were awake since a moment: time in which no tick came is no one's fault but ours.

The times are rows, not a moment that a process remembers, so that who is restarted again and
again still finds that nobody reads.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction

from mailposture import models
from mailposture.core import spans

# Nothing is late by more: reading and probing have intervals of hours.
KEPT: Final = timedelta(days=30)


def _within() -> timedelta:
    """Ticks no further apart than this follow one another: a few that were skipped are no sleep.

    With the time between two hellos it stays below the silence of a vantage point.
    """
    return timedelta(seconds=3 * settings.TICK_EVERY + 20)


def note(now: datetime) -> None:
    """Count this tick in: the stretch before it goes on, or a new one begins."""
    latest = models.Awake.objects.order_by("-until", "-pk").first()
    if latest is None or now - latest.until > _within():
        with transaction.atomic():
            models.Awake.objects.create(since=now, until=now)
            models.Awake.objects.filter(until__lt=now - KEPT).delete()
    elif now > latest.until:
        models.Awake.objects.filter(pk=latest.pk, until__lt=now).update(until=now)


def counting(now: datetime) -> Callable[[datetime], timedelta]:
    """How long of the time since a moment we were awake; asked often, read once."""
    rows = models.Awake.objects.filter(until__gte=now - KEPT).values_list("since", "until")
    known = spans.union(rows)

    def since(moment: datetime) -> timedelta:
        return spans.length(spans.cut(known, moment, now))

    return since
