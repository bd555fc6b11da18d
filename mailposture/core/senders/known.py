"""Known senders: declared, named by SPF, seen in traffic, or of a kind that nobody can list."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from mailposture.core.addresses import NOWHERE, AddressError, AddressSet, parse, union
from mailposture.core.published import Kind, Provider, holding, including

# A sender writes from and to many domains; more of them are the same question again.
MOST_ENVELOPES: Final = 200


class How(StrEnum):
    """How a sender is known."""

    APPROVED = "approved source"
    SPF = "SPF"
    SEEN = "seen in traffic"
    UNLISTED = "cannot be listed"


@dataclass(frozen=True, slots=True, order=True)
class Envelope:
    """From which domain to which; an empty sender is the null sender."""

    sender: str
    recipient: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownSender:
    """A host, or hosts that are known together.

    No `addresses`: it may be anywhere, and counts as a host that no connector lists. No
    `envelopes`: it writes to every domain as `writes_as`, a class of sender, or as anybody.
    """

    name: str
    how: How
    addresses: AddressSet = NOWHERE
    grounds: str = ""
    helo: str = ""
    certificate: str = ""
    tls: bool = True
    envelopes: tuple[Envelope, ...] = ()
    messages: int | None = None
    last_seen: date | None = None
    service: Provider | None = None
    writes_as: str = ""

    @property
    def is_shared(self) -> bool:
        """Whether others send from its addresses too, as far as is published."""
        return self.service is not None and self.service.kind is Kind.MAIL


# ---- from SPF ------------------------------------------------------------------------------


def from_spf(
    named_by: Mapping[tuple[str, tuple[str, ...]], Iterable[str]],
) -> tuple[KnownSender, ...]:
    """Senders that SPF lets pass: (include or nothing, addresses) -> the domains that say so."""
    found = []
    for (through, entries), domains in named_by.items():
        if held := _readable(entries):
            listed = sorted(domains)
            sender = KnownSender(
                name=through or f"Hosts that {listed[0]} names itself",
                how=How.SPF,
                addresses=held,
                grounds=f"SPF of {_some(listed)}" + (f" through {through}" if through else ""),
            )
            found.append(sender)
    return tuple(found)


def _readable(entries: Iterable[str]) -> AddressSet:
    found = []
    for entry in entries:
        try:
            found.append(parse([entry]))
        except AddressError:
            continue
    return union(found) if found else NOWHERE


def _some(names: list[str]) -> str:
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more:,} more domains" if more > 0 else "")


# ---- from traffic --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What a report says of one host on one day: how many messages, from and to which domain.

    An empty `source`: the report names no address, and `connector` what it named instead.
    """

    source: str
    helo: str
    connector: str
    tls: bool | None
    sender_domain: str
    recipient_domain: str
    day: date
    messages: int


def from_traffic(seen: Iterable[Seen]) -> tuple[KnownSender, ...]:
    """Senders by HELO name and source, those that send most first."""
    groups: dict[tuple[str, str], list[Seen]] = {}
    for one in seen:
        name = one.helo or ("" if one.source else one.sender_domain or "<>")
        groups.setdefault((name, one.source), []).append(one)
    found = [_group(name, source, rows) for (name, source), rows in groups.items()]
    return tuple(sorted(found, key=lambda sender: (-(sender.messages or 0), sender.name)))


def _group(name: str, source: str, rows: list[Seen]) -> KnownSender:
    envelopes = sorted({Envelope(one.sender_domain, one.recipient_domain) for one in rows})
    return KnownSender(
        name=name or source,
        how=How.SEEN,
        addresses=_readable([source]) if source else NOWHERE,
        grounds="" if source else "the report names no address",
        helo=rows[0].helo,
        # Clear text is what it does where no row says otherwise; not known counts as over TLS.
        tls=not all(one.tls is False for one in rows),
        envelopes=tuple(envelopes[:MOST_ENVELOPES]),
        messages=sum(one.messages for one in rows),
        last_seen=max(one.day for one in rows),
    )


# ---- names ---------------------------------------------------------------------------------


def named(senders: Iterable[KnownSender], providers: Iterable[Provider]) -> list[KnownSender]:
    """The same senders with the service that is behind them, where one publishes it."""
    known = tuple(providers)
    return [_named(sender, known) for sender in senders]


def _named(sender: KnownSender, providers: tuple[Provider, ...]) -> KnownSender:
    by_include = including(providers, sender.name) if sender.how is How.SPF else None
    service = by_include or holding(providers, sender.addresses)
    if service is None:
        return sender
    is_plain = sender.how is How.SPF or not sender.helo
    name = service.name if by_include or (is_plain and sender.how is How.SEEN) else sender.name
    return replace(sender, service=service, name=name)
