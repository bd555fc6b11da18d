"""Tenants for the rules: few names, each with what a test is about spelled out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from mailposture.core import addresses
from mailposture.core.configuration import (
    PARTS,
    Configuration,
    ConnectionFilter,
    DomainFacts,
    MxHost,
    Part,
    PartStatus,
    TransportRule,
)
from mailposture.core.posture import (
    Evidence,
    Facts,
    Finding,
    Published,
    SeenCertificate,
    Source,
    SourceKind,
    judged,
)
from tests.core.configurations import configuration, domain, hybrid

AT = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
GATEWAY = Source(name="Gateway", addresses=("203.0.113.0/28",))
SERVER = Source(
    name="Hybrid",
    kind=SourceKind.HYBRID,
    addresses=("198.51.100.7",),
    certificate_names=("mail.contoso.com",),
)
RELAY = Source(name="Copier", kind=SourceKind.RELAY, addresses=("192.0.2.30",))
TWO = (domain("contoso.com", default=True), domain("contoso.onmicrosoft.com", initial_domain=True))


def own_hybrid(**other: Any) -> Any:
    """The connector of contoso's hybrid server, recognised by its own name."""
    fields: dict[str, Any] = {
        "tls_sender_certificate_name": "*.contoso.com",
        "treat_messages_as_internal": False,
    }
    return hybrid(**fields | other)


def facts(*connectors: Any, **other: Any) -> Facts:
    """A tenant with these connectors; `sources`, `published`, `observed` and `at` stand beside."""
    beside: dict[str, Any] = {
        n: other.pop(n) for n in ("sources", "published", "observed", "at") if n in other
    }
    seen: Configuration = configuration(*connectors, **other)
    beside.setdefault("sources", (GATEWAY, SERVER))
    return Facts(configuration=seen, **beside)


def unread(given: Facts, *names: str) -> Facts:
    """The same tenant, with parts that could not be read whole; their values are still there."""
    kept = (p for p in given.configuration.parts if p.name not in names)
    lost = (Part(name=name, status=PartStatus.INCOMPLETE) for name in names)
    parts = tuple(sorted((*kept, *lost), key=lambda p: PARTS.index(p.name)))
    return replace(given, configuration=replace(given.configuration, parts=parts))


def results(rule: str, given: Facts) -> list[str]:
    """What a rule says of each subject, by result and subject."""
    return [f"{found.result} {found.subject}".strip() for found in judged(given, rule)]


def only(rule: str, given: Facts) -> Finding:
    """The one finding of a rule."""
    (found,) = judged(given, rule)
    return found


def published(name: str, *entries: str, kind: str = "cloud", **other: Any) -> tuple[Published, ...]:
    """One provider's published ranges."""
    held = addresses.parse(entries)
    day = date(2026, 11, 1)
    return (Published(name=name, kind=kind, dated=day, addresses=held, **other),)


def server(**seen: Any) -> Source:
    """The hybrid server with a certificate that was seen."""
    given: dict[str, Any] = {
        "names": ("mail.contoso.com",),
        "not_after": AT + timedelta(days=90),
        "client_auth": True,
        "issuer": "Example Authority",
    }
    return Source(
        name="Hybrid", kind=SourceKind.HYBRID, certificate=SeenCertificate(**given | seen)
    )


def rule(name: str = "Keep", **other: Any) -> TransportRule:
    """A transport rule that is on."""
    fields: dict[str, Any] = {"state": "Enabled", "mode": "Enforce", "priority": 0}
    return TransportRule(guid=f"rule {name}", name=name, **fields | other)


def connection_filter(allow: Sequence[str] = (), **other: Any) -> ConnectionFilter:
    """A connection filter with an allow list."""
    fields: dict[str, Any] = {"enable_safe_list": False, "ip_block_list": ()}
    return ConnectionFilter(
        guid="filter", name="Default", ip_allow_list=tuple(allow), **fields | other
    )


def mx(host: str, *found: str, of: str = "contoso.com") -> tuple[DomainFacts, ...]:
    """One MX of a domain and its addresses."""
    return (DomainFacts(domain=of, mx=(MxHost(preference=10, host=host, addresses=found),)),)


def evidence(**ages: Any) -> Evidence:
    """A tenant that was read and asked a moment ago."""
    given: dict[str, Any] = {
        "read_at": AT - timedelta(minutes=5),
        "asked_at": AT - timedelta(hours=1),
        "reading_counts": timedelta(minutes=30),
        "answer_counts": timedelta(hours=24),
    }
    return Evidence(**given | ages)
