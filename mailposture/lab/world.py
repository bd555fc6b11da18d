"""The lab's world: tenants with their raw Exchange rows, hosts, registrations and faults.

The rows are the one source of truth. The Admin API hands them out as they are, the SMTP front
ends read them through `reading.py`, and a scene edits them. Nothing here
looks at a clock or a disk: whoever edits says when, `store.py` keeps.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mailposture.lab.rows import Row, dates

INBOUND = "Get-InboundConnector"
OUTBOUND = "Get-OutboundConnector"
ORGANIZATION = "Get-OrganizationConfig"
DOMAINS = "Get-AcceptedDomain"
RULES = "Get-TransportRule"
CONNECTION_FILTER = "Get-HostedConnectionFilterPolicy"

STRANGER = "127.0.66.7"
SERVICE = "127.0.0.1"
MAIL_SUFFIX = "mail.protection.outlook.com"
SIGNED_SUFFIX = "mx.microsoft"
MANAGE_AS_APP = "Exchange.ManageAsApp"
GLOBAL_READER = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"


@dataclass(kw_only=True, slots=True)
class FrontEnd:
    """One address of the service that takes mail for a tenant, and how it misbehaves."""

    address: str
    machine: str
    fault: str | None = None
    delay: int = 0

    @property
    def host(self) -> str:
        """The name in its banner, such as AMS0EPF0000019A.mail.protection.outlook.com."""
        return f"{self.machine}.{MAIL_SUFFIX}"

    @property
    def inner(self) -> str:
        """The name in the suffix of its refusals."""
        return f"{self.machine}.eurprd05.prod.outlook.com"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A host of the organisation that must get in, and the address it connects from."""

    name: str
    kind: str
    address: str
    host: str
    certificate_file: str | None = None
    certificate_name: str | None = None


@dataclass(kw_only=True, slots=True)
class Registration:
    """The app registration that reads the tenant: who it is and what it was granted.

    Exactly one of `client_secret` and `certificate_file` is set. `certificate` is the public
    part in PEM, filled in when the lab starts; `uploaded` are others that people gave it. `roles`
    are consented app roles, `wids` the templates of the directory roles assigned to it.
    """

    client_id: str
    client_secret: str | None = None
    certificate_file: str | None = None
    certificate: str | None = None
    uploaded: tuple[str, ...] = ()
    secret_expired: bool = False
    roles: tuple[str, ...] = (MANAGE_AS_APP,)
    wids: tuple[str, ...] = (GLOBAL_READER,)

    @property
    def certificates(self) -> tuple[str, ...]:
        """Every certificate by which it may prove itself, as PEM."""
        return (*((self.certificate,) if self.certificate else ()), *self.uploaded)


@dataclass(kw_only=True, slots=True)
class Tenant:
    """One organisation: its story, its rows by cmdlet, its hosts and its directory.

    `signed` are the domains whose only door is in the signed zone, and the letter of its name.
    `renewed` says that the hybrid server shows another certificate than the one it had.
    """

    slug: str
    name: str
    tenant_id: str
    story: str
    rows: dict[str, list[Row]]
    front_ends: tuple[FrontEnd, ...]
    sources: tuple[Source, ...]
    registration: Registration
    mailboxes: frozenset[str]
    contradicted: bool = False
    signed: Mapping[str, str] = field(default_factory=dict)
    renewed: bool = False

    @property
    def connectors(self) -> list[Row]:
        return self.rows[INBOUND]

    @property
    def domains(self) -> tuple[str, ...]:
        return tuple(row["DomainName"] for row in self.rows[DOMAINS])

    @property
    def initial_domain(self) -> str:
        return next(str(row["DomainName"]) for row in self.rows[DOMAINS] if row["InitialDomain"])

    @property
    def gateway(self) -> Source:
        return next(source for source in self.sources if source.kind == "gateway")

    @property
    def hybrid(self) -> Source | None:
        return next((source for source in self.sources if source.kind == "hybrid"), None)

    def shown_by(self, source: Source) -> str | None:
        """The name in the certificate that this host shows at present, if it has any."""
        if self.renewed and source.kind == "hybrid":
            return f"mail.{self.slug}.example"
        return source.certificate_name

    def door(self, domain: str) -> str:
        """The name of the front ends for mail to this domain, its dots made dashes."""
        label = domain.replace(".", "-")
        if letter := self.signed.get(domain):
            return f"{label}.{letter}-v1.{SIGNED_SUFFIX}"
        return f"{label}.{MAIL_SUFFIX}"

    def rows_of(self, cmdlet: str) -> list[Row]:
        """What a cmdlet returns of this tenant; the entrances of its domains are worked out."""
        if cmdlet != "Get-DnssecStatusForVerifiedDomain":
            return self.rows.get(cmdlet, [])
        return [
            {
                "DomainName": domain,
                "DnssecFeatureStatus": "Enabled" if domain in self.signed else "Disabled",
                "ExpectedMxRecord": {"Record": f"@ 60 IN MX 10 {self.door(domain)}"},
            }
            for domain in self.domains
        ]

    def connector(self, name: str) -> Row | None:
        return next((row for row in self.connectors if row["Name"] == name), None)


@dataclass(kw_only=True, slots=True)
class ApiFault:
    """How the Admin API answers a tenant's next calls instead of the truth."""

    tenant: str
    kind: str
    cmdlet: str | None = None
    times: int | None = None


@dataclass(kw_only=True, slots=True)
class World:
    """Everything there is in the lab."""

    tenants: list[Tenant]
    txt: dict[str, list[str]] = field(default_factory=dict)
    api_faults: list[ApiFault] = field(default_factory=list)

    def by_slug(self, slug: str) -> Tenant | None:
        return next((tenant for tenant in self.tenants if tenant.slug == slug), None)

    def by_id(self, tenant_id: str) -> Tenant | None:
        wanted = tenant_id.lower()
        return next((tenant for tenant in self.tenants if tenant.tenant_id == wanted), None)

    def by_domain(self, domain: str) -> Tenant | None:
        wanted = domain.lower()
        return next((tenant for tenant in self.tenants if wanted in tenant.domains), None)

    def front_ends(self) -> Iterator[tuple[Tenant, FrontEnd]]:
        return ((tenant, front) for tenant in self.tenants for front in tenant.front_ends)

    def hosts(self) -> list[str]:
        """Every address the lab binds or is connected to from."""
        fronts = [front.address for _, front in self.front_ends()]
        sources = [source.address for tenant in self.tenants for source in tenant.sources]
        return [SERVICE, *fronts, *sources, STRANGER]

    def take_api_fault(self, slug: str, cmdlet: str | None) -> str | None:
        """Give the kind of fault that meets this call, and use up one of its times."""
        for fault in self.api_faults:
            if fault.tenant == slug and fault.cmdlet in {None, cmdlet}:
                if fault.times is not None:
                    fault.times -= 1
                self.api_faults = [f for f in self.api_faults if f.times is None or f.times > 0]
                return fault.kind
        return None


def touch(row: Row, now: datetime, *, created: bool = False) -> None:
    """Move the dates of a row that was edited, or just made, as Exchange does."""
    moved = dates(now, now)
    wanted = ("WhenChanged", "WhenCreated") if created else ("WhenChanged",)
    row.update({key: moved[key] for key in moved if key in row and key.startswith(wanted)})
