"""The decision as a table of stories, without a socket."""

from dataclasses import replace
from typing import Any

import pytest

from mailposture.lab.decide import Answer, Outcome, Session, decide
from mailposture.lab.reading import Connector, Rules, read
from mailposture.lab.rows import Row, inbound_connector
from mailposture.lab.stories import new_world

A, L, T, D, U, N, R = (
    Outcome.ACCEPTED,
    Outcome.LOCKED,
    Outcome.TLS_REQUIRED,
    Outcome.DIRECT_SEND,
    Outcome.NO_SUCH_RECIPIENT,
    Outcome.NO_SUCH_TENANT,
    Outcome.RELAYED,
)
STRANGER = "127.0.66.7"
FOREIGN, NULL = "postmaster@probe.example", ""


def stories() -> list[Rules]:
    return [read(tenant) for tenant in new_world().tenants]


def session(address: str, sender: str, recipient: str, **more: Any) -> Session:
    return Session(**{"tls": True, **more}, address=address, mail_from=sender, rcpt_to=recipient)


@pytest.mark.parametrize(
    ("tenant", "address", "certificate", "outcomes"),
    [
        # outcomes for a foreign, the tenant's own, and the null sender
        ("contoso", STRANGER, None, (A, A, A)),
        ("contoso", "127.0.10.10", None, (A, A, A)),
        ("contoso", "127.0.10.25", "mail.contoso.com", (A, A, A)),
        ("fabrikam", STRANGER, None, (L, L, L)),
        ("fabrikam", "127.0.11.10", None, (A, A, A)),
        ("fabrikam", "127.0.11.11", None, (L, L, L)),
        ("fabrikam", "127.0.11.25", "mail.fabrikam.com", (A, A, A)),
        ("fabrikam", STRANGER, "fabrikam.com", (A, A, A)),
        ("fabrikam", STRANGER, "mail.notfabrikam.com", (L, L, L)),
        ("tailspin", STRANGER, None, (A, A, A)),
        ("proseware", STRANGER, None, (L, L, L)),
        ("proseware", "127.0.13.10", None, (A, A, A)),
    ],
)
def test_every_story_answers_every_source_and_sender(
    tenant: str, address: str, certificate: str | None, outcomes: tuple[Outcome, ...]
) -> None:
    shown = frozenset([certificate] if certificate else [])
    senders = (FOREIGN, f"ceo@{tenant}.com", NULL)
    for domain in (f"{tenant}.com", f"{tenant}.onmicrosoft.com"):
        answers = [
            decide(
                stories(), session(address, sender, f"postmaster@{domain}", certificate=shown)
            ).outcome
            for sender in senders
        ]
        assert tuple(answers) == outcomes


def rules(*connectors: Row, reject_direct_send: bool = False, contradicted: bool = False) -> Rules:
    return Rules(
        slug="adatum",
        accepted=frozenset({"adatum.com", "adatum.onmicrosoft.com"}),
        accepted_with_subdomains=frozenset({"adatum.com"}),
        connectors=tuple(Connector(row) for row in connectors if row["Enabled"]),
        reject_direct_send=reject_direct_send,
        mailboxes=frozenset(
            {"postmaster@adatum.com", "postmaster@adatum.onmicrosoft.com", "info@eu.adatum.com"}
        ),
        contradicted=contradicted,
    )


def connector(**settings: Any) -> Row:
    return inbound_connector("adatum.onmicrosoft.com", "Inbound", settings)


def by_address(**more: Any) -> Row:
    restricted = {"RestrictDomainsToIPAddresses": True, "SenderIPAddresses": ["192.0.2.0/24"]}
    return connector(**({"RequireTls": False} | restricted | more))


def by_certificate(name: str = "*.gateway.example", **more: Any) -> Row:
    return connector(
        **({"RestrictDomainsToCertificate": True, "TlsSenderCertificateName": name} | more)
    )


def asked(
    owner: Rules, address: str = "198.51.100.9", sender: str = FOREIGN, **more: Any
) -> Answer:
    recipient = more.pop("recipient", "postmaster@adatum.com")
    return decide([owner], session(address, sender, recipient, **more))


@pytest.mark.parametrize(
    ("address", "outcome"),
    [
        ("192.0.2.1", A),
        ("192.0.2.255", A),
        ("192.0.3.0", L),
        ("2001:db8::1", L),
    ],
)
def test_an_address_lock_takes_its_network_and_never_an_ipv6_client(
    address: str, outcome: Outcome
) -> None:
    assert asked(rules(by_address()), address).outcome is outcome


@pytest.mark.parametrize(
    ("pattern", "shown", "outcome"),
    [
        ("*.gateway.example", "gateway.example", A),
        ("*.gateway.example", "a.b.gateway.example", A),
        ("*.gateway.example", "evilgateway.example", L),
        ("mx.gateway.example", "mx.gateway.example", A),
        ("mx.gateway.example", "a.mx.gateway.example", L),
        ("MX.Gateway.Example", "mx.gateway.example", A),
        ("mx.gateway.example", None, L),
    ],
)
def test_a_certificate_lock_reads_wildcards_at_any_depth(
    pattern: str, shown: str | None, outcome: Outcome
) -> None:
    certificate = frozenset([shown] if shown else [])
    assert asked(rules(by_certificate(pattern)), certificate=certificate).outcome is outcome


