"""The tenants of the lab and the story each of them tells, as it stands before any scene.

contoso    hybrid, a gateway in front, no lock-down: anyone may deliver past the gateway.
fabrikam   locked by the gateway's address, the classic recipe, beside the hybrid
           wizard's connector.
tailspin   the lock-down connector exists but was turned off: open, and easy to overlook.
proseware  locked too, but its registration was never given a directory role: every cmdlet is
           refused (403), while the wire shows closed. What is observed needs no permission.
"""

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
    GLOBAL_READER,
    INBOUND,
    ORGANIZATION,
    OUTBOUND,
    RULES,
    FrontEnd,
    Registration,
    Source,
    Tenant,
    World,
)

LOCK = "Lock to gateway"
MAILBOXES = ("postmaster", "info", "sales", "security")


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


def rows(slug: str, name: str, *connectors: Row, wizard: bool) -> dict[str, list[Row]]:
    initial = f"{slug}.onmicrosoft.com"
    coexistence = [accepted_domain(initial, f"{slug}.mail.onmicrosoft.com")] if wizard else []
    return {
        INBOUND: list(connectors),
        OUTBOUND: [hybrid_outbound(slug)] if wizard else [],
        ORGANIZATION: [organization_config(initial, name, reject_direct_send=None)],
        DOMAINS: [
            accepted_domain(initial, f"{slug}.com", default=True),
            accepted_domain(initial, initial),
            *coexistence,
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


def contoso() -> Tenant:
    held = rows("contoso", "Contoso", hybrid_inbound("contoso"), wizard=True)
    return Tenant(
        slug="contoso",
        name="Contoso",
        tenant_id=guid("contoso", "tenant"),
        story="Hybrid, with a gateway in front and nothing that stops mail from going round it.",
        rows=held,
        front_ends=front_ends("127.0.10", "AMS0EPF0000019A", "DU6PEPF0000B61C"),
        sources=(gateway("contoso", "127.0.10"), hybrid("contoso", "127.0.10")),
        registration=secret_registration("contoso", GLOBAL_READER),
        mailboxes=directory(held),
    )


def fabrikam() -> Tenant:
    initial = "fabrikam.onmicrosoft.com"
    locked = inbound_connector(initial, LOCK, lock_settings("127.0.11.10"))
    held = rows("fabrikam", "Fabrikam", locked, hybrid_inbound("fabrikam"), wizard=True)
    return Tenant(
        slug="fabrikam",
        name="Fabrikam",
        tenant_id=guid("fabrikam", "tenant"),
        story="Locked to the gateway's one address, beside the hybrid wizard's own connector.",
        rows=held,
        front_ends=front_ends("127.0.11", "AM3PEPF0000A790", "DB1PEPF000509EF"),
        sources=(gateway("fabrikam", "127.0.11"), hybrid("fabrikam", "127.0.11")),
        registration=Registration(
            client_id=guid("fabrikam", "app"), certificate_file="fabrikam-app.pem"
        ),
        mailboxes=directory(held),
    )


def tailspin() -> Tenant:
    initial = "tailspin.onmicrosoft.com"
    switched_off = inbound_connector(initial, LOCK, lock_settings("127.0.12.10", enabled=False))
    held = rows("tailspin", "Tailspin", switched_off, wizard=False)
    return Tenant(
        slug="tailspin",
        name="Tailspin",
        tenant_id=guid("tailspin", "tenant"),
        story="Has the right connector, and has it turned off.",
        rows=held,
        front_ends=front_ends("127.0.12", "AMS0EPF00000201", "DU2PEPF00028D0A"),
        sources=(gateway("tailspin", "127.0.12"),),
        registration=secret_registration("tailspin", GLOBAL_READER),
        mailboxes=directory(held),
    )


def proseware() -> Tenant:
    initial = "proseware.onmicrosoft.com"
    locked = inbound_connector(initial, LOCK, lock_settings("127.0.13.10"))
    held = rows("proseware", "Proseware", locked, wizard=False)
    return Tenant(
        slug="proseware",
        name="Proseware",
        tenant_id=guid("proseware", "tenant"),
        story="Locked, but its registration lacks the directory role, so nothing can be read.",
        rows=held,
        front_ends=front_ends("127.0.13", "AM4PEPF00027A6B", "DB5PEPF00014B9A"),
        sources=(gateway("proseware", "127.0.13"),),
        registration=secret_registration("proseware"),
        mailboxes=directory(held),
    )


def new_world() -> World:
    """Make the world as it is before anybody touched it."""
    return World(tenants=[contoso(), fabrikam(), tailspin(), proseware()])
