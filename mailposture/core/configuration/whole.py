"""A tenant's configuration at one moment: its parts, each with what became of reading it.

A part that was not read is None, never empty: "none" is only ever said by an answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from mailposture.core.codec import VOLATILE
from mailposture.core.configuration.connectors import InboundConnector, OutboundConnector
from mailposture.core.configuration.settings import (
    AcceptedDomain,
    ConnectionFilter,
    DomainFacts,
    Organization,
    TransportRule,
)


class PartStatus(StrEnum):
    """What became of reading a part."""

    OK = "ok"
    INCOMPLETE = "incomplete"  # a field that a decision reads was not in the answer
    FORBIDDEN = "forbidden"
    TRUNCATED = "truncated"  # the answer said that there is more
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One part of a configuration: whether it was read, what it lacks, what the server said.

    `idle`: all that it lacks belongs to what is turned off, so that no session turns on it.
    `read_at`: when a part that was put together with others was last read; None where it is of
    the same reading as all.
    """

    name: str
    status: PartStatus
    missing: tuple[str, ...] = ()
    error: str = field(default="", metadata=VOLATILE)
    idle: bool = field(default=False, metadata=VOLATILE)
    read_at: datetime | None = field(default=None, metadata=VOLATILE)

    @property
    def is_known(self) -> bool:
        """Whether decisions and comparisons may rest on it."""
        return self.status is PartStatus.OK


# Every part, in the order in which it is read, compared and shown.
PARTS: Final = (
    "inbound_connectors",
    "outbound_connectors",
    "organization",
    "accepted_domains",
    "transport_rules",
    "connection_filters",
    "domain_facts",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """All mail-flow settings of a tenant at one moment."""

    parts: tuple[Part, ...] = ()
    inbound_connectors: tuple[InboundConnector, ...] | None = None
    outbound_connectors: tuple[OutboundConnector, ...] | None = None
    organization: Organization | None = None
    accepted_domains: tuple[AcceptedDomain, ...] | None = None
    transport_rules: tuple[TransportRule, ...] | None = None
    connection_filters: tuple[ConnectionFilter, ...] | None = None
    domain_facts: tuple[DomainFacts, ...] | None = None

    def part(self, name: str) -> Part | None:
        """What became of reading the part of this name."""
        return next((part for part in self.parts if part.name == name), None)

    def knows(self, name: str) -> bool:
        """Whether the part was read whole; what lacks a required field counts as not known."""
        if getattr(self, name) is None:
            return False
        part = self.part(name)
        return part is None or part.is_known

    def decides(self, name: str) -> bool:
        """Whether a session can be answered by the part of this name: it was read, but perhaps
        for what is turned off.
        """
        part = self.part(name)
        return self.knows(name) or (
            getattr(self, name) is not None and part is not None and part.idle
        )

    @property
    def not_known(self) -> tuple[str, ...]:
        """The parts that nothing may be concluded from."""
        return tuple(name for name in PARTS if not self.knows(name))

    @property
    def is_whole(self) -> bool:
        """Whether nothing that was asked for came wanting."""
        return all(part.is_known for part in self.parts)

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of the accepted domains; empty also where they are not known."""
        return tuple(domain.domain_name for domain in self.accepted_domains or ())


def with_part(configuration: Configuration, part: Part, value: Any) -> Configuration:
    """The configuration with one part put in or replaced, in the order of PARTS."""
    others = (p for p in configuration.parts if p.name != part.name)
    parts = tuple(sorted((*others, part), key=lambda p: PARTS.index(p.name)))
    return replace(configuration, parts=parts, **{part.name: value})


def with_domain_facts(configuration: Configuration, facts: Iterable[DomainFacts]) -> Configuration:
    """The configuration with what DNS said; a domain that could not be asked is named."""
    ordered = tuple(sorted(facts, key=lambda one: one.domain))
    missing = tuple(f"MX of {one.domain}" for one in ordered if one.mx is None)
    status = PartStatus.INCOMPLETE if missing else PartStatus.OK
    part = Part(name="domain_facts", status=status, missing=missing)
    return with_part(configuration, part, ordered)


# What a session's answer turns on in every tenant: the age of these is that of an answer.
DECIDING: Final = ("inbound_connectors", "organization", "accepted_domains")


def last_known(newest_first: Iterable[tuple[datetime, Configuration]]) -> Configuration:
    """The newest known value of every part, each from the newest reading that knows it, with
    when that was.

    Compare with this and not with the latest snapshot alone: a change made while a part could
    not be read would else be seen in neither of the two comparisons beside the gap.
    """
    whole = Configuration()
    for at, seen in newest_first:
        for name in (n for n in PARTS if not whole.knows(n) and seen.knows(n)):
            part = Part(name=name, status=PartStatus.OK, read_at=at)
            whole = with_part(whole, part, getattr(seen, name))
        if not whole.not_known:
            break
    return whole
