"""The lock itself: is there one, what does it cover, and what is turned off, empty or too narrow.

A lock is a Partner connector that is turned on, takes in every sender domain, and demands a proof
that it names (attribution.md section 3).
"""

from collections.abc import Sequence

from mailposture.core.configuration import Configuration, InboundConnector, RejectDirectSend
from mailposture.core.hosts import plain
from mailposture.core.posture.facts import Facts, SourceKind
from mailposture.core.posture.findings import (
    Said,
    Severity,
    Weight,
    field,
    listed,
    proof_of,
    satisfied,
    unknown,
    violated,
)

# Of many connectors so many stand in the evidence of one finding.
MOST_SHOWN = 100

# ---- what a lock is ------------------------------------------------------------------------


def names_proof(connector: InboundConnector) -> bool:
    """Whether it restricts, as a Partner connector, to addresses or a certificate it names."""
    by_address = connector.restrict_domains_to_ip_addresses and connector.sender_ip_addresses
    by_name = connector.restrict_domains_to_certificate and connector.tls_sender_certificate_name
    return connector.is_partner and bool(by_address or by_name)


def is_lock(connector: InboundConnector) -> bool:
    """Whether it is turned on, takes in any sender domain, and demands a proof that it names."""
    return connector.enabled and connector.covers_any_sender and names_proof(connector)


def locks(configuration: Configuration) -> list[InboundConnector]:
    """Partner connectors that refuse every sender without proof, and can be met by some.

    A restriction that names no address or no certificate locks nobody in particular out and
    proves nothing here.
    """
    return [c for c in configuration.inbound_connectors or () if is_lock(c)]


def uncovered(configuration: Configuration) -> list[str]:
    """Accepted domains outside of every lock (a lock that names domains covers only these)."""
    found = locks(configuration)
    if any(not c.associated_accepted_domains for c in found):
        return []
    covered = {name.casefold() for c in found for name in c.associated_accepted_domains}
    return [domain for domain in configuration.domains if domain.casefold() not in covered]


def restricts(connector: InboundConnector) -> bool:
    """Whether either restriction is switched on, whatever the connector's type."""
    return connector.restrict_domains_to_ip_addresses or connector.restrict_domains_to_certificate


# ---- MP-01, MP-02, MP-05 -------------------------------------------------------------------


def lock_present(facts: Facts) -> Sequence[Said]:
    """MP-01: a restricted Partner connector denies by default, for every accepted domain."""
    configuration = facts.configuration
    found = [c.name for c in locks(configuration)]
    if found:
        return _locked(configuration, found)
    off = [c for c in facts.connectors if _would_lock(c)]
    words = "No Partner connector that is turned on restricts every sender domain."
    if off:
        words = f"{words} Turned off: {listed([c.name for c in off])}."
    return [violated(words, *_seen(facts.connectors))]


def _locked(configuration: Configuration, found: list[str]) -> Sequence[Said]:
    """What a lock comes to: one that names domains leaves the others open."""
    scoped = all(c.associated_accepted_domains for c in locks(configuration))
    if scoped and not configuration.knows("accepted_domains"):
        return unknown(
            f"{listed(found)} covers named domains, and the accepted domains were not read."
        )
    if outside := uncovered(configuration):
        words = f"{listed(found)} does not cover {listed(outside)} (AssociatedAcceptedDomains)."
        return [violated(words, *_seen(locks(configuration)), weight=SOME_DOMAINS)]
    return satisfied(f"Locked by {listed(found)}: every other host is refused.")


SOME_DOMAINS = Weight(
    Severity.HIGH, "Some domains are locked; to the others any host may deliver past the gateway."
)


def _would_lock(connector: InboundConnector) -> bool:
    return not connector.enabled and connector.demands_proof and connector.covers_any_sender


def _seen(connectors: Sequence[InboundConnector]) -> tuple[str, ...]:
    """What a reader looks up first: how many connectors, of which type, on or off."""
    return tuple(
        f"{c.name}: {c.connector_type.value}, {'turned on' if c.enabled else 'turned off'},"
        f" {field('SenderDomains', c.sender_domains)}"
        for c in connectors[:10]
    ) or ("No inbound connector.",)


def every_domain(facts: Facts) -> Sequence[Said]:
    """MP-05: no accepted domain lies outside the restriction."""
    outside = uncovered(facts.configuration)
    if not outside:
        count = len(facts.configuration.domains)
        few = {1: "The accepted domain lies", 2: "Both accepted domains lie"}
        noun = few.get(count, f"All {count:,} accepted domains lie")
        return satisfied(f"{noun} within the restriction.")
    return [violated(f"Outside the restriction: {listed(outside)}.", *outside[:100])]


