"""Certificate names that mean more hosts than one, and other tenants that are let in."""

from collections.abc import Iterator, Sequence

from mailposture.core.addresses import AddressSet
from mailposture.core.attribution.reading import WILDCARD, bare
from mailposture.core.configuration import InboundConnector
from mailposture.core.hosts import plain
from mailposture.core.posture.facts import Facts
from mailposture.core.posture.findings import (
    Said,
    cidrs,
    field,
    listed,
    many,
    satisfied,
    unknown,
    violated,
)
from mailposture.core.posture.shared_names import SharedName, shared_name
from mailposture.core.posture.sources import admitted_name, compared, crossing, origin

NAME = "TlsSenderCertificateName"
UNCOUNTED = "With how many others it is shared is unknown: nobody publishes that."


def others(facts: Facts, shared: SharedName | None) -> str:
    """With how many others a certificate is shared, as far as that can be counted."""
    known = [p for p in facts.published if shared and p.name == shared.published]
    if not known:
        return UNCOUNTED
    count = many(AddressSet(v4=known[0].addresses.v4)) or many(known[0].addresses)
    return (
        f"Its hosts send from {count} that {known[0].name} publishes, as of"
        f" {known[0].dated.isoformat()}; how many customers send from there is unknown."
    )


# ---- MP-34 ---------------------------------------------------------------------------------


def other_tenants(facts: Facts) -> Sequence[Said]:
    """MP-34: Microsoft's own sending addresses or certificate: any other tenant gets in."""
    found = [*_by_certificate(facts), *_by_address(facts)]
    if found:
        return found
    if not facts.published:
        return unknown("Not known: the published ranges of providers.")
    return satisfied("Nothing by which other tenants send is let in.", *compared(facts))


def _by_certificate(facts: Facts) -> Iterator[Said]:
    for connector, name, shared in _shared(facts):
        if shared.microsoft:
            yield violated(
                f"{connector.name} lets in a certificate of {name}, which Exchange Online shows"
                " for any Microsoft 365 tenant.",
                field(NAME, name),
                shared.told,
                others(facts, shared),
                subject=f"{connector.guid} certificate",
            )


def _by_address(facts: Facts) -> Iterator[Said]:
    for connector, p, common in crossing(facts, microsoft=True):
        yield violated(
            f"{connector.name} lets in {many(common)} from which any Microsoft 365 tenant may"
            " send.",
            f"Of {p.name}: {cidrs(common)}.",
            *origin(p),
            subject=f"{connector.guid} {p.name}",
        )


def _shared(facts: Facts) -> Iterator[tuple[InboundConnector, str, SharedName]]:
    for connector in facts.enabled:
        name = admitted_name(connector)
        if shared := shared_name(name):
            yield connector, name, shared


# ---- MP-32, MP-35 --------------------------------------------------------------------------


def vendor_name(facts: Facts) -> Sequence[Said]:
    """MP-32: a name that a vendor shows for all its customers, or a wildcard of somebody else."""
    found = [said for c in facts.enabled for said in _of_vendor(facts, c)]
    return found or satisfied("No restriction takes every certificate of another organisation.")


def _of_vendor(facts: Facts, connector: InboundConnector) -> Iterator[Said]:
    name = admitted_name(connector)
    shared = shared_name(name)
    if shared:
        yield violated(
            f"{connector.name} lets in a certificate of {name}, which {shared.owner} shows for"
            " all its customers.",
            field(NAME, name),
            shared.told,
            others(facts, shared),
            subject=connector.guid,
        )
    elif name.startswith(WILDCARD) and not mine(facts, bare(name)):
        yield violated(
            f"{connector.name} lets in any host with a certificate below {bare(name)}, which is no"
            " accepted domain: it is another organisation's, and so may be its other customers.",
            field(NAME, name),
            others(facts, None),
            subject=connector.guid,
        )


def wildcard(facts: Facts) -> Sequence[Said]:
    """MP-35: a wildcard name of the tenant's own, which more hosts may bear than are meant."""
    found = [
        violated(
            f"{c.name} takes any certificate of {bare(name)} and of every name below it.",
            field(NAME, name),
            subject=c.guid,
        )
        for c in facts.enabled
        for name in (plain(c.tls_sender_certificate_name or ""),)
        if name.startswith(WILDCARD) and mine(facts, bare(name))
    ]
    return found or satisfied("No connector takes a wildcard of the tenant's own names.")


def mine(facts: Facts, name: str) -> bool:
    """Whether a name is an accepted domain or lies below one."""
    return any(name == own or name.endswith(f".{own}") for own in facts.accepted)


# ---- MP-36 ---------------------------------------------------------------------------------


def trusted_organizations(facts: Facts) -> Sequence[Said]:
    """MP-36: other tenants are trusted as a source."""
    found = [
        violated(
            f"{c.name} trusts mail of {listed(c.trusted_organizations)}.",
            field("TrustedOrganizations", c.trusted_organizations),
            subject=c.guid,
        )
        for c in facts.enabled
        if c.trusted_organizations
    ]
    return found or satisfied("No connector trusts another tenant.")
