"""What is tried beside the connectors, and of what they list: each with what it makes of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mailposture.core.configuration import DomainFacts, MxHost
from mailposture.core.posture import (
    Answered,
    Excepted,
    Facts,
    Moved,
    Observed,
    Result,
    Source,
    SourceKind,
    assess,
)
from tests.core.configurations import domain, lock
from tests.core.posture.tenants import (
    AT,
    GATEWAY,
    SERVER,
    TWO,
    connection_filter,
    evidence,
    facts,
    own_hybrid,
    rule,
    server,
    unread,
)


def near_of(rule_id: str, given: Facts) -> str | None:
    """The near miss of the first violation of a rule."""
    found = [f for f in assess(given) if f.rule == rule_id]
    return next(f.near_miss for f in found if f.result is Result.NOT_SATISFIED)


IN = GATEWAY.addresses
WHOLE = lock(sender_ip_addresses=IN, require_tls=True)
STRAY = MxHost(preference=20, host="mail.contoso.com", addresses=("192.0.2.25",))
GOOD = MxHost(preference=10, host="mx.contoso.com", addresses=("203.0.113.1",))


def mx(*hosts: MxHost, of: str = "contoso.com") -> DomainFacts:
    return DomainFacts(domain=of, mx=hosts)


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        # A good one stays: the other is left out.
        ((mx(GOOD, STRAY),), "mail.contoso.com were no MX of contoso.com"),
        ((mx(STRAY),), "the MX of contoso.com led to Gateway, an approved gateway"),
        (
            (mx(STRAY), mx(STRAY, of="contoso.net")),
            "the MX of contoso.com and the MX of contoso.net led to Gateway",
        ),
        # Of another domain it is not known where its MX leads.
        ((mx(STRAY), DomainFacts(domain="contoso.net", mx=None)), None),
        (tuple(mx(STRAY, of=f"d{n}.example") for n in range(4)), None),
    ],
)
def test_few_mx_that_lead_astray_are_left_out_or_led_to_the_gateway(
    seen: tuple[DomainFacts, ...], words: str | None
) -> None:
    found = near_of("MP-08", facts(WHOLE, domain_facts=seen))
    assert (words in found) if words and found else found == words


def test_without_an_own_refusal_by_direct_send_alone_the_lock_is_looked_at() -> None:
    answers = tuple(
        Answered(domain=d.domain_name, sender_class="own", verdict="open", at=AT) for d in TWO
    )
    seen: dict[str, Any] = {
        "accepted_domains": TWO, "at": AT, "observed": Observed(answers=answers),
    }  # fmt: skip
    # The model refuses strangers already.
    assert near_of("MP-04", facts(WHOLE, **seen)) is None


@pytest.mark.parametrize(
    ("trusted", "words"),
    [
        (("203.0.113.0/28", "192.0.2.0/24"), "rule Keep were bound to 203.0.113.0/28"),
        (("192.0.2.0/24",), "rule Keep were turned off"),
    ],
)
def test_a_rule_is_bound_to_the_approved_or_turned_off(
    trusted: tuple[str, ...], words: str
) -> None:
    given = facts(transport_rules=(rule(set_scl=-1, sender_ip_ranges=trusted),))
    assert near_of("MP-09", given) == f"Would be satisfied if {words}."


@pytest.mark.parametrize(
    ("allowed", "words"),
    [
        (
            ("203.0.113.1", "192.0.2.1"),
            "Would be satisfied if the IP allow list of Default did not list 192.0.2.1.",
        ),
        (tuple(f"192.0.2.{n}" for n in range(4)), None),
    ],
)
def test_few_entries_of_an_allow_list_are_left_out(
    allowed: tuple[str, ...], words: str | None
) -> None:
    assert near_of("MP-09", facts(connection_filters=(connection_filter(allowed),))) == words


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ef_skip_last_ip": True}, "had EFSkipLastIP off"),
        ({"ef_skip_ips": ("192.0.2.9",)}, "had no EFSkipIPs"),
        ({"ef_skip_ips": (*IN, "192.0.2.9")}, "had 203.0.113.0/28 alone in EFSkipIPs"),
        (
            {"ef_skip_last_ip": True, "ef_skip_ips": ("192.0.2.9",)},
            "had EFSkipLastIP off and no EFSkipIPs",
        ),
    ],
)
def test_enhanced_filtering_looks_past_the_approved_alone(
    fields: dict[str, Any], words: str
) -> None:
    found = near_of("MP-42", facts(lock(sender_ip_addresses=(*IN, "192.0.2.9"), **fields)))
    assert found == f"Would be satisfied if Lock to gateway {words}."


def test_a_certificate_that_will_lack_the_usage_ends_before_that_day() -> None:
    late = server(not_after=AT + timedelta(days=300), issuer="DigiCert")
    found = near_of("MP-54", facts(WHOLE, own_hybrid(), sources=(GATEWAY, late), at=AT))
    assert found == (
        "Would be satisfied if the certificate of Hybrid ended before 2027-03-01 00:00:00 UTC."
    )


@pytest.mark.parametrize(
    ("ages", "words"),
    [
        (
            {"read_at": AT - timedelta(hours=2)},
            "the configuration had been read since 2026-11-25 07:30:00 UTC",
        ),
        (
            {"asked_at": AT - timedelta(days=3)},
            "the domains had been asked since 2026-11-24 08:00:00 UTC",
        ),
        ({"read_at": None}, "the configuration had been read since 2026-11-25 07:30:00 UTC"),
    ],
)
def test_what_is_old_would_have_to_be_younger(ages: dict[str, Any], words: str) -> None:
    given = facts(WHOLE, at=AT, observed=Observed(evidence=evidence(**ages)))
    assert near_of("MP-11", given) == f"Would be satisfied if {words}."


def test_a_part_that_was_not_read_would_have_to_be_read_whole() -> None:
    given = facts(WHOLE, at=AT, observed=Observed(evidence=evidence()))
    assert near_of("MP-11", unread(given, "transport_rules", "connection_filters")) == (
        "Would be satisfied if transport rules and connection filters were read whole."
    )
    missing: dict[str, Any] = {"transport_rules": None}
    lost = unread(given, "transport_rules")
    lost = replace(lost, configuration=replace(lost.configuration, **missing))
    assert near_of("MP-11", lost) == "Would be satisfied if transport rules were read whole."


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([(False, True)], "somebody had explained it"),
        ([(False, False)], "probes had shown what it did and somebody had explained it"),
        ([(None, False), (None, False)], "probes had shown what each of them did"),
    ],
)
def test_changes_would_have_to_be_shown_and_explained(
    changes: list[tuple[bool | None, bool | None]], words: str
) -> None:
    moved = tuple(Moved(sentence="M.", explained=e, verified=v) for e, v in changes)
    given = facts(WHOLE, at=AT, observed=Observed(changes=moved))
    assert near_of("MP-12", given) == f"Would be satisfied if {words}."


@pytest.mark.parametrize(
    ("approved", "end", "words"),
    [
        (False, AT + timedelta(days=9), "somebody approved it"),
        (True, AT - timedelta(days=9), "it ended on 2027-02-23"),
        (True, None, "it ended on 2027-02-23"),
        (False, AT - timedelta(days=9), "somebody approved it anew until 2027-02-23"),
    ],
)
def test_an_exception_would_have_to_be_approved_and_to_end_later(
    approved: bool, end: Any, words: str
) -> None:
    one = Excepted(key="3", sentence="Copier.", approved=approved, expires_at=end)
    given = facts(WHOLE, at=AT, observed=Observed(exceptions=(one,)))
    assert near_of("MP-13", given) == f"Would be satisfied if {words}."


def test_where_no_single_lock_guards_the_subdomains_they_would_not_be_accepted() -> None:
    two = [
        lock(guid=f"g{n}", name=f"L{n}", sender_ip_addresses=IN, associated_accepted_domains=(of,))
        for n, of in enumerate(("contoso.com", "contoso.net"))
    ]
    below = (domain("contoso.com", match_sub_domains=True), domain("contoso.net"))
    assert near_of("MP-61", facts(*two, accepted_domains=below)) == (
        "Would be satisfied if L0 named no AssociatedAcceptedDomains."
    )


def test_the_endpoint_is_known_from_dns_too() -> None:
    door = MxHost(
        preference=10,
        host="contoso-com.mail.protection.outlook.com",
        addresses=("192.0.2.1", "2001:db8::1"),
    )
    given = facts(WHOLE, domain_facts=(mx(door, of="contoso.onmicrosoft.com"),))
    assert near_of("MP-62", given) == "Would be satisfied if the endpoint had no IPv6 address."


# ---- what connectors ask for ---------------------------------------------------------------


def test_an_empty_certificate_restriction_names_the_gateways_own() -> None:
    empty = lock(
        restrict_domains_to_ip_addresses=False,
        restrict_domains_to_certificate=True,
        sender_ip_addresses=(),
    )
    own = Source(name="Gateway", certificate_names=("gw.contoso.com",))
    assert near_of("MP-22", facts(empty, sources=(own,))) == (
        "Would be satisfied if Lock to gateway asked for a certificate of gw.contoso.com."
    )


def test_a_server_with_an_accepted_name_is_asked_for_by_it() -> None:
    accepted = (domain("contoso.com"), domain("mail.contoso.com"))
    given = facts(
        WHOLE,
        own_hybrid(tls_sender_certificate_name="other.example"),
        sources=(GATEWAY, server()),
        accepted_domains=accepted,
        at=AT,
    )
    assert near_of("MP-55", given) == (
        "Would be satisfied if Inbound from 9c1c3e0a asked for a certificate of mail.contoso.com."
    )
    foreign = own_hybrid(tls_sender_certificate_name="other.example")
    assert near_of("MP-56", facts(WHOLE, foreign)) == (
        "Would be satisfied if other.example were an accepted domain of the tenant."
    )


def test_a_gateway_without_addresses_cannot_be_listed_and_is_asked_for_its_certificate() -> None:
    # Its lock would be made by certificate too (MP-01): nothing speaks against it here.
    named = Source(name="Cloud", certificate_names=("gw.contoso.com",))
    given = facts(lock(sender_ip_addresses=()), sources=(named, SERVER))
    assert near_of("MP-22", given) == (
        "Would be satisfied if Lock to gateway asked for a certificate of gw.contoso.com in the"
        " place of addresses."
    )
    assert near_of("MP-22", replace(given, sources=(SERVER,))) is None


def test_an_empty_certificate_restriction_lists_a_gateway_that_has_addresses_alone() -> None:
    empty = lock(
        restrict_domains_to_ip_addresses=False,
        restrict_domains_to_certificate=True,
        sender_ip_addresses=(),
    )
    assert near_of("MP-22", facts(empty)) == (
        "Would be satisfied if Lock to gateway restricted to the addresses 203.0.113.0/28 in the"
        " place of a certificate."
    )


def test_own_servers_may_be_relays_too() -> None:
    relay = Source(name="Copier", kind=SourceKind.RELAY, addresses=("192.0.2.30",))
    wide = own_hybrid(tls_sender_certificate_name=None, sender_ip_addresses=("192.0.2.30/31",))
    assert near_of("MP-07", facts(wide, sources=(relay,))) == (
        "Would be satisfied if Inbound from 9c1c3e0a listed 192.0.2.30 in the place of"
        " 192.0.2.30/31."
    )


def test_many_connectors_without_tls_are_not_near() -> None:
    many = [lock(guid=f"g{n}", name=f"C{n}", sender_ip_addresses=IN) for n in range(4)]
    assert near_of("MP-28", facts(*many)) is None
    assert (
        near_of("MP-28", facts(*many[:2])) == "Would be satisfied if C0 and C1 had RequireTls on."
    )
