"""The tenants of the lab and the story each of them tells, as it stands before any scene.

contoso    hybrid, a gateway in front, no lock-down: anyone may deliver past the gateway.
fabrikam   locked by the gateway's address, the classic recipe, beside the hybrid
           wizard's connector.
tailspin   the lock-down connector exists but was turned off: open, and easy to overlook.
proseware  locked too, but its registration was never given a directory role: every cmdlet is
           refused (403), while the wire shows closed. What is observed needs no permission.
northwind  locked by the gateway's certificate name, beside the hybrid wizard's connector. Its
           second domain has no door but the one in the signed zone, `mx.microsoft`.
adatum     RejectDirectSend and nothing else: refused are its own domains only, also where they
           come through its gateway; every other sender walks past it.
litware    locked by address, but the connector is bound to litware.com by
           AssociatedAcceptedDomains, so that onmicrosoft.com stays open.
wingtip    a vendors' recipe: Partner connectors for its own domains, bound to the vendors'
           certificates. Own senders are refused, through its gateway too; all others get in.
           Its second domain has no postmaster: unknown until somebody names a recipient.
"""

from mailposture.lab.making import (
    LOCK,
    directory,
    front_ends,
    gateway,
    hybrid,
    hybrid_inbound,
    lock_settings,
    locked_by_name,
    proved_gateway,
    rows,
    secret_registration,
)
from mailposture.lab.rows import Row, collection, guid, inbound_connector
from mailposture.lab.world import GLOBAL_READER, Registration, Source, Tenant, World


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


def northwind() -> Tenant:
    initial = "northwind.onmicrosoft.com"
    locked = inbound_connector(initial, LOCK, locked_by_name("northwind.gateway.example"))
    held = rows(
        "northwind",
        "Northwind",
        locked,
        hybrid_inbound("northwind"),
        wizard=True,
        others=("northwindtraders.com",),
    )
    return Tenant(
        slug="northwind",
        name="Northwind",
        tenant_id=guid("northwind", "tenant"),
        story="Locked to the name in the gateway's certificate, beside the hybrid wizard's own "
        "connector. northwindtraders.com has no door but the one in the signed zone.",
        rows=held,
        front_ends=front_ends("127.0.14", "AMS0EPF000001B7", "DU2PEPF0001E9C4"),
        sources=(proved_gateway("northwind", "127.0.14"), hybrid("northwind", "127.0.14")),
        registration=secret_registration("northwind", GLOBAL_READER),
        mailboxes=directory(held),
        signed={"northwindtraders.com": "o"},
    )


def adatum() -> Tenant:
    held = rows("adatum", "Adatum", reject_direct_send=True)
    return Tenant(
        slug="adatum",
        name="Adatum",
        tenant_id=guid("adatum", "tenant"),
        story="Rejects Direct Send, and nothing else: its own domains are refused from any host, "
        "its gateway's included, and every other sender gets in.",
        rows=held,
        front_ends=front_ends("127.0.15", "AM1PEPF000252E0", "DB1PEPF00039233"),
        sources=(gateway("adatum", "127.0.15"),),
        registration=secret_registration("adatum", GLOBAL_READER),
        mailboxes=directory(held),
    )


def litware() -> Tenant:
    bound = lock_settings("127.0.16.10") | collection("AssociatedAcceptedDomains", ["litware.com"])
    locked = inbound_connector("litware.onmicrosoft.com", LOCK, bound)
    held = rows("litware", "Litware", locked)
    return Tenant(
        slug="litware",
        name="Litware",
        tenant_id=guid("litware", "tenant"),
        story="Locked to the gateway's address, but for litware.com only: the connector leaves "
        "litware.onmicrosoft.com open.",
        rows=held,
        front_ends=front_ends("127.0.16", "AM4PEPF00025F98", "DB5PEPF00014B8E"),
        sources=(gateway("litware", "127.0.16"),),
        registration=secret_registration("litware", GLOBAL_READER),
        mailboxes=directory(held),
    )


def vendors(name: str, certificate: str, *domains: str) -> Row:
    """Make a vendor's connector: who writes as one of our domains shows this certificate."""
    settings = {
        "Comment": "The vendor may send in our name",
        **collection("SenderDomains", [f"smtp:{domain};1" for domain in domains]),
        "RestrictDomainsToCertificate": True,
        "TlsSenderCertificateName": certificate,
    }
    return inbound_connector("wingtip.onmicrosoft.com", name, settings)


def wingtip() -> Tenant:
    initial = "wingtip.onmicrosoft.com"
    held = rows(
        "wingtip",
        "Wingtip",
        vendors("Newsletters", "*.newsletters.example", "wingtip.com"),
        vendors("Ticket desk", "*.ticketdesk.example", "wingtip.com", initial),
        others=("wingtiptoys.com",),
    )
    vendor = Source(
        name="Newsletter vendor",
        kind="relay",
        address="127.0.17.40",
        host="out.newsletters.example",
        certificate_file="wingtip-relay.pem",
        certificate_name="out.newsletters.example",
    )
    return Tenant(
        slug="wingtip",
        name="Wingtip",
        tenant_id=guid("wingtip", "tenant"),
        story="Followed its vendors' recipe: connectors for its own domains, bound to the "
        "vendors' certificates. Its own senders are refused, its gateway's included; all others "
        "get in. wingtiptoys.com has no postmaster.",
        rows=held,
        front_ends=front_ends("127.0.17", "AMS1EPF0000004A", "DU6PEPF0000A7E1"),
        sources=(gateway("wingtip", "127.0.17"), vendor),
        registration=secret_registration("wingtip", GLOBAL_READER),
        mailboxes=directory(held) - {"postmaster@wingtiptoys.com"},
    )


def new_world() -> World:
    """Make the world as it is before anybody touched it."""
    first = [contoso(), fabrikam(), tailspin(), proseware()]
    return World(tenants=[*first, northwind(), adatum(), litware(), wingtip()])
