"""Commands about what stands beside the connectors, and what is read of none of them."""

from typing import Any

import pytest

from mailposture.core.powershell import Command, Edit, commands, limits
from mailposture.core.powershell.parameters import ALIASES, CMDLETS, COMMON, Takes


def only(text: str) -> Command:
    (found,) = commands(text)
    return found


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (
            "Set-HostedConnectionFilterPolicy Default -IPAllowList @{Add='192.0.2.1'}",
            {"identity": "Default", "ipallowlist": Edit(add=("192.0.2.1",))},
        ),
        ("Set-TransportRule R -SetSCL -1", {"identity": "R", "setscl": "-1"}),
        (
            "New-TransportRule R -SenderIpRanges 192.0.2.1 -Enabled $false",
            {"name": "R", "senderipranges": ("192.0.2.1",), "enabled": False},
        ),
        ("Disable-TransportRule 'R' -Confirm:$false", {"identity": "R"}),
        ("Set-AcceptedDomain contoso.com -Match $true", {
            "identity": "contoso.com", "matchsubdomains": True,
        }),
        ("Set-OrganizationConfig -SendFrom 1", {"sendfromaliasenabled": True}),
    ],
)  # fmt: skip
def test_what_the_model_reads_is_read(text: str, read: dict[str, Any]) -> None:
    assert dict(only(text).parameters) == read
    assert only(text).unread == {}


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        ("Set-OrganizationConfig -MailTipsAllTipsEnabled $true", {"MailTipsAllTipsEnabled": True}),
        ("Set-OrganizationConfig -AutoExpandingArchive", {"AutoExpandingArchive": True}),
        (
            "Set-OrganizationConfig -EwsAllowList a,b -AutoExpandingArchive -Reject 1",
            {"EwsAllowList": ("a", "b"), "AutoExpandingArchive": True},
        ),
        # The beginning of a name that is read, and a name of its own all the same.
        ("Set-TransportRule R -From a@contoso.com", {"From": "a@contoso.com"}),
        ("Set-TransportRule R -SentTo a@contoso.com", {"SentTo": "a@contoso.com"}),
        ("Set-TransportRule R -ExceptIfFromScope InOrganization", {
            "ExceptIfFromScope": "InOrganization",
        }),
        ("Set-RemoteDomain R -AutoForwardEnabled $false", {"AutoForwardEnabled": False}),
        ("Set-HostedConnectionFilterPolicy Default -MakeDefault", {"MakeDefault": True}),
        ("New-AcceptedDomain N -DomainName a.example", {"Name": "N"}),
    ],
)  # fmt: skip
def test_what_it_does_not_read_is_kept_by_its_name(text: str, unread: dict[str, Any]) -> None:
    assert dict(only(text).unread) == unread


@pytest.mark.parametrize(
    ("aside", "kept"),
    [
        ("-WhatIf", {"WhatIf": True}),
        ("-wi", {"WhatIf": True}),
        ("-WhatIf:$false", {"WhatIf": False}),
        ("-Confirm:$false", {"Confirm": False}),
        ("-cf", {"Confirm": True}),
        ("-ea Stop -Verbose", {"ErrorAction": "Stop", "Verbose": True}),
    ],
)
def test_how_a_command_runs_is_kept_beside_what_it_does(aside: str, kept: dict[str, Any]) -> None:
    found = only(f"Set-InboundConnector Lock {aside} -Enabled $true")
    assert dict(found.aside) == kept
    assert dict(found.parameters) == {"identity": "Lock", "enabled": True}


def test_every_common_parameter_has_its_own_name_and_no_command_reads_it() -> None:
    short = {name for name in COMMON if name.islower()}
    assert short == set(ALIASES)
    assert set(ALIASES.values()) <= set(COMMON) - short
    for cmdlet in CMDLETS.values():
        assert all(cmdlet.takes[name] in (Takes.SWITCH, Takes.ASIDE) for name in COMMON)


@pytest.mark.parametrize(
    ("parameter", "may"),
    [
        ("SubjectContainsWords", True),
        ("ExceptIfSentTo", True),
        ("NobodyKnowsThis", True),
        ("PrependSubject", False),
        ("activationdate", False),
    ],
)
def test_what_nobody_here_knows_may_limit_a_rule(parameter: str, may: bool) -> None:
    assert limits(parameter) is may


@pytest.mark.timeout(20)
def test_very_many_parameters_are_not_slow() -> None:
    text = "Set-OrganizationConfig " + " ".join(f"-Setting{n} {n}" for n in range(40_000))
    assert len(only(text).unread) == 40_000
