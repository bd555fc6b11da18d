"""A configuration change in one line: which field, from what to what, on which object."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.urls import reverse

from mailposture import models

# (badge, word) of an effect; an empty word is the badge's own.
BADGES: Final = {
    models.Change.Effect.OPENS: ("opens", ""),
    models.Change.Effect.CLOSES: ("closes", ""),
    models.Change.Effect.NEUTRAL: ("neutral", ""),
    models.Change.Effect.PENDING: ("none", "Not yet seen"),
    models.Change.Effect.UNKNOWN: ("unknown", "Effect unknown"),
}
NOUNS: Final = {
    "inbound_connectors": "connector",
    "outbound_connectors": "outbound connector",
    "organization": "organisation",
    "accepted_domains": "accepted domain",
    "transport_rules": "mail-flow rule",
    "connection_filters": "connection filter",
    "domain_facts": "domain",
}
HAS_A_PAGE: Final = frozenset({"inbound_connectors", "outbound_connectors"})
AUTHOR: Final = "by: author unknown"
SHORT: Final = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One change of a list."""

    pk: int
    href: str
    at: datetime
    tenant: str
    tenant_href: str
    tenant_slug: str
    badge: str
    word: str
    field: str
    text: str
    noun: str
    subject: str
    subject_href: str
    sub: str


def line(change: models.Change) -> Line:
    """Say one change; its tenant must be loaded."""
    badge, word = BADGES[models.Change.Effect(change.effect)]
    whole = not change.field
    return Line(
        pk=change.pk,
        href=change.get_absolute_url(),
        at=change.at,
        tenant=change.tenant.name,
        tenant_href=change.tenant.get_absolute_url(),
        tenant_slug=change.tenant.slug,
        badge=badge,
        word=word,
        field=change.field,
        text=text(change),
        noun="" if whole else NOUNS.get(change.part, ""),
        subject="" if whole else change.subject,
        subject_href=subject_href(change, change.tenant.slug),
        sub=f"{AUTHOR}. {seen(change)}",
    )


def text(change: models.Change) -> str:
    """What happened to the field, without its name."""
    if not change.field:
        return change.sentence
    if change.field in ("Comment", "Comments", "Description"):
        return "was rewritten"
    if change.gained or change.lost or not _short(change.was) or not _short(change.now):
        return change.sentence.removeprefix(f"{change.field} ")
    return f"{change.was or 'empty'} → {change.now or 'empty'}"


def _short(value: str | None) -> bool:
    return len(value or "") <= SHORT


def subject_href(change: models.Change, slug: str) -> str:
    """The page of the connector that changed; other objects have none."""
    if change.part not in HAS_A_PAGE or not change.guid or "/" in change.guid:
        return ""
    return reverse("connector", args=[slug, change.guid])


def seen(change: models.Change) -> str:
    """What probes say of the effect."""
    effects = models.Change.Effect
    match change.effect:
        case effects.PENDING:
            return "Not yet seen by probes."
        case effects.UNKNOWN:
            return "Probes before and after do not show its effect."
        case effects.NEUTRAL if change.effect_seen_at is None:
            return "It takes no part in who gets in."
        case effects.NEUTRAL:
            return "Probes before and after were answered alike."
        case _:
            return f"Seen by probes {change.effect_seen_at:%d %b %H:%M} UTC."
