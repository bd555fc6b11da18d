"""What changed between two configurations, field by field, each with a sentence for people.

Objects are matched by Guid, so that a rename is a change of Name and not a loss; accepted domains
and DNS facts by their domain. A part that either side does not know is left out: not having read
something is no difference.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any, Final, Literal

from mailposture.core import addresses
from mailposture.core.addresses import AddressError, AddressSet, counted
from mailposture.core.configuration import (
    PARTS,
    Configuration,
    Kind,
    exchange_name,
    is_compared,
    kinds_of,
)

type Change = Literal["added", "removed", "changed"]

SETS: Final = frozenset({Kind.TEXTS, Kind.NAMES, Kind.SENDER_DOMAINS, Kind.ADDRESSES})

# How an object of each part is called in a sentence, and what tells two of them apart.
NOUNS: Final = {
    "inbound_connectors": "an inbound connector",
    "outbound_connectors": "an outbound connector",
    "organization": "the organisation",
    "accepted_domains": "an accepted domain",
    "transport_rules": "a mail-flow rule",
    "connection_filters": "a connection filter",
    "domain_facts": "a domain looked up in DNS",
}
MATCHED_BY: Final = {
    "organization": None,
    "accepted_domains": "domain_name",
    "domain_facts": "domain",
}
NAMED_BY: Final = {"accepted_domains": "domain_name", "domain_facts": "domain"}

MOST_LISTED = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One change: what, in which field, from what to what, and in one sentence.

    `field` is Exchange's name, empty where a whole object came or went. `gained` and `lost` are
    the members of a set field; of addresses, the fewest networks that hold exactly those.
    """

    part: str
    guid: str
    subject: str
    field: str
    kind: Change
    before: str | None
    after: str | None
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    sentence: str


def compare(before: Configuration, after: Configuration) -> list[Difference]:
    """Every difference between two configurations, in the order of their parts."""
    known = (name for name in PARTS if before.knows(name) and after.knows(name))
    return [found for name in known for found in _compare_part(name, before, after)]


def _compare_part(name: str, before: Configuration, after: Configuration) -> Iterator[Difference]:
    old, new = _matched(name, before), _matched(name, after)
    for key in sorted(old.keys() | new.keys()):
        if key not in new:
            yield _came_or_went(name, key, old[key], kind="removed")
        elif key not in old:
            yield _came_or_went(name, key, new[key], kind="added")
        elif old[key] != new[key]:
            yield from _compare_objects(name, key, old[key], new[key])


def _matched(name: str, configuration: Configuration) -> Mapping[str, Any]:
    value = getattr(configuration, name)
    if name == "organization":
        return {"": value}
    by = MATCHED_BY.get(name, "guid") or "guid"
    return {getattr(one, by): one for one in value}


def _subject(part: str, value: Any) -> str:
    return str(getattr(value, NAMED_BY.get(part, "name")))


def _came_or_went(part: str, key: str, value: Any, *, kind: Change) -> Difference:
    subject = _subject(part, value)
    state = _state(value)
    if kind == "added":
        sentence = f"{subject} was added as {NOUNS[part]}{state and f', {state}'}"
    else:
        was = state and f", which was {state},"
        sentence = f"{subject}{was} was removed from the {_plural(NOUNS[part])}"
    what = _summary(part, value)
    return Difference(
        part=part,
        guid=_guid(value, key),
        subject=subject,
        field="",
        kind=kind,
        before=what if kind == "removed" else None,
        after=what if kind == "added" else None,
        sentence=sentence,
    )


def _plural(noun: str) -> str:
    if noun == "a domain looked up in DNS":
        return "domains looked up in DNS"
    return noun.removeprefix("an ").removeprefix("a ") + "s"


def _state(value: Any) -> str:
    enabled = getattr(value, "enabled", None)
    if enabled is None:
        return ""
    return "turned on" if enabled else "turned off"


def _guid(value: Any, key: str) -> str:
    return getattr(value, "guid", None) or key


def _summary(part: str, value: Any) -> str:
    """An object in one line: its compared fields that say something."""
    named = NAMED_BY.get(part, "name")
    said = (
        f"{exchange_name(field.name)}: {shown(getattr(value, field.name))}"
        for field in fields(value)
        if is_compared(field) and field.name != named and getattr(value, field.name)
    )
    return "; ".join(said)


def _compare_objects(part: str, key: str, old: Any, new: Any) -> Iterator[Difference]:
    value_type: type = type(new)
    kinds = kinds_of(value_type)
    for field in _compared(value_type):
        one, two = getattr(old, field.name), getattr(new, field.name)
        if one != two and not _unasked(field, one, two):
            yield _changed(part, key, field, (old, new), kinds[field.name])


@cache
def _compared(value_type: Any) -> tuple[Field[Any], ...]:
    return tuple(filter(is_compared, fields(value_type)))


