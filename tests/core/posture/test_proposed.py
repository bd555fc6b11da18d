"""The script of a what-if leads exactly to what was proposed, and back again."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings

from mailposture.core.configuration import Configuration, InboundConnector, RejectDirectSend
from mailposture.core.posture import Facts, Source
from mailposture.core.posture.remediation import Script
from mailposture.core.posture.remediation.proposed import proposed
from mailposture.core.powershell import commands
from mailposture.core.proposals import propose
from mailposture.core.reachability import reachability
from tests.core.configurations import configuration, hybrid, lock, organization
from tests.core.posture.tenants import connection_filter, rule
from tests.core.strategies import configurations

HYBRID = hybrid(tls_sender_certificate_name="mail.contoso.com")
OPEN = configuration(HYBRID)
LOCKED = configuration(HYBRID, lock())
GATEWAY = (Source(name="Gateway", addresses=("203.0.113.10",)),)


def written(
    before: Configuration, after: Configuration, sources: tuple[Source, ...] = ()
) -> Script:
    return proposed(Facts(configuration=before, sources=sources), after)


def test_a_new_connector_is_made_turned_off_and_then_turned_on() -> None:
    script = written(OPEN, LOCKED, GATEWAY)
    assert [stage.title for stage in script.stages] == ["create it, turned off", "turn it on"]
    first, second = script.stages
    assert "-Enabled $false" in first.commands[0]
    assert second.commands == ("Set-InboundConnector -Identity 'Lock to gateway' -Enabled $true",)
    assert second.rollback == ("Set-InboundConnector -Identity 'Lock to gateway' -Enabled $false",)
    assert script.is_ready


def test_every_stage_says_what_must_answer_then() -> None:
    first, second = written(OPEN, LOCKED, GATEWAY).stages
    assert all(one.accepted for one in first.expects)
    assert any(one.code == "5.7.51" for one in second.expects)


def test_a_change_that_cuts_off_an_approved_source_is_not_ready() -> None:
    elsewhere = (Source(name="Relay", addresses=("192.0.2.25",)),)
    script = written(OPEN, LOCKED, elsewhere)
    assert not script.is_ready
    assert any("Relay" in words for words in script.refuses)


@pytest.mark.parametrize(
    ("before", "after", "titles"),
    [
        (LOCKED, OPEN, ["turn Lock to gateway off", "remove Lock to gateway"]),
        (LOCKED, configuration(HYBRID, lock(enabled=False)), ["change Lock to gateway"]),
        (
            OPEN,
            replace(OPEN, organization=organization(RejectDirectSend.ON)),
            ["refuse Direct Send"],
        ),
        (OPEN, OPEN, []),
    ],
)
def test_what_is_changed_has_a_stage(
    before: Configuration, after: Configuration, titles: list[str]
) -> None:
    assert [stage.title for stage in written(before, after).stages] == titles


def test_a_rename_is_written_first_and_can_be_taken_back() -> None:
    other = replace(lock(), name="Lock", require_tls=True)
    script = written(LOCKED, configuration(HYBRID, other), GATEWAY)
    assert [stage.title for stage in script.stages] == ["rename Lock to gateway", "change Lock"]
    rename, change = script.stages
    assert rename.commands == ("Set-InboundConnector -Identity 'Lock to gateway' -Name 'Lock'",)
    assert rename.rollback == ("Set-InboundConnector -Identity 'Lock' -Name 'Lock to gateway'",)
    assert change.commands == ("Set-InboundConnector -Identity 'Lock' -RequireTls $true",)
    assert script.is_ready
    assert script.makes == configuration(HYBRID, other)


def test_names_are_handed_on_once_nobody_bears_them() -> None:
    one, two = lock(name="One"), lock(guid="2", name="Two", sender_domains=("fabrikam.com",))
    after = configuration(replace(one, name="Two"), replace(two, name="Three"))
    script = written(configuration(one, two), after, GATEWAY)
    assert script.stages[0].commands == (
        "Set-InboundConnector -Identity 'Two' -Name 'Three'",
        "Set-InboundConnector -Identity 'One' -Name 'Two'",
    )
    assert script.makes == after
    present = after
    for stage in reversed(script.stages):
        present = propose(present, commands("\n".join(stage.rollback))).configuration
    assert present == configuration(one, two)


def test_names_that_are_exchanged_are_not_ready_and_it_is_said_why() -> None:
    one, two = lock(name="One"), lock(guid="2", name="Two", sender_domains=("fabrikam.com",))
    after = configuration(replace(one, name="Two"), replace(two, name="One"))
    script = written(configuration(one, two), after, GATEWAY)
    assert not script.is_ready
    assert script.refuses == ("line 1: there is an inbound connector 'Two' already",)


def test_a_name_that_nobody_sees_whole_can_be_taken_off() -> None:
    odd = lock(name="Lock\x03\u202e")
    script = written(configuration(odd), configuration(replace(odd, name="Lock")), GATEWAY)
    (stage,) = script.stages
    assert stage.commands == (f"Set-InboundConnector -Identity '{odd.guid}' -Name 'Lock'",)
    assert "\x03" not in script.text


@settings(max_examples=80, deadline=None)
@given(configurations(), configurations())
def test_the_script_leads_to_what_was_proposed_and_its_rollback_leads_back(
    one: Configuration, other: Configuration
) -> None:
    after = replace(one, inbound_connectors=_renamed(one, other))
    script = written(one, after)
    assume(not script.refuses)
    # What Exchange would not have stored cannot be made again by the way back.
    assume(not any(":" in a for c in one.inbound_connectors or () for a in c.sender_ip_addresses))
    present = one
    for stage in script.stages:
        present = propose(present, commands("\n".join(stage.commands))).configuration
    assert _answers(present) == _answers(after)
    for stage in reversed(script.stages):
        present = propose(present, commands("\n".join(stage.rollback))).configuration
    assert _answers(present) == _answers(one)


def _renamed(one: Configuration, other: Configuration) -> tuple[InboundConnector, ...]:
    """The connectors of the other, every second of them one that the first has too."""
    held = one.inbound_connectors or ()
    kept = {c.guid: c for c in held}
    return tuple(
        replace(c, guid=f"n{n}", name=f"New {n}")
        if n % 2 or c.guid not in kept
        else replace(c, name=f"{c.name} again")
        for n, c in enumerate(other.inbound_connectors or ())
    )


def _answers(made: Configuration) -> list[tuple[object, ...]]:
    return [
        (domain, sender_class, found.addresses, found.in_clear, set(found.certificates))
        for domain, sender_class, found in reachability(made).all()
    ]


def test_very_many_connectors_share_stages_and_each_has_its_way_back() -> None:
    held = [lock(guid=f"{n}", name=f"N{n}", enabled=n % 2 == 0) for n in range(70)]
    before = configuration(HYBRID, *held)
    for after in (
        configuration(HYBRID, *(replace(c, require_tls=True) for c in held)),
        configuration(HYBRID),
    ):
        script = written(before, after, GATEWAY)
        assert 0 < len(script.stages) <= 60
        assert " more" in script.stages[0].title
        assert script.makes == after
        present = after
        for stage in reversed(script.stages):
            present = propose(present, commands("\n".join(stage.rollback))).configuration
        assert _answers(present) == _answers(before)


RULE = rule("Gateway trusted", set_scl=-1, sender_ip_ranges=("203.0.113.10",))
FILTER = connection_filter(("203.0.113.10",))
WHOLE = configuration(HYBRID, lock(), transport_rules=(RULE,), connection_filters=(FILTER,))


def asked(text: str, before: Configuration = WHOLE) -> Script:
    return written(before, propose(before, commands(text)).configuration, GATEWAY)


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("Set-TransportRule 'Gateway trusted' -SetSCL 5 -Priority 3", ["change rule Gateway tru"]),
        (
            "Set-TransportRule 'Gateway trusted' -Name G; Disable-TransportRule G",
            ["rename rule Gateway trusted", "turn rule G off"],
        ),
        (
            "New-TransportRule New -FromScope NotInOrganization -DeleteMessage 1",
            ["create rule New, turned off", "turn rule New on"],
        ),
        (
            "Set-HostedConnectionFilterPolicy Default -IPAllowList 192.0.2.1 -EnableSafeList 0",
            ["change Default"],
        ),
        ("Set-AcceptedDomain contoso.com -DomainType InternalRelay", ["change contoso.com"]),
        ("Set-OrganizationConfig -IPListBlocked 192.0.2.1", ["change the organisation's set"]),
        (
            "Set-OrganizationConfig -RejectDirectSend 1 -IPListBlocked 192.0.2.1",
            ["refuse Direct Send", "change the organisation's set"],
        ),
    ],
)
def test_what_stands_beside_the_connectors_is_staged_too(text: str, titles: list[str]) -> None:
    script = asked(text)
    found = [stage.title for stage in script.stages]
    assert [f[: len(t)] for f, t in zip(found, titles, strict=True)] == titles
    assert script.is_ready
    assert script.advice == ()
    assert script.makes == propose(WHOLE, commands(text)).configuration
    present = script.makes
    for stage in reversed(script.stages):
        present = propose(present, commands("\n".join(stage.rollback))).configuration
    assert present == WHOLE


def test_a_rule_that_asks_what_is_not_read_is_not_written_and_that_is_said() -> None:
    script = asked("New-TransportRule New -DeleteMessage 1 -SubjectContainsWords x")
    assert script.stages == ()
    (said,) = script.advice
    assert said.startswith("Not in these stages, since only part of it is read here: New was added")


def test_what_cannot_be_taken_back_by_a_line_says_so() -> None:
    off, gone = asked("Remove-TransportRule 'Gateway trusted'").stages
    assert off.rollback == (f"Enable-TransportRule -Identity '{RULE.guid}'",)
    assert gone.rollback == ()
    assert "Export-TransportRuleCollection" in gone.note
    (blind,) = asked("Set-AcceptedDomain contoso.com -MatchSubDomains 1").stages
    assert blind.rollback == ()
    assert "What it was is not known" in blind.note


def test_domains_that_come_and_go_are_named_and_not_written() -> None:
    script = asked("New-AcceptedDomain N -DomainName fabrikam.example")
    assert script.stages == ()
    assert "fabrikam.example was added as an accepted domain." in script.advice[0]


def test_very_much_that_no_stage_writes_is_counted() -> None:
    script = asked(
        "\n".join(f"New-AcceptedDomain N -DomainName d{n}.example" for n in range(15)),
        replace(WHOLE, organization=None),
    )
    assert script.stages == ()
    assert len(script.advice) == 13
    assert script.advice[-1].endswith("3 more differences.")


def test_a_rule_that_is_off_is_made_and_removed_without_turning_it() -> None:
    (made,) = asked("New-TransportRule New -Enabled 0 -DeleteMessage 1").stages
    assert made.title == "create rule New, turned off"
    off = replace(WHOLE, transport_rules=(replace(RULE, state="Disabled"),))
    (gone,) = asked("Remove-TransportRule 'Gateway trusted'", off).stages
    assert gone.title == "remove rule Gateway trusted"


def test_the_way_back_to_a_setting_that_was_never_set_says_so() -> None:
    for before, note in (
        (RejectDirectSend.NOT_CONFIGURED, True),
        (RejectDirectSend.OFF, False),
    ):
        held = replace(WHOLE, organization=organization(before))
        (stage,) = asked("Set-OrganizationConfig -RejectDirectSend 1", held).stages
        assert stage.rollback == ("Set-OrganizationConfig -RejectDirectSend $false",)
        assert ("not seen to be set" in stage.note) is note


def test_what_is_not_ready_is_shown_and_does_nothing_when_pasted() -> None:
    elsewhere = (Source(name="Relay", addresses=("192.0.2.25",)),)
    script = written(OPEN, LOCKED, elsewhere)
    for stage in script.stages:
        assert commands("\n".join(script.commands_of(stage))) == ()
        assert commands("\n".join(script.rollback_of(stage))) == ()
    ready = written(OPEN, LOCKED, GATEWAY)
    assert ready.commands_of(ready.stages[0]) == ready.stages[0].commands


def test_what_is_changed_or_removed_is_never_said_to_stay_as_it_is() -> None:
    changed = replace(HYBRID, tls_sender_certificate_name="other.example")
    for after in (configuration(lock()), configuration(changed, lock())):
        assert not [w for w in written(OPEN, after, GATEWAY).keeps if "stays as it is" in w]
    assert [w for w in written(OPEN, LOCKED, GATEWAY).keeps if "stays as it is" in w]