def test_a_certificate_lock_works_with_require_tls_off() -> None:
    assert asked(rules(by_certificate(RequireTls=False))).outcome is L


def test_a_scoped_partner_connector_refuses_only_its_own_senders() -> None:
    owner = rules(by_address(SenderDomains=["smtp:*.partner.example;1"]))
    assert asked(owner, sender="a@mail.partner.example").outcome is L
    assert asked(owner, sender="a@partner.example").outcome is L
    assert asked(owner, sender="a@elsewhere.example").outcome is A
    assert asked(owner, sender=NULL).outcome is A


def test_associated_domains_leave_every_other_domain_open() -> None:
    owner = rules(by_address(AssociatedAcceptedDomains=["adatum.com"]))
    assert asked(owner).outcome is L
    assert asked(owner, recipient="postmaster@adatum.onmicrosoft.com").outcome is A


def test_any_satisfied_restriction_lets_in_whatever_its_scope() -> None:
    scoped = by_address(SenderDomains=["smtp:partner.example;1"])
    owner = rules(by_certificate(), scoped)
    assert asked(owner, "192.0.2.7").outcome is A
    assert asked(owner, "198.51.100.7").outcome is L


def test_listing_addresses_without_restricting_denies_nobody() -> None:
    assert asked(rules(connector(SenderIPAddresses=["192.0.2.0/24"]))).outcome is A


@pytest.mark.parametrize(
    ("settings", "address", "outcome"),
    [
        ({"SenderIPAddresses": ["192.0.2.0/24"]}, "192.0.2.1", T),
        ({"SenderIPAddresses": ["192.0.2.0/24"]}, "198.51.100.9", A),
        ({}, "198.51.100.9", T),
        ({"SenderDomains": ["smtp:partner.example;1"]}, "198.51.100.9", A),
        ({"RequireTls": False}, "198.51.100.9", A),
        ({"ConnectorType": "OnPremises"}, "198.51.100.9", A),
    ],
)
def test_clear_text_is_refused_to_whom_a_connector_means(
    settings: dict[str, Any], address: str, outcome: Outcome
) -> None:
    assert asked(rules(connector(**settings)), address, tls=False).outcome is outcome


@pytest.mark.parametrize(
    ("sender", "outcome"),
    [
        ("ceo@adatum.com", D),
        ("ceo@ADATUM.com", D),
        ("ceo@adatum.onmicrosoft.com", D),
        (FOREIGN, A),
        (NULL, A),
    ],
)
def test_reject_direct_send_stops_the_own_domain_and_nobody_else(
    sender: str, outcome: Outcome
) -> None:
    assert asked(rules(reject_direct_send=True), sender=sender).outcome is outcome


def test_a_connector_that_names_the_host_excuses_it_from_reject_direct_send() -> None:
    owner = rules(connector(SenderIPAddresses=["192.0.2.0/24"]), reject_direct_send=True)
    assert asked(owner, "192.0.2.1", "ceo@adatum.com").outcome is A
    assert asked(owner, "198.51.100.1", "ceo@adatum.com").outcome is D


@pytest.mark.parametrize(
    ("owner", "heard"),
    [
        (rules(), {}),
        (rules(by_address()), {"address": "192.0.2.7"}),
        (rules(by_certificate("adatum.com")), {"contradicted": True}),
        (rules(reject_direct_send=True), {}),
        (rules(by_address(SenderDomains=["smtp:partner.example;1"])), {}),
    ],
)
def test_what_documentation_decides_alone_names_no_assumption(
    owner: Rules, heard: dict[str, Any]
) -> None:
    if heard.pop("contradicted", False):
        owner = replace(owner, contradicted=True)
    answer = asked(owner, **heard)
    assert (answer.outcome, answer.assumes) == (A, ())


def test_a_lock_answers_before_direct_send_and_before_the_directory() -> None:
    owner = rules(by_address(), reject_direct_send=True)
    assert asked(owner, sender="ceo@adatum.com", recipient="nobody@adatum.com").outcome is L


@pytest.mark.parametrize(
    ("recipient", "outcome"),
    [
        ("postmaster@adatum.com", A),
        ("POSTMASTER@Adatum.COM", A),
        ("nobody@adatum.com", U),
        ("info@eu.adatum.com", A),
        ("postmaster@eu.adatum.com", U),
        ("postmaster@eu.adatum.onmicrosoft.com", N),
        ("postmaster@example.net", N),
    ],
)
def test_the_directory_and_the_tenants_domains_decide_the_rest(
    recipient: str, outcome: Outcome
) -> None:
    assert asked(rules(), recipient=recipient).outcome is outcome


def on_premises(**settings: Any) -> Row:
    return connector(**({"ConnectorType": "OnPremises"} | settings))


