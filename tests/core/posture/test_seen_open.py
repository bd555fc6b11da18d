"""What was seen open although the model refuses it is a contradiction: no script, no near miss."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from mailposture.core.configuration import RejectDirectSend
from mailposture.core.posture import Answered, Facts, Finding, Observed, assess
from mailposture.core.posture.remediation import Script, remedy
from mailposture.core.posture.seen_open import refused, refused_already
from mailposture.core.reachability import reachability
from tests.core.configurations import domain, lock, organization
from tests.core.posture.tenants import AT, TWO, facts, own_hybrid, unread
from tests.core.posture.test_properties import tenants

GATEWAYS = ("203.0.113.0/28",)
CLASSES = {"MP-03": "foreign", "MP-04": "own"}


def opened(rule: str, *domains: str) -> Observed:
    """Strangers got in to these domains."""
    return Observed(
        answers=tuple(
            Answered(domain=d, sender_class=CLASSES[rule], verdict="open", at=AT)
            for d in domains or ("contoso.com",)
        )
    )


def tenant(rule: str, *connectors: Any, at: tuple[str, ...] = (), **other: Any) -> Facts:
    beside: dict[str, Any] = {"accepted_domains": TWO, "at": AT, "observed": opened(rule, *at)}
    return facts(*connectors, own_hybrid(), **beside | other)


def told(rule: str, given_: Facts) -> tuple[Finding, Script]:
    (found,) = (f for f in assess(given_) if f.rule == rule)
    return found, remedy(given_, found)


@pytest.mark.parametrize("rule", CLASSES)
@pytest.mark.parametrize("tls", [False, True])
def test_what_a_lock_refuses_already_is_a_contradiction_and_no_second_lock_ends_it(
    rule: str, tls: bool
) -> None:
    found, script = told(rule, tenant(rule, lock(sender_ip_addresses=GATEWAYS, require_tls=tls)))
    assert (script.key, script.stages, script.is_ready) == ("advice", (), False)
    assert found.near_miss is None
    for said, words in zip(
        script.advice,
        ("MP-10", "verification window", "front ends", "this tenant's", "case with Microsoft"),
        strict=True,
    ):
        assert words in said
    assert "refused already at contoso.com, and yet one got in" in script.advice[0]


def test_direct_send_that_is_rejected_and_seen_open_is_not_rejected_once_more() -> None:
    on = organization(RejectDirectSend.ON)
    found, script = told("MP-04", tenant("MP-04", organization=on))
    assert script.key == "advice"
    assert found.near_miss is None
    _found, script = told("MP-04", tenant("MP-04"))
    assert script.key == "direct_send"


def test_addresses_that_a_lock_lists_and_nobody_approved_may_be_the_cause() -> None:
    given_ = tenant("MP-03", lock(sender_ip_addresses=("203.0.113.0/24",)))
    _found, script = told("MP-03", given_)
    assert script.key == "advice"
    assert script.advice[1].startswith("By the same configuration 240 addresses that nobody")
    assert "MP-06" in script.advice[1]


SCOPED = lock(sender_ip_addresses=GATEWAYS, associated_accepted_domains=("contoso.com",))
BOTH = tuple(d.domain_name for d in TWO)


@pytest.mark.parametrize(
    ("domains", "at"), [(("contoso.com",), ()), (BOTH, ()), (("contoso.com",), BOTH)]
)
def test_what_is_refused_by_an_assumption_alone_is_closed_by_doing_without_it(
    domains: tuple[str, ...], at: tuple[str, ...]
) -> None:
    # By the other reading AssociatedAcceptedDomains does not speak of recipients.
    scoped = replace(SCOPED, associated_accepted_domains=domains)
    _found, script = told("MP-03", tenant("MP-03", scoped, at=at))
    assert (script.key, script.is_ready) == ("lock", True)
    assert all("New-" not in line for stage in script.stages for line in stage.commands)
    assert script.advice[-1].startswith("The configuration refuses strangers at contoso.com by an")


def test_a_doubt_that_the_script_leaves_is_no_reason_to_run_it() -> None:
    # An empty restriction that refuses everyone, or nobody; Direct Send closes by either reading.
    empty = lock(sender_ip_addresses=())
    _found, script = told("MP-04", tenant("MP-04", empty, organization=organization()))
    assert script.key == "direct_send"
    on = organization(RejectDirectSend.ON)
    _found, script = told("MP-04", tenant("MP-04", empty, organization=on))
    assert script.key == "advice"


def test_a_domain_that_is_refused_is_told_from_one_that_is_not() -> None:
    of = lock(sender_ip_addresses=GATEWAYS, sender_domains=("contoso.com",))
    _found, script = told("MP-04", tenant("MP-04", of, at=BOTH, organization=organization()))
    assert script.key == "direct_send"
    assert "refused already at contoso.com, and yet" in script.advice[-1]


def test_a_domain_of_which_the_configuration_knows_nothing_is_refused_by_no_model() -> None:
    given_ = tenant("MP-03", lock(sender_ip_addresses=GATEWAYS), at=("fabrikam.com",))
    assert refused_already(given_, "MP-03") == ()


def test_without_the_answers_at_hand_every_domain_is_held_against_the_model() -> None:
    closed = tenant("MP-03", lock(sender_ip_addresses=GATEWAYS))
    (found,) = (f for f in assess(closed) if f.rule == "MP-03")
    forgotten = replace(closed, observed=Observed())
    assert remedy(forgotten, found).key == "advice"
    assert remedy(replace(forgotten, configuration=facts().configuration), found).key == "lock"


@pytest.mark.parametrize("rule", CLASSES)
@pytest.mark.parametrize("part", ["inbound_connectors", "organization"])
def test_a_part_that_was_not_read_whole_raises_nothing_and_makes_no_second_lock(
    rule: str, part: str
) -> None:
    given_ = tenant(rule, lock(sender_ip_addresses=GATEWAYS))
    _found, script = told(rule, unread(given_, part))
    assert script.key == "advice"


@settings(deadline=None, max_examples=60)
@given(given_=tenants())
def test_a_script_for_what_was_seen_open_closes_something(given_: Facts) -> None:
    for rule, sender_class in CLASSES.items():
        domains = given_.reach.domains
        seen = replace(given_, observed=opened(rule, *domains))
        for found in assess(seen):
            script = remedy(seen, found) if found.remediation and found.rule == rule else None
            if script is None or not script.is_ready:
                continue
            assert script.makes
            after = reachability(script.makes)
            assert "by an assumption that these stages do without" in script.text or any(
                given_.reach.of(d, sender_class).addresses - after.of(d, sender_class).addresses
                for d in domains
            ), script.text


def test_of_many_domains_the_one_that_the_lock_leaves_out_is_told_apart() -> None:
    names = tuple(f"d{n}.contoso.com" for n in range(2000))
    given_ = tenant(
        "MP-04",
        lock(sender_ip_addresses=GATEWAYS, associated_accepted_domains=names[:-1]),
        at=names,
        accepted_domains=tuple(domain(name) for name in names),
    )
    assert set(refused(given_, "MP-04", given_.reach)) == set(names[:-1])
