"""Names that try to act: in the commands of a script, and in the comments around them."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailposture.core.posture import Facts, Source, judged
from mailposture.core.posture.remediation import Script, remedy
from mailposture.core.posture.remediation.lines import comment, free_name, identity
from mailposture.core.powershell import commands
from mailposture.core.proposals import propose
from tests.core.configurations import configuration, hybrid, lock
from tests.core.posture.tenants import GATEWAY, connection_filter, facts, own_hybrid, rule

HOSTILE = (
    "it's",
    "\u2019; Remove-InboundConnector 'x'",
    "$(Remove-InboundConnector x)",
    '"quoted"',
    "two\nRemove-InboundConnector -Identity 'Lock'",
    "two\r\nSet-OrganizationConfig -RejectDirectSend $false",
    "<# never closed",
    "back`tick",
    "line\u2028separator",
    "\u202eturned",
    " blanks around ",
    "",
    "#> | Out-Null",
    "{0} {x}",
)


def script_of(rule_id: str, tenant: Facts) -> Script:
    found = next(f for f in judged(tenant, rule_id) if f.result == "not_satisfied")
    return remedy(tenant, found)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_script_for_a_connector_with_any_name_does_only_what_it_promises(name: str) -> None:
    tenant = facts(lock(name=name), own_hybrid(name=f"{name}2"))
    script = script_of("MP-28", tenant)
    read = commands(script.text)
    assert [command.name for command in read] == ["Set-InboundConnector"]
    assert dict(read[0].parameters) == {
        "identity": identity(tenant.configuration, tenant.connectors[0]),
        "requiretls": True,
    }
    assert propose(tenant.configuration, read).configuration == script.makes


NAMES = st.text(max_size=40) | st.sampled_from(HOSTILE)


@settings(deadline=None)
@given(first=NAMES, second=NAMES, source=NAMES)
def test_whatever_stands_in_names_the_whole_text_is_read_as_its_stages(
    first: str, second: str, source: str
) -> None:
    off = lock(name=first, enabled=False)
    tenant = facts(
        off,
        own_hybrid(name=second),
        lock(guid="other", name=first, sender_domains=("fabrikam.com",)),
        sources=(replace(GATEWAY, name=source),),
    )
    script = script_of("MP-01", tenant)
    # Two connectors of one name, or of none, are nothing that Exchange stores.
    assert script.is_ready or not first.strip() or not second.strip()
    stages = script.stages if script.is_ready else ()
    told = [command for stage in stages for command in commands("\n".join(stage.commands))]
    read = commands(script.text)
    assert [(c.name, dict(c.parameters)) for c in read] == [
        (c.name, dict(c.parameters)) for c in told
    ]
    if script.is_ready:
        assert propose(tenant.configuration, read).configuration == script.makes


@given(text=st.text())
def test_a_comment_is_one_line_and_acts_never(text: str) -> None:
    line = comment(text)
    assert line.startswith("# ")
    assert line.splitlines() == [line]
    assert commands(line) == ()


@pytest.mark.parametrize("name", HOSTILE)
def test_what_stands_beside_connectors_is_quoted_too(name: str) -> None:
    tenant = facts(
        transport_rules=(rule(name, set_scl=-1),),
        connection_filters=(replace(connection_filter(("192.0.2.1",)), name=name),),
        sources=(GATEWAY,),
    )
    for found in judged(tenant, "MP-09"):
        script = remedy(tenant, found)
        assert script.is_ready
        # Only these two commands are not ours to read: without them nothing is left that acts.
        text = script.text
        for stage in script.stages:
            for line in stage.commands:
                assert line in text
                text = text.replace(line, "")
        assert commands(text) == ()


@pytest.mark.parametrize(
    ("names", "meant"),
    [
        (("Lock",), "Lock"),
        (("Lock", "lock"), "0"),
        (("Lock ", "other"), "0"),
        (("", "other"), "0"),
        (("a\nb", "other"), "0"),
        (("1", "other"), "0"),
        (("it's", "other"), "it's"),
    ],
)
def test_a_connector_is_meant_by_its_name_or_where_that_is_no_use_by_its_guid(
    names: tuple[str, ...], meant: str
) -> None:
    held = [lock(guid=str(number), name=name) for number, name in enumerate(names)]
    assert identity(configuration(*held), held[0]) == meant


def test_a_name_for_a_new_connector_is_free_and_short_enough() -> None:
    held = configuration(lock(name="N" * 64), hybrid(name="Lock"))
    assert free_name(held, "Lock") == "Lock 2"
    assert free_name(held, "N" * 80) == "N" * 62 + " 2"


def test_a_gateway_by_any_certificate_name_is_only_text() -> None:
    odd = Source(name="G", certificate_names=("x'; Remove-InboundConnector 'y",))
    script = script_of("MP-01", facts(sources=(odd,)))
    assert not script.is_ready
    assert "TlsSenderCertificateName takes a domain" in script.refuses[-1]
    assert commands(script.text) == ()
