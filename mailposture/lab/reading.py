"""How the service itself reads a tenant's rows: what a connector asks for, and of whom."""

from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network, ip_address, ip_network

from mailposture.lab.rows import Row
from mailposture.lab.world import DOMAINS, INBOUND, ORGANIZATION, Tenant


@dataclass(frozen=True)
class Connector:
    """A Get-InboundConnector row as the service understands it."""

    row: Row

    @property
    def name(self) -> str:
        return str(self.row["Name"])

    @property
    def enabled(self) -> bool:
        return bool(self.row["Enabled"])

    @property
    def on_premises(self) -> bool:
        return bool(self.row["ConnectorType"] == "OnPremises")

    @property
    def require_tls(self) -> bool:
        return bool(self.row["RequireTls"])

    @property
    def restricts_addresses(self) -> bool:
        return bool(self.row["RestrictDomainsToIPAddresses"])

    @property
    def restricts_certificate(self) -> bool:
        return bool(self.row["RestrictDomainsToCertificate"])

    @property
    def certificate_name(self) -> str:
        return (self.row["TlsSenderCertificateName"] or "").lower()

    @cached_property
    def networks(self) -> tuple[IPv4Network, ...]:
        found = [ip_network(value, strict=False) for value in self.row["SenderIPAddresses"]]
        return tuple(network for network in found if isinstance(network, IPv4Network))

    @cached_property
    def sender_domains(self) -> tuple[str, ...]:
        """SenderDomains without their clothes: `smtp:*.contoso.com;1` is `*.contoso.com`."""
        return tuple(
            value.removeprefix("smtp:").partition(";")[0].lower()
            for value in self.row["SenderDomains"]
        )

    @cached_property
    def associated_domains(self) -> tuple[str, ...]:
        return tuple(value.lower() for value in self.row["AssociatedAcceptedDomains"])

    @property
    def identifies(self) -> bool:
        """Whether it names its senders by address or certificate, and not by domain alone."""
        return bool(self.networks or self.certificate_name)

    def lists(self, address: str) -> bool:
        """SenderIPAddresses are IPv4 only (ipv6_never_listed)."""
        source = ip_address(address)
        return any(source in network for network in self.networks)

    def names(self, certificate: frozenset[str]) -> bool:
        """Whether CN or any SAN bears TlsSenderCertificateName (certificate_names)."""
        wanted = self.certificate_name
        return bool(wanted) and any(within(name, wanted) for name in certificate)

    def covers_sender(self, domain: str) -> bool:
        """Whether the envelope sender's domain is in scope; `*` takes `<>` in as well."""
        if "*" in self.sender_domains:
            return True
        return bool(domain) and any(within(domain, scope) for scope in self.sender_domains)

    def covers_recipient(self, domain: str) -> bool:
        """A non-empty AssociatedAcceptedDomains limits it to those recipients' domains."""
        return not self.associated_domains or domain in self.associated_domains


def within(name: str, pattern: str) -> bool:
    """`*.contoso.com` is contoso.com itself and every name below it, at any depth."""
    if not pattern.startswith("*."):
        return name == pattern
    apex = pattern.removeprefix("*.")
    return name == apex or name.endswith("." + apex)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """All that the service knows of one tenant when a session comes in."""

    slug: str
    accepted: frozenset[str]
    accepted_with_subdomains: frozenset[str]
    connectors: tuple[Connector, ...]
    reject_direct_send: bool
    mailboxes: frozenset[str]
    contradicted: bool

    def takes(self, domain: str) -> bool:
        """Whether a recipient of this domain belongs to the tenant (match_subdomains)."""
        parents = domain.split(".")
        above = {".".join(parents[n:]) for n in range(1, len(parents))}
        return domain in self.accepted or bool(above & self.accepted_with_subdomains)


def read(tenant: Tenant) -> Rules:
    """Read a tenant's rows as they stand now."""
    domains = tenant.rows[DOMAINS]
    organization = tenant.rows[ORGANIZATION][0]
    every = (Connector(row) for row in tenant.rows[INBOUND])
    return Rules(
        slug=tenant.slug,
        accepted=frozenset(row["DomainName"] for row in domains),
        accepted_with_subdomains=frozenset(
            row["DomainName"] for row in domains if row["MatchSubDomains"]
        ),
        connectors=tuple(connector for connector in every if connector.enabled),
        reject_direct_send=bool(organization.get("RejectDirectSend")),
        mailboxes=tenant.mailboxes,
        contradicted=tenant.contradicted,
    )
