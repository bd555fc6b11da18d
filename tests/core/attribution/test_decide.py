"""What the door answers to one session: a table of stories, with what each leans on."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailposture.core.attribution import (
    ASSUMPTIONS,
    BY_NAME,
    Certificate,
    Session,
    decide,
    session,
)
from mailposture.core.attribution.gates import answer, look
from mailposture.core.attribution.reading import read
from mailposture.core.attribution.trace import ELSEWHERE
from mailposture.core.configuration import (
    Configuration,
    ConnectorType,
    Part,
    PartStatus,
    RejectDirectSend,
)
from tests.core.configurations import configuration, domain, hybrid, lock, organization
from tests.core.strategies import configurations, sessions

GATEWAY, STRANGER, V6 = "203.0.113.10", "198.51.100.7", "2001:db8::7"
DOMAINS = "accepted_domains_unknown"
FOREIGN, OWN, NULL = "a@fabrikam.com", "a@contoso.com", ""

BY_ADDRESS = {"restrict_domains_to_ip_addresses": True, "restrict_domains_to_certificate": False}
BY_NAME_ALONE: dict[str, Any] = {
    "restrict_domains_to_ip_addresses": False,
    "restrict_domains_to_certificate": True,
    "sender_ip_addresses": (),
    "tls_sender_certificate_name": "gateway.fabrikam.com",
    "require_tls": True,
}
CERTIFICATE_LOCK = lock(**BY_NAME_ALONE)
UNRESTRICTED = {**BY_ADDRESS, "restrict_domains_to_ip_addresses": False}
OPEN = configuration()
LOCKED = configuration(lock())
HYBRID = configuration(lock(), hybrid(tls_sender_certificate_name="mail.contoso.com"))
HYBRID_NAME = "Inbound from 9c1c3e0a"
NOT_LISTED = "lists 1 address (198.51.100.7 is not there)"
DIRECT = organization(RejectDirectSend.ON)


def ask(
    source: str, mail_from: str, *, recipient: str = "b@contoso.com", cert: str | None = None
) -> Session:
    return session(
        source=source, mail_from=mail_from, recipient=recipient, tls=True, cert_name=cert
    )


@pytest.mark.parametrize(
    ("made", "asked", "code", "connector", "leans"),
    [
        pytest.param(OPEN, ask(STRANGER, FOREIGN), None, None, (), id="no connector, open"),
        pytest.param(
            OPEN,
            ask(STRANGER, FOREIGN, recipient="b@adatum.example"),
            "5.7.64",
            None,
            (),
            id="a domain that is not the tenant's",
        ),
        pytest.param(LOCKED, ask(STRANGER, FOREIGN), "5.7.51", "Lock to gateway", (), id="lock"),
        pytest.param(LOCKED, ask(GATEWAY, FOREIGN), None, "Lock to gateway", (), id="gateway"),
        pytest.param(
            LOCKED,
            ask(STRANGER, NULL),
            "5.7.51",
            "Lock to gateway",
            ("null_sender_in_wildcard",),
            id="null sender",
        ),
        pytest.param(
            LOCKED,
            ask(V6, FOREIGN),
            "5.7.51",
            "Lock to gateway",
            ("ipv6_never_listed",),
            id="over IPv6",
        ),
        pytest.param(
            LOCKED,
            ask("::ffff:203.0.113.10", FOREIGN),
            None,
            "Lock to gateway",
            (),
            id="a mapped address is IPv4",
        ),
        pytest.param(
            configuration(lock(enabled=False)),
            ask(STRANGER, FOREIGN),
            None,
            None,
            (),
            id="a lock that is off",
        ),
        pytest.param(
            configuration(lock(connector_type=ConnectorType.ON_PREMISES)),
            ask(STRANGER, FOREIGN),
            None,
            None,
            (),
            id="Restrict* on OnPremises has no effect",
        ),
        pytest.param(
            configuration(lock(sender_domains=("fabrikam.com",))),
            ask(STRANGER, "a@tailspin.example"),
            None,
            None,
            (),
            id="scoped, another sender",
        ),
        pytest.param(
            configuration(lock(sender_domains=("*.fabrikam.com",))),
            ask(STRANGER, "a@deep.sub.fabrikam.com"),
            "5.7.51",
            "Lock to gateway",
            (),
            id="scoped by a wildcard, at any depth",
        ),
        pytest.param(
            configuration(
                lock(associated_accepted_domains=("contoso.com",)),
                accepted_domains=(domain("contoso.com"), domain("contoso.onmicrosoft.com")),
            ),
            ask(STRANGER, FOREIGN, recipient="b@contoso.onmicrosoft.com"),
            None,
            None,
            (),
            id="outside AssociatedAcceptedDomains, also by the other reading",
        ),
        pytest.param(
            configuration(lock(associated_accepted_domains=("contoso.com",))),
            ask(STRANGER, FOREIGN),
            "5.7.51",
            "Lock to gateway",
            ("associated_domains_scope_recipients",),
            id="within AssociatedAcceptedDomains",
        ),
        pytest.param(
            configuration(CERTIFICATE_LOCK),
            ask(STRANGER, FOREIGN, cert="gateway.fabrikam.com"),
            None,
            "Lock to gateway",
            ("certificate_name_need_not_be_accepted",),
            id="locked by certificate, shown",
        ),
        pytest.param(
            configuration(CERTIFICATE_LOCK),
            ask(STRANGER, FOREIGN, cert="mail.gateway.fabrikam.com"),
            "5.7.51",
            "Lock to gateway",
            (),
            id="a literal name does not mean what is below it",
        ),
        pytest.param(
            configuration(lock(**BY_NAME_ALONE | {"require_tls": False})),
            ask(STRANGER, FOREIGN),
            "5.7.51",
            "Lock to gateway",
            ("certificate_without_require_tls",),
            id="certificate restriction without RequireTls",
        ),
        pytest.param(
            HYBRID,
            ask(STRANGER, FOREIGN, cert="mail.contoso.com"),
            "5.7.51",
            "Lock to gateway",
            (),
            id="a hybrid certificate of a name that is not accepted, foreign sender",
        ),
        pytest.param(
            HYBRID,
            ask(STRANGER, OWN, cert="mail.contoso.com"),
            None,
            "Inbound from 9c1c3e0a",
            ("hybrid_exempt",),
            id="the hybrid server with the tenant's own sender",
        ),
        pytest.param(
            configuration(lock(), hybrid(tls_sender_certificate_name="*.contoso.com")),
            ask(STRANGER, FOREIGN, cert="mail.contoso.com"),
            None,
            "Inbound from 9c1c3e0a",
            ("hybrid_exempt",),
            id="the hybrid server by an accepted wildcard, any sender",
        ),
        pytest.param(
            configuration(hybrid(tls_sender_certificate_name="*.contoso.com")),
            ask(STRANGER, FOREIGN, cert="mail.contoso.com", recipient="x@adatum.example"),
            None,
            "Inbound from 9c1c3e0a",
            (),
            id="relay to somebody else",
        ),
        pytest.param(
            configuration(organization=DIRECT),
            ask(STRANGER, OWN),
            "5.7.68",
            None,
            (),
            id="Direct Send refused",
        ),
        pytest.param(
            configuration(organization=DIRECT),
            ask(STRANGER, FOREIGN),
            None,
            None,
            (),
            id="RejectDirectSend says nothing of foreign senders",
        ),
        pytest.param(
            configuration(lock(), organization=DIRECT),
            ask(STRANGER, OWN),
            "5.7.51",
            "Lock to gateway",
            ("lock_before_direct_send",),
            id="both refuse",
        ),
        pytest.param(
            configuration(lock(**UNRESTRICTED), organization=DIRECT),
            ask(GATEWAY, OWN),
            None,
            "Lock to gateway",
            ("matching_without_restriction",),
            id="excused by a connector that restricts nothing",
        ),
        pytest.param(
            configuration(organization=organization(RejectDirectSend.NOT_CONFIGURED)),
            ask(STRANGER, OWN),
            None,
            None,
            ("direct_send_setting_unknown",),
            id="RejectDirectSend not known",
        ),
        pytest.param(
            configuration(
                lock(sender_domains=("fabrikam.com",), sender_ip_addresses=("192.0.2.9",)),
                lock(name="All", sender_domains=("tailspin.example",)),
            ),
            ask(GATEWAY, FOREIGN),
            None,
            "All",
            ("any_satisfied_restriction_is_proof",),
            id="satisfied where the sender is not in scope",
        ),
        pytest.param(
            configuration(
                lock(),
                lock(name="Partner", sender_domains=("fabrikam.com",), **UNRESTRICTED),
            ),
            ask(STRANGER, FOREIGN),
            "5.7.51",
            "Lock to gateway",
            ("restriction_beats_allow_by_domain",),
            id="a restriction beats an allow by domain",
        ),
        pytest.param(
            configuration(lock(sender_ip_addresses=())),
            ask(STRANGER, FOREIGN),
            "5.7.51",
            "Lock to gateway",
            ("empty_restriction_refuses",),
            id="a restriction that names nothing",
        ),
        pytest.param(
            configuration(accepted_domains=(domain("contoso.com", match_sub_domains=True),)),
            ask(STRANGER, FOREIGN, recipient="b@news.contoso.com"),
            None,
            None,
            ("match_subdomains",),
            id="a subdomain of an accepted domain",
        ),
        pytest.param(
            OPEN,
            ask(STRANGER, FOREIGN, recipient="b@news.contoso.com"),
            "5.7.64",
            None,
            ("match_subdomains_unknown",),
            id="a subdomain of an accepted domain whose MatchSubDomains was not read",
        ),
        pytest.param(
            configuration(accepted_domains=(domain("contoso.com", match_sub_domains=False),)),
            ask(STRANGER, FOREIGN, recipient="b@news.contoso.com"),
            "5.7.64",
            None,
            (),
            id="a subdomain of an accepted domain without MatchSubDomains",
        ),
    ],
)
def test_the_door_answers(
    made: Configuration,
    asked: Session,
    code: str | None,
    connector: str | None,
    leans: tuple[str, ...],
) -> None:
    decision = decide(made, asked)
    assert (decision.code, decision.connector, decision.assumptions) == (code, connector, leans)
    assert decision.accepted == (code is None)


def clear(source: str, mail_from: str) -> Session:
    return session(source=source, mail_from=mail_from, recipient="b@contoso.com")


@pytest.mark.parametrize(
    ("connector", "source", "code", "leans"),
    [
        ({"require_tls": True}, GATEWAY, "TLS", ()),
        ({"require_tls": False}, GATEWAY, None, ()),
        (
            UNRESTRICTED | {"require_tls": True},
            STRANGER,
            None,
            ("require_tls_asks_whom_it_identifies",),
        ),
        (UNRESTRICTED | {"require_tls": True, "sender_ip_addresses": ()}, STRANGER, "TLS", ()),
    ],
)
def test_clear_text_is_refused_where_tls_is_demanded_of_this_session(
    connector: dict[str, Any], source: str, code: str | None, leans: tuple[str, ...]
) -> None:
    decision = decide(configuration(lock(**connector)), clear(source, FOREIGN))
    assert (decision.code, decision.assumptions) == (code, leans)


def test_a_certificate_that_is_not_trusted_proves_nothing() -> None:
    made = configuration(CERTIFICATE_LOCK)
    shown = Certificate(common_name="gateway.fabrikam.com", trusted=False)
    asked = Session(
        source=STRANGER, mail_from=FOREIGN, recipient="b@contoso.com", tls=True, certificate=shown
    )
    decision = decide(made, asked)
    assert decision.code == "5.7.51"
    assert any("no authority that the service trusts" in step for step in decision.trace)


@pytest.mark.parametrize(
    ("shown", "leans", "known"),
    [
        (Certificate.of("gateway.fabrikam.com"), (), True),
        (
            Certificate(common_name="x.example", alternative_names=("gateway.fabrikam.com",)),
            ("certificate_names",),
            True,
        ),
        (
            Certificate(common_name="gateway.fabrikam.com", client_auth=False),
            ("client_auth_usage",),
            False,
        ),
    ],
)
def test_what_a_certificate_leans_on(
    shown: Certificate, leans: tuple[str, ...], known: bool
) -> None:
    made = configuration(CERTIFICATE_LOCK, accepted_domains=(domain("contoso.com"),))
    asked = Session(
        source=STRANGER, mail_from=FOREIGN, recipient="b@contoso.com", tls=True, certificate=shown
    )
    decision = decide(made, asked)
    assert decision.accepted
    assert decision.assumptions == ("certificate_name_need_not_be_accepted", *leans)
    assert decision.is_known is known


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ("inbound_connectors", "inbound_connectors_unknown"),
        ("accepted_domains", "accepted_domains_unknown"),
    ],
)
def test_a_part_that_was_not_read_is_named_and_never_read_as_none(part: str, named: str) -> None:
    held: dict[str, Any] = {part: None}
    made = configuration(parts=(Part(name=part, status=PartStatus.FORBIDDEN),))
    made = Configuration(
        **{
            "parts": made.parts,
            "inbound_connectors": made.inbound_connectors,
            "accepted_domains": made.accepted_domains,
            "organization": made.organization,
        }
        | held
    )
    decision = decide(made, ask(STRANGER, FOREIGN))
    assert decision.accepted
    assert named in decision.assumptions
    assert not decision.is_known


def test_an_address_that_cannot_be_read_makes_the_connectors_unknown() -> None:
    made = configuration(lock(sender_ip_addresses=("203.0.113.10", "what is this")))
    decision = decide(made, ask(GATEWAY, FOREIGN))
    assert decision.accepted
    assert decision.assumptions == ("inbound_connectors_unknown",)


def test_a_recipient_who_does_not_exist_is_refused_by_the_directory_after_the_lock() -> None:
    def asked(source: str) -> Session:
        return Session(
            source=source,
            mail_from=FOREIGN,
            recipient="nobody@contoso.com",
            tls=True,
            recipient_exists=False,
        )

    assert decide(LOCKED, asked(GATEWAY)).code == "5.4.1"
    locked = decide(LOCKED, asked(STRANGER))
    assert (locked.code, locked.assumptions) == ("5.7.51", ("lock_before_directory",))


def test_the_trace_names_every_connector_and_why_it_did_not_apply() -> None:
    made = configuration(
        lock(),
        lock(name="Old", enabled=False),
        lock(name="Bank", sender_domains=("tailspin.example",)),
        hybrid(tls_sender_certificate_name="mail.contoso.com"),
    )
    assert decide(made, ask(STRANGER, FOREIGN)).trace == (
        "198.51.100.7 over TLS, from a@fabrikam.com to b@contoso.com.",
        "Old is turned off: it is not asked.",
        f"{HYBRID_NAME} (OnPremises) asks for a certificate of mail.contoso.com (none is shown).",
        "contoso.com is an accepted domain.",
        f"Lock to gateway (Partner) restricts to addresses: it {NOT_LISTED}.",
        "Bank (Partner) speaks for tailspin.example, not for fabrikam.com.",
        "No Partner connector's restriction is satisfied.",
        "RejectDirectSend is off.",
        ELSEWHERE,
        "Refused with 5.7.51 by Lock to gateway.",
    )


@pytest.mark.parametrize(
    ("made", "asked", "said"),
    [
        pytest.param(LOCKED, ask(STRANGER, FOREIGN), True, id="a sender who may be another's"),
        pytest.param(OPEN, ask(STRANGER, FOREIGN, recipient="x@adatum.example"), True, id="5.7.64"),
        pytest.param(LOCKED, ask(STRANGER, OWN), False, id="the tenant's own sender"),
        pytest.param(
            LOCKED, ask(STRANGER, OWN, cert="mail.example.net"), True, id="a certificate speaks"
        ),
        pytest.param(LOCKED, ask(STRANGER, NULL), False, id="the null sender has no domain"),
        pytest.param(LOCKED, ask(V6, FOREIGN), False, id="connectors list IPv4 alone"),
        pytest.param(OPEN, ask(STRANGER, FOREIGN), False, id="what is taken stays taken"),
    ],
)
def test_what_another_tenant_may_claim_is_said_and_never_taken_for_known(
    made: Configuration, asked: Session, said: bool
) -> None:
    decision = decide(made, asked)
    assert (ELSEWHERE in decision.trace) is said
    assert "other_tenants_connectors" not in decision.assumptions


def test_every_assumption_says_what_else_may_be_so_and_who_says_it() -> None:
    assert len(BY_NAME) == len({*BY_NAME})
    for assumption in ASSUMPTIONS:
        assert assumption.default.endswith(".")
        assert assumption.alternative.endswith(".")
        assert assumption.alternative != assumption.default
        assert assumption.source


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_every_alternative_that_would_answer_otherwise_is_named(data: st.DataObject) -> None:
    made = data.draw(configurations())
    asked = data.draw(sessions((*made.domains, "news.contoso.com", "adatum.example")))
    usage, exists = data.draw(st.booleans()), data.draw(st.sampled_from((None, False)))
    if asked.certificate:
        asked = replace(asked, certificate=replace(asked.certificate, client_auth=usage))
    asked = replace(asked, recipient_exists=exists)
    it = look(read(made), asked)
    found = answer(it)
    others = {a.name: answer(it, frozenset({a.name})) for a in ASSUMPTIONS}
    alone = {
        name
        for name, other in others.items()
        if (other.accepted, other.code) != (found.accepted, found.code)
    }
    steady = [name for name, other in others.items() if other.accepted == found.accepted]
    together = {
        pair
        for pair in combinations(steady, 2)
        if answer(it, frozenset(pair)).accepted != found.accepted
    }
    decision = decide(made, asked)
    assert set(decision.together) == together
    named = {n for n in decision.assumptions if n not in ("inbound_connectors_unknown", DOMAINS)}
    assert named == alone


@pytest.mark.parametrize(
    ("made", "asked", "together"),
    [
        pytest.param(
            configuration(
                lock(**BY_NAME_ALONE | {"require_tls": False}),
                lock(name="Scoped", associated_accepted_domains=("contoso.com",)),
            ),
            ask(STRANGER, FOREIGN),
            ("associated_domains_scope_recipients", "certificate_without_require_tls"),
            id="two locks, each closed by one choice",
        ),
        pytest.param(
            configuration(
                lock(
                    restrict_domains_to_certificate=True,
                    tls_sender_certificate_name="gateway.fabrikam.com",
                )
            ),
            ask(V6, FOREIGN),
            ("ipv6_never_listed", "certificate_without_require_tls"),
            id="IPv6 before a lock by address and by certificate",
        ),
        pytest.param(
            configuration(
                lock(**UNRESTRICTED), organization=organization(RejectDirectSend.NOT_CONFIGURED)
            ),
            ask(GATEWAY, OWN),
            ("matching_without_restriction", "direct_send_setting_unknown"),
            id="excused from a setting that was not read",
        ),
    ],
)
def test_two_choices_that_turn_an_answer_only_together_are_named(
    made: Configuration, asked: Session, together: tuple[str, str]
) -> None:
    decision = decide(made, asked)
    assert decision.together == (together,)
    assert (decision.assumptions, decision.turning) == ((), ())
    assert decision.is_known
    one, other = together
    said = f"Neither {one} nor {other} would turn this answer if it were otherwise; both would."
    assert said in decision.trace


@pytest.mark.parametrize("written", ["bücher.example", "xn--bcher-kva.example", "BÜCHER.example"])
def test_an_international_name_is_one_name_in_every_spelling(written: str) -> None:
    made = configuration(
        lock(associated_accepted_domains=("bücher.example",)),
        lock(name="Partner", sender_domains=("*.bücher.example",)),
        accepted_domains=(domain("xn--bcher-kva.example"),),
        organization=DIRECT,
    )
    foreign = decide(made, ask(STRANGER, FOREIGN, recipient=f"b@{written}"))
    assert (foreign.code, foreign.connector) == ("5.7.51", "Lock to gateway")
    own = decide(made, ask(STRANGER, f"a@sub.{written}", recipient=f"b@{written}"))
    assert own.code == "5.7.51"
    by_name = configuration(
        lock(**BY_NAME_ALONE | {"tls_sender_certificate_name": "*.bücher.example"})
    )
    assert decide(by_name, ask(STRANGER, FOREIGN, cert=f"mail.{written}")).accepted


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"sender_ip_addresses": ("203.0.113.10", "gateway.example.net")},
            "SenderIPAddresses of Lock to gateway holds 'gateway.example.net', which is no address",
        ),
        (
            {"sender_ip_addresses": ("203.0.113.0/24/2", "203.0.113.10")},
            "SenderIPAddresses of Lock to gateway holds '203.0.113.0/24/2', which is no address",
        ),
        (
            {"sender_domains": ("*", "smtp:;1")},
            "SenderDomains of Lock to gateway holds 'smtp:;1', which is no domain",
        ),
        (
            {"sender_domains": ("*", "*.")},
            "SenderDomains of Lock to gateway holds '*.', which is no domain",
        ),
        (
            {"associated_accepted_domains": ("contoso.com", "con toso")},
            "AssociatedAcceptedDomains of Lock to gateway holds 'con toso', which is no domain",
        ),
        (
            {"tls_sender_certificate_name": "<S>CN=a.b"},
            "TlsSenderCertificateName of Lock to gateway holds '<S>CN=a.b', which is no domain",
        ),
        ({"sender_domains": ()}, "SenderDomains of Lock to gateway names no domain"),
    ],
)
def test_what_of_a_connector_is_not_understood_is_said_and_makes_it_unknown(
    fields: dict[str, Any], said: str
) -> None:
    made = configuration(lock(**fields))
    decision = decide(made, ask(STRANGER, FOREIGN))
    assert "inbound_connectors_unknown" in decision.assumptions
    assert f"Not understood: {said}." in decision.trace
    off = configuration(lock(**fields | {"enabled": False}))
    assert decide(off, ask(STRANGER, FOREIGN)).assumptions == ()


def test_what_a_connector_that_is_off_lacks_turns_no_answer() -> None:
    def part(*, idle: bool) -> Part:
        return Part(name="inbound_connectors", status=PartStatus.INCOMPLETE, idle=idle)

    asked = ask(STRANGER, FOREIGN)
    assert decide(configuration(lock(), parts=(part(idle=True),)), asked).assumptions == ()
    unknown = decide(configuration(lock(), parts=(part(idle=False),)), asked)
    assert unknown.assumptions == ("inbound_connectors_unknown",)


def test_want_of_tls_is_said_whatever_comes_first_of_a_lock_and_direct_send() -> None:
    """Lock_before_direct_send speaks of two refusals by name, and TLS is neither."""
    made = configuration(
        lock(**UNRESTRICTED | {"require_tls": True, "sender_ip_addresses": ()}),
        organization=DIRECT,
    )
    decision = decide(made, clear(STRANGER, OWN))
    assert (decision.code, decision.assumptions) == ("TLS", ())


def test_a_connector_without_a_sender_domain_makes_the_connectors_unknown() -> None:
    decision = decide(configuration(lock(sender_domains=())), ask(STRANGER, FOREIGN))
    assert decision.assumptions == ("inbound_connectors_unknown",)
    assert not decision.is_known
