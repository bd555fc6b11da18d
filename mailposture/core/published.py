"""What providers publish of their addresses: dated facts, read from documents, found by name.

A list is a copy of some day, and may be a part of the provider's networks: what it holds is the
provider's, what it lacks may be as well.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from mailposture.core import addresses
from mailposture.core.addresses import AddressSet
from mailposture.core.hosts import plain


class Kind(StrEnum):
    """What the provider lets its customers have."""

    CLOUD = "cloud"
    MAIL = "mail service"


FIELDS: Final = frozenset(
    {
        "name",
        "kind",
        "dated",
        "url",
        "how",
        "whole",
        "anyone",
        "microsoft",
        "includes",
        "addresses",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """One provider's list.

    `dated` is the day for which it is known, `how` says from what. `whole` is false where it is a
    part. `anyone`: whoever opens an account sends from there. `includes` are the names by which
    SPF records include it.
    """

    name: str
    kind: Kind
    dated: date
    url: str
    how: str
    whole: bool
    anyone: bool
    microsoft: bool
    includes: tuple[str, ...]
    addresses: AddressSet


def provider(document: Mapping[str, Any]) -> Provider:
    """Read one list. Raises ValueError for a field that is missing, odd or not known."""
    if odd := FIELDS.symmetric_difference(document):
        raise ValueError(f"a provider's list has a field too many or too few: {sorted(odd)}")
    found = addresses.parse(document["addresses"])
    if not found:
        raise ValueError(f"the list of {document['name']!r} holds no address")
    return Provider(
        name=str(document["name"]),
        kind=Kind(document["kind"]),
        dated=date.fromisoformat(document["dated"]),
        url=str(document["url"]),
        how=str(document["how"]),
        whole=document["whole"] is True,
        anyone=document["anyone"] is True,
        microsoft=document["microsoft"] is True,
        includes=tuple(plain(name) for name in document["includes"]),
        addresses=found,
    )


def including(providers: Iterable[Provider], name: str) -> Provider | None:
    """Whose list an SPF include of this name is: by itself, or by a name above it."""
    wanted = plain(name)
    for one in providers:
        if any(wanted == known or wanted.endswith(f".{known}") for known in one.includes):
            return one
    return None


def holding(providers: Iterable[Provider], wanted: AddressSet) -> Provider | None:
    """Whose addresses these all are; a mail service before the cloud it may be housed in."""
    found = [one for one in providers if wanted and wanted <= one.addresses]
    return min(found, key=lambda one: one.kind is not Kind.MAIL, default=None)


def touching(providers: Iterable[Provider], wanted: AddressSet) -> tuple[Provider, ...]:
    """Whose addresses some of these are."""
    return tuple(one for one in providers if wanted & one.addresses)
