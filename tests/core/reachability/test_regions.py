"""The sets agree with the single session, and with arithmetic."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mailposture.core.addresses import EVERYWHERE
from mailposture.core.attribution import Session, decide, within
from mailposture.core.attribution import assumptions as by
from mailposture.core.attribution.sessions import plain_source
from mailposture.core.configuration import Configuration
from mailposture.core.reachability import FOREIGN, NULL, OWN, Reachability, Region, reachability
from tests.core.strategies import configurations, sessions

ONE_SESSION = {by.NAMES, by.USAGE, by.LOCK_BEFORE_DIRECTORY, by.SUBDOMAINS}
WORLD = EVERYWHERE.size


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


def meeting(regions: tuple[Region, ...], session: Session) -> list[Region]:
    """The regions that hold this session: that of its address, and those of its certificate."""
    names = session.certificate.names if session.certificate else ()
    return [
        region
        for region in regions
        if region.tls == session.tls
        and (
            plain_source(session.source) in region.addresses
            if region.certificate is None
            else any(within(name, region.certificate) for name in names)
        )
    ]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_single_session_is_answered_as_the_region_that_holds_it(data: st.DataObject) -> None:
    made = data.draw(configurations())
    session = data.draw(sessions(made.domains))
    reach = reachability(made, also=("contoso.com", "mail.contoso.com", "contoso.onmicrosoft.com"))
    decision = decide(made, session)
    held = meeting(reach.regions(session.recipient_domain, class_of(reach, session)), session)
    letting_in = [region for region in held if region.accepted]
    assert decision.accepted == bool(letting_in)
    at_address = [region for region in held if region.certificate is None]
    assert len(at_address) == 1
    if session.certificate is None:
        assert at_address[0].code == decision.code
        assert at_address[0].rule == decision.rule
        assert at_address[0].connector == decision.connector
        assert at_address[0].assumptions == tuple(
            name for name in decision.assumptions if name not in ONE_SESSION
        )


@settings(max_examples=60, deadline=None)
@given(configurations())
def test_regions_cover_every_address_once(made: Configuration) -> None:
    reach = reachability(made)
    for name, sender_class, found in reach.all():
        for tls in (True, False):
            plain = [
                r for r in reach.regions(name, sender_class) if r.tls == tls and not r.certificate
            ]
            assert sum(region.addresses.size for region in plain) == WORLD
            accepted = [region.addresses for region in plain if region.accepted]
            whole = sum((one.size for one in accepted), 0)
            assert whole == (found.addresses if tls else found.in_clear).size
