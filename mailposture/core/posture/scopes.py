"""What a finding is about, exactly: the addresses, names and domains that an exception accepts.

By rule, since a rule knows what makes its finding worse. What is not in the table is held by its
evidence, line by line; of what speaks of a time, by its severity alone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from mailposture.core import addresses
from mailposture.core.addresses import AddressSet
from mailposture.core.configuration import InboundConnector
from mailposture.core.hosts import plain
from mailposture.core.posture.facts import Facts, ipv4, named
from mailposture.core.posture.findings import Finding, Severity
from mailposture.core.posture.locks import clear
from mailposture.core.reachability import FOREIGN, OWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a finding is about, exactly. None is not known, or not what this finding turns on."""

    severity: Severity
    addresses: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    domains: tuple[str, ...] | None = None
    lines: tuple[str, ...] | None = None

    @property
    def set(self) -> AddressSet | None:
        """Its addresses as a set."""
        return None if self.addresses is None else addresses.parse(self.addresses)


type Measure = Callable[[Facts, Finding], Scope]


def scope(facts: Facts, finding: Finding) -> Scope:
    """What this finding turns on, by what is known now."""
    return MEASURES.get(finding.rule, _evidence)(facts, finding)


def _open_door(facts: Facts, finding: Finding) -> Scope:
    """Of a lock that lacks: who gets in although no connector names them, and where."""
    if not facts.configuration.knows("inbound_connectors"):
        return Scope(severity=finding.severity)
    domains = tuple(sorted(set(_stranger_domains(facts))))
    return Scope(severity=finding.severity, addresses=facts.strangers.cidrs(), domains=domains)


def _stranger_domains(facts: Facts) -> Iterator[str]:
    """Domains that take mail of hosts that no connector names."""
    listed = named(facts.reach)
    told: dict[int, bool] = {}
    for domain in facts.reach.domains:
        for sender_class in facts.reach.classes:
            found = facts.reach.of(domain, sender_class).addresses
            if id(found) not in told:
                told[id(found)] = bool(found - listed)
            if told[id(found)]:
                yield domain
                break


def _answers(sender_class: str) -> Measure:
    """Of what was seen: the domains that took a stranger's mail."""

    def measure(facts: Facts, finding: Finding) -> Scope:
        seen = facts.observed.answers
        if seen is None:
            return Scope(severity=finding.severity)
        opened = {
            plain(a.domain) for a in seen if a.sender_class == sender_class and a.verdict == "open"
        }
        return Scope(severity=finding.severity, domains=tuple(sorted(opened)))

    return measure


def _connector(facts: Facts, finding: Finding) -> Scope:
    """Of one connector: the addresses it names and nobody approved, its names, whom it trusts."""
    guid = finding.subject.split(" ", 1)[0]
    found = next((c for c in facts.connectors if c.guid == guid), None)
    if found is None:  # it speaks of several at once
        return _evidence(facts, finding)
    return Scope(
        severity=finding.severity,
        addresses=(ipv4(found.sender_ip_addresses) - facts.everyone_approved).cidrs(),
        names=tuple(sorted(_names(found))),
    )


def _names(connector: InboundConnector) -> set[str]:
    given = (connector.tls_sender_certificate_name, *(connector.trusted_organizations or ()))
    return {plain(name) for name in given if name}


def _in_clear(facts: Facts, finding: Finding) -> Scope:
    """Of connectors that lack the same thing: which they are."""
    lines = tuple(sorted(f"Without TLS: {one.name}" for one in clear(facts)))
    return Scope(severity=finding.severity, lines=lines)


def _evidence(_facts: Facts, finding: Finding) -> Scope:
    return Scope(severity=finding.severity, lines=finding.evidence)


def _severity(_facts: Facts, finding: Finding) -> Scope:
    return Scope(severity=finding.severity)


MEASURES: Final[Mapping[str, Measure]] = {
    **dict.fromkeys(
        (
            "MP-01", "MP-05", "MP-21", "MP-22", "MP-23", "MP-24", "MP-25", "MP-43", "MP-61",
        ),
        _open_door,
    ),
    "MP-03": _answers(FOREIGN),
    "MP-04": _answers(OWN),
    "MP-28": _in_clear,
    **dict.fromkeys(
        (
            "MP-06", "MP-07", "MP-26", "MP-27", "MP-31", "MP-32", "MP-33", "MP-34",
            "MP-35", "MP-36", "MP-51", "MP-52", "MP-56",
        ),
        _connector,
    ),
    **dict.fromkeys(("MP-10", "MP-53", "MP-54", "MP-55"), _severity),
}  # fmt: skip
