"""A changed object field by field: what changed on top, what decides below it, the rest folded."""

from collections.abc import Iterable, Sequence
from dataclasses import Field, dataclass, fields
from datetime import datetime
from typing import Any, Final

from mailposture import models
from mailposture.core import addresses
from mailposture.core.addresses import AddressError, counted
from mailposture.core.configuration import exchange_name, is_compared
from mailposture.core.diff import MATCHED_BY, shown
from mailposture.core.effects import TABLE
from mailposture.services.pages.change_words import BADGES, NOUNS

# A set that gained or lost more than this is cut, and says so.
MOST_LISTED: Final = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """One field that changed; before and after are None where there was no such thing."""

    field: str
    before: str
    after: str
    effect: str
    word: str
    tint: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    href: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Same:
    """One field that did not change; of a whole object one of the sides is empty."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """The table: its spans, and its rows by how much they matter."""

    before_from: datetime
    before_until: datetime
    after_from: datetime
    changed: tuple[Changed, ...]
    same: tuple[Same, ...]
    folded: tuple[Same, ...]
    left_out: str
    known: bool
    whole: str

    @property
    def total(self) -> int:
        """How many fields the object has."""
        return len(self.changed) + len(self.same) + len(self.folded)


def load(change: models.Change, beside: Sequence[models.Change]) -> Difference:
    """The object of this change; `beside` are the other changes of it in the same reading."""
    value = _object(change)
    moved = sorted([change, *beside], key=lambda c: (_quiet(c), c.pk != change.pk, c.pk))
    names = {c.field for c in moved}
    rest = [] if value is None else [f for f in fields(value) if _is_shown(f, names)]
    deciding = {field for part, field, _ in TABLE if part == change.part}
    same = [_same(value, f, change.kind) for f in rest]
    return Difference(
        before_from=change.before.first_seen_at,
        before_until=change.before.last_seen_at,
        after_from=change.at,
        changed=tuple(map(_changed, moved)),
        same=tuple(row for row in same if row.field in deciding),
        folded=tuple(row for row in same if row.field not in deciding),
        left_out=_volatile(value),
        known=value is not None,
        whole=change.kind if not change.field else "",
    )


def _quiet(change: models.Change) -> bool:
    return change.effect == models.Change.Effect.NEUTRAL


def _object(change: models.Change) -> Any | None:
    """The object as it was after, or before if it went; None where its part was not read."""
    snapshot = change.before if change.kind == "removed" else change.after
    value = getattr(snapshot.configuration, change.part, None)
    if value is None or change.part == "organization":
        return value
    by = MATCHED_BY.get(change.part, "guid") or "guid"
    key = change.guid or change.subject
    return next((one for one in value if getattr(one, by) == key), None)


def _is_shown(field: Field[Any], changed: Iterable[str]) -> bool:
    return is_compared(field) and exchange_name(field.name) not in changed


def _same(of: Any, field: Field[Any], kind: str) -> Same:
    said = shown(getattr(of, field.name))
    value = "not set" if said is None else said or "none"
    return Same(
        field=exchange_name(field.name),
        before="" if kind == "added" else value,
        after="" if kind == "removed" else value,
    )


def _volatile(value: Any | None) -> str:
    if value is None:
        return ""
    return ", ".join(exchange_name(f.name) for f in fields(value) if not is_compared(f))


TINTS: Final = {"none": "neutral", "unknown": "neutral"}


def _changed(change: models.Change) -> Changed:
    badge, word = BADGES[models.Change.Effect(change.effect)]
    return Changed(
        field=change.field or NOUNS.get(change.part, "object").capitalize(),
        before=_side(change, change.was),
        after=_side(change, change.now),
        effect=badge,
        word=word,
        tint=TINTS.get(badge, badge),
        gained=_listed(change.gained),
        lost=_listed(change.lost),
        href=change.get_absolute_url(),
    )


def _side(change: models.Change, value: str | None) -> str:
    """A value as it was or is; of a whole object its name, for its fields stand below."""
    if change.field:
        return value or "empty"
    return "not there" if value is None else change.subject


def _listed(items: Sequence[str]) -> tuple[str, ...]:
    said = [_counted(item) for item in items[:MOST_LISTED]]
    more = len(items) - MOST_LISTED
    return (*said, *([f"and {more:,} more"] if more > 0 else []))


def _counted(item: str) -> str:
    """A network with the number of its addresses; anything else as it is."""
    try:
        size = addresses.parse([item]).size
    except AddressError:
        return item
    return f"{item} ({counted(size)})" if size > 1 else item
