"""Rows to values: every fixture, every odd form, and what is missing said by name."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest

from mailposture.adapters.exchange import parse
from mailposture.adapters.exchange.cmdlets import CMDLETS, Cmdlet, not_read, read
from mailposture.adapters.exchange.envelope import Page, page, rows_of
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.core import codec
from mailposture.core.configuration import (
    AcceptedDomain,
    ConnectorType,
    InboundConnector,
    Organization,
    OutboundConnector,
    PartStatus,
    RejectDirectSend,
    TransportRule,
    exchange_name,
)
from tests.adapters.exchange.samples import document, names, success

BY_PART = {cmdlet.part: cmdlet for cmdlet in CMDLETS}
FOLDERS = {
    "accepted_domains": "accepted_domains",
    "hosted_connection_filter": "connection_filters",
    "inbound_connectors": "inbound_connectors",
    "organization_config": "organization",
    "outbound_connectors": "outbound_connectors",
    "transport_rules": "transport_rules",
}
INCOMPLETE = {
    "inbound_connectors/16_selected_fields",
    "organization_config/05_v2_core_properties_only",
}
SAMPLES = {
    "accepted_domains": "accepted_domains/02_hybrid_with_coexistence_and_relay",
    "connection_filters": "hosted_connection_filter/02_ip_allow_list",
    "inbound_connectors": "inbound_connectors/02_partner_lockdown_ip_requiretls_false",
    "organization": "organization_config/02_reject_direct_send_true",
    "outbound_connectors": "outbound_connectors/01_hcw_hybrid",
    "transport_rules": "transport_rules/01_gateway_lockdown_quarantine",
}
FIXTURES = [name for folder in FOLDERS for name in names(folder)]


def given(name: str) -> Page:
    return Page(rows=rows_of(document(name)))


@pytest.mark.parametrize("name", FIXTURES)
def test_every_fixture_is_read_whole_or_says_what_it_lacks(name: str) -> None:
    cmdlet = BY_PART[FOLDERS[name.partition("/")[0]]]
    found = read(cmdlet, [given(name)])
    if name in INCOMPLETE:
        assert found.part.status is PartStatus.INCOMPLETE
        assert found.part.missing
    else:
        assert found.part.status is PartStatus.OK
        assert found.value is not None
        codec.digest(found.value)


def inbound(name: str) -> InboundConnector:
    value: InboundConnector = read(BY_PART["inbound_connectors"], [given(name)]).value[0]
    return value


def test_the_classic_lock_is_read_field_by_field() -> None:
    assert inbound("inbound_connectors/02_partner_lockdown_ip_requiretls_false") == (
        InboundConnector(
            guid="ffbeca86-bb68-5341-b2b2-cc035bfbc150",
            name="Block SMTP access except gateway",
            enabled=True,
            connector_type=ConnectorType.PARTNER,
            sender_domains=("*",),
            sender_ip_addresses=("198.51.100.0/24", "203.0.113.10", "203.0.113.11"),
            restrict_domains_to_ip_addresses=True,
            restrict_domains_to_certificate=False,
            require_tls=False,
            tls_sender_certificate_name=None,
            associated_accepted_domains=(),
            connector_source="AdminUI",
            comment="Accept mail only from the gateway",
            cloud_services_mail_enabled=False,
            treat_messages_as_internal=False,
            ef_skip_last_ip=False,
            ef_test_mode=False,
            when_changed_utc=datetime(2025, 6, 2, 13, 40, 27, tzinfo=UTC),
            when_created_utc=datetime(2025, 2, 11, 9, 14, 3, tzinfo=UTC),
        )
    )


def test_the_wizard_s_connector_and_scoped_ones_are_read() -> None:
    wizard = inbound("inbound_connectors/01_hcw_hybrid_certificate")
    assert wizard.connector_type is ConnectorType.ON_PREMISES
    assert wizard.tls_sender_certificate_name == "mail.contoso.com"
    assert wizard.cloud_services_mail_enabled is True
    scoped = inbound("inbound_connectors/11_partner_single_domain")
    assert scoped.sender_domains == ("*.fabrikam.com", "fabrikam.com")


def test_an_export_of_powershell_51_gives_the_same_kind_of_value() -> None:
    found = inbound("inbound_connectors/17_powershell51_export_array")
    assert found.sender_domains == ("contoso.com",)
    assert found.when_changed_utc == datetime(2026, 3, 3, 1, 15, 23, tzinfo=UTC)


def test_a_connector_with_a_few_selected_fields_says_by_name_what_it_lacks() -> None:
    found = read(
        BY_PART["inbound_connectors"], [page(success("inbound_connectors/16_selected_fields"))]
    )
    assert found.part.status is PartStatus.INCOMPLETE
    assert found.value is None
    whose = "Reject mail not routed through MX (gateway)"
    for field in ("Guid", "SenderDomains", "SenderIPAddresses", "RequireTls"):
        assert f"{field} of {whose}" in found.part.missing
    assert f"Enabled of {whose}" not in found.part.missing


ROW = document("inbound_connectors/02_partner_lockdown_ip_requiretls_false")["value"][0]
REQUIRED = (
    "Guid",
    "Name",
    "Enabled",
    "ConnectorType",
    "SenderDomains",
    "SenderIPAddresses",
    "RestrictDomainsToIPAddresses",
    "RestrictDomainsToCertificate",
    "RequireTls",
    "TlsSenderCertificateName",
    "AssociatedAcceptedDomains",
)


def altered(**fields: Any) -> parse.Parsed[Any]:
    return parse.rows(InboundConnector, [ROW | fields])


@pytest.mark.parametrize("field", REQUIRED)
def test_each_field_that_a_decision_reads_is_missed_by_name(field: str) -> None:
    row = {name: value for name, value in ROW.items() if name != field}
    found = parse.rows(InboundConnector, [row])
    assert found.values == ()
    whose = "Block SMTP access except gateway"
    assert found.missing == (f"{field} of {whose}",)


@pytest.mark.parametrize("field", sorted(set(ROW) - set(REQUIRED)))
def test_every_other_field_may_be_absent_or_nonsense(field: str) -> None:
    without = {name: value for name, value in ROW.items() if name != field}
    assert len(parse.rows(InboundConnector, [without]).values) == 1
    assert len(altered(**{field: {"strange": [1]}}).values) == 1


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"Enabled": None}, "Enabled"),
        ({"Enabled": "perhaps"}, "Enabled"),
        ({"RequireTls": None}, "RequireTls"),
        ({"ConnectorType": "Hosted"}, "ConnectorType"),
        ({"ConnectorType": ["Partner"]}, "ConnectorType"),
        ({"SenderDomains": [{"a": 1}]}, "SenderDomains"),
        ({"SenderIPAddresses": {"a": 1}}, "SenderIPAddresses"),
        ({"Guid": None}, "Guid"),
    ],
)
def test_a_value_that_cannot_mean_what_its_field_means_counts_as_missing(
    fields: dict[str, Any], missing: str
) -> None:
    found = altered(**fields)
    assert found.values == ()
    assert found.missing == (f"{missing} of Block SMTP access except gateway",)


def test_a_row_without_a_name_is_called_by_its_number() -> None:
    row = {n: v for n, v in ROW.items() if n not in ("Name", "Identity")}
    assert parse.rows(InboundConnector, [ROW, row]).missing == ("Name of row 2",)


@pytest.mark.parametrize(
    ("fields", "attribute", "value"),
    [
        ({"SenderDomains": ["smtp:*;1"]}, "sender_domains", ("*",)),
        ({"SenderDomains": ["SMTP:Contoso.COM;10", "b.example"]}, "sender_domains",
         ("b.example", "contoso.com")),
        ({"SenderDomains": "smtp:*.contoso.com;1 smtp:fabrikam.com;1"}, "sender_domains",
         ("*.contoso.com", "fabrikam.com")),
        ({"SenderDomains": [None]}, "sender_domains", ()),
        ({"SenderDomains": ["smtp:;1", "smtp: ;1"]}, "sender_domains", ("smtp: ;1", "smtp:;1")),
        ({"SenderIPAddresses": None}, "sender_ip_addresses", ()),
        ({"SenderIPAddresses": [" 203.0.113.9 ", "198.51.100.0/24"]}, "sender_ip_addresses",
         ("198.51.100.0/24", "203.0.113.9")),
        ({"SenderIPAddresses": "203.0.113.9 192.0.2.1 - 192.0.2.4"}, "sender_ip_addresses",
         ("192.0.2.1-192.0.2.4", "203.0.113.9")),
        ({"SenderIPAddresses": ["192.0.2.1 - 192.0.2.4"]}, "sender_ip_addresses",
         ("192.0.2.1-192.0.2.4",)),
        ({"Enabled": "False"}, "enabled", False),
        ({"TlsSenderCertificateName": "*.Gateway.Example"}, "tls_sender_certificate_name",
         "*.gateway.example"),
        ({"AssociatedAcceptedDomains": ["Contoso.com"]}, "associated_accepted_domains",
         ("contoso.com",)),
        ({"Guid": "FFBECA86-BB68-5341-B2B2-CC035BFBC150"}, "guid",
         "ffbeca86-bb68-5341-b2b2-cc035bfbc150"),
        ({"Comment": 5}, "comment", "5"),
        ({"Comment": ["no", "text"]}, "comment", None),
    ],
)  # fmt: skip
def test_forms_seen_on_the_wire_and_in_exports_mean_the_same(
    fields: dict[str, Any], attribute: str, value: Any
) -> None:
    (found,) = altered(**fields).values
    assert getattr(found, attribute) == value


@pytest.mark.parametrize(
    ("raw", "read_as"),
    [
        ("2026-07-23T22:55:13.0000000Z", datetime(2026, 7, 23, 22, 55, 13, tzinfo=UTC)),
        ("2026-07-23T22:55:13.1234567+02:00", datetime(2026, 7, 23, 20, 55, 13, 123456, UTC)),
        ("2026-07-23T22:55:13", datetime(2026, 7, 23, 22, 55, 13, tzinfo=UTC)),
        ("/Date(1772500523000)/", datetime(2026, 3, 3, 1, 15, 23, tzinfo=UTC)),
        ("/Date(1772500523000+0100)/", datetime(2026, 3, 3, 1, 15, 23, tzinfo=UTC)),
        ({"value": "/Date(0)/", "DateTime": "x"}, datetime(1970, 1, 1, tzinfo=UTC)),
        (None, None),
        ("", None),
    ],
)
def test_every_way_of_writing_a_date_is_read(raw: Any, read_as: datetime | None) -> None:
    assert parse.moment(raw) == read_as


@pytest.mark.parametrize("raw", ["soon", 5, "/Date(99999999999999999999)/", "9999-99-99"])
def test_what_is_no_date_is_unreadable(raw: Any) -> None:
    with pytest.raises(parse.UnreadableError):
        parse.moment(raw)


# ---- the organisation --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "status", "reject"),
    [
        ("01_reject_direct_send_false", PartStatus.OK, RejectDirectSend.OFF),
        ("02_reject_direct_send_true", PartStatus.OK, RejectDirectSend.ON),
        ("03_reject_direct_send_null", PartStatus.OK, RejectDirectSend.NOT_CONFIGURED),
        ("05_v2_core_properties_only", PartStatus.INCOMPLETE, RejectDirectSend.UNKNOWN),
    ],
)
def test_direct_send_absent_is_unknown_and_null_is_not_configured(
    name: str, status: PartStatus, reject: RejectDirectSend
) -> None:
    found = read(BY_PART["organization"], [page(success(f"organization_config/{name}"))])
    assert isinstance(found.value, Organization)
    assert (found.part.status, found.value.reject_direct_send) == (status, reject)
    if reject is RejectDirectSend.UNKNOWN:
        assert found.part.missing == ("RejectDirectSend of contoso.onmicrosoft.com",)


# ---- rules, filters, domains -------------------------------------------------------------


def test_a_rule_keeps_its_typed_conditions() -> None:
    name = "transport_rules/01_gateway_lockdown_quarantine"
    rule: TransportRule = read(BY_PART["transport_rules"], [given(name)]).value[0]
    assert rule.is_enforced
    assert rule.quarantine is True
    assert rule.except_if_sender_ip_ranges == ("198.51.100.20", "203.0.113.0/24")
    assert rule.set_scl is None


@pytest.mark.parametrize("scl", ["-1", -1])
def test_a_spam_level_may_come_as_text_or_as_a_number(scl: Any) -> None:
    row = document("transport_rules/02_scl_minus1_bypass_for_gateway_ip")["value"][0]
    (rule,) = parse.rows(TransportRule, [row | {"SetSCL": scl}]).values
    assert rule.set_scl == -1


def test_a_filter_s_list_keeps_addresses_ranges_and_both_families() -> None:
    name = "hosted_connection_filter/02_ip_allow_list"
    found = read(BY_PART["connection_filters"], [given(name)]).value[0]
    assert found.ip_allow_list == (
        "192.0.2.1-192.0.2.20",
        "198.51.100.0/24",
        "203.0.113.5",
        "2001:db8::1",
    )


def test_accepted_domains_keep_what_tells_them_apart() -> None:
    name = "accepted_domains/02_hybrid_with_coexistence_and_relay"
    found = read(BY_PART["accepted_domains"], [given(name)]).value
    kinds = {one.domain_name: one.domain_type for one in found}
    assert kinds["contoso.com"] == "Authoritative"
    assert "InternalRelay" in kinds.values()
    assert [one.domain_name for one in found if one.is_coexistence_domain] == [
        "contoso.mail.onmicrosoft.com"
    ]


DOMAIN = dict(rows_of(document("accepted_domains/02_hybrid_with_coexistence_and_relay"))[0])


def domains(*names: Any) -> parse.Parsed[Any]:
    return parse.rows(AcceptedDomain, [DOMAIN | {"Name": n, "DomainName": n} for n in names])


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("Contoso.COM", "contoso.com"),
        (" contoso.com. ", "contoso.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("日本。example", "xn--wgv71a.example"),
        (".".join(["d" * 62] * 4), ".".join(["d" * 62] * 4)),
    ],
)
def test_a_domain_s_name_is_read_as_dns_has_it(said: str, read: str) -> None:
    found = domains(said)
    assert [one.domain_name for one in found.values] == [read]
    assert found.missing == ()


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("con toso.com", "con toso.com"),
        ("contoso.com\nDATA", r"contoso.com\nDATA"),
        ("contoso\0.com", r"contoso\x00.com"),
        ("b\ud800cher.example", r"b\ud800cher.example"),
        ("b\xfc cher.example", "bü cher.example"),
        ("\u202econtoso.com", r"\u202econtoso.com"),
        ("contoso", "contoso"),
        ("*", "*"),
        ("a@contoso.com", "a@contoso.com"),
        ("d" * 64 + ".example", "d" * 64 + ".example"),
        (5, "5"),
        (True, "True"),
        (["fabrikam.com"], "['fabrikam.com']"),
        (".".join(["d" * 62] * 4) + ".ee", ".".join(["d" * 62] * 4) + ".ee"),
        ("é" * 250 + ".example", "é" * 250 + ".examp…"),
        ("x" * 100_000, "x" * 256 + "…"),
        ("é" * 100_000, "é" * 256 + "…"),
    ],
)
def test_what_is_no_mail_domain_is_missed_by_name_and_the_others_are_read(
    said: Any, shown: str
) -> None:
    found = domains("contoso.com", said)
    assert [one.domain_name for one in found.values] == ["contoso.com"]
    assert found.missing == (f"DomainName of {shown}",)
    json.dumps(found.missing, ensure_ascii=False).encode()


def test_a_tenant_with_an_odd_domain_is_read_but_for_its_domains() -> None:
    odd = DOMAIN | {"Name": "odd", "DomainName": "con toso.com"}
    found = read(BY_PART["accepted_domains"], [Page(rows=(DOMAIN, odd))])
    assert (found.part.status, found.value) == (PartStatus.INCOMPLETE, None)
    assert found.part.missing == ("DomainName of odd",)


@pytest.mark.parametrize("field", ["DomainType", "MatchSubDomains"])
def test_a_domain_of_which_nothing_is_known_but_its_name_is_an_accepted_domain(field: str) -> None:
    row = {name: value for name, value in DOMAIN.items() if name != field}
    for given in (row, row | {field: None}):
        (found,) = parse.rows(AcceptedDomain, [given]).values
        assert found.domain_name == DOMAIN["DomainName"]
        assert (found.domain_type, found.match_sub_domains)[field == "MatchSubDomains"] is None


@pytest.mark.parametrize(
    ("first", "second", "idle"),
    [
        ({"Enabled": False, "RequireTls": None}, {}, True),
        ({"Enabled": "False", "RequireTls": None}, {}, True),
        ({"Enabled": False, "RequireTls": None}, {"SenderIPAddresses": {"a": 1}}, False),
        ({"Enabled": None}, {}, False),
        ({"RequireTls": None}, {}, False),
        ({}, {}, False),
    ],
)
def test_what_a_connector_that_is_off_lacks_is_told_from_what_decides(
    first: dict[str, Any], second: dict[str, Any], idle: bool
) -> None:
    rows = (ROW | {"Guid": "one"} | first, ROW | {"Guid": "two"} | second)
    found = read(BY_PART["inbound_connectors"], [Page(rows=rows)])
    assert found.part.idle is idle
    assert (found.part.status is PartStatus.OK) is (not first)
    assert (found.value is not None) is (idle or not first)


ODD_TEXT = "a\0b\ud800c\udfffd"


@pytest.mark.parametrize("cmdlet", CMDLETS, ids=lambda cmdlet: cmdlet.part)
def test_no_field_of_any_part_keeps_what_cannot_be_stored(cmdlet: Cmdlet) -> None:
    sample = rows_of(document(SAMPLES[cmdlet.part]))[0]
    for name in {exchange_name(field.name) for field in fields(cmdlet.value)}:
        for odd in (ODD_TEXT, [ODD_TEXT], {"value": ODD_TEXT}):
            found = parse.rows(cmdlet.value, [{**sample, name: odd}])
            kept = [codec.dump(value) for value in found.values] + [*found.missing]
            written = json.dumps(kept, ensure_ascii=False)
            assert "\\u0000" not in written, name
            assert written.encode(), name  # no half of a character is in it, or this raises


def test_texts_keep_their_place_in_a_value_where_a_character_cannot_be_stored() -> None:
    found = altered(Name=ODD_TEXT, Comment="a\0", SenderDomains=["con\0toso.com"]).values[0]
    assert found.name == "a\ufffdb\ufffdc\ufffdd"
    assert found.comment == "a\ufffd"
    assert found.sender_domains == ("con\ufffdtoso.com",)


# ---- a part ------------------------------------------------------------------------------

INBOUND = BY_PART["inbound_connectors"]
LOCK = "inbound_connectors/02_partner_lockdown_ip_requiretls_false"


@pytest.mark.parametrize(
    ("given_page", "status", "error"),
    [
        (Page(rows=(ROW,), next_link="https://x"), PartStatus.TRUNCATED, "further pages"),
        (
            page(success("envelopes/truncated_with_next_link")),
            PartStatus.TRUNCATED,
            "further pages",
        ),
        (
            Page(rows=(ROW,), warnings=("There are more results available.",)),
            PartStatus.TRUNCATED,
            "more results",
        ),
        (Page(rows=(ROW,), warnings=("Odd things.",)), PartStatus.INCOMPLETE, "Odd things."),
        (Page(rows=(ROW,), warnings=("This will be deprecated.",)), PartStatus.OK, ""),
        (Page(rows=()), PartStatus.OK, ""),
    ],
)
def test_a_part_that_may_not_be_whole_is_not_known(
    given_page: Page, status: PartStatus, error: str
) -> None:
    found = read(INBOUND, [given_page])
    assert found.part.status is status
    assert error in found.part.error
    assert (found.value is None) == (status is not PartStatus.OK)


@pytest.mark.parametrize("cmdlet", [c for c in CMDLETS if c.always])
def test_none_of_what_every_tenant_has_is_an_odd_answer_and_no_fact(cmdlet: Cmdlet) -> None:
    found = read(cmdlet, [Page(rows=())])
    assert found.part.status is PartStatus.FAILED
    assert found.value is None


def test_the_rows_of_two_calls_are_one_set() -> None:
    name = "outbound_connectors/01_hcw_hybrid"
    row = dict(rows_of(document(name))[0])
    other = row | {"Guid": "0", "Name": "In test mode", "TestMode": True}
    found = read(BY_PART["outbound_connectors"], [Page(rows=(row,)), Page(rows=(row, other))]).value
    assert [type(one) for one in found] == [OutboundConnector] * 2


@pytest.mark.parametrize(
    ("cause", "status"),
    [
        ("role-missing", PartStatus.FORBIDDEN),
        ("token-refused", PartStatus.FORBIDDEN),
        ("throttled", PartStatus.FAILED),
    ],
)
def test_an_error_makes_its_part_forbidden_or_failed(cause: str, status: PartStatus) -> None:
    found = not_read(INBOUND, ExchangeError(cause, "words", permanent=True, status=403))
    assert found.part.status is status
    assert found.part.error == f"{cause} (403): words"
    assert found.value is None