def _unasked(field: Field[Any], old: Any, new: Any) -> bool:
    """A domain's MX that DNS would not tell on one side."""
    return field.name == "mx" and (old is None or new is None)


def _changed(
    part: str, key: str, field: Field[Any], sides: tuple[Any, Any], kind: Kind
) -> Difference:
    old, new = (getattr(side, field.name) for side in sides)
    name, subject = exchange_name(field.name), _subject(part, sides[1])
    gained, lost = _moved(old, new, kind)
    return Difference(
        part=part,
        guid=_guid(sides[1], key),
        subject=subject,
        field=name,
        kind="changed",
        before=shown(old),
        after=shown(new),
        gained=gained,
        lost=lost,
        sentence=_sentence(name, _subject(part, sides[0]), (old, new), kind),
    )


# ---- sets ------------------------------------------------------------------------------


def _moved(old: Any, new: Any, kind: Kind) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a set gained and lost; nothing where the field is no set."""
    if kind is Kind.ADDRESSES and (exact := _exact(old, new)):
        was, now = exact
        return (now - was).cidrs(), (was - now).cidrs()
    if kind in SETS or _is_mx(old, new):
        return _items_beyond(new, old), _items_beyond(old, new)
    return (), ()


def _items_beyond(one: Iterable[Any], other: Iterable[Any]) -> tuple[str, ...]:
    held = set(map(str, other))
    return tuple(item for item in map(str, one) if item not in held)


def _is_mx(old: Any, new: Any) -> bool:
    return isinstance(old, tuple) and isinstance(new, tuple)


def _exact(old: Iterable[str], new: Iterable[str]) -> tuple[AddressSet, AddressSet] | None:
    try:
        return addresses.parse(old), addresses.parse(new)
    except AddressError:
        return None


# ---- words -----------------------------------------------------------------------------


def shown(value: Any) -> str | None:
    """A field's value as PowerShell would show it; None where there is none."""
    if value is None:
        return None
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def _sentence(name: str, subject: str, sides: tuple[Any, Any], kind: Kind) -> str:
    old, new = sides
    if name == "Enabled":
        return f"{subject} was turned {'on' if new else 'off'}"
    if name == "Name":
        return f"{subject} is now called {new}"
    if name == "MX":
        return _set_sentence(f"MX of {subject}", old, new)
    if kind is Kind.ADDRESSES:
        return _address_sentence(name, old, new)
    if kind in SETS:
        return _set_sentence(name, old, new)
    return _plain_sentence(name, shown(old), shown(new))


def _plain_sentence(name: str, old: str | None, new: str | None) -> str:
    if name in LONG:
        return f"{name} was rewritten"
    if not old:
        return f"{name} was set to {new or 'an empty text'}"
    if not new:
        return f"{name} was emptied, it was {old}"
    return f"{name} went from {old} to {new}"


# Fields of running text: both values are beside the sentence, not in it.
LONG: Final = frozenset({"Comment", "Comments", "Description"})


def _set_sentence(name: str, old: Iterable[Any], new: Iterable[Any]) -> str:
    gained, lost = _listed(_items_beyond(new, old)), _listed(_items_beyond(old, new))
    return _gained_and_lost(name, gained, lost) + ("" if tuple(new) else _EMPTY)


_EMPTY = " and is now empty"


def _gained_and_lost(name: str, gained: str, lost: str) -> str:
    said = [f"{verb} {what}" for verb, what in (("gained", gained), ("lost", lost)) if what]
    return f"{name} {' and '.join(said) or 'was put in another order'}"


def _listed(items: tuple[str, ...]) -> str:
    more = len(items) - MOST_LISTED
    return ", ".join(items[:MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def _address_sentence(name: str, old: tuple[str, ...], new: tuple[str, ...]) -> str:
    exact = _exact(old, new)
    if exact is None:
        return _set_sentence(name, old, new)
    was, now = exact
    if was == now:
        return f"{name} is written differently and means the same addresses"
    gained, lost = now - was, was - now
    if max(len(gained.cidrs()), len(lost.cidrs())) > MOST_LISTED:
        return _wide_sentence(name, (old, new), gained, lost)
    said = _gained_and_lost(name, _networks(gained), _networks(lost))
    return said + ("" if now else _EMPTY)


def _networks(moved: AddressSet) -> str:
    return f"{', '.join(moved.cidrs())} ({counted(moved.size)})" if moved else ""


def _wide_sentence(
    name: str, sides: tuple[tuple[str, ...], ...], gained: AddressSet, lost: AddressSet
) -> str:
    """Where the exact difference is too long to read: the counts, then both sides as written."""
    counts = (counted(moved.size) if moved else "" for moved in (gained, lost))
    old, new = (_listed(side) or "nothing" for side in sides)
    return f"{_gained_and_lost(name, *counts)}: it was {old}, now it is {new}"
