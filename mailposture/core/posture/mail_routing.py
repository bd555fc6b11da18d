"""Where DNS leads mail, and which recipients and address families the lock does not speak of."""

from collections.abc import Sequence

from mailposture.core.attribution import Session, decided
from mailposture.core.configuration import DomainFacts
from mailposture.core.hosts import MAIL_NAMES, plain
from mailposture.core.posture.facts import Facts, readable
from mailposture.core.posture.findings import (
    Said,
    Severity,
    Weight,
    cidrs,
    field,
    listed,
    satisfied,
    unknown,
    violated,
)
from mailposture.core.posture.locks import locks
from mailposture.core.posture.sources import admits
from mailposture.core.reachability import smallest

INITIAL = ".onmicrosoft.com"


def mx_at_gateway(facts: Facts) -> Sequence[Said]:
    """MP-08: MX records lead to approved gateways alone."""
    if not facts.gateways:
        return unknown("No approved gateway is declared, so that none can be compared.")
    hosts = _mx_hosts(facts)
    unsure = [*_not_asked(facts), *(name for name, found in hosts if not found)]
    astray = [name for name, found in hosts if readable(found) - facts.gateways]
    if astray:
        seen = [f"{name}: {listed(found)}" for name, found in hosts if name in astray]
        return [violated(f"MX beside the approved gateways: {listed(astray)}.", *seen[:100])]
    if unsure:
        return unknown(f"No address is known of {listed(unsure)}.")
    if not hosts:
        return unknown("No MX of the organisation's own was found.")
    return satisfied("Every MX leads to an approved gateway.")


def _mx_hosts(facts: Facts) -> list[tuple[str, tuple[str, ...]]]:
    """Each MX host with the domain it serves, and its addresses."""
    return [
        (f"{host.host} of {seen.domain}", host.addresses)
        for seen in _movable(facts)
        for host in seen.mx or ()
    ]


def _not_asked(facts: Facts) -> list[str]:
    """Domains whose MX could not be asked for, which is not to have none."""
    return [f"the MX of {seen.domain}" for seen in _movable(facts) if seen.mx is None]


def _movable(facts: Facts) -> list[DomainFacts]:
    """The domains whose MX the organisation sets.

    That of the initial domain is Microsoft's own and nobody can move it: MP-05 speaks of it.
    """
    every = facts.configuration.domain_facts or ()
    return [seen for seen in every if not seen.domain.casefold().endswith(INITIAL)]


# ---- MP-61: subdomains ---------------------------------------------------------------------


def subdomains(facts: Facts) -> Sequence[Said]:
    """MP-61: MatchSubDomains, beside locks that name the domains they guard."""
    below = [
        d.domain_name
        for d in facts.configuration.accepted_domains or ()
        if d.match_sub_domains and locks(facts.configuration)
    ]
    open_below = [name for name in below if _open_below(facts, name)]
    if not open_below:
        return satisfied("No subdomain is accepted that the lock leaves out.")
    return [
        violated(
            f"Mail to any subdomain of {name} is accepted, and the lock does not name them.",
            field("MatchSubDomains", value=True),
            *(
                field(f"AssociatedAcceptedDomains of {c.name}", c.associated_accepted_domains)
                for c in locks(facts.configuration)
            ),
            subject=plain(name),
            assumptions=("match_subdomains", "associated_domains_scope_recipients"),
        )
        for name in open_below
    ]


# A name that nobody has: it stands for every subdomain that no connector names.
ANY_BELOW = "_"


def _open_below(facts: Facts, domain: str) -> bool:
    """Whether a stranger gets in to a subdomain, and not to the domain itself."""
    rules = facts.reach.rules
    source = smallest(facts.reach.space.kinds[1]) or "192.0.2.1"

    def taken(recipient: str) -> bool:
        asked = Session(source=source, mail_from="a@_", recipient=f"b@{recipient}", tls=True)
        return decided(rules, asked).accepted

    return taken(f"{ANY_BELOW}.{plain(domain)}") and not taken(plain(domain))


# ---- MP-62: the other address family -------------------------------------------------------


def ipv6(facts: Facts) -> Sequence[Said]:
    """MP-62: the door is published for IPv6, and the restriction can name IPv4 alone."""
    by_address = [c for c in locks(facts.configuration) if admits(c)]
    if not by_address:
        return satisfied("No lock goes by address.")
    known = facts.observed.endpoint_addresses
    found = readable(doors(facts) if known is None else known)
    sixth = [text for text in found.cidrs() if ":" in text]
    if not found:
        return unknown("The addresses of the tenant's own endpoint are not known.")
    if not sixth:
        return satisfied("The tenant's endpoint has no IPv6 address.")
    gateway = [text for text in facts.gateways.cidrs() if ":" in text]
    return [
        violated(
            f"The endpoint answers on IPv6, and {listed([c.name for c in by_address])} can list"
            " IPv4 alone: no IPv6 host satisfies it, the gateway's neither.",
            f"IPv6 of the endpoint: {listed(sixth)}.",
            f"IPv6 of the gateways: {cidrs(readable(gateway))}.",
            weight=GATEWAY_HAS_IPV6 if gateway else None,
            assumptions=("ipv6_never_listed",),
        )
    ]


GATEWAY_HAS_IPV6 = Weight(
    Severity.MEDIUM, "The gateway has IPv6 addresses: it is refused whenever it prefers them."
)


def doors(facts: Facts) -> tuple[str, ...]:
    """Addresses of MX hosts that are Microsoft's: one of them is the tenant's endpoint."""
    return tuple(
        address
        for seen in facts.configuration.domain_facts or ()
        for host in seen.mx or ()
        if any(plain(host.host).endswith(f".{name}") for name in MAIL_NAMES)
        for address in host.addresses
    )
