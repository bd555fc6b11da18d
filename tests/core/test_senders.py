"""Who would lose access: known senders before and after a change, and what is said of each."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.core.addresses import EVERYWHERE, parse
from mailposture.core.attribution import Certificate, Session, decided
from mailposture.core.configuration import Configuration, RejectDirectSend
from mailposture.core.published import Kind, Provider
from mailposture.core.reachability import compare
from mailposture.core.senders import (
    SURE,
    Envelope,
    How,
    KnownSender,
    Losses,
    Row,
    Seen,
    Sure,
    Turn,
    from_spf,
    from_traffic,
    losing,
    named,
)
from mailposture.core.states import Access, State
from tests.core.configurations import configuration, domain, hybrid, lock, organization
from tests.core.strategies import CERTIFICATES, SOURCES, configurations

DAY = date(2026, 11, 24)
OURS = (domain("contoso.com"), domain("contoso.onmicrosoft.com"))
EXPOSED = configuration(accepted_domains=OURS)
LOCKED = configuration(lock(), accepted_domains=OURS)
OWN_HYBRID = hybrid(tls_sender_certificate_name="*.contoso.com")


def sender(*entries: str, **other: Any) -> KnownSender:
    given: dict[str, Any] = {"name": "Host", "how": How.APPROVED, "addresses": parse(entries)}
    return KnownSender(**given | other)


def held(before: Configuration, after: Configuration, *senders: KnownSender) -> Losses:
    return losing(compare(before, after), senders)


def row(before: Configuration, after: Configuration, one: KnownSender) -> Row:
    return next(r for r in held(before, after, one).rows if r.sender is one)


def provider(name: str, *entries: str, includes: tuple[str, ...] = ()) -> Provider:
    return Provider(
        name=name,
        kind=Kind.MAIL,
        dated=DAY,
        url="https://example.com/addresses",
        how="For a test.",
        whole=True,
        anyone=True,
        microsoft=False,
        includes=includes,
        addresses=parse(entries),
    )


def lists_one(missing: str) -> str:
    return f"Lock to gateway (Partner) restricts to addresses: it lists 1 address ({missing})."


# ---- one sender ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "turn", "after", "why", "first"),
    [
        (
            sender("203.0.113.10", name="Gateway"),
            Turn.KEPT,
            Access.GETS_IN,
            "Lock to gateway (Partner) restricts to addresses, and is satisfied.",
            "Nothing to do.",
        ),
        (
            sender("198.51.100.32", name="Scan-to-mail relay"),
            Turn.LOST,
            Access.CUT_OFF,
            lists_one("198.51.100.32 is not there"),
            "Add 198.51.100.32 to the connector, or send through the gateway.",
        ),
        (
            sender("203.0.113.8/30", name="Half of it"),
            Turn.LOST,
            Access.PARTLY_CUT_OFF,
            lists_one("203.0.113.8 is not there"),
            "Add 203.0.113.8/30 to the connector, or send through the gateway.",
        ),
        (
            sender("2001:db8::25"),
            Turn.LOST,
            Access.CUT_OFF,
            lists_one("IPv6 is never listed"),
            "Let it send over IPv4 or through the gateway: no connector lists IPv6.",
        ),
        (
            sender("198.51.100.0/22"),
            Turn.LOST,
            Access.CUT_OFF,
            lists_one("198.51.100.0 is not there"),
            "Route it through the gateway: it is too wide to be listed.",
        ),
        (
            sender("198.51.100.128/28", how=How.SPF),
            Turn.LOST,
            Access.CUT_OFF,
            lists_one("198.51.100.128 is not there"),
            "Find out whether it delivers here; if so, route it through the gateway.",
        ),
    ],
)
def test_a_lock_is_held_against_a_sender(
    one: KnownSender, turn: Turn, after: Access, why: str, first: str
) -> None:
    found = row(EXPOSED, LOCKED, one)
    assert (found.turn, found.before.access, found.after.access) == (turn, Access.GETS_IN, after)
    assert (found.why, found.first, found.only) == (why, first, "")


def test_the_hybrid_server_is_shown_to_stay_in_and_why() -> None:
    before = configuration(OWN_HYBRID, accepted_domains=OURS)
    after = configuration(OWN_HYBRID, lock(), accepted_domains=OURS)
    one = sender("203.0.113.40", name="Hybrid server", certificate="mail.contoso.com")
    found = row(before, after, one)
    assert found.turn is Turn.KEPT
    assert found.after.decision.connector == OWN_HYBRID.name
    assert "matches by certificate: the tenant's own mail" in found.why
    assert found.first == "Nothing to do while the certificate keeps this name."
    in_clear = row(before, after, sender("203.0.113.40", certificate="mail.contoso.com", tls=False))
    assert in_clear.turn is Turn.LOST


def test_a_certificate_is_to_be_kept_only_where_it_alone_lets_the_host_in() -> None:
    one = sender("203.0.113.40", name="Hybrid server", certificate="mail.contoso.com")
    named_before = configuration(OWN_HYBRID, accepted_domains=OURS)
    other = hybrid(tls_sender_certificate_name="other.example")
    listed = lock(sender_ip_addresses=("203.0.113.10", "203.0.113.40"))
    for after in (
        configuration(other, accepted_domains=OURS),
        configuration(other, listed, accepted_domains=OURS),
    ):
        found = row(named_before, after, one)
        assert (found.turn, found.first) == (Turn.KEPT, "Nothing to do.")


def test_a_host_known_by_its_certificate_alone_counts_as_one_that_nobody_lists() -> None:
    one = sender(certificate="gateway.example.net", name="Gateway")
    found = row(EXPOSED, LOCKED, one)
    assert (found.turn, found.shown) == (Turn.LOST, "0.0.0.0")  # noqa: S104 - an address
    assert found.first == "Name its certificate, gateway.example.net, in a connector."
    by_name = lock(
        restrict_domains_to_ip_addresses=False,
        restrict_domains_to_certificate=True,
        require_tls=True,
        tls_sender_certificate_name="*.example.net",
    )
    assert row(EXPOSED, configuration(by_name, accepted_domains=OURS), one).turn is Turn.KEPT


def test_a_range_says_exactly_which_of_its_addresses_are_lost() -> None:
    found = row(EXPOSED, LOCKED, sender("203.0.113.8/30"))
    assert found.lost.cidrs() == ("203.0.113.8/31", "203.0.113.11")
    assert found.after.gets_in.cidrs() == ("203.0.113.10",)


def test_what_was_refused_before_stays_refused_and_what_is_listed_anew_gains() -> None:
    opened = configuration(
        lock(sender_ip_addresses=("203.0.113.10", "198.51.100.7")), accepted_domains=OURS
    )
    assert row(LOCKED, opened, sender("198.51.100.7")).turn is Turn.GAINED
    out = row(LOCKED, opened, sender("192.0.2.1"))
    assert (out.turn, out.first) == (
        Turn.STILL_OUT,
        "Nothing changes for it: it is refused today.",
    )


def test_a_loss_that_is_confined_says_to_whom() -> None:
    rejecting = configuration(accepted_domains=OURS, organization=organization(RejectDirectSend.ON))
    found = row(EXPOSED, rejecting, sender("198.51.100.7"))
    assert (found.turn, found.after.decision.code) == (Turn.LOST, "5.7.68")
    assert found.only == "with senders of the recipient's own domain"
    assert found.why == "RejectDirectSend is on, and contoso.com is an accepted domain."


def test_only_the_envelopes_that_were_seen_count() -> None:
    scoped = configuration(lock(sender_domains=("fabrikam.com",)), accepted_domains=OURS)
    partner = sender("198.51.100.7", envelopes=(Envelope("fabrikam.com", "contoso.com"),))
    other = sender("198.51.100.7", envelopes=(Envelope("tailspin.example", "contoso.com"),))
    assert row(EXPOSED, scoped, partner).turn is Turn.LOST
    assert row(EXPOSED, scoped, other).turn is Turn.KEPT


def test_seen_envelopes_are_told_apart_by_whom_they_write_as() -> None:
    rejecting = configuration(accepted_domains=OURS, organization=organization(RejectDirectSend.ON))
    envelopes = (
        Envelope("", "contoso.com"),
        Envelope("contoso.com", "contoso.com"),
        Envelope("contoso.com", "contoso.onmicrosoft.com"),
        Envelope("fabrikam.com", "contoso.com"),
    )
    found = row(EXPOSED, rejecting, sender("198.51.100.7", envelopes=envelopes))
    assert found.only == ("with senders of the recipient's own domain and senders of contoso.com")


def test_a_foreign_sender_stands_for_itself_where_a_connector_knows_the_readable_one() -> None:
    odd = configuration(lock(sender_domains=("*.invalid",)), accepted_domains=OURS)
    found = {r.sender.name: r.envelope for r in held(odd, EXPOSED).rows}
    assert found["Forwarders without SRS"] == Envelope("_", "contoso.com")


def test_a_tenant_without_a_domain_refuses_everyone_on_both_sides() -> None:
    empty = configuration(accepted_domains=())
    found = held(empty, empty, sender("198.51.100.7"))
    assert {r.turn for r in found.rows} == {Turn.STILL_OUT}
    assert found.strangers.was is State.CLOSED


# ---- kinds, strangers, order ---------------------------------------------------------------


def test_kinds_that_nobody_can_list_are_named_with_what_their_owners_do() -> None:
    found = {r.sender.name: r for r in held(EXPOSED, LOCKED).rows}
    assert {name: r.first for name, r in found.items()} == {
        "Forwarders without SRS": "Tell their owners to forward to the MX.",
        "Printers and scanners": (
            "Let them send through a relay that gets in, or sign in to submit."
        ),
        "Shared services that write in your name": (
            "Let them deliver to the MX, as they do unless told otherwise."
        ),
    }
    assert {r.turn for r in found.values()} == {Turn.LOST}
    assert {r.sure for r in found.values()} == {Sure.UNLISTED}


def test_where_only_direct_send_is_refused_forwarders_are_not_touched() -> None:
    rejecting = configuration(accepted_domains=OURS, organization=organization(RejectDirectSend.ON))
    found = {r.sender.name: r.turn for r in held(EXPOSED, rejecting).rows}
    assert found["Forwarders without SRS"] is Turn.KEPT
    assert found["Printers and scanners"] is Turn.LOST


def test_those_who_are_cut_off_come_first_and_strangers_are_counted_beside() -> None:
    one, two = sender("198.51.100.32", name="Relay"), sender("198.51.100.64/28", name="Desk")
    busy = sender("192.0.2.9", name="Busy", how=How.SEEN, messages=400)
    gateway = sender("203.0.113.10", name="Gateway")
    found = held(EXPOSED, LOCKED, gateway, one, two, busy)
    assert [r.sender.name for r in found.rows] == [
        "Busy",
        "Desk",
        "Relay",
        "Forwarders without SRS",
        "Printers and scanners",
        "Shared services that write in your name",
        "Gateway",
    ]
    assert (found.lost, found.kinds_lost) == (3, 3)
    assert (found.strangers.was, found.strangers.becomes) == (State.OPEN, State.CLOSED)
    assert found.strangers.after.size == 0
    assert found.strangers.before.size == EVERYWHERE.size - 19
    assert (found.strangers.why, found.strangers.first) == (
        lists_one("a host that nobody lists is not there"),
        "Nothing to do.",
    )


def test_strangers_that_a_connector_lists_are_named_and_leave_the_door_open_in_part() -> None:
    wide = lock(sender_ip_addresses=("203.0.113.10", "198.51.100.7"))
    gateway = sender("203.0.113.10", name="Gateway")
    found = held(EXPOSED, configuration(wide, accepted_domains=OURS), gateway).strangers
    assert (found.was, found.becomes) == (State.OPEN, State.PARTLY_OPEN)
    assert found.after.cidrs() == ("198.51.100.7",)
    assert found.why == "198.51.100.7 is listed and gets in, and nobody approved it."
    assert found.first == (
        "Find out whose: approve them as sources, or take them out of the connector."
    )


def test_many_strangers_that_a_connector_lists_are_named_in_part() -> None:
    many = tuple(f"198.51.100.{n}" for n in range(1, 20, 2))
    found = held(
        EXPOSED,
        configuration(lock(sender_ip_addresses=many), accepted_domains=OURS),
    ).strangers
    assert found.why == (
        "198.51.100.1, 198.51.100.3, 198.51.100.5 and others are listed and get in,"
        " and nobody approved them."
    )


def test_strangers_that_get_in_with_some_senders_alone_are_let_in_in_part() -> None:
    scoped = configuration(lock(sender_domains=("contoso.com",)), accepted_domains=OURS)
    found = held(scoped, scoped).strangers
    assert found.becomes is State.OPEN
    rejecting = configuration(accepted_domains=OURS, organization=organization(RejectDirectSend.ON))
    found = held(LOCKED, rejecting).strangers
    assert (found.was, found.becomes) == (State.PARTLY_OPEN, State.OPEN)
    assert found.why
    assert found.first == "Let a connector restrict who may deliver."


def test_of_a_tenant_without_a_domain_nothing_is_said_of_strangers_but_that_they_stay_out() -> None:
    empty = configuration(accepted_domains=())
    found = held(empty, empty).strangers
    assert (found.becomes, found.why, found.first) == (State.CLOSED, "", "Nothing to do.")


@given(configurations(), configurations(), st.sampled_from(SOURCES), st.data())
def test_a_row_says_what_the_decision_on_its_session_says(
    before: Configuration, after: Configuration, source: str, data: st.DataObject
) -> None:
    name = data.draw(st.none() | st.sampled_from(CERTIFICATES))
    one = sender(source, certificate=(name or "").removeprefix("*."))
    comparison = compare(before, after)
    found = next(r for r in losing(comparison, [one]).rows if r.sender is one)
    for side, fare in ((comparison.before, found.before), (comparison.after, found.after)):
        if not side.has(found.envelope.recipient):
            continue
        shown = Certificate.of(one.certificate) if one.certificate else None
        session = Session(
            source=source,
            mail_from=f"a@{found.envelope.sender}" if found.envelope.sender else "",
            recipient=f"b@{found.envelope.recipient}",
            tls=True,
            certificate=shown,
        )
        assert decided(side.rules, session).accepted == (fare.access is Access.GETS_IN)
        assert fare.decision.accepted == (fare.access is Access.GETS_IN)


# ---- where senders come from ---------------------------------------------------------------


def seen(source: str, **other: Any) -> Seen:
    given: dict[str, Any] = {
        "source": source,
        "helo": "",
        "connector": "",
        "tls": True,
        "sender_domain": "fabrikam.com",
        "recipient_domain": "contoso.com",
        "day": DAY,
        "messages": 1,
    }
    return Seen(**given | other)


def test_traffic_is_grouped_by_helo_name_and_source_those_that_send_most_first() -> None:
    found = from_traffic(
        [
            seen("198.51.100.7", helo="out.fabrikam.com", messages=2),
            seen("198.51.100.7", helo="out.fabrikam.com", messages=3, day=date(2026, 11, 20)),
            seen("198.51.100.7", helo="mta.fabrikam.com", messages=9, sender_domain=""),
            seen("198.51.100.8", tls=False),
        ]
    )
    assert [(s.name, s.addresses.cidrs(), s.messages, s.tls) for s in found] == [
        ("mta.fabrikam.com", ("198.51.100.7",), 9, True),
        ("out.fabrikam.com", ("198.51.100.7",), 5, True),
        ("198.51.100.8", ("198.51.100.8",), 1, False),
    ]
    assert found[1].last_seen == DAY
    assert found[0].envelopes == (Envelope("", "contoso.com"),)


def test_mail_without_an_address_is_assumed_to_come_from_an_unlisted_one_and_says_so() -> None:
    (one,) = from_traffic([seen("", connector="none")])
    found = row(EXPOSED, LOCKED, one)
    assert (one.name, found.turn, found.sure) == ("fabrikam.com", Turn.LOST, Sure.NO_ADDRESS)
    assert found.first == "Find its address in a message trace, then look again."
    assert "names no address" in SURE[found.sure]


def test_spf_makes_a_sender_of_each_include_and_says_which_domains_name_it() -> None:
    found = from_spf(
        {
            ("spf.ticketdesk.example", ("198.51.100.128/28", "odd")): ["b.com", "a.com"],
            ("", ("203.0.113.10",)): ["contoso.com"],
            ("spf.empty.example", ("odd",)): ["contoso.com"],
            ("spf.wide.example", ("192.0.2.0/24",)): [f"d{n}.com" for n in range(5)],
        }
    )
    assert [(s.name, s.grounds) for s in found] == [
        ("spf.ticketdesk.example", "SPF of a.com, b.com through spf.ticketdesk.example"),
        ("Hosts that contoso.com names itself", "SPF of contoso.com"),
        (
            "spf.wide.example",
            "SPF of d0.com, d1.com, d2.com and 2 more domains through spf.wide.example",
        ),
    ]
    assert {s.how for s in found} == {How.SPF}


@pytest.mark.parametrize(
    ("one", "name"),
    [
        (sender("192.0.2.9", name="192.0.2.9", how=How.SEEN), "Desk"),
        (sender("192.0.2.9", name="out.desk.example", helo="out.desk.example", how=How.SEEN),
         "out.desk.example"),
        (sender("198.51.100.0/24", name="mail.desk.example", how=How.SPF), "Desk"),
        (sender("192.0.2.9", name="Our relay"), "Our relay"),
    ],
)  # fmt: skip
def test_a_sender_is_named_after_the_service_that_publishes_it(one: KnownSender, name: str) -> None:
    desk = provider("Desk", "192.0.2.0/24", includes=("desk.example",))
    (found,) = named([one], [provider("Other", "198.18.0.0/24"), desk])
    assert (found.name, found.service, found.is_shared) == (name, desk, True)


def test_a_sender_of_no_service_keeps_its_name() -> None:
    one = sender("192.0.2.9", name="192.0.2.9", how=How.SEEN)
    assert named([one], [provider("Desk", "198.51.100.0/24")]) == [one]


def test_a_shared_service_is_routed_and_never_listed() -> None:
    (one,) = named([sender("192.0.2.9", how=How.SEEN)], [provider("Desk", "192.0.2.0/24")])
    found = row(EXPOSED, LOCKED, one)
    assert found.first == (
        "Find out whose it is. If it is yours, route it through the gateway:"
        " listing it admits the service's other customers."
    )


def test_whose_a_host_is_that_was_only_seen_is_asked_before_anybody_lists_it() -> None:
    approved = row(EXPOSED, LOCKED, sender("198.51.100.7"))
    seen_only = row(EXPOSED, LOCKED, sender("198.51.100.7", how=How.SEEN))
    advice = "dd 198.51.100.7 to the connector, or send through the gateway."
    assert approved.first == f"A{advice}"
    assert seen_only.first == f"Find out whose it is. If it is yours, a{advice}"
    assert (approved.sure, seen_only.sure) == (Sure.DECLARED, Sure.SEEN)
