"""Proposals make of a configuration what Exchange Online would, or say why it would not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.core.configuration import (
    Configuration,
    ConnectorType,
    InboundConnector,
    Part,
    PartStatus,
    RejectDirectSend,
)
from mailposture.core.powershell import Command, commands, quoted
from mailposture.core.proposals import (
    Proposal,
    ProposalError,
    propose,
    propose_documents,
    sender_address,
    with_parts,
)
from mailposture.core.proposals.values import stored
from tests.core.configurations import GUID, configuration, domain, hybrid, lock
from tests.core.strategies import configurations

BEFORE = configuration(lock(), hybrid())


def after(text: str, before: Configuration = BEFORE) -> Proposal:
    return propose(before, commands(text))


def connector(proposal: Proposal, name: str) -> InboundConnector:
    held = proposal.configuration.inbound_connectors or ()
    return next(c for c in held if c.name == name)


def test_a_new_connector_has_the_defaults_of_the_cmdlet() -> None:
    made = connector(after("New-InboundConnector Bank -SenderDomains Bank.example"), "Bank")
    assert made == InboundConnector(
        guid="proposed: bank",
        name="Bank",
        enabled=True,
        connector_type=ConnectorType.PARTNER,
        sender_domains=("bank.example",),
        sender_ip_addresses=(),
        restrict_domains_to_ip_addresses=False,
        restrict_domains_to_certificate=False,
        require_tls=True,
        tls_sender_certificate_name=None,
        associated_accepted_domains=(),
        connector_source="Default",
        cloud_services_mail_enabled=False,
        treat_messages_as_internal=False,
        ef_skip_last_ip=False,
        ef_test_mode=False,
    )


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        ("-Enabled $false", "enabled", False),
        ("-ConnectorType onpremises", "connector_type", ConnectorType.ON_PREMISES),
        ("-Name 'New name'", "name", "New name"),
        ("-SenderDomains 'smtp:*.Fabrikam.com;1'", "sender_domains", ("*.fabrikam.com",)),
        ("-SenderIPAddresses $null", "sender_ip_addresses", ()),
        (
            "-SenderIPAddresses 198.51.100.9, '192.0.2.1 - 192.0.2.9', 192.0.2.77/24",
            "sender_ip_addresses",
            ("192.0.2.77/24", "192.0.2.1-192.0.2.9", "198.51.100.9"),
        ),
        (
            "-SenderIPAddresses @{Add='192.0.2.1'; Remove='203.0.113.10/32'}",
            "sender_ip_addresses",
            ("192.0.2.1",),
        ),
        ("-TlsSenderCertificateName *.GW.example", "tls_sender_certificate_name", "*.gw.example"),
        ("-TlsSenderCertificateName $null", "tls_sender_certificate_name", None),
        ("-AssociatedAcceptedDomains contoso.com", "associated_accepted_domains", ("contoso.com",)),
        ("-TrustedOrganizations Adatum.example", "trusted_organizations", ("adatum.example",)),
        ("-EFSkipMailGateway ' a '", "ef_skip_mail_gateway", ("a",)),
        ("-EFUsers @{Add='a@contoso.com'; Remove='b@contoso.com'}", "ef_users", ("a@contoso.com",)),
        ("-EFSkipIPs '10.0.0.0/8','2001:db8::1'", "ef_skip_ips", ("10.0.0.0/8", "2001:db8::1")),
    ],
)
def test_a_command_changes_one_field_and_says_so(arguments: str, field: str, value: Any) -> None:
    found = after(f"Set-InboundConnector 'LOCK to gateway' {arguments}")
    changed = next(c for c in found.configuration.inbound_connectors or () if c.guid == GUID)
    assert getattr(changed, field) == value
    assert len(found.steps) == 1
    assert connector(found, hybrid().name) == hybrid()


def test_of_a_new_connector_all_that_exchange_would_store_is_said() -> None:
    (said,) = after("New-InboundConnector Bank -SenderDomains bank.example").steps
    assert said == (
        "Bank was added as an inbound connector, turned on. Enabled: True; ConnectorType: Partner;"
        " SenderDomains: bank.example; RequireTls: True; ConnectorSource: Default"
    )
    listed = ",".join(f"192.0.2.{n}" for n in range(200))
    (said,) = after(f"New-InboundConnector Bank -SenderDomains * -SenderIP {listed}").steps
    assert len(said) < 500
    assert said.endswith("…")


def test_commands_build_on_one_another() -> None:
    found = after(
        "Set-InboundConnector 'Lock to gateway' -Name Lock\n"
        "Set-InboundConnector lock -SenderIPAddresses @{Add='192.0.2.1'}\n"
        f"Remove-InboundConnector {hybrid().guid.upper()} -Confirm:$false\n"
        "Set-OrganizationConfig -RejectDirectSend $true\n"
        "Set-InboundConnector LOCK -Enabled $true"
    )
    (left,) = found.configuration.inbound_connectors or ()
    assert (left.name, left.sender_ip_addresses) == ("Lock", ("192.0.2.1", "203.0.113.10"))
    assert found.configuration.organization is not None
    assert found.configuration.organization.reject_direct_send is RejectDirectSend.ON
    assert len(found.steps) == 5
    assert found.steps[1] == "Lock: SenderIPAddresses gained 192.0.2.1 (1 address)"
    assert found.steps[4] == "Lock is so already"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\nSet-InboundConnector Locke -Enabled $true", "line 2: no inbound connector is called"),
        ("Remove-InboundConnector Locke", "There is 'Lock to gateway', 'Inbound from 9c1c3e0a'"),
        ("Set-InboundConnector -Enabled $true", "Identity is missing"),
        ("New-InboundConnector Lock", "asks for SenderDomains"),
        ("New-InboundConnector -SenderDomains *", "asks for a Name"),
        ("New-InboundConnector 'lock TO gateway' -SenderDomains *", "already"),
        ("Set-InboundConnector 'Lock to gateway' -Name 'Inbound from 9C1C3E0A'", "already"),
        (f"New-InboundConnector {'x' * 65} -SenderDomains *", "64 characters"),
        ("New-InboundConnector Lock -SenderDomains a.*.example", "takes a domain such as"),
        ("New-InboundConnector Lock -SenderDomains @()", "asks for SenderDomains"),
        ("Set-InboundConnector 'Lock to gateway' -SenderDomains $null", "cannot be empty"),
        ("Set-InboundConnector 'Lock to gateway' -ConnectorType 3", "Partner or OnPremises"),
        ("Set-InboundConnector 'Lock to gateway' -EFSkipIPs a", "EFSkipIPs: 'a' is not"),
        ("Set-InboundConnector 'Lock to gateway' -AssociatedAcceptedDomains 'a b'", "a domain"),
        ("Set-InboundConnector 'Lock to gateway' -TlsSenderCertificateName 'CN=a'", "a domain"),
    ],
)
def test_what_exchange_would_refuse_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(ProposalError) as refused:
        after(text)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("-Name ('L'+[char]3)", "Name holds a control character (U+0003)"),
        ("-Name ('L'+[char]27+'[2J')", "(U+001B)"),
        ('-Name "a`nb"', "(U+000A)"),
        ("-Name ('a'+[char]8238+'b')", "a formatting character (U+202E RIGHT-TO-LEFT OVERRIDE)"),
        ("-Name ('a'+[char]8203)", "(U+200B ZERO WIDTH SPACE)"),
        ("-Name ('a'+[char]8232)", "a line separator (U+2028 LINE SEPARATOR)"),
        ("-Name ('a'+[char]8233)", "a paragraph separator (U+2029 PARAGRAPH SEPARATOR)"),
        ("-Name ('a'+[char]0xD800)", "half a character (U+D800)"),
        ("-Comment ('a'+[char]7)", "Comment holds a control character (U+0007)"),
        ("-SenderDomains ('a.example'+[char]8203)", "SenderDomains holds"),
        ("-SenderIPAddresses '192.0.2.1',('192.0.2.2'+[char]8203)", "SenderIPAddresses holds"),
        ("-TlsSenderCertificateName ('a.example'+[char]13)", "TlsSenderCertificateName holds"),
        ("-TrustedOrganizations @{Add=('a'+[char]8206)}", "(U+200E LEFT-TO-RIGHT MARK)"),
        ("-EFUsers ('a'+[char]8237)", "EFUsers holds"),
    ],
)
def test_what_nobody_sees_is_refused_by_its_name_and_what_to_do(arguments: str, says: str) -> None:
    with pytest.raises(ProposalError) as refused:
        after(f"Set-InboundConnector 'Lock to gateway' {arguments}")
    assert says in str(refused.value)
    assert str(refused.value).endswith("take it out, or type the value anew")
    assert str(refused.value).isprintable()


def test_a_new_name_is_held_to_the_same_as_a_changed_one() -> None:
    with pytest.raises(ProposalError, match=r"U\+0003"):
        propose_documents(BEFORE, [{"Name": "L\x03", "SenderDomains": ["*"]}])


def test_what_was_there_before_is_not_asked_for_anew_and_may_be_taken_out() -> None:
    odd = configuration(lock(comment="one\x07", trusted_organizations=("a\u200b", "b")))
    again = {"Name": "Lock to gateway", "Comment": "one\x07", "Enabled": False}
    found = propose_documents(odd, [again])
    assert connector(found, "Lock to gateway").comment == "one\x07"
    gone = "Set-InboundConnector 'Lock to gateway' -TrustedOrg @{Remove=('a'+[char]8203)}"
    assert connector(after(gone, odd), "Lock to gateway").trusted_organizations == ("b",)


def test_a_comment_may_have_lines() -> None:
    found = after("Set-InboundConnector 'Lock to gateway' -Comment \"one`r`n`ttwo\"")
    assert connector(found, "Lock to gateway").comment == "one\r\n\ttwo"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("203.0.113.10", "203.0.113.10"),
        (" 203.0.113.10 ", "203.0.113.10"),
        ("203.0.113.77/24", "203.0.113.77/24"),
        ("203.0.113.0 / 32", "203.0.113.0/32"),
        ("203.0.113.0 - 203.0.113.255", "203.0.113.0-203.0.113.255"),
    ],
)
def test_an_address_that_exchange_takes_is_kept(given: str, kept: str) -> None:
    assert sender_address(given) == kept


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("203.0.113.0/23", "no network wider than /24"),
        ("203.0.113.0-203.0.114.0", "no range of more than 256"),
        ("2001:db8::1", "no IPv6 address"),
        ("2001:db8::/64", "no IPv6 address"),
        ("203.0.113.256", "is not an address"),
        ("203.0.113.9-203.0.113.1", "ends before it begins"),
        ("gateway.example", "is not an address"),
        ("203.0.113.10, 203.0.113.11", "is not an address"),
        ("", "is not an address"),
        ("1" + " " * 100_000 + "-", "is not an address"),
    ],
)
def test_an_address_that_exchange_does_not_take_is_refused(given: str, says: str) -> None:
    with pytest.raises(ProposalError, match=r"SenderIPAddresses") as refused:
        sender_address(given)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            "-RestrictDomainsToCertificate $true -TlsSenderCertificateName gw.example",
            "Microsoft asks for a connector each",
        ),
        ("-RestrictDomainsToCertificate $true -RestrictDomainsToIP $false", "names none"),
        ("-SenderIPAddresses $null", "names none"),
        ("-ConnectorType OnPremises", "no effect"),
        ("-TreatMessagesAsInternal $true", "OnPremises connectors alone"),
    ],
)
def test_what_is_taken_but_means_another_thing_is_warned_of(arguments: str, says: str) -> None:
    found = after(f"Set-InboundConnector 'Lock to gateway' {arguments}")
    assert len(found.warnings) == 1
    assert says in found.warnings[0]


def test_a_connector_that_nobody_touched_is_not_warned_of() -> None:
    odd = lock(sender_ip_addresses=())
    found = after(
        f"Set-InboundConnector {quoted(hybrid().name)} -Enabled $false",
        configuration(odd, hybrid()),
    )
    assert found.warnings == ()


# ---- what was not known stays unknown ------------------------------------------------------

FORBIDDEN = Part(name="inbound_connectors", status=PartStatus.FORBIDDEN)


@pytest.mark.parametrize("parts", [(), (FORBIDDEN,)], ids=["lacking", "forbidden"])
def test_unknown_connectors_stay_unknown_after_one_was_made(parts: tuple[Part, ...]) -> None:
    before = Configuration(parts=parts)
    found = after("New-InboundConnector Lock -SenderDomains *", before).configuration
    assert [c.name for c in found.inbound_connectors or ()] == ["Lock"]
    assert not found.knows("inbound_connectors")
    with pytest.raises(ProposalError, match="not all were"):
        after("Set-InboundConnector Other -Enabled $true", found)


def test_an_unknown_organisation_stays_unknown_but_for_what_was_set() -> None:
    found = after("Set-OrganizationConfig -RejectDirectSend $true", Configuration()).configuration
    assert found.organization is not None
    assert found.organization.reject_direct_send is RejectDirectSend.ON
    assert not found.knows("organization")


@given(configurations())
def test_a_proposal_knows_no_more_than_before(before: Configuration) -> None:
    found = after("New-InboundConnector Proposed -SenderDomains *", before).configuration
    assert found.not_known == before.not_known
    assert len(found.inbound_connectors or ()) == len(before.inbound_connectors or ()) + 1


# ---- JSON ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "command"),
    [
        ({"Name": "lock TO gateway", "Enabled": False}, "Set-InboundConnector {lock} -Enabled 0"),
        ({"Guid": GUID, "Name": "Lock"}, "Set-InboundConnector {lock} -Name Lock"),
        ({"Identity": "Lock to gateway", "Name": "L"}, "Set-InboundConnector {lock} -Name L"),
        (
            {"name": "Lock to gateway", "senderipaddresses": {"Add": "192.0.2.1"}},
            "Set-InboundConnector {lock} -SenderIPAddresses @{Add='192.0.2.1'}",
        ),
        (
            {
                "Name": "Lock to gateway",
                "SenderDomains": ["smtp:*;1"],
                "ConnectorType": 2,
                "WhenChanged": "/Date(0)/",
                "SenderDomains@odata.type": "#Collection(String)",
                "RequireTls": None,
            },
            "Set-InboundConnector {lock} -SenderDomains *",
        ),
        ({"Name": "Lock to gateway", "Remove": True}, "Remove-InboundConnector {lock}"),
        ({"Name": "Bank", "SenderDomains": "*"}, "New-InboundConnector Bank -SenderDomains *"),
        ({"RejectDirectSend": True}, "Set-OrganizationConfig -RejectDirectSend 1"),
    ],
)
def test_a_document_is_the_command_that_says_the_same(document: Any, command: str) -> None:
    text = command.replace("{lock}", quoted(lock().name))
    assert propose_documents(BEFORE, [document]) == after(text)


def test_an_entry_that_nobody_can_read_stays_unless_it_is_removed() -> None:
    odd = configuration(lock(sender_ip_addresses=("odd", "203.0.113.10")))
    found = after("Set-InboundConnector 'Lock to gateway' -SenderIP @{Remove='203.0.113.10'}", odd)
    assert connector(found, "Lock to gateway").sender_ip_addresses == ("odd",)


def test_a_command_made_by_hand_is_held_to_the_same() -> None:
    made = Command(name="Set-InboundConnector", parameters={"identity": GUID, "odd": "x"})
    with pytest.raises(ProposalError, match=r"^an inbound connector has no 'odd'$"):
        propose(BEFORE, [made])


def test_true_and_false_may_be_words_in_json() -> None:
    found = propose_documents(BEFORE, [{"Name": "Lock to gateway", "Enabled": "False"}])
    assert connector(found, "Lock to gateway").enabled is False


def test_a_new_connector_keeps_the_guid_that_it_was_given() -> None:
    found = propose_documents(BEFORE, [{"Name": "B", "Guid": "ABC", "SenderDomains": ["*"]}])
    assert connector(found, "B").guid == "abc"


@pytest.mark.parametrize(
    ("documents", "says"),
    [
        ([{"Name": "Lock to gateway"}, {"Guid": GUID}], "object 2: 'Lock to gateway' stands there"),
        ([{"Name": "Bank", "Remove": True}], "no inbound connector is called 'Bank'"),
        ([{"Name": "Lock to gateway", "Remove": "yes"}], "Remove is true or false"),
        ([{"SenderDomains": ["*"]}], "names no connector"),
        ([{"Name": "Lock to gateway", "SenderIPAdresses": []}], "has no 'senderipadresses'"),
        ([{"Name": "Lock to gateway", "Enabled": "maybe"}], "Enabled is true or false"),
        ([{"Name": "Lock to gateway", "Enabled": [True]}], "is a list of texts"),
        ([{"Name": "Lock to gateway", "Comment": {"a": 1}}], "is a text, true or false"),
        ([{"Name": "Lock to gateway", "Comment": ["a"]}], "Comment takes one value"),
        ([{"RejectDirectSend": "on"}], "object 1: RejectDirectSend is true or false"),
        (["Lock"], "an object with a Name"),
        ([{"Name": "Bank"}], "asks for SenderDomains"),
    ],
)
def test_a_document_that_says_too_little_is_refused(documents: list[Any], says: str) -> None:
    with pytest.raises(ProposalError) as refused:
        propose_documents(BEFORE, documents)
    assert says in str(refused.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Name", "Guid", "SenderDomains", "Enabled", "Remove", "Add", "a"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=3))
def test_any_document_is_applied_or_refused(documents: list[Any]) -> None:
    try:
        found = propose_documents(BEFORE, json.loads(json.dumps(documents)))
    except ProposalError as refused:
        assert str(refused)  # noqa: PT017  a reason is all there is
    else:
        assert len(found.steps) >= len(documents)


# ---- whole parts ---------------------------------------------------------------------------


def test_whole_parts_take_the_place_of_those_before() -> None:
    part = Part(name="accepted_domains", status=PartStatus.OK)
    parts = Configuration(parts=(part,), accepted_domains=(domain("fabrikam.com"),))
    found = with_parts(BEFORE, parts)
    assert found.configuration.domains == ("fabrikam.com",)
    assert found.configuration.inbound_connectors == BEFORE.inbound_connectors
    assert len(found.steps) == 2


@pytest.mark.parametrize("status", [PartStatus.TRUNCATED, PartStatus.FAILED, PartStatus.FORBIDDEN])
def test_a_part_that_is_not_there_whole_takes_nothings_place(status: PartStatus) -> None:
    part = Part(name="inbound_connectors", status=status)
    for held in ((), None):
        with pytest.raises(ProposalError, match=f"inbound connectors: {status}"):
            with_parts(BEFORE, Configuration(parts=(part,), inbound_connectors=held))


def test_a_part_that_was_never_told_takes_nothings_place() -> None:
    part = Part(name="organization", status=PartStatus.OK)
    with pytest.raises(ProposalError, match="organization: ok"):
        with_parts(BEFORE, Configuration(parts=(part,)))


def test_what_fields_of_a_whole_part_lack_is_named() -> None:
    part = Part(
        name="inbound_connectors", status=PartStatus.INCOMPLETE, missing=("RequireTls of Lock",)
    )
    found = with_parts(BEFORE, Configuration(parts=(part,), inbound_connectors=(lock(),)))
    assert any("lack fields that decide" in said for said in found.warnings)


@pytest.mark.parametrize(
    ("given", "named"),
    [("nosuch.com", "nosuch.com"), ("CONTOSO.com.", ""), ("contoso.com, a.example", "a.example")],
)
def test_a_domain_that_the_tenant_does_not_have_is_to_be_minded(given: str, named: str) -> None:
    text = (
        "New-InboundConnector L -ConnectorType Partner -SenderDomains * -RequireTls $true"
        f" -AssociatedAcceptedDomains {given}"
    )
    said = [w for w in propose(BEFORE, commands(text)).warnings if "no accepted domain" in w]
    assert [named in w for w in said] == ([True] if named else [])


def test_commands_over_ipv6_are_passed_over_with_a_word() -> None:
    found = propose(BEFORE, commands("Disable-IPv6ForAcceptedDomain -Domain 'contoso.com'"))
    assert found.configuration == BEFORE
    (said,) = found.warnings
    assert said.startswith("Disable-IPv6ForAcceptedDomain (line 1)")


def test_a_field_that_is_no_list_takes_no_edit() -> None:
    (command,) = commands("Set-InboundConnector L -SenderDomains @{Add='a.example'}")
    with pytest.raises(ProposalError, match="takes one value"):
        stored("name", command.parameters["senderdomains"], "")
