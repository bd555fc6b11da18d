"""One configuration change: what it did, field by field, and the probes before and after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mailposture import models
from mailposture.core import addresses
from mailposture.core.addresses import AddressError, counted
from mailposture.core.states import State
from mailposture.services.pages import change_words, configured, differing, effect, verifying
from mailposture.services.pages.differing import Difference
from mailposture.services.pages.effect import Effect
from mailposture.services.pages.verifying import Look

MOST_BESIDE: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What somebody said of it."""

    words: str
    why: str
    who: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """All that the page of a change shows."""

    pk: int
    tenant: str
    tenant_slug: str
    tenant_href: str
    badge: str
    word: str
    sentence: str
    line: change_words.Line
    was: str | None
    now: str | None
    moved: str
    part: str
    read_before: datetime
    read_after: datetime
    difference: Difference
    effect: Effect
    looks: tuple[Look, ...]
    note: str
    beside: tuple[change_words.Line, ...]
    author: str
    said: Said | None


def load(change: models.Change, now: datetime) -> Page:
    """Everything of one change; its tenant and both snapshots must be loaded."""
    others = list(
        models.Change.objects.filter(after_id=change.after_id)
        .exclude(pk=change.pk)
        .order_by("pk")[: MOST_BESIDE * 5]
    )
    for other in others:
        other.tenant = change.tenant
    same = [c for c in others if _subject(c) == _subject(change)]
    looks = verifying.looks(change, now)
    line = change_words.line(change)
    return Page(
        pk=change.pk,
        tenant=change.tenant.name,
        tenant_slug=change.tenant.slug,
        tenant_href=change.tenant.get_absolute_url(),
        badge=line.badge,
        word=line.word,
        sentence=_sentence(change, looks),
        line=line,
        was=_plain(change, change.was),
        now=_plain(change, change.now),
        moved=_moved(change),
        part=configured.titled(configured.NAMES.get(change.part, change.part)),
        read_before=change.before.last_seen_at,
        read_after=change.at,
        difference=differing.load(change, same),
        effect=effect.load(change),
        looks=looks,
        note=verifying.note(looks),
        beside=tuple(map(change_words.line, [c for c in others if c not in same][:MOST_BESIDE])),
        author="author unknown",
        said=_said(change),
    )


def _said(change: models.Change) -> Said | None:
    """What somebody said of it; None where nobody said anything."""
    if not change.said or change.said_at is None:
        return None
    words = models.Change.Said(change.said).label
    return Said(words=words, why=change.why, who=change.said_by, at=change.said_at)


def _subject(change: models.Change) -> tuple[str, str]:
    return change.part, change.guid or change.subject


def _plain(change: models.Change, value: str | None) -> str | None:
    """A short value stands in the facts; sets and running text only in the difference."""
    if change.gained or change.lost or not change.field or len(value or "") > change_words.SHORT:
        return None
    return value or "empty"


def _moved(change: models.Change) -> str:
    """How much a set gained and lost: what it was, the difference shows."""
    sides = ((change.gained, "gained"), (change.lost, "lost"))
    return ", ".join(f"{_size(items)} {word}" for items, word in sides if items)


def _size(items: Sequence[str]) -> str:
    """Networks count by their addresses, as the sentence does; anything else one by one."""
    try:
        return counted(addresses.parse(items).size)
    except AddressError:
        return f"{len(items):,}"


def _sentence(change: models.Change, looks: tuple[Look, ...]) -> str:
    """What the probes show of it; else what was changed, and that this shows nothing yet."""
    name, effects = change.tenant.name, models.Change.Effect
    match change.effect:
        case effects.OPENS:
            return f"Strangers get in to {_where(name, looks)} since this change. {_before(change)}"
        case effects.CLOSES:
            return f"Strangers are refused by {name} since this change. {_before(change)}"
        case _:
            return f"{_what(change)}. {change_words.seen(change)}"


def _what(change: models.Change) -> str:
    said = change.sentence
    if change.subject and change.subject not in said:
        noun = change_words.NOUNS.get(change.part, "")
        return f"{said} on {noun} {change.subject}".replace("  ", " ")
    return said


def _where(name: str, looks: tuple[Look, ...]) -> str:
    """Where they got in while this change was the last one: in the look that shows the most."""
    told = [look for look in looks if look.is_after and look.state != "none"]
    after = max(reversed(told), key=lambda look: look.open_domains, default=None)
    if after is None or not after.open_domains:
        return name
    if after.open_domains == after.domains:
        return {1: name, 2: f"both domains of {name}"}.get(after.domains, f"every domain of {name}")
    return f"{after.open_domains} of {after.domains} domains of {name}"


def _before(change: models.Change) -> str:
    """How the domains stood before, as it was kept with the new snapshot."""
    states = {State(state) for state in change.after.stood.values()}
    if not states:
        return "How it was before is not known."
    if states == {State.CLOSED}:
        return "Before, they were refused."
    if states == {State.OPEN}:
        return "Before, they got in everywhere."
    return f"Before, its domains were {' and '.join(sorted(s.word.lower() for s in states))}."
