"""Rows for tests, by short functions. Times are counted from one fixed NOW."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from mailposture import models
from mailposture.core import codec
from mailposture.core.configuration import (
    PARTS,
    AcceptedDomain,
    Configuration,
    ConnectorType,
    DomainFacts,
    InboundConnector,
    MxHost,
    Organization,
    Part,
    PartStatus,
    RejectDirectSend,
)

NOW = datetime(2026, 11, 25, 8, 2, tzinfo=UTC)
CLASSES = ("foreign", "own", "null")
LOCK = uuid.UUID("6f1e54a4-3c2b-4f52-9a7d-1d2f3b4c5d6e")


def ago(**span: float) -> datetime:
    """So long before NOW."""
    return NOW - timedelta(**span)


def tenant(name: str = "contoso", **fields: Any) -> models.Tenant:
    """A tenant under watch, read and probed a moment ago."""
    given = {
        "slug": name.lower(),
        "name": name,
        "tenant_id": uuid.uuid5(uuid.NAMESPACE_DNS, name),
        "cloud": "worldwide",
        "created_at": ago(days=30),
        "fetch_every": 900,
        "probe_every": 21600,
        "fetched_at": ago(minutes=3),
        "probed_at": ago(minutes=4),
    }
    return models.Tenant.objects.create(**{**given, **fields})


def stranger(slug: str = "frankfurt", **fields: Any) -> models.VantagePoint:
    """A vantage point that plays a stranger."""
    given = {"slug": slug, "name": f"Stranger, {slug}", "address": "198.51.100.7"}
    times = {
        "created_at": ago(days=30),
        "asked_at": ago(seconds=11),
        "heard_at": ago(seconds=10),
    }
    return models.VantagePoint.objects.create(**{**given, **times, **fields})


def source(
    of: models.Tenant, kind: str = "gateway", address: str = "203.0.113.10"
) -> models.ApprovedSource:
    """An approved source of a tenant, played by a vantage point of its own."""
    place = models.VantagePoint.objects.create(
        slug=f"{of.slug}-{kind}",
        name=f"{kind} of {of.name}",
        plays=models.VantagePoint.Plays.SOURCE,
        address=address,
        created_at=ago(days=30),
        asked_at=ago(seconds=11),
        heard_at=ago(seconds=10),
    )
    return of.sources.create(
        name=kind.capitalize(), kind=kind, addresses=address, vantage_point=place
    )


def lock(*, enabled: bool = True, **fields: Any) -> InboundConnector:
    """The classic lock-down: Partner, any sender domain, one gateway address."""
    given: dict[str, Any] = {
        "guid": str(LOCK),
        "name": "Lock to gateway",
        "enabled": enabled,
        "connector_type": ConnectorType.PARTNER,
        "sender_domains": ("*",),
        "sender_ip_addresses": ("203.0.113.10",),
        "restrict_domains_to_ip_addresses": True,
        "restrict_domains_to_certificate": False,
        "require_tls": False,
        "tls_sender_certificate_name": None,
        "associated_accepted_domains": (),
    }
    return InboundConnector(**{**given, **fields})


def configuration(
    *connectors: InboundConnector, domains: Iterable[str] = ("contoso.com",)
) -> Configuration:
    """A configuration that was read whole."""
    names = tuple(domains)
    return Configuration(
        parts=tuple(Part(name=name, status=PartStatus.OK) for name in PARTS),
        inbound_connectors=connectors,
        outbound_connectors=(),
        organization=Organization(name="contoso", reject_direct_send=RejectDirectSend.OFF),
        accepted_domains=tuple(
            AcceptedDomain(domain_name=n, domain_type="Authoritative") for n in names
        ),
        transport_rules=(),
        connection_filters=(),
        domain_facts=tuple(DomainFacts(domain=n, mx=(_mx(n),)) for n in names),
    )


def _mx(domain: str) -> MxHost:
    return MxHost(preference=10, host=f"mx1.{domain}", addresses=("203.0.113.10",))


def without(seen: Configuration, part: str, status: PartStatus, error: str) -> Configuration:
    """The same configuration with one part that could not be read."""
    parts = (p for p in seen.parts if p.name != part)
    return replace(
        seen, parts=(*parts, Part(name=part, status=status, error=error)), **{part: None}
    )


def snapshot(
    of: models.Tenant, seen: Configuration, first: datetime, last: datetime = NOW
) -> models.Snapshot:
    """A stored configuration and its span."""
    return of.snapshots.create(
        digest=codec.digest(seen),
        document=codec.dump(seen),
        is_whole=seen.is_whole,
        first_seen_at=first,
        last_seen_at=last,
    )


def paths(
    of: models.Tenant,
    place: models.VantagePoint,
    domains: Sequence[str] = ("contoso.com",),
    classes: Sequence[str] = CLASSES,
) -> list[models.Path]:
    """The paths of one place, not yet answered."""
    return [
        models.Path.objects.create(
            tenant=of,
            vantage_point=place,
            domain=domain,
            sender_class=sender_class,
            created_at=ago(days=30),
        )
        for domain in domains
        for sender_class in classes
    ]


REPLIES = {
    "open": ("accepted", None, "250 2.1.5", "250 2.1.5 Recipient OK"),
    "closed": (
        "inbound-connector",
        "inbound connector",
        "550 5.7.51",
        "550 5.7.51 TenantInboundAttribution; Rejecting",
    ),
    "unknown": ("no-answer", None, "", ""),
}


def answered(path: models.Path, verdict: str, since: datetime, **fields: Any) -> models.Observation:
    """The span that goes on now on this path."""
    cause, control, code, reply = REPLIES[verdict]
    given: dict[str, Any] = {
        "first_at": since,
        "verdict": verdict,
        "cause": cause,
        "reason": "The recipient was taken." if verdict == "open" else "The reply says so.",
        "control": control or "",
        "name": "accepted" if verdict == "open" else "",
        "code": code,
        "reply": reply,
        "stage": "rcpt",
        "shape": f"{verdict}-{since:%s}",
        "endpoint": f"{path.domain.replace('.', '-')}.mail.protection.outlook.com",
        "source": path.vantage_point.address or "",
        "front_ends": 2,
    }
    row = path.observations.create(**{**given, **fields})
    models.Path.objects.filter(pk=path.pk).update(current=row, verdict=verdict)
    path.refresh_from_db()
    return row
