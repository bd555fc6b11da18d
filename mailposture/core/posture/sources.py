"""Who the restrictions let in beyond those who are approved, and who else sends from there."""

from collections.abc import Iterator, Sequence

from mailposture.core.addresses import AddressSet
from mailposture.core.configuration import InboundConnector
from mailposture.core.hosts import plain
from mailposture.core.posture.facts import Facts, Published, SourceKind, ipv4
from mailposture.core.posture.findings import (
    Said,
    Severity,
    Weight,
    cidrs,
    field,
    listed,
    many,
    satisfied,
    unknown,
    violated,
)
from mailposture.core.reachability import smallest

NONE_DECLARED = "No approved source is declared, so that none can be compared."


def admits(connector: InboundConnector) -> AddressSet:
    """The addresses to which a Partner connector that is turned on restricts."""
    asks = connector.enabled and connector.is_partner
    listed_by = asks and connector.restrict_domains_to_ip_addresses
    return ipv4(connector.sender_ip_addresses) if listed_by else AddressSet()


def admitted_name(connector: InboundConnector) -> str:
    """The certificate name to which it restricts; empty where it does not."""
    asks = connector.enabled and connector.is_partner
    if not (asks and connector.restrict_domains_to_certificate):
        return ""
    return plain(connector.tls_sender_certificate_name or "")


def admitting(facts: Facts) -> Iterator[tuple[InboundConnector, AddressSet]]:
    """Every connector that restricts to addresses, with these."""
    for connector in facts.enabled:
        if found := admits(connector):
            yield connector, found


# ---- MP-06 ---------------------------------------------------------------------------------


def allowed_is_approved(facts: Facts) -> Sequence[Said]:
    """MP-06: what the restrictions let in is no more than what is approved."""
    found = [*_open(facts), *by_connector(facts)] if facts.sources else []
    if not facts.sources:
        return unknown(NONE_DECLARED)
    return found or satisfied("Only approved sources satisfy a restriction.")


def by_connector(facts: Facts) -> Sequence[Said]:
    """What each connector lets in beyond that."""
    return [*_beyond(facts), *_other_names(facts)]


def _open(facts: Facts) -> Iterator[Said]:
    if facts.strangers:
        yield violated(
            "Hosts that no connector names may deliver.",
            f"May deliver: {many(facts.reachable)}.",
            f"Approved: {many(facts.everyone_approved) or 'no address'}.",
            weight=NOT_LOCKED,
        )


NOT_LOCKED = Weight(Severity.HIGH, "What is let in is not bounded by any connector.")


def _beyond(facts: Facts) -> Iterator[Said]:
    for connector, allowed in admitting(facts):
        if beyond := allowed - facts.everyone_approved:
            yield violated(
                f"{connector.name} lets in {many(beyond)} beyond the approved sources.",
                f"Lets in: {many(allowed)}.",
                f"Not approved: {cidrs(beyond)}.",
                subject=connector.guid,
                weight=FEW if beyond.size < 256 else None,
            )


FEW = Weight(
    Severity.MEDIUM, "Fewer than 256 addresses, and each may deliver as if it were the gateway."
)


def _other_names(facts: Facts) -> Iterator[Said]:
    for connector in facts.enabled:
        name = admitted_name(connector)
        if name and not facts.bears(name, *SourceKind):
            yield violated(
                f"{connector.name} lets in a certificate of {name}, which no approved source"
                " is known to show.",
                field("TlsSenderCertificateName", name),
                subject=f"{connector.guid} certificate",
                weight=OTHER_NAME,
            )


OTHER_NAME = Weight(Severity.MEDIUM, "Whoever holds such a certificate gets in from any address.")

# ---- shared with others --------------------------------------------------------------------


def crossing(
    facts: Facts, kinds: Sequence[str] = (), *, microsoft: bool = False
) -> Iterator[tuple[InboundConnector, Published, AddressSet]]:
    """Connectors crossed with published ranges: where the two overlap."""
    for connector, allowed in admitting(facts):
        for published in facts.published:
            wanted = published.microsoft if microsoft else published.kind in kinds
            if wanted and (common := allowed & published.addresses):
                yield connector, published, common


def shared_range(facts: Facts) -> Sequence[Said]:
    """MP-31: addresses of a mail service, from which its other customers send too."""
    found = [
        violated(
            f"{c.name} lets in {many(common)} of {p.name}, which serves others too.",
            f"Of {p.name}: {cidrs(common)}.",
            *origin(p),
            subject=f"{c.guid} {p.name}",
        )
        for c, p, common in crossing(facts, ("mail service",))
        if not p.microsoft
    ]
    return found or satisfied(
        "No restriction lets in published addresses of a mail service.", *compared(facts)
    )


def rentable(facts: Facts) -> Sequence[Said]:
    """MP-33: the smallest address from which anyone with an account may send."""
    found = [
        violated(
            f"Anyone with an account at {p.name} can send from {smallest(common)}.",
            f"{c.name} lets in {many(common)} of {p.name}: {cidrs(common)}.",
            *origin(p),
            subject=f"{c.guid} {p.name}",
        )
        for c, p, common in crossing(facts, ("cloud", "mail service"))
        if p.anyone and not p.microsoft
    ]
    return found or satisfied(
        "No published range in which anyone sends is let in.", *compared(facts)
    )


def origin(published: Published) -> tuple[str, ...]:
    """How large a list is, of which day and from where; who else sends from it nobody counts."""
    size = many(AddressSet(v4=published.addresses.v4)) or many(published.addresses)
    where = f", {published.url}" if published.url else ""
    return (
        f"{published.name} publishes {size}, as of {published.dated.isoformat()}{where}.",
        "How many others send from there is unknown: nobody publishes it.",
    )


def compared(facts: Facts) -> tuple[str, ...]:
    """With which lists: what none of them holds may be a provider's all the same."""
    partial = [p.name for p in facts.published if not p.whole]
    oldest = min(p.dated for p in facts.published).isoformat()
    count = len(facts.published)
    told = f"Compared with {count} published list{'s' * (count != 1)}, the oldest of {oldest}."
    return (told, f"In part alone: {listed(partial)}.") if partial else (told,)
