"""Vantage points: their signs of life, and whether they see clearly."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.dateparse import parse_datetime

from mailposture import models
from mailposture.core.posture import SeenCertificate
from mailposture.core.verdict import Cause, Verdict
from mailposture.core.work import HelloBack
from mailposture.services import selftests

# Hello goes out every 20 s; three unanswered in a row and the place is silent.
SILENT_AFTER = timedelta(seconds=75)
SKEW = timedelta(seconds=10)
# Of a certificate: what a name may be long (RFC 1035), and how many of them are kept.
LONGEST_NAME = 253
MOST_NAMES = 100
MOST_CERTIFICATES = 10


def hear(said: HelloBack, now: datetime) -> bool:
    """Store what a worker says of itself: its version, how far its clock is off, and of the
    certificate that it shows. Only the answer to the latest hello counts, and only once.
    """
    place = models.VantagePoint.objects.filter(
        slug=said.vantage_point[:63], hello_nonce=said.nonce
    ).first()
    if place is None or not said.nonce:
        return False
    facts = {
        "version": said.version[:20],
        "skew": _skew(said.clock, place.asked_at, now),
        "certificate": _certificate(said.certificate),
        "selftest": selftests.kept(said.selftest, now) or place.facts.get("selftest"),
    }
    waiting = models.VantagePoint.objects.filter(pk=place.pk, hello_nonce=said.nonce)
    return bool(waiting.update(heard_at=now, hello_nonce="", facts=facts))


def _certificate(said: object) -> dict[str, Any] | None:
    """What is kept of a certificate; a vantage point's word is foreign, so each field is held to
    its kind and length.
    """
    if not isinstance(said, Mapping):
        return None
    usage, untrusted = said.get("client_auth"), said.get("untrusted")
    return {
        "common_name": str(said.get("common_name", ""))[:LONGEST_NAME],
        "names": _texts(said.get("names"), MOST_NAMES),
        "issuer": str(said.get("issuer", ""))[:LONGEST_NAME],
        "not_after": _moment(said.get("not_after")),
        "not_before": _moment(said.get("not_before")),
        "client_auth": usage if isinstance(usage, bool) else None,
        "fingerprint_sha256": str(said.get("fingerprint_sha256", ""))[:64],
        "above": _texts(said.get("above"), MOST_CERTIFICATES),
        "untrusted": untrusted[:200] if isinstance(untrusted, str) else None,
    }


def _texts(said: object, most: int) -> list[str]:
    return [str(one)[:LONGEST_NAME] for one in said[:most]] if isinstance(said, list) else []


def _moment(said: object) -> str | None:
    try:
        found = parse_datetime(str(said)[:40])
    except ValueError:  # well written, and no day of any calendar
        return None
    return found.isoformat() if found and found.tzinfo else None


def certificate_of(place: models.VantagePoint | None) -> SeenCertificate | None:
    """The certificate that a place said it shows; None where it said none."""
    kept = place.facts.get("certificate") if place else None
    if not kept:
        return None
    end = parse_datetime(kept["not_after"]) if kept["not_after"] else None
    return SeenCertificate(
        names=tuple(filter(None, (kept["common_name"], *kept["names"]))),
        not_after=end,
        client_auth=kept["client_auth"],
        issuer=kept["issuer"] or None,
        untrusted=kept.get("untrusted"),
    )


def _skew(clock: datetime, asked: datetime | None, now: datetime) -> float:
    """Seconds by which a clock is off: it was read somewhere between our asking and now."""
    earliest = asked or now
    nearest = min(max(clock, earliest), now)
    return round((clock - nearest).total_seconds(), 3)


@dataclass(frozen=True, slots=True)
class Health:
    """How clearly a place sees, and why not. `listed` is one that a block list holds."""

    clear: bool
    says: str
    listed: bool = False


def seen() -> QuerySet[Any]:
    """All places with `listed`: whether an answer that counts was about their reputation."""
    about_us = models.Path.objects.filter(
        vantage_point=OuterRef("pk"),
        retired_at=None,
        verdict=str(Verdict.UNKNOWN),
        current__cause=str(Cause.REPUTATION),
    )
    found: QuerySet[Any] = models.VantagePoint.objects.annotate(listed=Exists(about_us))
    return found


def health(place: models.VantagePoint, now: datetime) -> Health:
    """Judge a place by its last word; a place never heard is blind, not well.

    A place of `seen` is also judged by what servers say of it.
    """
    if not place.enabled:
        return Health(clear=False, says="Turned off.")
    if place.heard_at is None or now - place.heard_at > SILENT_AFTER:
        return Health(clear=False, says=_silence(place, now))
    if trouble := _trouble(place, now):
        return Health(clear=False, says=trouble)
    if getattr(place, "listed", False):
        says = "On a block list. Its refusals are about reputation and prove nothing."
        return Health(clear=False, says=says, listed=True)
    return Health(clear=True, says="Sees clearly.")


def _trouble(place: models.VantagePoint, now: datetime) -> str:
    """What keeps a place that answers from seeing clearly; empty if nothing does."""
    if abs(place.facts.get("skew") or 0) > SKEW.total_seconds():
        return f"Its clock is {place.facts['skew']:+.0f} s off."
    if selftests.blocked(place, now):
        return "Port 25 is blocked: the canary does not answer it either."
    if place.address and place.seen_as and place.address != place.seen_as:
        return f"Servers see it as {place.seen_as}, not as {place.address}."
    return ""


def _silence(place: models.VantagePoint, now: datetime) -> str:
    """A worker is silent only if it was asked; nobody else is blamed for the central worker."""
    if place.asked_at is None:
        return "Not asked yet: the central worker has said no hello."
    if now - place.asked_at > SILENT_AFTER:
        return f"Not asked since {place.asked_at:%d %b %H:%M} UTC: the central worker is silent."
    if place.heard_at is None and not place.public_key:
        return "Has not joined: its worker has no key that is known here."
    if place.heard_at is None:
        return "Never heard. Start its worker."
    return "Silent. Its worker does not answer."
