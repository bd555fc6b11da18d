"""Whether the certificates of approved sources would be recognised: by name, and by authority.

Exchange Online takes a client certificate only where it was presented, leads to an authority that
Microsoft trusts, and bears the name that a connector asks for (attribution.md 3.2). What nobody
has seen is unknown, and no source is cut off for it.
"""

from collections.abc import Iterator, Sequence

from mailposture.core.attribution import within
from mailposture.core.configuration import InboundConnector
from mailposture.core.hosts import plain
from mailposture.core.posture import hybrid
from mailposture.core.posture.facts import Facts, SeenCertificate, Source, SourceKind, ipv4
from mailposture.core.posture.findings import (
    Result,
    Said,
    Severity,
    Weight,
    field,
    listed,
    violated,
)

UNTRUSTED = " authority"
PRIVATE = Weight(
    Severity.HIGH,
    "A private authority's certificate is refused with 454 4.7.0 UntrustedRoot, documented.",
)
NAMELESS = Weight(Severity.HIGH, "The gateway is not recognised: the lock refuses its mail.")


def recognised(facts: Facts) -> Sequence[Said]:
    """MP-55: a source's certificate that no connector asks for, or of no trusted authority."""
    named = hybrid.matching(facts)
    found = [*_untrusted(facts), *_of_gateways(facts)]
    return [*(s for s in named if s.result is Result.NOT_SATISFIED), *found] if found else named


def _untrusted(facts: Facts) -> Iterator[Said]:
    """Certificates that some connector asks for, and whose authority is trusted by nobody else."""
    asked = [plain(c.tls_sender_certificate_name or "") for c in facts.enabled]
    for source in facts.sources:
        seen = source.certificate
        if seen and seen.untrusted and bears(seen, [name for name in asked if name]):
            yield violated(
                f"The certificate of {source.name} leads to no public authority: {seen.untrusted}.",
                field("Issuer", seen.issuer),
                f"Names: {listed(source.names)}.",
                subject=source.name + UNTRUSTED,
                weight=PRIVATE,
            )


def by_name(facts: Facts) -> list[InboundConnector]:
    """The Partner connectors that let in by a certificate's name alone."""
    return [
        c
        for c in facts.enabled
        if c.is_partner and c.restrict_domains_to_certificate and c.tls_sender_certificate_name
    ]


def _of_gateways(facts: Facts) -> Iterator[Said]:
    """Gateways that a lock knows by certificate, and that show another."""
    locks = by_name(facts)
    if not locks:
        return
    for source in facts.sources:
        seen = source.certificate
        if source.kind is SourceKind.GATEWAY and seen and seen.names and not _let_in(facts, source):
            yield violated(
                f"The certificate of {source.name} bears no name that a Partner connector asks for:"
                f" {listed(seen.names)}.",
                *(field("TlsSenderCertificateName", c.tls_sender_certificate_name) for c in locks),
                subject=source.name,
                weight=NAMELESS,
            )


def _let_in(facts: Facts, source: Source) -> bool:
    """By its certificate, or by its address where a Partner connector lists that."""
    names = [plain(c.tls_sender_certificate_name or "") for c in by_name(facts)]
    if source.certificate and bears(source.certificate, names):
        return True
    listing = [c for c in facts.enabled if c.is_partner and c.restrict_domains_to_ip_addresses]
    return bool(source.set) and any(source.set <= ipv4(c.sender_ip_addresses) for c in listing)


def bears(seen: SeenCertificate, names: Sequence[str]) -> bool:
    """Whether a certificate bears a name that is meant by one of these."""
    return any(within(plain(n), p) for n in seen.names for p in names)
