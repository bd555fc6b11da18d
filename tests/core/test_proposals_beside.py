"""Rules, filters, domains and the organisation: what is read is applied, what is not is named."""

from dataclasses import replace
from typing import Any

import pytest

from mailposture.core.configuration import (
    Configuration,
    Part,
    PartStatus,
    RejectDirectSend,
    TransportRule,
)
from mailposture.core.posture import Facts, Source, judged
from mailposture.core.powershell import Command, commands
from mailposture.core.proposals import Proposal, ProposalError, propose
from tests.core.configurations import configuration, domain, lock
from tests.core.posture.tenants import connection_filter, rule

RULE = rule("Gateway trusted", set_scl=-1, sender_ip_ranges=("203.0.113.10",))
FILTER = connection_filter(("203.0.113.10",))
BEFORE = configuration(lock(), transport_rules=(RULE,), connection_filters=(FILTER,))


def after(text: str, before: Configuration = BEFORE) -> Proposal:
    return propose(before, commands(text))


def the_rule(found: Proposal) -> TransportRule:
    return (found.configuration.transport_rules or ())[0]


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        ("-SetSCL 5", "set_scl", 5),
        ("-SetSCL $null", "set_scl", None),
        ("-Mode audit", "mode", "Audit"),
        ("-Priority 3", "priority", 3),
        ("-FromScope notinorganization", "from_scope", "NotInOrganization"),
        ("-SenderAddressLocation Envelope", "sender_address_location", "Envelope"),
        ("-SenderIpRanges '2001:db8::/32'", "sender_ip_ranges", ("2001:db8::/32",)),
        ("-SenderIpRanges $null", "sender_ip_ranges", ()),
        ("-ExceptIfSenderIpRanges 192.0.2.1", "except_if_sender_ip_ranges", ("192.0.2.1",)),
        ("-SenderDomainIs A.example", "sender_domain_is", ("a.example",)),
        ("-HeaderContainsWords x,y", "header_contains_words", ("x", "y")),
        ("-DeleteMessage $true", "delete_message", True),
        ("-RejectMessageReasonText 'no'", "reject_message_reason_text", "no"),
        ("-Name 'Another name'", "name", "Another name"),
    ],
)
def test_a_rule_is_changed_in_the_field_that_is_given(
    arguments: str, field: str, value: Any
) -> None:
    found = after(f"Set-TransportRule 'gateway TRUSTED' {arguments}")
    assert the_rule(found) == replace(RULE, **{field: value})
    assert len(found.steps) == 1
    assert found.warnings == ()


def test_a_new_rule_is_enforced_and_turned_on() -> None:
    found = after("New-TransportRule Lock -FromScope NotInOrganization -DeleteMessage 1")
    made = (found.configuration.transport_rules or ())[-1]
    assert made == TransportRule(
        guid="proposed: lock", name="Lock", state="Enabled", mode="Enforce", priority=1,
        from_scope="NotInOrganization", delete_message=True,
    )  # fmt: skip
    assert made.is_enforced
    (said,) = found.steps
    assert said == (
        "Lock was added as a mail-flow rule. State: Enabled; Mode: Enforce; Priority: 1; FromScope:"
        " NotInOrganization; DeleteMessage: True"
    )


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("Disable-TransportRule 'Gateway trusted'", "Disabled"),
        ("Enable-TransportRule 'Gateway trusted'", "Enabled"),
        ("New-TransportRule Other -Enabled 0; Remove-TransportRule 'Gateway trusted'", "Disabled"),
    ],
)
def test_a_rule_is_turned_on_and_off_and_removed(text: str, state: str) -> None:
    assert the_rule(after(text)).state == state