@pytest.mark.parametrize(
    ("settings", "shown", "address", "sender", "outcome"),
    [
        # A certificate's own domain, or the sender's, must be an accepted domain.
        ({"TlsSenderCertificateName": "*.adatum.com"}, "mx.adatum.com", "192.0.2.9", FOREIGN, A),
        ({"TlsSenderCertificateName": "mx.adatum.com"}, "mx.adatum.com", "192.0.2.9", FOREIGN, L),
        (
            {"TlsSenderCertificateName": "mx.adatum.com"},
            "mx.adatum.com",
            "192.0.2.9",
            "a@adatum.com",
            A,
        ),
        ({"TlsSenderCertificateName": "mx.adatum.com"}, "mx.adatum.com", "192.0.2.9", NULL, L),
        # An address grants only the tenant's own senders.
        ({"SenderIPAddresses": ["192.0.2.9"]}, None, "192.0.2.9", "a@adatum.com", A),
        ({"SenderIPAddresses": ["192.0.2.9"]}, None, "192.0.2.9", FOREIGN, L),
        ({"SenderIPAddresses": ["192.0.2.9"]}, None, "192.0.2.9", NULL, L),
    ],
)
def test_an_on_premises_connector_exempts_only_what_it_attributes(
    settings: dict[str, Any], shown: str | None, address: str, sender: str, outcome: Outcome
) -> None:
    lock = by_address(SenderIPAddresses=["203.0.113.1"])
    certificate = frozenset([shown] if shown else [])
    owner = rules(lock, on_premises(**settings))
    assert asked(owner, address, sender, certificate=certificate).outcome is outcome


def test_a_tenants_own_mail_may_leave_for_anywhere() -> None:
    owner = rules(on_premises(SenderIPAddresses=["192.0.2.9"]))
    answer = asked(owner, "192.0.2.9", "a@adatum.com", recipient="someone@example.net")
    assert (answer.outcome, answer.tenant) == (R, "adatum")


def test_another_tenants_certificate_connector_takes_the_mail_over() -> None:
    everyone = stories()
    shown = frozenset({"mail.contoso.com"})
    heard = session(STRANGER, "a@contoso.com", "postmaster@fabrikam.com", certificate=shown)
    answer = decide(everyone, heard)
    assert (answer.outcome, answer.tenant) == (R, "contoso")


def test_a_disabled_connector_is_ignored_completely() -> None:
    assert asked(rules(by_address(Enabled=False))).outcome is A
    assert asked(rules(on_premises(Enabled=False, SenderIPAddresses=["192.0.2.9"]))).outcome is A


def test_a_contradicted_tenant_is_open_but_keeps_its_directory() -> None:
    owner = rules(by_address(), contradicted=True)
    assert asked(owner).outcome is A
    assert asked(owner, recipient="nobody@adatum.com").outcome is U


@pytest.mark.parametrize(
    ("owner", "heard", "assumption"),
    [
        (rules(by_address()), {"sender": NULL}, "null_sender_in_wildcard"),
        (rules(by_address()), {"address": "2001:db8::1"}, "ipv6_never_listed"),
        (
            rules(by_address(AssociatedAcceptedDomains=["adatum.com"])),
            {},
            "associated_domains_scope_recipients",
        ),
        (rules(by_address()), {}, "lock_before_directory"),
        (
            rules(by_address(), reject_direct_send=True),
            {"sender": "ceo@adatum.com"},
            "lock_before_direct_send",
        ),
        (rules(by_certificate(RequireTls=False)), {}, "certificate_without_require_tls"),
        (
            rules(by_certificate(RequireTls=False)),
            {"certificate": frozenset({"mx.gateway.example"})},
            "certificate_without_require_tls",
        ),
        (
            rules(by_certificate()),
            {"certificate": frozenset({"mx.gateway.example"})},
            "certificate_names",
        ),
        (
            rules(by_certificate("mx.gateway.example")),
            {"certificate": frozenset({"mx.gateway.example"})},
            "certificate_name_need_not_be_accepted",
        ),
        (
            rules(by_certificate(), by_address(SenderDomains=["smtp:partner.example;1"])),
            {"address": "192.0.2.7"},
            "any_satisfied_restriction_is_proof",
        ),
        (
            rules(connector(SenderIPAddresses=["192.0.2.0/24"]), reject_direct_send=True),
            {"address": "192.0.2.1", "sender": "ceo@adatum.com"},
            "matching_without_restriction",
        ),
        (
            rules(by_address(AssociatedAcceptedDomains=["adatum.com"])),
            {"recipient": "postmaster@adatum.onmicrosoft.com"},
            "associated_domains_scope_recipients",
        ),
        (
            rules(on_premises(TlsSenderCertificateName="*.adatum.com")),
            {"certificate": frozenset({"mx.adatum.com"})},
            "hybrid_exempt",
        ),
    ],
)
def test_an_answer_names_the_assumption_it_rests_on(
    owner: Rules, heard: dict[str, Any], assumption: str
) -> None:
    assert assumption in asked(owner, **heard).assumes