def direct_send(facts: Facts) -> Sequence[Said]:
    """MP-02: Direct Send is rejected. What is null is not off."""
    organization = facts.configuration.organization
    setting = organization.reject_direct_send if organization else None
    if setting is RejectDirectSend.ON:
        return satisfied("RejectDirectSend is on.")
    if setting is RejectDirectSend.OFF:
        locked = locks(facts.configuration)
        seen = (field("RejectDirectSend", value=False), *_behind(locked))
        weight = BEHIND_A_LOCK if locked else None
        return [violated("RejectDirectSend is off.", *seen, weight=weight)]
    return unknown(
        "RejectDirectSend was read and has no value; which default Microsoft gives it is not "
        "established."
    )


def _behind(locked: list[InboundConnector]) -> tuple[str, ...]:
    if not locked:
        return ("No lock stands before it.",)
    return (f"Before it stands {listed([c.name for c in locked])}.",)


BEHIND_A_LOCK = Weight(
    Severity.LOW, "The lock refuses strangers whatever their sender; this would be a second bolt."
)

# ---- connectors that look like a lock ------------------------------------------------------


def turned_off(facts: Facts) -> Sequence[Said]:
    """MP-21: a connector that would restrict is turned off, and nothing else does."""
    off = [c for c in facts.connectors if not c.enabled and names_proof(c)]
    if not off:
        return satisfied("No connector that would restrict is turned off.")
    if locks(facts.configuration) and not uncovered(facts.configuration):
        return satisfied(f"Turned off, and not needed: {listed([c.name for c in off])}.")
    return [
        violated(f"{c.name} would restrict, and is turned off.", *proof_of(c), subject=c.guid)
        for c in off
    ]


def empty_restriction(facts: Facts) -> Sequence[Said]:
    """MP-22: a restriction that names no address or no certificate."""
    found = [
        violated(f"{c.name} restricts to {what} and names none.", *proof_of(c), subject=c.guid)
        for c in facts.enabled
        if c.is_partner and (what := _lacking(c))
    ]
    return found or satisfied("Every restriction names what it asks for.")


def _lacking(connector: InboundConnector) -> str:
    if connector.restrict_domains_to_ip_addresses and not connector.sender_ip_addresses:
        return "addresses"
    by_name = connector.restrict_domains_to_certificate
    return "a certificate" if by_name and not connector.tls_sender_certificate_name else ""


def without_effect(facts: Facts) -> Sequence[Said]:
    """MP-23: Restrict* on an OnPremises connector, which Exchange ignores."""
    found = [
        violated(
            f"{c.name} is an OnPremises connector: its restriction has no effect.",
            field("ConnectorType", c.connector_type.value),
            *proof_of(c),
            subject=c.guid,
            weight=None if _alone(facts) else TIDY,
        )
        for c in facts.enabled
        if not c.is_partner and restricts(c)
    ]
    return found or satisfied("No OnPremises connector carries a restriction.")


def _alone(facts: Facts) -> bool:
    return not locks(facts.configuration)


TIDY = Weight(Severity.INFO, "A lock stands beside it; this setting only misleads its reader.")


def scoped_by_sender(facts: Facts) -> Sequence[Said]:
    """MP-24: a restriction speaks for named sender domains alone, and no lock for the rest."""
    scoped = [c for c in facts.enabled if names_proof(c) and not c.covers_any_sender]
    if not scoped:
        return satisfied("No restriction speaks for named sender domains alone.")
    if not _alone(facts):
        return satisfied("A lock speaks for every other sender domain.")
    # One finding however many there are: the lock that they all lack is one.
    if len(scoped) == 1:
        words = f"{scoped[0].name} restricts mail from {listed(scoped[0].sender_domains)} alone."
        return [violated(words, *proof_of(scoped[0]))]
    names = listed([c.name for c in scoped])
    words = f"{len(scoped):,} connectors restrict mail from named senders alone: {names}."
    seen = (f"{c.name}: {field('SenderDomains', c.sender_domains)}" for c in scoped[:MOST_SHOWN])
    return [violated(words, *seen)]


def scoped_by_recipient(facts: Facts) -> Sequence[Said]:
    """MP-25: a lock names the accepted domains it guards, and some are not among them."""
    outside = uncovered(facts.configuration)
    scoped = [c for c in locks(facts.configuration) if c.associated_accepted_domains]
    if not (scoped and outside):
        return satisfied("No lock leaves accepted domains out.")
    return [
        violated(
            f"{c.name} guards {listed(c.associated_accepted_domains)}, not {listed(outside)}.",
            field("AssociatedAcceptedDomains", c.associated_accepted_domains),
            f"Any host may deliver to {_domains(len(outside))}.",
            subject=c.guid,
            assumptions=("associated_domains_scope_recipients",),
        )
        for c in scoped
    ]


