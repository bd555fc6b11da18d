"""Trials of what a connector lists and asks for: fewer addresses, another name, one proof less."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

from mailposture.core.addresses import NOWHERE, AddressSet, union
from mailposture.core.attribution import within
from mailposture.core.attribution.reading import WILDCARD, bare
from mailposture.core.configuration import AcceptedDomain, Configuration, InboundConnector
from mailposture.core.hosts import plain
from mailposture.core.posture import certified
from mailposture.core.posture.facts import Facts, Published, SourceKind, ipv4
from mailposture.core.posture.filling import NAME, fillings, own_names
from mailposture.core.posture.findings import Said, listed
from mailposture.core.posture.locks import clear
from mailposture.core.posture.near import MOST_EDITS, with_connector, with_values
from mailposture.core.posture.trying import Trial, about, edited, edited_in_place, lists_without
from mailposture.core.words import joined

CERTIFICATE: Final = " certificate"

# ---- fewer addresses -----------------------------------------------------------------------


def only_approved(*kinds: SourceKind) -> Callable[[Facts, Said], Iterator[Trial]]:
    """Without the entries that no approved source of these kinds has; or by another name."""

    def trials(facts: Facts, said: Said) -> Iterator[Trial]:
        connector = about(facts, said)
        if connector is None:
            return
        if said.subject.endswith(CERTIFICATE):
            # A lock is for what comes through the gateway: servers have a connector of their own.
            showing = (SourceKind.GATEWAY,) if connector.is_partner else kinds
            yield from _named(facts, connector, own_names(facts, *showing))
            return
        beyond = ipv4(connector.sender_ip_addresses) - facts.approved(*kinds)
        yield from _without(facts, connector, beyond)

    return trials


def without_shared(facts: Facts, said: Said) -> Iterator[Trial]:
    """Without the entries that a provider publishes, asked of that list alone; or by a name that
    the gateway alone shows.
    """
    connector = about(facts, said)
    if connector is None:
        return
    if said.subject.endswith(CERTIFICATE):
        known = [
            replace(t, asked=replace(t.asked, published=facts.published))
            for t in by_own_name(facts, said)
        ]
        yield from known if facts.published else ()
        return
    lists = [p for p in facts.published if said.subject == f"{connector.guid} {p.name}"]
    unwanted = union([p.addresses for p in lists] or [NOWHERE])
    yield from _without(facts, connector, unwanted, tuple(lists))


def _without(
    facts: Facts,
    connector: InboundConnector,
    unwanted: AddressSet,
    lists: tuple[Published, ...] | None = None,
) -> Iterator[Trial]:
    if found := lists_without(connector, unwanted):
        words, kept = found
        trial = edited(facts, connector, words, sender_ip_addresses=kept)
        if lists is not None:
            trial = replace(trial, asked=replace(trial.asked, published=lists))
        yield trial


# ---- another name --------------------------------------------------------------------------


def _named(facts: Facts, connector: InboundConnector, names: Iterable[str]) -> Iterator[Trial]:
    for name in names:
        words = NAME.format(name)
        yield edited(facts, connector, words, tls_sender_certificate_name=name)


def by_own_name(facts: Facts, said: Said) -> Iterator[Trial]:
    """By a name that the gateway alone shows, as it was declared."""
    if connector := about(facts, said):
        yield from _named(facts, connector, own_names(facts, SourceKind.GATEWAY))


def by_one_name(facts: Facts, said: Said) -> Iterator[Trial]:
    """By the one name below the wildcard that an approved source shows; where the server would be
    cut off by that, with the name as an accepted domain (MP-56).
    """
    connector = about(facts, said)
    if connector is None:
        return
    asked = plain(connector.tls_sender_certificate_name or "")
    names = [n for n in own_names(facts, *SourceKind) if within(n, asked)]
    yield from _named(facts, connector, names)
    for name in names:
        words = f"{NAME.format(name)} and {name} were an accepted domain"
        trial = edited(facts, connector, words, tls_sender_certificate_name=name)
        made = trial.makes or facts.configuration
        yield replace(trial, makes=_accepting(made, name))


def _accepting(configuration: Configuration, name: str) -> Configuration:
    """The configuration with one accepted domain more."""
    accepted = AcceptedDomain(domain_name=name, domain_type="Authoritative")
    domains = (*(configuration.accepted_domains or ()), accepted)
    return with_values(configuration, "accepted_domains", domains)


def by_shown_name(facts: Facts, said: Said) -> Iterator[Trial]:
    """A connector of its kind that asks for a name which the source's certificate bears."""
    server = next((s for s in facts.sources if s.name == said.subject), None)
    shown = [plain(n) for n in server.certificate.names] if server and server.certificate else []
    names = [n for n in shown if bare(n) in facts.accepted] or [
        f"{WILDCARD}{own}" for own in _above(facts, shown)
    ]
    gateway = server is not None and server.kind is SourceKind.GATEWAY
    own = [c for c in facts.enabled if not c.is_partner]
    for connector in certified.by_name(facts) if gateway else own:
        for name in (names or shown)[:1]:
            words = NAME.format(name)
            yield edited_in_place(facts, connector, words, tls_sender_certificate_name=name)


