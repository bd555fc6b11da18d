"""What holds for every tenant, and for the catalogue as a whole."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailposture.core import codec
from mailposture.core.addresses import EVERYWHERE
from mailposture.core.attribution import BY_NAME
from mailposture.core.configuration import PARTS
from mailposture.core.posture import (
    RULES,
    Answered,
    Facts,
    Finding,
    Observed,
    Result,
    Source,
    SourceKind,
    assess,
    judged,
)
from mailposture.core.posture.assessing import WORDS
from mailposture.core.posture.near import with_connector
from mailposture.core.posture.remediation import ADVICE, SCRIPTS, remedy
from mailposture.core.reachability import reachability
from tests.core.configurations import lock
from tests.core.posture.tenants import (
    AT,
    GATEWAY,
    SERVER,
    connection_filter,
    evidence,
    facts,
    own_hybrid,
    published,
    rule,
    server,
    unread,
)
from tests.core.strategies import LISTS, configurations, few

DOC = Path(__file__).parents[3] / "docs" / "findings.md"


@st.composite
def tenants(draw: st.DrawFn) -> Facts:
    """Random configurations with rules and filters beside them, and sources that collide."""
    trusted = draw(st.none() | few(LISTS))
    seen = replace(
        draw(configurations()),
        transport_rules=() if trusted is None else (rule(set_scl=-1, sender_ip_ranges=trusted),),
        connection_filters=(connection_filter(draw(few(LISTS))),),
    )
    kinds = draw(st.lists(st.sampled_from(SourceKind), max_size=3))
    sources = tuple(
        Source(
            name=f"{kind} {number}",
            kind=kind,
            addresses=draw(few(LISTS)),
            certificate_names=draw(st.just(()) | st.just(("mail.contoso.com",))),
        )
        for number, kind in enumerate(kinds)
    )
    beside = draw(st.just(()) | st.just(published("Example Cloud", *draw(few(LISTS)))))
    answers = (Answered(domain="contoso.com", sender_class="foreign", verdict="closed", at=AT),)
    observed = draw(st.sampled_from((Observed(), Observed(answers=answers, evidence=evidence()))))
    at = draw(st.sampled_from((None, AT)))
    return Facts(configuration=seen, sources=sources, published=beside, observed=observed, at=at)


@settings(deadline=None, max_examples=60)
@given(tenant=tenants())
def test_every_rule_says_something_of_every_tenant_and_never_raises(tenant: Facts) -> None:
    found = assess(tenant)
    assert [rule.id for rule in RULES] == list(dict.fromkeys(f.rule for f in found))
    assert len({(f.rule, f.subject) for f in found}) == len(found)
    for one in found:
        assert one.sentence
        assert one.because
        assert (one.remediation != "") is (one.result is Result.NOT_SATISFIED)
        told = bool(one.near_miss) + bool(one.no_near_miss)
        assert told == (one.result is Result.NOT_SATISFIED)
        assert one.evidence or one.result is not Result.NOT_SATISFIED
        leaders = [f for f in found if f.rule == one.led_by and not f.led_by]
        also = f"{one.rule}, for the same reason: {one.sentence}"
        assert not one.led_by or any(also in leader.evidence for leader in leaders)
        assert set(one.assumptions) <= set(BY_NAME)
        assert codec.load(Finding, codec.dump(one)) == one


@settings(deadline=None, max_examples=60)
@given(tenant=tenants())
def test_nothing_is_satisfied_of_which_a_part_is_not_known(tenant: Facts) -> None:
    reads = {rule.id: rule.reads for rule in RULES}
    for found in assess(tenant):
        if not all(tenant.knows(part) for part in reads[found.rule]):
            assert found.result is Result.UNKNOWN


@settings(deadline=None, max_examples=60)
@given(tenant=tenants())
def test_a_lock_that_satisfies_its_rule_closes_the_door_to_strangers(tenant: Facts) -> None:
    told = {rule: [f.result for f in judged(tenant, rule)] for rule in ("MP-01", "MP-05")}
    if told == {"MP-01": [Result.SATISFIED], "MP-05": [Result.SATISFIED]}:
        for domain in tenant.reach.domains:
            reach = tenant.reach.of(domain, "foreign")
            assert reach.addresses != EVERYWHERE
            assert not reach.addresses.v6
    if tenant.strangers and tenant.knows("inbound_connectors") and tenant.sources:
        assert Result.SATISFIED not in [f.result for f in judged(tenant, "MP-06")]


@settings(deadline=None, max_examples=60)
@given(tenant=tenants())
def test_a_violation_has_a_script_that_ends_it_or_says_why_not(tenant: Facts) -> None:
    for found in assess(tenant):
        if found.result is not Result.NOT_SATISFIED:
            continue
        script = remedy(tenant, found)
        assert script.is_ready or script.refuses or script.advice
        if not script.is_ready or found.rule in ("MP-03", "MP-04", "MP-62"):
            continue
        assert script.makes
        left = judged(replace(tenant, configuration=script.makes), found.rule)
        alike = [f for f in left if f.subject == found.subject]
        assert all(f.result is not Result.NOT_SATISFIED for f in alike), script.text


@settings(deadline=None, max_examples=60)
@given(tenant=tenants())
def test_a_near_miss_names_a_connector_that_could_lock(tenant: Facts) -> None:
    for found in assess(tenant):
        if found.near_miss and found.near_miss.startswith("Would be closed"):
            named = [c for c in tenant.connectors if f"if {c.name} " in found.near_miss]
            assert named
            assert tenant.strangers


# ---- parts that were not read --------------------------------------------------------------

WHOLE = facts(
    lock(sender_ip_addresses=("203.0.113.0/28",), require_tls=True),
    own_hybrid(),
    sources=(replace(GATEWAY, name="G"), replace(SERVER, certificate=server().certificate)),
    published=published("Far", "192.0.2.0/24"),
    at=AT,
    observed=Observed(
        answers=tuple(
            Answered(domain="contoso.com", sender_class=c, verdict="closed", at=AT)
            for c in ("foreign", "own")
        ),
        agreements=(),
        evidence=evidence(),
        changes=(),
        exceptions=(),
        endpoint_addresses=("192.0.2.1",),
    ),
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_whose_part_was_not_read_is_unknown_whatever_the_part_holds(rule: object) -> None:
    one = next(r for r in RULES if r is rule)
    for part in one.reads:
        if part in PARTS:
            given_ = unread(WHOLE, part)
        elif part == "moment":
            given_ = replace(WHOLE, at=None)
        elif part == "published":
            given_ = replace(WHOLE, published=())
        else:
            given_ = replace(WHOLE, observed=replace(WHOLE.observed, **{part: None}))
        (found,) = judged(given_, one.id)
        assert found.result is Result.UNKNOWN
        assert WORDS.get(part, part.replace("_", " ")) in found.sentence


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_missing_altogether_satisfies_no_rule_that_reads_it(part: str) -> None:
    missing: dict[str, Any] = {part: None}
    seen = replace(WHOLE.configuration, **missing)
    reads = {rule.id: rule.reads for rule in RULES}
    for found in assess(replace(WHOLE, configuration=seen)):
        assert part not in reads[found.rule] or found.result is Result.UNKNOWN


def test_a_tenant_in_order_violates_nothing_that_a_configuration_shows() -> None:
    bad = [f.rule for f in assess(WHOLE) if f.result is Result.NOT_SATISFIED]
    # RejectDirectSend is off behind the lock, and *.contoso.com is a wildcard.
    assert bad == ["MP-02", "MP-35"]


# ---- the catalogue -------------------------------------------------------------------------


def test_no_id_stands_twice_and_every_part_and_script_is_known() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert {part for rule in RULES for part in rule.reads} <= {*PARTS, *WORDS}
    assert {rule.remediation for rule in RULES} == set(SCRIPTS)
    by_advice = {rule.id for rule in RULES if rule.remediation == "advice"}
    assert by_advice <= set(ADVICE) <= {rule.id for rule in RULES}


def section(rule_id: str) -> str:
    found = re.search(rf"^### {rule_id} (.*?)(?=^##|\Z)", DOC.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"{rule_id} has no section"
    return found[1]


@pytest.mark.parametrize("rule_id", [rule.id for rule in RULES])
def test_every_rule_is_documented_as_it_is(rule_id: str) -> None:
    rule = next(r for r in RULES if r.id == rule_id)
    text = section(rule_id)
    assert text.startswith(f"{rule.title}\n")
    assert f"**{rule.weight.severity.capitalize()}.** {rule.weight.because}" in text
    assert f"Reads: {', '.join(part.replace('_', ' ') for part in rule.reads)}." in text
    assert "Violated" in text
    assert "Remedy" in text


def test_no_rule_is_documented_that_is_not_there() -> None:
    named = re.findall(r"^### (MP-\d+)", DOC.read_text(), re.MULTILINE)
    assert named == [rule.id for rule in RULES]


# ---- at scale ------------------------------------------------------------------------------


def test_a_near_miss_leaves_the_other_connectors_as_they_are() -> None:
    seen = facts(lock(enabled=False), own_hybrid()).configuration
    first, second = seen.inbound_connectors or ()
    after = with_connector(seen, replace(first, enabled=True))
    assert after.inbound_connectors == (replace(first, enabled=True), second)
    assert reachability(after).of("contoso.com", "foreign").addresses.size == 1


def test_an_answer_that_is_old_is_not_made_young_by_another_tenants_policy() -> None:
    old = Answered(domain="contoso.com", sender_class="own", verdict="closed", at=AT)
    given_ = replace(
        WHOLE,
        at=AT + timedelta(days=3),
        observed=replace(WHOLE.observed, answers=(old,)),
    )
    assert [f.result for f in judged(given_, "MP-04")] == [Result.UNKNOWN]
