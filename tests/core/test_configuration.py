"""A configuration says what is known of it, and never takes an unread part for an empty one."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from mailposture.core.configuration import (
    PARTS,
    AcceptedDomain,
    Configuration,
    ConnectionFilter,
    ConnectorType,
    InboundConnector,
    Kind,
    MxHost,
    Organization,
    OutboundConnector,
    Part,
    PartStatus,
    RejectDirectSend,
    TransportRule,
    domain_facts,
    exchange_name,
    kinds_of,
    last_known,
    with_domain_facts,
    with_part,
)
from tests.core.configurations import configuration, domain, hybrid, lock

AT, DAY = datetime(2026, 11, 25, tzinfo=UTC), timedelta(days=1)
VALUES = (
    InboundConnector,
    OutboundConnector,
    AcceptedDomain,
    Organization,
    TransportRule,
    ConnectionFilter,
)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("guid", "Guid"),
        ("sender_domains", "SenderDomains"),
        ("sender_ip_addresses", "SenderIPAddresses"),
        ("restrict_domains_to_ip_addresses", "RestrictDomainsToIPAddresses"),
        ("tls_sender_certificate_name", "TlsSenderCertificateName"),
        ("sender_ip_ranges", "SenderIpRanges"),
        ("ef_skip_last_ip", "EFSkipLastIP"),
        ("set_scl", "SetSCL"),
        ("reject_direct_send", "RejectDirectSend"),
        ("when_changed_utc", "WhenChangedUTC"),
    ],
)
def test_fields_keep_the_names_that_exchange_gave_them(ours: str, theirs: str) -> None:
    assert exchange_name(ours) == theirs


@pytest.mark.parametrize("value_type", VALUES)
def test_every_field_declares_how_it_is_read_and_compared(value_type: type) -> None:
    kinds = kinds_of(value_type)
    assert {f.name for f in fields(value_type)} == kinds.keys()
    assert Kind.OTHER not in kinds.values()


def test_the_parts_are_the_fields_of_a_configuration() -> None:
    assert tuple(f.name for f in fields(Configuration) if f.name != "parts") == PARTS


@pytest.mark.parametrize("status", PartStatus)
def test_only_a_part_that_was_read_whole_is_known(status: PartStatus) -> None:
    part = Part(name="inbound_connectors", status=status)
    seen = with_part(configuration(lock()), part, (lock(),))
    assert seen.knows("inbound_connectors") == (status is PartStatus.OK)
    assert ("inbound_connectors" in seen.not_known) == (status is not PartStatus.OK)


def test_a_part_nobody_read_is_not_known_and_not_empty() -> None:
    nothing = Configuration()
    assert nothing.not_known == PARTS
    assert nothing.inbound_connectors is None
    assert nothing.domains == ()


def test_a_part_is_replaced_and_the_order_of_parts_kept() -> None:
    part = Part(name="inbound_connectors", status=PartStatus.FORBIDDEN, error="403")
    seen = with_part(configuration(lock()), part, None)
    assert tuple(p.name for p in seen.parts) == PARTS
    assert seen.part("inbound_connectors") == part
    assert seen.inbound_connectors is None


def test_domains_are_those_the_tenant_takes_mail_for() -> None:
    seen = configuration(accepted_domains=(domain("contoso.com"), domain("contoso.net")))
    assert seen.domains == ("contoso.com", "contoso.net")


@pytest.mark.parametrize(
    ("connector", "demands", "any_sender"),
    [
        (lock(), True, True),
        (lock(sender_domains=("fabrikam.com",)), True, False),
        (lock(restrict_domains_to_ip_addresses=False), False, True),
        (
            lock(restrict_domains_to_ip_addresses=False, restrict_domains_to_certificate=True),
            True,
            True,
        ),
        (hybrid(), False, True),
        (hybrid(restrict_domains_to_certificate=True), False, True),
    ],
)
def test_only_a_partner_connector_that_restricts_demands_proof(
    connector: InboundConnector, demands: bool, any_sender: bool
) -> None:
    assert connector.demands_proof is demands
    assert connector.covers_any_sender is any_sender
    assert connector.is_partner is (connector.connector_type is ConnectorType.PARTNER)


@pytest.mark.parametrize(
    ("state", "mode", "enforced"),
    [("Enabled", "Enforce", True), ("Enabled", "Audit", False), ("Disabled", "Enforce", False)],
)
def test_a_rule_acts_only_where_it_is_enabled_and_enforced(
    state: str, mode: str, enforced: bool
) -> None:
    rule = TransportRule(guid="1", name="rule", state=state, mode=mode, priority=0)
    assert rule.is_enforced is enforced


def test_direct_send_has_four_states_and_none_of_them_is_false_by_chance() -> None:
    assert {str(s) for s in RejectDirectSend} == {"unknown", "not configured", "True", "False"}


# ---- DNS ---------------------------------------------------------------------------------


def test_the_order_of_dns_answers_makes_no_difference() -> None:
    one = domain_facts(
        "Contoso.COM.",
        [
            (20, "MX2.contoso.com.", ["203.0.113.11"]),
            (10, "mx1.contoso.com", ["203.0.113.10", "198.51.100.9", "203.0.113.10"]),
        ],
    )
    two = domain_facts(
        "contoso.com",
        [
            (10, "mx1.contoso.com.", ["198.51.100.9", "203.0.113.10"]),
            (20, "mx2.contoso.com", ["203.0.113.11"]),
        ],
    )
    assert one == two
    assert one.mx is not None
    assert [str(host) for host in one.mx] == [
        "10 mx1.contoso.com (198.51.100.9, 203.0.113.10)",
        "20 mx2.contoso.com (203.0.113.11)",
    ]


def test_an_exchanger_without_an_address_says_so() -> None:
    assert str(MxHost(preference=10, host="gone.contoso.com")) == "10 gone.contoso.com (no address)"


def test_a_domain_that_dns_would_not_tell_of_is_named() -> None:
    facts = (domain_facts("contoso.net", None), domain_facts("contoso.com", []))
    seen = with_domain_facts(configuration(), facts)
    part = seen.part("domain_facts")
    assert part is not None
    assert part.status is PartStatus.INCOMPLETE
    assert part.missing == ("MX of contoso.net",)
    assert seen.domain_facts == (domain_facts("contoso.com", []), domain_facts("contoso.net", None))


def test_dns_that_answered_for_every_domain_is_a_known_part() -> None:
    seen = with_domain_facts(configuration(), [domain_facts("contoso.com", [])])
    assert seen.knows("domain_facts")


# ---- what was last known -----------------------------------------------------------------


def unread(name: str) -> Configuration:
    part = Part(name=name, status=PartStatus.FAILED, error="503")
    return with_part(configuration(lock()), part, None)


def test_every_part_comes_from_the_newest_snapshot_that_knows_it() -> None:
    oldest = configuration(lock(enabled=False))
    middle = configuration(lock(comment="the last that was read"))
    newest = replace(unread("inbound_connectors"), accepted_domains=(domain("contoso.net"),))
    known = last_known([(AT, newest), (AT - DAY, middle), (AT - 2 * DAY, oldest)])
    assert known.inbound_connectors == middle.inbound_connectors
    assert known.domains == ("contoso.net",)
    assert known.not_known == ()
    ages = {part.name: part.read_at for part in known.parts}
    assert ages.pop("inbound_connectors") == AT - DAY
    assert set(ages.values()) == {AT}


def test_what_no_snapshot_knows_stays_not_known() -> None:
    known = last_known([(AT, unread("organization")), (AT - DAY, unread("organization"))])
    assert known.not_known == ("organization",)
    assert last_known([]).not_known == PARTS
