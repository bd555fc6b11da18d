"""Pasted commands are read, and whatever would have to be run is refused by line."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.core.powershell import Edit, PowerShellError, commands, quoted
from mailposture.core.powershell.commands import LONGEST
from mailposture.core.powershell.quoting import is_hidden


def only(text: str) -> dict[str, Any]:
    """The parameters of the single command of a text."""
    (found,) = commands(text)
    return dict(found.parameters)


def of(arguments: str) -> dict[str, Any]:
    return only(f"Set-InboundConnector Lock {arguments}")


# From the examples of New-InboundConnector and Set-InboundConnector, in our names.
DOCUMENTED = """
New-InboundConnector -Name "Contoso Inbound" -SenderDomains *.contoso.com `
    -SenderIPAddresses 203.0.113.1/25 -RestrictDomainsToIPAddresses $true  # the gateway
<# now #> Set-InboundConnector "Contoso Inbound" -RequireTLS:$true; Set-OrganizationConfig -Reject 1
Remove-InboundConnector -Identity 'Old one' -Confirm:$false
"""


def test_documented_forms_are_read_with_their_lines() -> None:
    found = [(c.name, dict(c.parameters), c.line) for c in commands(DOCUMENTED)]
    assert found == [
        (
            "New-InboundConnector",
            {
                "name": "Contoso Inbound",
                "senderdomains": ("*.contoso.com",),
                "senderipaddresses": ("203.0.113.1/25",),
                "restrictdomainstoipaddresses": True,
            },
            2,
        ),
        ("Set-InboundConnector", {"identity": "Contoso Inbound", "requiretls": True}, 4),
        ("Set-OrganizationConfig", {"rejectdirectsend": True}, 4),
        ("Remove-InboundConnector", {"identity": "Old one"}, 5),
    ]


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        ("-SenderDomains *", "senderdomains", ("*",)),
        ("-SenderDomains 'a.example','b.example'", "senderdomains", ("a.example", "b.example")),
        ("-SenderDomains a.example , b.example", "senderdomains", ("a.example", "b.example")),
        ("-SenderDomains a.example,\n  b.example", "senderdomains", ("a.example", "b.example")),
        (
            "-SenderDomains @('a.example', \"b.example\")",
            "senderdomains",
            ("a.example", "b.example"),
        ),
        (
            "-SenderDomains @(\n'a.example'\n'b.example'\n)",
            "senderdomains",
            ("a.example", "b.example"),
        ),
        ("-SenderDomains ('a.example', 'b.example')", "senderdomains", ("a.example", "b.example")),
        ("-SenderIPAddresses @()", "senderipaddresses", ()),
        ("-SenderIPAddresses $null", "senderipaddresses", None),
        ("-SenderIPAddresses @{Add='192.0.2.1'}", "senderipaddresses", Edit(add=("192.0.2.1",))),
        (
            "-SenderIPAddresses @{ 'add' = '192.0.2.1', '192.0.2.2' ; Remove = @('192.0.2.3') }",
            "senderipaddresses",
            Edit(add=("192.0.2.1", "192.0.2.2"), remove=("192.0.2.3",)),
        ),
        (
            "-SenderIPAddresses @{\n  Add = '192.0.2.1'\n  Remove = '192.0.2.3'\n}",
            "senderipaddresses",
            Edit(add=("192.0.2.1",), remove=("192.0.2.3",)),
        ),
        ("-Enabled $FALSE", "enabled", False),
        ("-Enabled:$true", "enabled", True),
        ("-Enabled: 1", "enabled", True),
        ("-enab 0", "enabled", False),
        ("\u2013Enabled $true", "enabled", True),
        ("-RestrictDomainsToC $true", "restrictdomainstocertificate", True),
        ("-Comment 'it''s'", "comment", "it's"),
        ("-Comment \u2018it\u2019\u2019s\u2019", "comment", "it\u2019s"),
        ("-Comment \u201ctwo words\u201d", "comment", "two words"),
        ('-Comment "say ""so"" `$5`n"', "comment", 'say "so" $5\n'),
        ("-Comment a`,b", "comment", "a,b"),
        ("-Comment '# no comment; no end'", "comment", "# no comment; no end"),
        ("-Comment 'over\ntwo lines'", "comment", "over\ntwo lines"),
        ("-Comment ''", "comment", ""),
        ("-Comment a `", "comment", "a"),
        ("-TlsSenderCertificateName $null", "tlssendercertificatename", None),
    ],
)
def test_a_value_is_what_powershell_makes_of_it(arguments: str, name: str, value: Any) -> None:
    assert of(arguments) == {"identity": "Lock", name: value}