def test_a_condition_that_is_not_read_makes_a_rule_act_perhaps_and_is_named() -> None:
    found = after(
        "New-TransportRule R -DeleteMessage 1 -SubjectContainsWords x -PrependSubject y"
        " -ExceptIfSentTo a@contoso.com -FromMemberOf $null"
    )
    made = (found.configuration.transport_rules or ())[-1]
    assert (made.conditions, made.exceptions) == (("SubjectContainsWords",), ("ExceptIfSentTo",))
    perhaps, not_read = found.warnings
    assert perhaps.startswith("-SubjectContainsWords, -ExceptIfSentTo, -FromMemberOf of")
    assert perhaps.endswith("The rule is taken to act perhaps, and not surely.")
    assert not_read == (
        "-PrependSubject of New-TransportRule (line 1): not read here, so that what it does is not"
        " predicted."
    )


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        ("-IPAllowList @{Add='192.0.2.0/24'}", "ip_allow_list", ("192.0.2.0/24", "203.0.113.10")),
        ("-IPBlockList 192.0.2.1-192.0.2.9", "ip_block_list", ("192.0.2.1-192.0.2.9",)),
        ("-IPAllowList $null", "ip_allow_list", ()),
        ("-EnableSafeList $true", "enable_safe_list", True),
    ],
)
def test_a_connection_filter_is_changed(arguments: str, field: str, value: Any) -> None:
    found = after(f"Set-HostedConnectionFilterPolicy '{FILTER.name}' {arguments}")
    assert found.configuration.connection_filters == (replace(FILTER, **{field: value}),)


def test_domains_come_change_and_go() -> None:
    found = after(
        "New-AcceptedDomain Books -DomainName Bücher.example -DomainType InternalRelay\n"
        "Set-AcceptedDomain contoso.com -MatchSubDomains $true\n"
    )
    assert found.configuration.accepted_domains == (
        domain("contoso.com", match_sub_domains=True),
        replace(
            domain("xn--bcher-kva.example", match_sub_domains=False), domain_type="InternalRelay"
        ),
    )
    gone = after("Remove-AcceptedDomain contoso.com")
    assert gone.configuration.accepted_domains == ()
    for one in (found, gone):
        assert any("a command of Exchange Server" in words for words in one.warnings)


def test_every_setting_of_the_organisation_that_is_read_is_applied() -> None:
    found = after(
        "Set-OrganizationConfig -RejectDirectSend 1 -SendFromAliasEnabled 1 -AuditDisabled 1"
        " -MaskClientIpInReceivedHeadersEnabled 0 -IPListBlocked 192.0.2.1 -BookingsEnabled 0"
    )
    one = found.configuration.organization
    assert one is not None
    assert one.reject_direct_send is RejectDirectSend.ON
    assert (one.send_from_alias_enabled, one.audit_disabled) == (True, True)
    assert one.mask_client_ip_in_received_headers_enabled is False
    assert one.ip_list_blocked == ("192.0.2.1",)
    assert len(found.steps) == 5
    (said,) = found.warnings
    assert said == (
        "-BookingsEnabled of Set-OrganizationConfig (line 1): not read here, so that what it does"
        " is not predicted."
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "Set-OrganizationConfig -BookingsEnabled 0",
            "Set-OrganizationConfig changes nothing that is read here",
        ),
        (
            "Set-TransportRule 'Gateway trusted' -PrependSubject x",
            "Set-TransportRule changes nothing that is read here",
        ),
        (
            "Set-RemoteDomain Default -AutoForwardEnabled 0",
            "Set-RemoteDomain changes nothing that is read here",
        ),
        ("Enable-TransportRule 'Gateway trusted'", "Gateway trusted is so already"),
        ("Set-OrganizationConfig -RejectDirectSend 0", "RejectDirectSend is so already"),
        ("Set-AcceptedDomain contoso.com -DomainType Authoritative", "contoso.com is so already"),
    ],
)
def test_a_command_that_moves_nothing_says_so(text: str, says: str) -> None:
    found = after(text)
    assert found.steps == (says,)
    assert found.configuration == BEFORE


@pytest.mark.parametrize(
    ("aside", "says"),
    [
        ("-WhatIf", "-WhatIf (line 1): run like this a command changes nothing."),
        ("-Confirm", "-Confirm (line 1): Exchange asks first. It is predicted as answered with"),
        ("-Confirm:$false", "-Confirm:$false (line 1): Exchange makes the change without asking."),
        ("-Force", "-Force (line 1): Exchange leaves out its warnings."),
        ("-BypassValidation", "-BypassValidation (line 1): Exchange may take what is refused"),
        ("-ErrorAction SilentlyContinue", "-ErrorAction (line 1): says what happens after an"),
        ("-Verbose -ov x", "-Verbose, -OutVariable (line 1): only what is printed or kept"),
    ],
)
def test_how_a_command_runs_is_said_and_changes_no_prediction(aside: str, says: str) -> None:
    change = "Set-InboundConnector 'Lock to gateway' -RequireTls $true"
    found = after(f"{change} {aside}")
    assert found.configuration == after(change).configuration
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith(says)


