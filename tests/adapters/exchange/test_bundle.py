"""A bundle is read as it comes: raw, or exported by either PowerShell; nothing in it is guessed.

The shapes of the exports are those of ConvertTo-Json: 5.1 wraps lists that went through a pipeline
and enumerations, 7 writes enumerations as numbers (TenantConnectorType: OnPremises 1, Partner 2).
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.adapters.exchange.bundle import (
    BundleError,
    document,
    is_bundle,
    read_bundle,
    remarks,
)
from mailposture.adapters.exchange.proposed import read_proposal
from mailposture.core.configuration import (
    Configuration,
    ConnectorType,
    InboundConnector,
    RejectDirectSend,
)
from mailposture.core.powershell import PowerShellError
from mailposture.core.proposals import ProposalError
from tests.adapters.exchange import samples

INBOUND = "Get-InboundConnector"
LOCKED = samples.document("inbound_connectors/02_partner_lockdown_ip_requiretls_false")
CMDLETS = {
    INBOUND: "inbound_connectors",
    "Get-OutboundConnector": "outbound_connectors",
    "Get-OrganizationConfig": "organization_config",
    "Get-AcceptedDomain": "accepted_domains",
    "Get-TransportRule": "transport_rules",
    "Get-HostedConnectionFilterPolicy": "hosted_connection_filter",
}
ROW: dict[str, Any] = {
    "Name": "Lock to gateway",
    "Guid": "FFBECA86-BB68-5341-B2B2-CC035BFBC150",
    "Enabled": True,
    "ConnectorType": "Partner",
    "SenderDomains": ["smtp:*;1"],
    "SenderIPAddresses": ["203.0.113.10", "203.0.113.0/28"],
    "RestrictDomainsToIPAddresses": True,
    "RestrictDomainsToCertificate": False,
    "RequireTls": False,
    "TlsSenderCertificateName": None,
    "AssociatedAcceptedDomains": [],
}


def only(held: Any) -> InboundConnector:
    """The single connector of a bundle that was read whole."""
    found = read_bundle({INBOUND: held})
    assert found.knows("inbound_connectors"), found.parts
    (connector,) = found.inbound_connectors or ()
    return connector


EXPECTED = only([ROW])


@pytest.mark.parametrize(
    ("cmdlet", "name"),
    [(c, n) for c, folder in CMDLETS.items() for n in samples.names(folder)],
)
def test_raw_envelopes_are_read_as_a_fetch_reads_them(cmdlet: str, name: str) -> None:
    found = read_bundle({cmdlet.upper(): samples.document(name), "Get-TransportConfig": "other"})
    (part,) = found.parts
    cut_short = name.endswith(("16_selected_fields", "05_v2_core_properties_only"))
    assert part.is_known is not cut_short
    assert len(found.not_known) == 6 + cut_short


def test_what_the_bundle_lacks_is_not_known() -> None:
    assert len(read_bundle({}).not_known) == 7
    assert read_bundle({INBOUND: []}).not_known[0] == "outbound_connectors"


def test_a_bundle_of_other_cmdlets_alone_is_one_where_nothing_is_kept_of_it() -> None:
    given: dict[str, Any] = {"Get-Mailbox": [], "Get-CsTenant": None}
    assert read_bundle(given, may_lack_all=True) == read_bundle({})
    for held, may_lack_all in ((given, False), (ROW, True)):
        with pytest.raises(BundleError, match="holds none of these"):
            read_bundle(held, may_lack_all=may_lack_all)


@pytest.mark.parametrize(
    "held",
    [
        [ROW],
        ROW,
        {"value": [ROW], "Count": 1},
        {"@odata.context": "x", "value": [ROW]},
        [{"@odata.context": "x", "value": [ROW]}, {"@odata.context": "x", "value": [ROW]}],
        [ROW | {"SenderDomains@odata.type": "#Collection(String)"}],
        [ROW | {"ConnectorType": 2}],
        [ROW | {"ConnectorType": {"value": 2, "Value": "Partner"}}],
        [ROW | {"ConnectorType": "partner"}],
        [ROW | {"SenderDomains": {"value": ["smtp:*;1"], "Count": 1}}],
        [ROW | {"SenderDomains": "smtp:*;1", "SenderIPAddresses": "203.0.113.0/28 203.0.113.10"}],
        [{name.upper(): value for name, value in ROW.items()}],
        [ROW | {"AssociatedAcceptedDomains": ""}],
        [ROW | {"AssociatedAcceptedDomains": None}],
    ],
)
def test_every_form_of_export_is_the_same_connector(held: Any) -> None:
    assert only(held) == EXPECTED


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"ConnectorType": 1}, "connector_type", ConnectorType.ON_PREMISES),
        (
            {"AssociatedAcceptedDomains": "b.example a.example"},
            "associated_accepted_domains",
            ("a.example", "b.example"),
        ),
        ({"ConnectorSource": 2}, "connector_source", "HybridWizard"),
        ({"ConnectorSource": 4}, "connector_source", None),
        ({"Guid": None}, "guid", "lock to gateway"),
        ({"Guid": None, "ExchangeObjectId": "AB"}, "guid", "ab"),
        ({"Name": None, "Identity": "By identity"}, "name", "By identity"),
    ],
)
def test_what_an_export_says_in_its_own_way_is_understood(
    change: dict[str, Any], field: str, value: Any
) -> None:
    assert getattr(only([ROW | change]), field) == value


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"ConnectorType": 0}, "ConnectorType"),
        ({"ConnectorType": True}, "ConnectorType"),
        ({"SenderDomains": "System.Object[]"}, "SenderDomains"),
        (
            {"SenderIPAddresses": "Microsoft.Exchange.Data.MultiValuedProperty`1[System.Object]"},
            "SenderIPAddresses",
        ),
        ({"Enabled": "perhaps"}, "Enabled"),
        ({"RequireTls": None}, "RequireTls"),
    ],
)
def test_a_field_that_an_export_spoilt_makes_the_part_incomplete(
    change: dict[str, Any], missing: str
) -> None:
    found = read_bundle({INBOUND: [ROW, ROW | {"Guid": "2", "Name": "Other"} | change]})
    assert found.part("inbound_connectors") is not None
    assert not found.knows("inbound_connectors")
    assert found.inbound_connectors == (EXPECTED,)  # what could be read is kept
    assert remarks(found.parts) == [f"{INBOUND} is incomplete: {missing} of Other"]


@pytest.mark.parametrize(
    ("held", "says"),
    [
        (None, "failed: The bundle holds null"),
        ({}, "failed: value-absent"),
        (samples.document("envelopes/truncated_with_next_link"), "truncated"),
        (samples.document("errors/403_cmdlet_not_in_role_json")["body"], "forbidden: role-missing"),
    ],
)
def test_a_cmdlet_that_was_not_answered_is_never_read_as_none(held: Any, says: str) -> None:
    found = read_bundle({INBOUND: held})
    assert not found.knows("inbound_connectors")
    assert says in remarks(found.parts)[0]


def test_a_list_with_null_is_the_none_of_an_export() -> None:
    assert read_bundle({INBOUND: [None]}).inbound_connectors == ()


@pytest.mark.parametrize("held", [[], [None], {"value": []}])
def test_a_tenant_has_at_least_one_domain(held: Any) -> None:
    assert not read_bundle({"Get-AcceptedDomain": held}).knows("accepted_domains")


def test_rules_of_which_the_state_is_a_number_are_incomplete_and_not_guessed() -> None:
    envelope = samples.document("transport_rules/01_gateway_lockdown_quarantine")
    rows = [row | {"State": 0} for row in envelope["value"]]
    assert not read_bundle({"Get-TransportRule": rows}).knows("transport_rules")


def test_domain_types_of_either_powershell_are_named() -> None:
    rows = [
        {"DomainName": "contoso.com", "DomainType": 0},
        {"DomainName": "relay.contoso.com", "DomainType": {"value": 2, "Value": "InternalRelay"}},
    ]
    found = read_bundle({"get-accepteddomain": {"value": rows, "Count": 2}})
    assert [d.domain_type for d in found.accepted_domains or ()] == [
        "Authoritative",
        "InternalRelay",
    ]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "one JSON object"),
        ("text", "one JSON object"),
        (ROW, "holds none of these: Get-InboundConnector"),
        ({INBOUND: "Access denied"}, "Get-InboundConnector: a row is not an object"),
        ({INBOUND: [1]}, "a row is not an object"),
        ({INBOUND: [], INBOUND.lower(): []}, "Get-InboundConnector stands in the bundle twice"),
    ],
)
def test_what_is_no_bundle_is_refused_with_where(given: Any, says: str) -> None:
    with pytest.raises(BundleError) as refused:
        read_bundle(given)
    assert says in str(refused.value)


# ---- bytes ---------------------------------------------------------------------------------

TEXT = json.dumps({INBOUND: [ROW | {"Name": "Größe"}]}, ensure_ascii=False)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
def test_a_file_of_either_powershell_is_read(encoding: str) -> None:
    (connector,) = read_bundle(document(TEXT.encode(encoding))).inbound_connectors or ()
    assert connector.name == "Größe"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no JSON: Expecting value (line 1, column 1)"),
        (b'{"a":\n}', "line 2, column 1"),
        (b'{"a": 1, "a": 2}', "'a' stands in one object twice"),
        (b'{"a": NaN}', "NaN is no JSON"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a": ' + b"9" * 5000 + b"}", "no JSON"),
    ],
)
def test_what_is_no_json_is_refused_with_where(data: bytes, says: str) -> None:
    with pytest.raises(BundleError) as refused:
        document(data)
    assert says in str(refused.value)


HELD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*ROW, "value", "Value", "Count", "error", "@odata.context"]), inner
        )
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from([*CMDLETS, "other"]), HELD))
def test_any_document_is_read_or_refused(given: dict[str, Any]) -> None:
    try:
        found = read_bundle(document(json.dumps(given).encode()))
    except BundleError as refused:
        assert str(refused)  # noqa: PT017  a reason is all there is
    else:
        assert not found.knows("domain_facts")
        assert len(remarks(found.parts)) == sum(not part.is_known for part in found.parts)


# ---- proposals -----------------------------------------------------------------------------

BEFORE = read_bundle({INBOUND: LOCKED, "Get-OrganizationConfig": {"RejectDirectSend": False}})
NAME = (BEFORE.inbound_connectors or ())[0].name


def proposed(data: str | bytes) -> Configuration:
    raw = data.encode() if isinstance(data, str) else data
    return read_proposal(BEFORE, raw).configuration


@pytest.mark.parametrize(
    "data",
    [
        f"Set-InboundConnector '{NAME}' -ConnectorType OnPremises",
        f"\ufeff# a note\r\nSet-InboundConnector '{NAME}' -ConnectorType OnPremises",
        f"Set-InboundConnector '{NAME}' -ConnectorType OnPremises".encode("utf-16"),
        json.dumps({"Name": NAME, "ConnectorType": 1}),
        json.dumps([{"Name": NAME, "ConnectorType": {"value": 1, "Value": "OnPremises"}}]),
        json.dumps({"value": [{"Name": NAME, "ConnectorType": "OnPremises"}], "Count": 1}),
        json.dumps({"@odata.context": "x", "value": [LOCKED["value"][0] | {"ConnectorType": 1}]}),
        json.dumps({INBOUND: [LOCKED["value"][0] | {"ConnectorType": 1}]}),
    ],
)
def test_a_proposal_means_the_same_in_every_form(data: str | bytes) -> None:
    (connector,) = proposed(data).inbound_connectors or ()
    assert connector.connector_type is ConnectorType.ON_PREMISES
    assert connector.sender_ip_addresses == (BEFORE.inbound_connectors or ())[0].sender_ip_addresses


def test_a_proposal_may_turn_direct_send_off() -> None:
    organization = proposed('{"RejectDirectSend": true}').organization
    assert organization is not None
    assert organization.reject_direct_send is RejectDirectSend.ON


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ("  ", ProposalError),
        ("[", BundleError),
        ('{"value": 1}', ProposalError),
        ("[1]", ProposalError),
        ("rm -rf", PowerShellError),
        (f"Set-InboundConnector '{NAME}' -ConnectorType 9", ProposalError),
        (json.dumps({"Name": NAME, "ConnectorType": 9}), ProposalError),
    ],
)
def test_a_proposal_that_cannot_be_read_is_refused(data: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        proposed(data)


def test_a_bundle_is_told_from_a_connector() -> None:
    assert is_bundle({"get-inboundconnector": []})
    assert not is_bundle({"Name": "Lock"})
    assert not is_bundle([INBOUND])