@pytest.mark.parametrize(
    "aside", ["-WhatIf", "-Confirm:$false", "-wi", "-ErrorAction Stop", "-Verbose -Debug:$false"]
)
def test_how_a_command_runs_is_left_aside(aside: str) -> None:
    assert of(f"{aside} -Enabled $true") == {"identity": "Lock", "enabled": True}


@pytest.mark.parametrize(
    "passive",
    [
        "Connect-ExchangeOnline -UserPrincipalName admin@contoso.com",
        "Get-InboundConnector | Format-List Name,Enabled",
        "Get-InboundConnector 'Lock' |\n  Select-Object Name",
        "Write-Host 'done'; # nothing",
        "",
        " \r\n ; ;\n",
    ],
)
def test_what_only_reads_or_shows_is_passed_over(passive: str) -> None:
    assert commands(passive) == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\n\nSet-InboundConnector @settings", "line 3: splatting"),
        ("$ips = '192.0.2.1'", "line 1: a variable"),
        ("Set-InboundConnector Lock -SenderIPAddresses $ips", "a variable"),
        ("Set-InboundConnector Lock -Comment a$b", "a variable"),
        ('Set-InboundConnector "Lock $n"', "single quotes"),
        ('Set-InboundConnector "Lock $(hostname)"', "single quotes"),
        ("Set-InboundConnector Lock -Comment $(hostname)", "nothing in $( )"),
        ("Set-InboundConnector Lock -Comment ((1))", "nothing in $( )"),
        ("Get-InboundConnector | Set-InboundConnector -Enabled $false", "pipeline"),
        ("Set-InboundConnector Lock -Enabled $true | Out-Null", "pipeline"),
        ("Set-OutboundConnector Lock", "'Set-OutboundConnector' is not predicted"),
        ("& calc", "is not a command"),
        ("foreach ($c in 1) { }", "is not predicted"),
        ("Set-InboundConnector Lock -Enabled", "-Enabled has no value"),
        ("Set-InboundConnector Lock -Enabled -RequireTls $true", "-Enabled has no value"),
        ("Set-InboundConnector Lock -Enabled True", "$true or $false"),
        ("Set-InboundConnector Lock -Enabled $null", "$true or $false"),
        ("Set-InboundConnector Lock -Enabled $true -Enabled $true", "twice"),
        ("Set-InboundConnector Lock -Restrict $true", "may be -RestrictDomainsTo"),
        ("Set-InboundConnector Lock -SenderIPAdresses 192.0.2.1", "no parameter"),
        (f"Set-OrganizationConfig -{'x' * 81} 5", "no parameter"),
        ("Set-OrganizationConfig -Other 1 -other 2", "twice"),
        ("New-TransportRule R -ExceptIf $true", "-ExceptIf may be"),
        ("Set-InboundConnector Lock other", "without a parameter"),
        ("Set-InboundConnector Lock -Comment a,b", "takes one value"),
        ("Set-InboundConnector Lock -Comment 'a", "does not end"),
        ("Set-InboundConnector Lock -Comment 'a'b", "one pair of quotes"),
        ("Set-InboundConnector Lock -Comment a'b'", "one pair of quotes"),
        ("Set-InboundConnector Lock -Comment @'\na\n'@", "here-string"),
        ("Set-InboundConnector Lock -SenderDomains @('a'", "no closing )"),
        ("Set-InboundConnector Lock -SenderDomains @('a' 'b')", "apart by commas"),
        ("Set-InboundConnector Lock -SenderDomains @(a)", "stand in quotes"),
        ("Set-InboundConnector Lock -SenderDomains @('a',@('b'))", "do not nest"),
        ("Set-InboundConnector Lock -SenderDomains @{Put='a'}", "only Add and Remove"),
        ("Set-InboundConnector Lock -SenderDomains @{Add='a'; Add='b'}", "twice"),
        ("Set-InboundConnector Lock -SenderDomains @{Add 'a'}", "= is missing"),
        ("Set-InboundConnector Lock ` -Enabled $true", "last character"),
        ("<# never", "has no #>"),
        ("Set-InboundConnector Lock -Comment.x a", "a blank is missing after -Comment"),
        ('Set-InboundConnector Lock -Comment "a`', "does not end"),
        ('Set-InboundConnector Lock -Comment "`u{41}"', "write the character itself"),
        ("Set-InboundConnector Lock -SenderDomains @{'Add", "only Add and Remove"),
        ("Set-InboundConnector Lock -SenderDomains @{Add=$true}", "take texts"),
        ("Set-InboundConnector Lock > out.txt", "is not read here"),
        ("x" * (LONGEST + 1), "longer than"),
    ],
)
def test_what_would_have_to_be_run_is_refused_with_a_reason(text: str, says: str) -> None:
    with pytest.raises(PowerShellError) as refused:
        commands(text)
    assert says in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    "text",
    [
        "Set-InboundConnector L -SenderDomains " + "a," * 200_000 + "a",
        "Set-InboundConnector L -SenderDomains " + "@(" * 200_000,
        "Set-InboundConnector L -Comment " + '"' * 400_001,
        "#" * 900_000,
        "<#" * 400_000,
        "Set-InboundConnector " + "`\n" * 400_000,
        "Remove-InboundConnector a\n" * 38_000,
    ],
    ids=range(7),
)
@pytest.mark.timeout(20)
def test_a_text_made_to_be_slow_is_not(text: str) -> None:
    try:
        assert len(commands(text)) <= 1
    except PowerShellError as refused:
        assert refused.line >= 1  # noqa: PT017  either end is right, and both are quick