def _domains(count: int) -> str:
    return f"{count:,} accepted domain{'s' * (count != 1)}"


def scoped_to_own(facts: Facts) -> Sequence[Said]:
    """MP-26: a restriction for the tenant's own sender domains may cut off the gateway."""
    mine = [c for c in facts.enabled if names_proof(c) and _own_alone(facts, c)]
    if not mine:
        return satisfied("No restriction speaks for the tenant's own sender domains alone.")
    hosts = [s for s in facts.sources if s.kind is SourceKind.GATEWAY and s.set]
    if not hosts:
        return unknown(
            f"{listed([c.name for c in mine])} restricts own-domain mail; no approved gateway is"
            " declared, so that it is not known whether the gateway still gets in."
        )
    return [said for c in mine for said in _through_gateway(facts, c)]


def _own_alone(facts: Facts, connector: InboundConnector) -> bool:
    scope = [plain(name).removeprefix("*.") for name in connector.sender_domains]
    return bool(scope) and all(name in facts.accepted for name in scope)


def _through_gateway(facts: Facts, connector: InboundConnector) -> list[Said]:
    """What becomes of own-domain mail that comes through each gateway."""
    domain = plain(connector.sender_domains[0]).removeprefix("*.")
    lost, unsure, doubts = [], [], dict[str, None]()
    for source in (s for s in facts.sources if s.kind is SourceKind.GATEWAY):
        address = source.set.first()
        if address is None:
            continue
        decision = facts.decide(address, f"a@{domain}", f"b@{domain}")
        if not decision.accepted:
            lost.append(f"{source.name} ({address}): {decision.code}")
        elif named := [name for name in ELSEWHERE_PROVED if name in decision.turning]:
            doubts |= dict.fromkeys(named)
            unsure.append(f"{source.name} ({address})")
    if lost:
        words = f"{connector.name} refuses mail from {domain} that comes through {listed(lost)}."
        return [violated(words, *proof_of(connector), subject=connector.guid)]
    if unsure:
        words = f"{connector.name} may refuse mail from {domain} through {listed(unsure)}."
        doubt = tuple(doubts)
        subject, seen = connector.guid, proof_of(connector)
        return [violated(words, *seen, subject=subject, weight=MAY_CUT_OFF, assumptions=doubt)]
    return satisfied(
        f"{connector.name} lets own-domain mail through the gateway.", subject=connector.guid
    )


# By which a proof that is met at another connector may not count.
ELSEWHERE_PROVED = ("any_satisfied_restriction_is_proof", "restriction_beats_allow_by_domain")
MAY_CUT_OFF = Weight(
    Severity.MEDIUM,
    "It holds only if a proof met at another connector counts, which no source settles.",
)


def both_proofs(facts: Facts) -> Sequence[Said]:
    """MP-27: addresses and a certificate in one connector."""
    found = [
        violated(
            f"{c.name} restricts to addresses and to a certificate at once.",
            *proof_of(c),
            subject=c.guid,
        )
        for c in facts.enabled
        if c.is_partner and c.restrict_domains_to_ip_addresses and c.restrict_domains_to_certificate
    ]
    return found or satisfied("No connector restricts to addresses and a certificate at once.")


def clear(facts: Facts) -> list[InboundConnector]:
    """Restrictions by address that take mail without TLS."""
    by_address = (c for c in facts.enabled if c.restrict_domains_to_ip_addresses)
    return [c for c in by_address if names_proof(c) and not c.require_tls]


def in_clear(facts: Facts) -> Sequence[Said]:
    """MP-28: restrictions by address that take mail without TLS, the classic recipe."""
    found = clear(facts)
    if not found:
        return satisfied("Every restriction by address asks for TLS.")
    seen = [f"{c.name}: {field('RequireTls', c.require_tls)}" for c in found[:MOST_SHOWN]]
    if len(found) > 1:
        names = listed([c.name for c in found])
        words = f"{len(found):,} connectors take mail from their addresses without TLS: {names}."
        return [violated(words, *seen)]
    who = f"A host on the path could read it, or send in the name of {_who(found[0])}."
    words = f"{found[0].name} takes mail from its addresses without TLS."
    return [violated(words, field("RequireTls", found[0].require_tls), who)]


def _who(connector: InboundConnector) -> str:
    from_set = listed(connector.sender_ip_addresses)
    return from_set or "its hosts"
