"""The paths that are watched while a script is run, and what each must be answered."""

from collections.abc import Iterator
from typing import Final

from mailposture.core.addresses import EVERYWHERE, AddressSet
from mailposture.core.attribution import Certificate, Rules, Session, decided
from mailposture.core.attribution.reading import bare
from mailposture.core.hosts import plain
from mailposture.core.posture.facts import Facts, Source, named
from mailposture.core.posture.remediation.scripts import Expected
from mailposture.core.reachability import CLASSES, FOREIGN, NULL, OWN, Reachability, smallest

MOST_DOMAINS: Final = 2
MOST_SOURCES: Final = 12
# A sender domain that no connector names, and that is nobody's (RFC 2606).
ELSEWHERE: Final = "example.net"
# An address that no connector of anybody's lists: limited broadcast (RFC 8190).
SOMEWHERE: Final = "255.255.255.255"
ANYWHERE: Final = "any address"


def stranger(facts: Facts, after: Reachability) -> str | None:
    """An address that is neither approved nor listed, before or after."""
    known = named(facts.reach) | named(after) | facts.everyone_approved
    return smallest(AddressSet(v4=EVERYWHERE.v4) - known)


def expected(facts: Facts, after: Reachability, domains: tuple[str, ...]) -> tuple[Expected, ...]:
    """What strangers and approved sources must be answered by this configuration."""
    address = stranger(facts, after)
    return tuple(
        one
        for domain in domains[:MOST_DOMAINS]
        for one in (
            *_strangers(after.rules, address, domain),
            *_sources(facts, after.rules, domain),
        )
    )


def _strangers(rules: Rules, address: str | None, domain: str) -> Iterator[Expected]:
    for sender_class in CLASSES if address else ():
        yield ask(rules, "A stranger", address, sender_class, domain)


def _sources(facts: Facts, rules: Rules, domain: str) -> Iterator[Expected]:
    for source in facts.sources[:MOST_SOURCES]:
        yield from of_source(rules, source, domain)


def of_source(rules: Rules, source: Source, domain: str) -> Iterator[Expected]:
    """What an approved source is answered with a foreign and an own-domain sender."""
    address = AddressSet(v4=source.set.v4).first()
    if address or source.names:
        name = bare(source.names[0]) if source.names else None
        for sender_class in (FOREIGN, OWN):
            yield ask(rules, source.name, address, sender_class, domain, name)


def ask(  # noqa: PLR0913, PLR0917 - a path is these
    rules: Rules,
    who: str,
    source: str | None,
    sender_class: str,
    domain: str,
    certificate: str | None = None,
) -> Expected:
    """What one path is answered, over TLS. Without an address it is asked from a strange one."""
    sender = {FOREIGN: ELSEWHERE, OWN: plain(domain), NULL: ""}[sender_class]
    decision = decided(
        rules,
        Session(
            source=source or SOMEWHERE,
            mail_from=f"someone@{sender}" if sender else "",
            recipient=f"someone@{plain(domain)}",
            tls=True,
            certificate=Certificate.of(certificate) if certificate else None,
        ),
    )
    return Expected(
        who=who,
        source=source or ANYWHERE,
        sender_class=sender_class,
        domain=domain,
        accepted=decision.accepted,
        code=decision.code,
        connector=decision.connector,
        certificate=certificate,
        assumptions=decision.turning,
    )
