"""Small configurations for tests, with only what a test is about spelled out."""

from typing import Any

from mailposture.core.configuration import (
    PARTS,
    AcceptedDomain,
    Configuration,
    ConnectorType,
    InboundConnector,
    Organization,
    Part,
    PartStatus,
    RejectDirectSend,
)

GUID = "ffbeca86-bb68-5341-b2b2-cc035bfbc150"


def lock(**other: Any) -> InboundConnector:
    """The classic lock: any sender, one address of the gateway, TLS off."""
    fields: dict[str, Any] = {
        "guid": GUID,
        "name": "Lock to gateway",
        "enabled": True,
        "connector_type": ConnectorType.PARTNER,
        "sender_domains": ("*",),
        "sender_ip_addresses": ("203.0.113.10",),
        "restrict_domains_to_ip_addresses": True,
        "restrict_domains_to_certificate": False,
        "require_tls": False,
        "tls_sender_certificate_name": None,
        "associated_accepted_domains": (),
    }
    return InboundConnector(**fields | other)


def hybrid(**other: Any) -> InboundConnector:
    """What the Hybrid Wizard makes."""
    fields: dict[str, Any] = {
        "guid": "060cbf21-909a-5258-8ecd-5ed361254516",
        "name": "Inbound from 9c1c3e0a",
        "connector_type": ConnectorType.ON_PREMISES,
        "connector_source": "HybridWizard",
        "sender_ip_addresses": (),
        "restrict_domains_to_ip_addresses": False,
        "require_tls": True,
        "tls_sender_certificate_name": "mail.fabrikam.com",
        "cloud_services_mail_enabled": True,
    }
    return lock(**fields | other)


def domain(name: str, **other: Any) -> AcceptedDomain:
    return AcceptedDomain(domain_name=name, domain_type="Authoritative", **other)


def organization(reject: RejectDirectSend = RejectDirectSend.OFF) -> Organization:
    return Organization(name="contoso.onmicrosoft.com", reject_direct_send=reject)


def configuration(*connectors: InboundConnector, **other: Any) -> Configuration:
    """All parts read, with these connectors; `other` replaces parts."""
    parts = tuple(Part(name=name, status=PartStatus.OK) for name in PARTS)
    held: dict[str, Any] = {
        "parts": parts,
        "inbound_connectors": connectors,
        "outbound_connectors": (),
        "organization": organization(),
        "accepted_domains": (domain("contoso.com"),),
        "transport_rules": (),
        "connection_filters": (),
        "domain_facts": (),
    }
    return Configuration(**held | other)
