"""What stories are made of: rows, hosts and registrations as most tenants have them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from mailposture.lab.policies import connection_filter, external_tag, organization_config
from mailposture.lab.rows import (
    Row,
    accepted_domain,
    collection,
    guid,
    inbound_connector,
    outbound_connector,
)
from mailposture.lab.world import (
    CONNECTION_FILTER,
    DOMAINS,
    INBOUND,
    ORGANIZATION,
    OUTBOUND,
    RULES,
    FrontEnd,
    Registration,
    Source,
    Tenant,
)

LOCK = "Lock to gateway"
MAILBOXES = ("postmaster", "info", "sales", "security")


def locked_by_name(name: str) -> dict[str, Any]:
    """Give the other recipe: a Partner connector for everyone, and one certificate name."""
    return {
        "Comment": "Accept mail only from whoever shows the gateway's certificate",
        "RestrictDomainsToCertificate": True,
        "TlsSenderCertificateName": name,
    }


def lock_settings(gateway: str, *, enabled: bool = True) -> dict[str, Any]:
    """Give the classic recipe: a Partner connector for everyone, one address, TLS not asked for."""
    return {
        "Enabled": enabled,
        "Comment": "Accept mail only from the gateway",
        "SenderIPAddresses": [gateway],
        "RestrictDomainsToIPAddresses": True,
        "RequireTls": False,
    }


def lock(tenant: Tenant) -> Row:
    """Make the tenant's lock-down connector, on."""
    return inbound_connector(tenant.initial_domain, LOCK, lock_settings(tenant.gateway.address))


def wizard_name(slug: str) -> str:
    return guid(slug, "hybrid")


def hybrid_inbound(slug: str) -> Row:
    settings = {
        "ConnectorType": "OnPremises",
        "ConnectorSource": "HybridWizard",
        "CloudServicesMailEnabled": True,
        "TlsSenderCertificateName": f"*.{slug}.com",
    }
    name = f"Inbound from {wizard_name(slug)}"
    return inbound_connector(f"{slug}.onmicrosoft.com", name, settings)


def hybrid_outbound(slug: str) -> Row:
    settings = {
        **collection("RecipientDomains", [f"{slug}.com", f"corp.{slug}.com"]),
        **collection("SmartHosts", [f"mail.{slug}.com"]),
        "TlsDomain": f"mail.{slug}.com",
    }
    name = f"Outbound to {wizard_name(slug)}"
    return outbound_connector(f"{slug}.onmicrosoft.com", name, settings)


def gateway(slug: str, network: str) -> Source:
    return Source(name="Gateway", kind="gateway", address=f"{network}.10", host=f"mx1.{slug}.com")


def proved_gateway(slug: str, network: str) -> Source:
    """Give a hosted gateway that shows this tenant's own name below its vendor's."""
    name, file = f"{slug}.gateway.example", f"{slug}-gateway.pem"
    return replace(gateway(slug, network), certificate_file=file, certificate_name=name)


def hybrid(slug: str, network: str) -> Source:
    return Source(
        name="Hybrid server",
        kind="hybrid",
        address=f"{network}.25",
        host=f"mail.{slug}.com",
        certificate_file=f"{slug}-hybrid.pem",
        certificate_name=f"mail.{slug}.com",
    )


def front_ends(network: str, *machines: str) -> tuple[FrontEnd, ...]:
    return tuple(
        FrontEnd(address=f"{network}.{20 + number}", machine=machine)
        for number, machine in enumerate(machines)
    )


def rows(
    slug: str,
    name: str,
    *connectors: Row,
    wizard: bool = False,
    others: Iterable[str] = (),
    reject_direct_send: bool | None = None,
) -> dict[str, list[Row]]:
    """Give a tenant's rows; `others` are its domains besides the default and the initial one."""
    initial = f"{slug}.onmicrosoft.com"
    coexistence = [f"{slug}.mail.onmicrosoft.com"] if wizard else []
    return {
        INBOUND: list(connectors),
        OUTBOUND: [hybrid_outbound(slug)] if wizard else [],
        ORGANIZATION: [organization_config(initial, name, reject_direct_send=reject_direct_send)],
        DOMAINS: [
            accepted_domain(initial, f"{slug}.com", default=True),
            accepted_domain(initial, initial),
            *(accepted_domain(initial, domain) for domain in (*coexistence, *others)),
        ],
        RULES: [external_tag(initial)],
        CONNECTION_FILTER: [connection_filter(initial, [])],
    }


def directory(tenant_rows: dict[str, list[Row]]) -> frozenset[str]:
    domains = [row["DomainName"] for row in tenant_rows[DOMAINS]]
    return frozenset(f"{box}@{domain}" for domain in domains for box in MAILBOXES)


def secret_registration(slug: str, *wids: str) -> Registration:
    return Registration(
        client_id=guid(slug, "app"), client_secret=f"{slug}-lab-only-not-a-secret", wids=wids
    )