@given(st.text())
def test_any_text_can_be_quoted_and_read_back(text: str) -> None:
    assert of(f"-Comment {quoted(text)}")["comment"] == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("it's", "'it''s'"),
        ("L\x03\nRemove-Mailbox ceo #", "('L'+[char]3+[char]10+'Remove-Mailbox ceo #')"),
        ("\x1b[2J", "(''+[char]27+'[2J')"),
        ("gnp.\u202e", "('gnp.'+[char]8238)"),
        ("two\u2028lines\x9b", "('two'+[char]8232+'lines'+[char]155)"),
        ("a\u200bb's", "('a'+[char]8203+'b''s')"),
        ("\U000e0041", "(''+[char]56128+[char]56385)"),
        ("'+[char]7+'", "'''+[char]7+'''"),
        ("\ud800", "(''+[char]55296)"),
        ("Zürich 東京 🏤", "'Zürich 東京 🏤'"),
    ],
)
def test_what_nobody_sees_is_written_by_its_number(text: str, written: str) -> None:
    assert quoted(text) == written
    assert of(f"-Comment {written}")["comment"] == text


UNSEEN = st.characters(categories=["Cc", "Cf", "Zl", "Zp", "Cs", "Cn", "Co"])


@given(st.text(UNSEEN | st.characters()))
def test_nothing_quoted_acts_before_powershell_reads_it(text: str) -> None:
    written = quoted(text)
    assert not any(map(is_hidden, written))
    read = of(f"-Comment {written} -Enabled 0")["comment"]
    assert _units(read) == _units(text)


def _units(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


@pytest.mark.parametrize(
    "text",
    [
        "-Comment ('a'+$x)",
        "-Comment ('a'+(1))",
        "-Comment ('a'+[int]3)",
        "-Comment ([char]3+'a')",
        "-Comment ('a'+[char]3)b",
        "-Comment ('a'+[char]999999)",
        "-Comment ('a'+[char]3",
    ],
)
def test_texts_are_joined_of_texts_and_numbered_characters_alone(text: str) -> None:
    with pytest.raises(PowerShellError):
        of(text)


PIECES = st.sampled_from(
    [
        *"'\"`$@(){};,|&#<>-:= \n\r\t*\u2019\u201c\u2013",
        "Set-InboundConnector ",
        "New-InboundConnector",
        "Get-InboundConnector",
        " -Name ",
        " -SenderDomains ",
        " -Enabled:",
        "$true",
        "@{Add=",
        "@('a')",
        "<#",
        "#>",
        "a.example",
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join) | st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = commands(text)
    except PowerShellError as refused:
        assert 1 <= refused.line <= text.count("\n") + 1  # noqa: PT017  the line is the point
    else:
        assert all(c.line >= 1 for c in found)
