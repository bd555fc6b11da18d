"""The sets agree with the single session, and with arithmetic."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailposture.core.addresses import EVERYWHERE, NOWHERE, union
from mailposture.core.attribution import Certificate, Rule, Session, decide, session, within
from mailposture.core.attribution import assumptions as by
from mailposture.core.attribution.sessions import plain_source
from mailposture.core.configuration import Configuration, RejectDirectSend
from mailposture.core.hosts import plain
from mailposture.core.reachability import FOREIGN, NULL, OWN, Reachability, Region, reachability
from mailposture.core.reachability.leaning import FLIPS
from tests.core.configurations import configuration, lock, organization
from tests.core.strategies import configurations, sessions

ONE_SESSION = {
    by.NAMES,
    by.USAGE,
    by.LOCK_BEFORE_DIRECTORY,
    by.SUBDOMAINS,
    by.SUBDOMAINS_UNKNOWN,
}
WORLD = EVERYWHERE.size
TRIED = ((), *((name,) for name in FLIPS), *combinations(FLIPS, 2))


def class_of(reach: Reachability, session: Session) -> str:
    """The class a sender falls in: its own name where a connector names it so."""
    sender = session.sender_domain
    if not sender:
        return NULL
    if sender == session.recipient_domain:
        return OWN
    if sender in reach.classes:
        return sender
    below = [c for c in reach.classes if c.startswith("*.") and within(sender, c)]
    return max(below, key=len) if below else FOREIGN


def known_as(made: Configuration, session: Session) -> set[str | None]:
    """What the connectors call the certificate: of each of its names the closest, if any."""
    found: set[str | None] = set()
    patterns = {
        plain(c.tls_sender_certificate_name)
        for c in made.inbound_connectors or ()
        if c.enabled and c.tls_sender_certificate_name
    }
    for name in session.certificate.names if session.certificate else ():
        meant = [p for p in patterns if within(name, p)]
        found |= {max(meant, key=lambda p: (not p.startswith("*."), len(p)))} if meant else set()
    return found or {None}


def holding(regions: tuple[Region, ...], session: Session, name: str | None) -> Region:
    """The one region that holds this client."""
    source = plain_source(session.source)
    (found,) = (
        region
        for region in regions
        if region.tls == session.tls and region.certificate == name and source in region.addresses
    )
    return found


def asked_of(data: st.DataObject) -> tuple[Configuration, Session, tuple[Region, ...]]:
    made = data.draw(configurations())
    session = data.draw(sessions(made.domains))
    reach = reachability(made, also=("contoso.com", "mail.contoso.com", "contoso.onmicrosoft.com"))
    return made, session, reach.regions(session.recipient_domain, class_of(reach, session))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_single_session_is_answered_as_the_region_that_holds_it(data: st.DataObject) -> None:
    made, session, regions = asked_of(data)
    if session.certificate:
        session = replace(session, certificate=Certificate.of(session.certificate.common_name))
    decision = decide(made, session)
    (name,) = known_as(made, session)
    held = holding(regions, session, name)
    assert (held.accepted, held.code, held.rule, held.connector) == (
        decision.accepted,
        decision.code,
        decision.rule,
        decision.connector,
    )
    assert set(held.assumptions) == set(decision.assumptions) - ONE_SESSION
    assert len(held.assumptions) == len(set(held.assumptions))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_certificate_of_many_names_lets_in_where_one_of_them_does(data: st.DataObject) -> None:
    made, session, regions = asked_of(data)
    held = [holding(regions, session, name) for name in {None, *known_as(made, session)}]
    assert decide(made, session).accepted == any(region.accepted for region in held)


@settings(max_examples=60, deadline=None)
@given(configurations())
def test_regions_cover_every_client_once(made: Configuration) -> None:
    reach = reachability(made)
    for name, sender_class, found in reach.all():
        regions = reach.regions(name, sender_class)
        shown = {(region.tls, region.certificate) for region in regions}
        assert shown == {(False, None), *((True, n) for n in (None, *reach.space.certificates))}
        for tls, certificate in shown:
            alike = [r for r in regions if (r.tls, r.certificate) == (tls, certificate)]
            assert sum(region.addresses.size for region in alike) == WORLD
            whole = union([r.addresses for r in alike if r.accepted] or [NOWHERE])
            if certificate is None:
                assert whole == (found.addresses if tls else found.in_clear)
            elif certificate in found.certificates:
                assert whole == EVERYWHERE
            else:
                assert whole == found.addresses


@settings(max_examples=100, deadline=None)
@given(configurations())
def test_a_set_leans_on_what_turns_the_door_for_some_client(made: Configuration) -> None:
    """By every alternative alone and every two, whether or not it can bear on the question."""
    reach = reachability(made)
    for name, sender_class, found in reach.all():
        asked = reach.question(name, sender_class)
        whole = {flips: reach.leaning.fate(asked, *flips, tls=True).accepted for flips in TRIED}
        turned = {flips: mask ^ whole[()] for flips, mask in whole.items()}
        leans = {flips[0] for flips in TRIED if len(flips) == 1 and turned[flips]}
        together = {
            (one, other)
            for one, other in combinations(FLIPS, 2)
            if turned[one, other] & ~(turned[one,] | turned[other,])
        }
        assert set(found.assumptions) == leans | set(reach.rules.not_known)
        assert set(found.together) == together


def test_an_address_and_a_certificate_together_are_a_region_of_their_own() -> None:
    """A client that the connector names twice over was in no region."""
    made = configuration(
        lock(tls_sender_certificate_name="*.example.net"),
        organization=organization(RejectDirectSend.ON),
    )
    regions = reachability(made).regions("contoso.com", OWN)
    asked = session(
        source="203.0.113.10",
        mail_from="a@contoso.com",
        recipient="b@contoso.com",
        tls=True,
        cert_name="mail.example.net",
    )
    held = holding(regions, asked, "*.example.net")
    assert (held.rule, held.connector, held.addresses.cidrs()) == (
        Rule.PROOF,
        "Lock to gateway",
        ("203.0.113.10",),
    )
    over_v6 = holding(regions, replace(asked, source="2001:db8::1"), "*.example.net")
    assert (over_v6.code, over_v6.assumptions) == ("5.7.51", ("ipv6_never_listed",))


@given(seen=configurations())
@settings(max_examples=60, deadline=None)
def test_who_reaches_any_is_everyone_who_reaches_one(seen: Configuration) -> None:
    reach = reachability(seen)
    pairs = [(d, c) for d in reach.domains for c in reach.classes]
    assert reach.of_any(pairs) == union([reach.of(*pair).addresses for pair in pairs] or [NOWHERE])


def test_who_reaches_any_is_found_without_what_it_rests_on(monkeypatch: pytest.MonkeyPatch) -> None:
    reach = reachability(configuration(lock()))
    monkeypatch.delattr(Reachability, "_reach")
    assert reach.of_any([("contoso.com", FOREIGN), ("contoso.com", OWN)]).first() == "203.0.113.10"
    assert reach.of_any([]) == NOWHERE