def by_accepted_name(facts: Facts, said: Said) -> Iterator[Trial]:
    """A name that lies below an accepted domain as its wildcard; else the name as a domain."""
    connector = about(facts, said)
    if connector is None:
        return
    name = bare(plain(connector.tls_sender_certificate_name or ""))
    for own in _above(facts, [name]):
        words = NAME.format(f"{WILDCARD}{own}")
        yield edited(facts, connector, words, tls_sender_certificate_name=f"{WILDCARD}{own}")
    made = _accepting(facts.configuration, name)
    yield Trial(
        f"{name} were an accepted domain of the tenant", replace(facts, configuration=made), made
    )


def _above(facts: Facts, names: Iterable[str]) -> list[str]:
    """Accepted domains that these names lie below, the nearest first."""
    found = {own for own in facts.accepted for n in names if within(bare(n), f"{WILDCARD}{own}")}
    return sorted(found, key=lambda own: (-len(own), own))


# ---- a proof more or less ------------------------------------------------------------------


def of_gateway(facts: Facts, said: Said) -> Iterator[Trial]:
    """An empty restriction that names the declared gateway, in the ways of its script."""
    if connector := about(facts, said):
        for way in fillings(facts, connector):
            yield edited(facts, connector, way.words, **way.fields)


def with_gateway(facts: Facts, said: Said) -> Iterator[Trial]:
    """A connector for own senders that lists the gateway as well."""
    connector = about(facts, said)
    found = AddressSet(v4=facts.gateways.v4).cidrs()
    if connector and found and connector.restrict_domains_to_ip_addresses:
        more = (*connector.sender_ip_addresses, *found)
        words = f"listed {listed(found)} too"
        yield edited_in_place(facts, connector, words, sender_ip_addresses=more)


def one_proof(facts: Facts, said: Said) -> Iterator[Trial]:
    """One of two restrictions of a connector turned off."""
    if connector := about(facts, said):
        words = "did not restrict to a certificate"
        yield edited(facts, connector, words, restrict_domains_to_certificate=False)
        words = "did not restrict to addresses"
        yield edited(facts, connector, words, restrict_domains_to_ip_addresses=False)


def over_tls(facts: Facts, _said: Said) -> Iterator[Trial]:
    """TLS asked for by every connector that does not, where these are few."""
    found = clear(facts)
    made = facts.configuration
    for connector in found[:MOST_EDITS]:
        made = with_connector(made, replace(connector, require_tls=True))
    if found and len(found) <= MOST_EDITS:
        words = f"{joined([c.name for c in found])} had RequireTls on"
        yield Trial(words, replace(facts, configuration=made), made)
