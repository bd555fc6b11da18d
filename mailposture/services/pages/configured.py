"""What is known of a tenant's configuration: parts not read and since when, connectors in words."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.db.models import Case, F, JSONField, Subquery, When
from django.urls import reverse

from mailposture import models
from mailposture.adapters.exchange.checking import FIXES, ROLE, TRY_AGAIN
from mailposture.core import codec, sentences
from mailposture.core.configuration import (
    PARTS,
    Configuration,
    InboundConnector,
    Part,
    PartStatus,
)

# Looked back so far for when a part began to be unreadable.
SNAPSHOTS: Final = 50
NAMES: Final = {
    "inbound_connectors": "inbound connectors",
    "outbound_connectors": "outbound connectors",
    "organization": "organisation settings",
    "accepted_domains": "accepted domains",
    "transport_rules": "mail-flow rules",
    "connection_filters": "connection filters",
    "domain_facts": "MX records",
}
# What the credential's page, with its checks, helps to mend.
CREDENTIAL: Final = frozenset(FIXES) - {"clock-wrong", "tenant-gone", "exchange-not-licensed"} | {
    "role-missing",
    "token-refused",
}
# An ExchangeError as text: its cause, the HTTP status, what the server said.
SAID: Final = re.compile(r"(?P<cause>[a-z][a-z-]+)(?: \((?P<status>\d{3})\))?(?:: (?P<says>.*))?")


def titled(words: str) -> str:
    """With a capital at the beginning, whatever it was."""
    return words[:1].upper() + words[1:]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something was not read: in a word or a status, in the server's words, and what to do."""

    short: str
    says: str
    fix: str
    credential: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class NotRead:
    """Parts that nothing may be concluded from, for one reason, since one moment."""

    parts: tuple[str, ...]
    short: str
    says: str
    since: datetime
    fix: str
    credential: bool

    @property
    def names(self) -> str:
        """The parts as the subject of a sentence."""
        said = [NAMES.get(part, part) for part in self.parts]
        words = ", ".join(said[:-1]) + f" and {said[-1]}" if len(said) > 1 else said[0]
        return titled(words)


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """The latest configuration, and what of it is not known."""

    configuration: Configuration | None
    not_read: tuple[NotRead, ...]

    @property
    def brought(self) -> str:
        """How little the latest reading brought of what Exchange was asked, if not all."""
        if self.configuration is None:
            return ""
        asked = [part for part in PARTS if part != "domain_facts"]
        read = sum(1 for part in asked if self.configuration.knows(part))
        if not read:
            return "nothing read"
        return "" if read == len(asked) else f"{read} of {len(asked)} parts"

    def lacks(self, part: str) -> NotRead | None:
        """Why a part is not known, if it is not."""
        return next((n for n in self.not_read if part in n.parts), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectorLine:
    """An inbound connector in plain words; `pieces` say which words are strong."""

    name: str
    about: str
    changed_at: datetime | None
    pieces: tuple[tuple[str, bool], ...]
    closing: str
    facts: tuple[tuple[str, str], ...]
    href: str


# ---- what was read -----------------------------------------------------------------------


def load(of: models.Tenant) -> Known:
    """The latest snapshot whole, and of those before it only what became of their parts."""
    newest = of.snapshots.order_by("-last_seen_at", "-pk")
    latest = Subquery(newest.values("pk")[:1])
    whole = Case(When(pk=latest, then=F("document")), output_field=JSONField())
    rows = list(
        newest.annotate(whole=whole).values("first_seen_at", "document__parts", "whole")[:SNAPSHOTS]
    )
    if not rows:
        return Known(configuration=None, not_read=())
    configuration = codec.load(Configuration, rows[0]["whole"])
    return Known(configuration=configuration, not_read=tuple(_not_read(configuration, rows)))


def _not_read(configuration: Configuration, rows: Sequence[Mapping[str, Any]]) -> list[NotRead]:
    """Parts with the same trouble since the same moment are said in one breath."""
    alike: dict[tuple[Trouble, datetime], list[str]] = {}
    for part in configuration.parts:
        if not configuration.knows(part.name):
            key = _trouble(part), _since(part.name, rows)
            alike.setdefault(key, []).append(part.name)
    return [
        NotRead(
            parts=tuple(names),
            short=one.short,
            says=one.says,
            since=since,
            fix=one.fix,
            credential=one.credential,
        )
        for (one, since), names in alike.items()
    ]


def _since(name: str, rows: Sequence[Mapping[str, Any]]) -> datetime:
    """The first sight of the oldest snapshot in a row that does not know the part either."""
    since: datetime = rows[0]["first_seen_at"]
    for row in rows[1:]:
        statuses = {p["name"]: p["status"] for p in row["document__parts"] or ()}
        if statuses.get(name) == PartStatus.OK:
            break
        since = row["first_seen_at"]
    return since


def _trouble(part: Part) -> Trouble:
    if part.missing:
        return Trouble("incomplete", f"The answer lacks {', '.join(part.missing)}.", "")
    if part.status is PartStatus.TRUNCATED:
        return Trouble("cut short", part.error or "The answer was cut short.", "")
    if part.status is PartStatus.INCOMPLETE:
        return Trouble("incomplete", part.error, "")
    return explained(part.error, str(part.status))


def explained(error: str, short: str = "") -> Trouble:
    """An error of reading, taken apart for people."""
    match = SAID.fullmatch(error)
    if match is None:
        return Trouble(short or "failed", error or "No reason was given.", "")
    cause, status, says = match["cause"], match["status"], match["says"]
    fix = ROLE if cause == "role-missing" else FIXES.get(cause, TRY_AGAIN)
    words = (says or "").rstrip(".")
    return Trouble(
        status or cause.replace("-", " "),
        f"{words}." if words else "",
        fix,
        credential=cause in CREDENTIAL,
    )


def by_kind(found: Sequence[NotRead]) -> Iterable[tuple[NotRead, bool]]:
    """One for each kind of trouble, since its first part, and whether others followed later."""
    kinds: dict[tuple[str, bool], list[NotRead]] = {}
    for one in found:
        kinds.setdefault((one.short, one.credential), []).append(one)
    for alike in kinds.values():
        yield (
            replace(
                alike[0],
                parts=tuple(part for one in alike for part in one.parts),
                says=" ".join(dict.fromkeys(one.says for one in alike if one.says)),
                fix=" ".join(dict.fromkeys(one.fix for one in alike if one.fix)),
                since=min(one.since for one in alike),
            ),
            len({one.since for one in alike}) > 1,
        )


# ---- connectors --------------------------------------------------------------------------


def connectors(of: models.Tenant, known: Known, *, got_in: bool) -> tuple[ConnectorLine, ...]:
    """Inbound connectors that were read, those that refuse first, those turned off last.

    `got_in`: a stranger was seen to get in, which what is configured does not tell.
    """
    read = (known.configuration.inbound_connectors if known.configuration else None) or ()
    return tuple(_line(of, value, got_in=got_in) for value in _ordered(read))


def _ordered(read: Iterable[InboundConnector]) -> list[InboundConnector]:
    return sorted(read, key=lambda c: (not c.enabled, not c.demands_proof, c.name.lower()))


def _line(of: models.Tenant, value: InboundConnector, *, got_in: bool) -> ConnectorLine:
    words = sentences.connector(value, owner=of.name)
    pieces = words.pieces
    if got_in and value.enabled and value.demands_proof:
        (first, strong), *rest = pieces
        pieces = ((f"As configured: {first[:1].lower()}{first[1:]}", strong), *rest)
    return ConnectorLine(
        name=words.name,
        about=words.about,
        changed_at=value.when_changed_utc,
        pieces=pieces,
        closing=words.closing,
        facts=words.facts,
        href=reverse("connector", args=[of.slug, value.guid]),
    )
