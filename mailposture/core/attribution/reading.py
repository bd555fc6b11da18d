"""A configuration as attribution reads it: only what is turned on, in one spelling."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mailposture.core import addresses
from mailposture.core.addresses import NOWHERE, AddressError, AddressSet
from mailposture.core.attribution.assumptions import MISSING_PARTS
from mailposture.core.configuration import (
    ANY_DOMAIN,
    Configuration,
    InboundConnector,
    RejectDirectSend,
    TransportRule,
)
from mailposture.core.hosts import plain

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
    reject_direct_send: bool | None
    not_known: tuple[str, ...]  # names of MISSING_PARTS
    transport_rules: tuple[TransportRule, ...] | None = ()  # None: not read

    @property
    def knows_domains(self) -> bool:
        """Whether the accepted domains were read whole."""
        return MISSING_PARTS["accepted_domains"].name not in self.not_known


def read(configuration: Configuration) -> Rules:
    """Read a configuration once; every question is then put to the result."""
    sights, unreadable = [], False
    for connector in configuration.inbound_connectors or ():
        if connector.enabled:
            listed, odd = _listed(connector.sender_ip_addresses)
            sights.append(_sight(connector, listed))
            # Exchange stores no connector without a sender domain: an empty one was not read.
            unreadable = unreadable or odd or not connector.sender_domains
    unknown = [part for part in MISSING_PARTS if not configuration.knows(part)]
    if unreadable and "inbound_connectors" not in unknown:
        unknown.insert(0, "inbound_connectors")
    domains = configuration.accepted_domains or ()
    return Rules(
        sights=tuple(sights),
        disabled=tuple(c for c in configuration.inbound_connectors or () if not c.enabled),
        accepted=frozenset(plain(d.domain_name) for d in domains),
        with_subdomains=frozenset(plain(d.domain_name) for d in domains if d.match_sub_domains),
        reject_direct_send=_direct_send(configuration),
        not_known=tuple(MISSING_PARTS[part].name for part in unknown),
        transport_rules=_transport_rules(configuration),
    )


def _transport_rules(configuration: Configuration) -> tuple[TransportRule, ...] | None:
    known = configuration.knows("transport_rules")
    return configuration.transport_rules if known else None


def _sight(connector: InboundConnector, listed: AddressSet) -> Sight:
    return Sight(
        connector=connector,
        listed=listed,
        certificate=certificate_name(connector),
        sender_domains=frozenset(plain(name) for name in connector.sender_domains),
        associated=frozenset(plain(name) for name in connector.associated_accepted_domains),
    )


def certificate_name(connector: InboundConnector) -> str:
    """TlsSenderCertificateName in one spelling; empty where there is none."""
    return plain(connector.tls_sender_certificate_name or "")


def _listed(entries: Iterable[str]) -> tuple[AddressSet, bool]:
    """The IPv4 addresses among these, and whether some entry could not be read."""
    found, odd = [], False
    for entry in entries:
        try:
            family, interval = addresses.parse_entry(entry)
        except AddressError:
            odd = odd or bool(entry.strip())
            continue
        if family == 4:
            found.append(interval)
    return (addresses.of_intervals(v4=found) if found else NOWHERE), odd


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


def takes(rules: Rules, domain: str, *, subdomains: bool = True) -> bool:
    """Whether a recipient of this domain is the tenant's (match_subdomains)."""
    if domain in rules.accepted or not rules.knows_domains:
        return True
    labels = domain.split(".")
    above = (".".join(labels[n:]) for n in range(1, len(labels)))
    return subdomains and any(parent in rules.with_subdomains for parent in above)