def test_a_command_made_by_hand_has_no_line_to_name() -> None:
    made = Command(
        name="Set-RemoteDomain", parameters={"identity": "Default"}, aside={"WhatIf": True}
    )
    what_if, remote = propose(BEFORE, [made]).warnings
    assert what_if.startswith("-WhatIf: run like this")
    assert remote.startswith("Set-RemoteDomain: nothing here reads")


def test_what_changes_nothing_is_not_said() -> None:
    change = "Set-InboundConnector 'Lock to gateway' -RequireTls $true -WhatIf:$false -Force:$false"
    assert after(change).warnings == ()


def test_what_is_the_same_on_many_lines_is_said_once() -> None:
    change = "Set-InboundConnector 'Lock to gateway' -RequireTls $true -WhatIf\n"
    (said,) = after(change * 9).warnings
    assert said.startswith("-WhatIf (lines 1, 2, 3, 4, 5, 6 and 3 more): ")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("New-TransportRule -SetSCL -1", "New-TransportRule asks for a Name"),
        ("New-TransportRule 'gateway trusted'", "there is a mail-flow rule 'gateway trusted'"),
        ("Set-TransportRule Nowhere -SetSCL -1", "no mail-flow rule is called 'Nowhere'. There"),
        ("Set-TransportRule 'Gateway trusted' -SetSCL 10", "SetSCL is a number from -1 to 9"),
        ("Set-TransportRule 'Gateway trusted' -SetSCL x", "and not 'x'"),
        ("Set-TransportRule 'Gateway trusted' -Mode Maybe", "Mode is Audit or AuditAndNotify or"),
        ("Set-TransportRule 'Gateway trusted' -Name ('a'+[char]7)", "U+0007"),
        ("Set-TransportRule 'Gateway trusted' -Name $null", "Name cannot be empty"),
        ("Set-TransportRule 'Gateway trusted' -SenderIpRanges x", "SenderIpRanges: 'x' is not"),
        (
            f"Set-HostedConnectionFilterPolicy '{FILTER.name}' -IPAllowList 192.0.0.0/16",
            "IPAllowList takes no network wider than /24: 192.0.0.0/16",
        ),
        ("Set-HostedConnectionFilterPolicy X -EnableSafeList 1", "no connection filter policy is"),
        ("New-AcceptedDomain N -DomainName *.a.example", "asks for a DomainName such as"),
        ("New-AcceptedDomain N -DomainName CONTOSO.com", "an accepted domain 'contoso.com' alre"),
        ("Set-AcceptedDomain a.example -OutboundOnly 1", "no accepted domain is called"),
        ("Set-AcceptedDomain contoso.com -DomainType Other", "DomainType is Authoritative or"),
    ],
)
def test_what_exchange_would_refuse_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(ProposalError) as refused:
        after(text)
    assert says in str(refused.value)


def test_rules_that_were_not_read_stay_unknown_after_one_was_made() -> None:
    part = Part(name="transport_rules", status=PartStatus.FORBIDDEN)
    before = Configuration(parts=(part,))
    found = after("New-TransportRule R -SetSCL -1", before)
    assert [r.name for r in found.configuration.transport_rules or ()] == ["R"]
    assert not found.configuration.knows("transport_rules")
    assert found.steps[0].startswith("R was added as a mail-flow rule. State: Enabled; ")
    with pytest.raises(ProposalError, match="no mail-flow rule 'X' was read, and not all were"):
        after("Set-TransportRule X -SetSCL -1", before)


def test_a_rule_that_trusts_a_range_is_a_finding_of_the_proposal() -> None:
    gateway = (Source(name="Gateway", addresses=("203.0.113.10",)),)
    wider = after("Set-TransportRule 'Gateway trusted' -SenderIpRanges @{Add='198.51.100.7'}")
    for found, violated in ((BEFORE, False), (wider.configuration, True)):
        facts = Facts(configuration=found, sources=gateway)
        said = {one.result for one in judged(facts, "MP-09")}
        assert ("not_satisfied" in said) is violated
