"""Vantage points: their signs of life, and whether they see clearly."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.dateparse import parse_datetime

from mailposture import models

# Hello goes out every 20 s; three unanswered in a row and the place is silent.
SILENT_AFTER = timedelta(seconds=75)
SKEW = timedelta(seconds=10)


def hear(facts: Mapping[str, Any], now: datetime) -> None:
    """Store what a worker says of itself: its version, and how far its clock is off."""
    place = models.VantagePoint.objects.filter(slug=str(facts.get("slug", ""))).first()
    clock = parse_datetime(str(facts.get("clock", "")))
    if place is None:
        return
    models.VantagePoint.objects.filter(pk=place.pk).update(
        heard_at=now,
        facts={
            "version": str(facts.get("version", ""))[:20],
            "skew": _skew(clock, place.asked_at, now) if clock else None,
        },
    )


def _skew(clock: datetime, asked: datetime | None, now: datetime) -> float:
    """Seconds by which a clock is off: it was read somewhere between our asking and now."""
    earliest = asked or now
    nearest = min(max(clock, earliest), now)
    return round((clock - nearest).total_seconds(), 3)


@dataclass(frozen=True, slots=True)
class Health:
    """How clearly a place sees, and why not."""

    clear: bool
    says: str


def health(place: models.VantagePoint, now: datetime) -> Health:
    """Judge a place by its last word; a place never heard is blind, not well."""
    if not place.enabled:
        return Health(clear=False, says="Turned off.")
    if place.heard_at is None:
        return Health(clear=False, says="Never heard. Start its worker.")
    if now - place.heard_at > SILENT_AFTER:
        return Health(clear=False, says="Silent. Its worker does not answer.")
    if abs(place.facts.get("skew") or 0) > SKEW.total_seconds():
        return Health(clear=False, says=f"Its clock is {place.facts['skew']:+.0f} s off.")
    if place.address and place.seen_as and place.address != place.seen_as:
        return Health(
            clear=False, says=f"Servers see it as {place.seen_as}, not as {place.address}."
        )
    return Health(clear=True, says="Sees clearly.")
