"""A configuration as attribution reads it: only what is turned on, in one spelling."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from mailposture.core import addresses
from mailposture.core.addresses import NOWHERE, AddressError, AddressSet, Interval
from mailposture.core.attribution.assumptions import MISSING_PARTS
from mailposture.core.configuration import (
    ANY_DOMAIN,
    AcceptedDomain,
    Configuration,
    InboundConnector,
    RejectDirectSend,
    TransportRule,
)
from mailposture.core.hosts import is_name, is_pattern, plain

WILDCARD: Final = "*."


@dataclass(frozen=True, slots=True)
class Sight:
    """One enabled connector: its addresses (IPv4 alone counts) and names, ready to be asked."""

    connector: InboundConnector
    listed: AddressSet
    certificate: str
    sender_domains: frozenset[str]
    associated: frozenset[str]

    @property
    def name(self) -> str:
        """What Exchange calls the connector."""
        return self.connector.name

    @property
    def is_partner(self) -> bool:
        """Only Partner connectors refuse; OnPremises connectors grant."""
        return self.connector.is_partner

    @property
    def identifies(self) -> bool:
        """Whether it names its sources by address or certificate, and not by domain alone."""
        return bool(self.listed or self.certificate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All that attribution needs of one tenant. `reject_direct_send` is None where not known."""

    sights: tuple[Sight, ...]
    disabled: tuple[InboundConnector, ...]
    accepted: frozenset[str]
    with_subdomains: frozenset[str]
    maybe_with_subdomains: frozenset[str]  # MatchSubDomains was not read
    reject_direct_send: bool | None
    not_known: tuple[str, ...]  # names of MISSING_PARTS
    unreadable: tuple[str, ...] = ()  # what of a connector could not be understood, a clause each
    transport_rules: tuple[TransportRule, ...] | None = ()  # None: not read

    @property
    def knows_domains(self) -> bool:
        """Whether the accepted domains were read whole."""
        return MISSING_PARTS["accepted_domains"].name not in self.not_known


def read(configuration: Configuration) -> Rules:
    """Read a configuration once; every question is then put to the result."""
    connectors = configuration.inbound_connectors or ()
    seen = [_sight(connector) for connector in connectors if connector.enabled]
    unreadable = tuple(clause for _one, clauses in seen for clause in clauses)
    unknown = [part for part in MISSING_PARTS if not configuration.decides(part)]
    if unreadable and "inbound_connectors" not in unknown:
        unknown.insert(0, "inbound_connectors")
    domains = configuration.accepted_domains or ()
    return Rules(
        sights=tuple(one for one, _clauses in seen),
        disabled=tuple(c for c in connectors if not c.enabled),
        accepted=frozenset(plain(d.domain_name) for d in domains),
        with_subdomains=_matching(domains, match=True),
        maybe_with_subdomains=_matching(domains, match=None),
        reject_direct_send=_direct_send(configuration),
        not_known=tuple(MISSING_PARTS[part].name for part in unknown),
        unreadable=unreadable,
        transport_rules=_transport_rules(configuration),
    )


def _matching(domains: Iterable[AcceptedDomain], *, match: bool | None) -> frozenset[str]:
    return frozenset(plain(d.domain_name) for d in domains if d.match_sub_domains is match)


def _transport_rules(configuration: Configuration) -> tuple[TransportRule, ...] | None:
    known = configuration.knows("transport_rules")
    return configuration.transport_rules if known else None


def _sight(connector: InboundConnector) -> tuple[Sight, tuple[str, ...]]:
    """A connector ready to be asked, and what of it could not be understood."""
    listed, odd = _listed(connector.sender_ip_addresses)
    sight = Sight(
        connector=connector,
        listed=listed,
        certificate=certificate_name(connector),
        sender_domains=frozenset(patterns(connector)),
        associated=frozenset(plain(name) for name in connector.associated_accepted_domains),
    )
    return sight, tuple(_not_understood(connector, odd))


def patterns(connector: InboundConnector) -> Iterator[str]:
    """SenderDomains in one spelling, without what names no domain."""
    return (plain(name) for name in connector.sender_domains if is_pattern(name))


def certificate_name(connector: InboundConnector) -> str:
    """TlsSenderCertificateName in one spelling; empty where there is none."""
    return plain(connector.tls_sender_certificate_name or "")


def _listed(entries: Iterable[str]) -> tuple[AddressSet, list[str]]:
    """The IPv4 addresses among these, and the entries that could not be read."""
    found: list[Interval] = []
    odd = []
    for entry in entries:
        try:
            family, interval = addresses.parse_entry(entry)
        except AddressError:
            odd.append(entry)
            continue
        if family == 4:
            found.append(interval)
    return (addresses.of_intervals(v4=found) if found else NOWHERE), odd


def _not_understood(connector: InboundConnector, odd: Iterable[str]) -> Iterator[str]:
    """What is turned on and cannot be understood: never taken for "none"."""
    # Exchange stores no connector without a sender domain: an empty one was not read.
    if not connector.sender_domains:
        yield f"SenderDomains of {connector.name} names no domain"
    certificate = (connector.tls_sender_certificate_name or "",)
    for field, values, usable, what in (
        ("SenderDomains", connector.sender_domains, is_pattern, "domain"),
        ("SenderIPAddresses", odd, _never, "address"),
        ("AssociatedAcceptedDomains", connector.associated_accepted_domains, is_name, "domain"),
        ("TlsSenderCertificateName", certificate, is_pattern, "domain"),
    ):
        for value in values:
            if value.strip() and not usable(value):
                yield f"{field} of {connector.name} holds {value!r}, which is no {what}"


def _never(_value: str) -> bool:
    return False


def _direct_send(configuration: Configuration) -> bool | None:
    organization = configuration.organization
    setting = organization.reject_direct_send if organization else None
    return (
        {RejectDirectSend.ON: True, RejectDirectSend.OFF: False}.get(setting) if setting else None
    )


# ---- names ---------------------------------------------------------------------------------


def within(name: str, pattern: str) -> bool:
    """Whether a name is meant: *.contoso.com is contoso.com and all below it, at any depth."""
    if not pattern.startswith(WILDCARD):
        return bool(name) and name == pattern
    apex = pattern.removeprefix(WILDCARD)
    return name == apex or name.endswith(f".{apex}")


def bare(certificate: str) -> str:
    """The name that must be an accepted domain: the connector's own, without a leading `*.`."""
    return certificate.removeprefix(WILDCARD)


ANY, BELOW, EXACT = 1, 2, 3


def specificity(domain: str, patterns: frozenset[str]) -> int:
    """How closely SenderDomains names a domain: not at all 0, * 1, by a wildcard 2, itself 3."""
    if domain in patterns:
        return EXACT
    if any(p.startswith(WILDCARD) and within(domain, p) for p in patterns) and domain:
        return BELOW
    return ANY if ANY_DOMAIN in patterns else 0


def takes(rules: Rules, domain: str, *, subdomains: bool = True, unread: bool = False) -> bool:
    """Whether a recipient of this domain is the tenant's (match_subdomains); with `unread` also
    below a domain of which that was not read (match_subdomains_unknown).
    """
    if domain in rules.accepted or not rules.knows_domains:
        return True
    matching = rules.with_subdomains | (rules.maybe_with_subdomains if unread else frozenset())
    return subdomains and below(domain, matching)


def below(domain: str, names: frozenset[str]) -> bool:
    """Whether a domain lies below one of these."""
    labels = domain.split(".")
    return any(".".join(labels[n:]) in names for n in range(1, len(labels)))
