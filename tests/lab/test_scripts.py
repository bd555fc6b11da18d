"""What a script says must answer after each stage is what the lab answers then."""

from typing import Final

import pytest

from mailposture.core.configuration import Configuration
from mailposture.core.posture import Facts, Finding, Result, Source, SourceKind, assess
from mailposture.core.posture.remediation import Expected, lines, remedy
from mailposture.core.posture.remediation.paths import ANYWHERE, ELSEWHERE, SOMEWHERE
from mailposture.core.posture.remediation.proposed import proposed
from mailposture.core.powershell import commands, quoted
from mailposture.core.proposals import propose
from mailposture.lab.decide import Outcome, decide
from mailposture.lab.decide import Session as LabSession
from mailposture.lab.stories import new_world
from mailposture.lab.world import Tenant
from tests.lab.test_model import CODES, read_rows, rules

WORLD: Final = new_world()
SLUGS: Final = (
    "contoso",
    "fabrikam",
    "tailspin",
    "proseware",
    "northwind",
    "adatum",
    "litware",
    "wingtip",
)
IN: Final = (Outcome.ACCEPTED, Outcome.RELAYED, Outcome.NO_SUCH_RECIPIENT)


def facts(tenant: Tenant) -> Facts:
    """The tenant as its Admin API tells of it, with its hosts as approved sources."""
    sources = tuple(
        Source(
            name=source.kind,
            kind=SourceKind(source.kind),
            addresses=(source.address,),
            certificate_names=tuple(filter(None, (source.certificate_name,))),
        )
        for source in tenant.sources
        if source.kind in set(SourceKind)
    )
    return Facts(configuration=read_rows(tenant), sources=sources)


def violations(given: Facts) -> list[Finding]:
    return [f for f in assess(given) if f.result is Result.NOT_SATISFIED]


def answered(made: Configuration, one: Expected) -> tuple[bool, str | None]:
    """What the lab answers on this path, whether it took the recipient and with which code."""
    sender = {"own": one.domain, "foreign": ELSEWHERE, "null": ""}[one.sender_class]
    said = decide(
        [rules(made)],
        LabSession(
            address=SOMEWHERE if one.source == ANYWHERE else one.source,
            tls=True,
            mail_from=f"someone@{sender}" if sender else "",
            rcpt_to=f"someone@{one.domain}",
            certificate=frozenset(filter(None, (one.certificate,))),
        ),
    )
    return said.outcome in IN, CODES.get(said.outcome)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_lab_answers_after_each_stage_as_the_script_says(slug: str) -> None:
    tenant = WORLD.by_slug(slug)
    assert tenant is not None
    given = facts(tenant)
    for found in violations(given):
        script = remedy(given, found)
        assert script.advice or all(stage.expects for stage in script.stages)
        for stage in script.stages:
            for one in stage.expects:
                assert stage.makes
                assert answered(stage.makes, one) == (one.accepted, one.code), one.sentence


LOCK: Final = (
    "New-InboundConnector Lock -SenderDomains * -RestrictDomainsToIPAddresses $true"
    " -SenderIPAddresses {addresses} -RequireTls $false\n"
    "Set-OrganizationConfig -RejectDirectSend $true"
)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_lab_answers_after_each_stage_of_a_proposed_change_as_it_says(slug: str) -> None:
    tenant = WORLD.by_slug(slug)
    assert tenant is not None
    given = facts(tenant)
    listed = [a for s in given.sources if s.kind is SourceKind.GATEWAY for a in s.addresses]
    text = LOCK.replace("{addresses}", ",".join(listed or ["203.0.113.10"]))
    gone = "".join(
        f"\nRemove-InboundConnector {quoted(lines.identity(given.configuration, c))}"
        for c in given.connectors
        if c.is_partner
    )
    after = propose(given.configuration, commands(text + gone)).configuration
    script = proposed(given, after)
    assert script.stages
    for stage in script.stages:
        assert stage.expects
        for one in stage.expects:
            assert stage.makes
            assert answered(stage.makes, one) == (one.accepted, one.code), one.sentence


@pytest.mark.parametrize("slug", SLUGS)
def test_no_script_that_is_ready_cuts_off_a_host_of_a_story(slug: str) -> None:
    tenant = WORLD.by_slug(slug)
    assert tenant is not None
    given = facts(tenant)
    names = {source.name for source in given.sources}
    for found in violations(given):
        script = remedy(given, found)
        if not script.is_ready:
            continue
        for stage in script.stages:
            for one in (e for e in stage.expects if e.who in names and not e.accepted):
                # It was refused before as well: that is what the finding is about.
                assert not answered(given.configuration, one)[0], (script.title, one.sentence)


def test_the_exposed_tenant_is_locked_and_its_hybrid_server_stays_in() -> None:
    tenant = WORLD.by_slug("contoso")
    assert tenant is not None
    given = facts(tenant)
    found = next((f for f in violations(given) if f.rule == "MP-01"), None)
    assert found is not None
    script = remedy(given, found)
    assert script.is_ready, script.refuses
    last = script.stages[-1].expects
    assert {one.accepted for one in last if one.who == "A stranger"} == {False}
    assert {one.accepted for one in last if one.who == "hybrid"} == {True}
