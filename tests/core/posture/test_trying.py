"""Near misses that are tried: what is told holds of the whole tenant, and says whom it costs."""

from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailposture.core.addresses import parse
from mailposture.core.configuration import Configuration, RejectDirectSend
from mailposture.core.posture import (
    Facts,
    Observed,
    Result,
    Source,
    SourceKind,
    assess,
    certificates,
    hybrid,
    judged,
    locks,
    near_beside,
    near_lists,
    sources,
    told,
)
from mailposture.core.posture.assessing import MOST_NEAR, NOT_TRIED
from mailposture.core.posture.facts import OWN_SERVERS
from mailposture.core.posture.findings import Judge, Said, violated
from mailposture.core.posture.nearness import NEAR
from mailposture.core.posture.trying import Trials, by_trying, lists_without, setting
from mailposture.core.reachability import FOREIGN, compare, reachability
from tests.core.configurations import lock, organization
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
)
from tests.core.strategies import LISTS, configurations, few

# Rules that judge each connector by itself, so that their trials are asked of one alone.
ALONE: Final[tuple[tuple[Judge, Trials], ...]] = (
    (sources.by_connector, near_lists.only_approved(*SourceKind)),
    (hybrid.no_wider, near_lists.only_approved(*OWN_SERVERS)),
    (locks.empty_restriction, near_lists.of_gateway),
    (locks.both_proofs, near_lists.one_proof),
    (sources.rentable, near_lists.without_shared),
    (certificates.vendor_name, near_lists.by_own_name),
    (certificates.wildcard, near_lists.by_one_name),
    (hybrid.literal_name, near_lists.by_accepted_name),
    (hybrid.internal, setting("x", treat_messages_as_internal=False)),
)


@settings(deadline=None, max_examples=60)
@given(seen=configurations(), approved=few(LISTS), cloud=few(LISTS))
def test_what_is_tried_on_one_connector_holds_of_the_whole_tenant(
    seen: Any, approved: tuple[str, ...], cloud: tuple[str, ...]
) -> None:
    named = Source(name="G", addresses=approved, certificate_names=("gw.example.net",))
    tenant = Facts(
        configuration=seen,
        sources=(named, SERVER),
        published=published("Example Cloud", *(cloud or ("192.0.2.0/24",))),
    )
    for judge, trials in ALONE:
        for said in [s for s in judge(tenant) if s.result is Result.NOT_SATISFIED]:
            for trial in trials(tenant, said):
                assert trial.makes
                of_one = {s.subject for s in judge(trial.asked) if s.result == "not_satisfied"}
                whole = replace(tenant, configuration=trial.makes)
                of_all = {s.subject for s in judge(whole) if s.result == "not_satisfied"}
                assert (said.subject in of_one) is (said.subject in of_all)


@pytest.mark.parametrize(
    ("listed", "unwanted", "said"),
    [
        (("203.0.113.1",), ("192.0.2.0/24",), None),  # nothing to leave out
        (("192.0.2.1",), ("192.0.2.0/24",), None),  # nobody would be left
        (
            ("203.0.113.1", "192.0.2.1"),
            ("192.0.2.0/24",),
            ("did not list 192.0.2.1", ("203.0.113.1",)),
        ),
        (
            ("192.0.2.0/31",),
            ("192.0.2.1",),
            ("listed 192.0.2.0 in the place of 192.0.2.0/31", ("192.0.2.0",)),
        ),
        (
            ("no address", "192.0.2.1", "203.0.113.1"),
            ("192.0.2.1",),
            ("did not list 192.0.2.1", ("no address", "203.0.113.1")),
        ),
        (tuple(f"192.0.2.{n}" for n in range(5)), ("192.0.2.0/30",), None),  # four are not few
    ],
)
def test_entries_are_left_out_one_by_one(
    listed: tuple[str, ...], unwanted: tuple[str, ...], said: Any
) -> None:
    found = lists_without(lock(sender_ip_addresses=listed), parse(unwanted))
    assert found == said


def near_of(rule: str, given_: Facts) -> str:
    return next(str(f.near_miss) for f in assess(given_) if f.rule == rule)


def test_whom_it_costs_is_said_with_the_senders_it_costs_them() -> None:
    assert near_of("MP-02", facts()) == (
        "Would be satisfied if RejectDirectSend were on. That would cut off Gateway and Hybrid"
        " with own-domain senders."
    )
    # Named by a connector they are excused.
    named = facts(lock(sender_ip_addresses=GATEWAY.addresses), own_hybrid())
    assert near_of("MP-02", named) == "Would be satisfied if RejectDirectSend were on."


def test_a_lock_is_not_told_to_ask_for_the_certificate_of_a_hybrid_server() -> None:
    named: dict[str, Any] = {
        "restrict_domains_to_ip_addresses": False,
        "restrict_domains_to_certificate": True,
        "tls_sender_certificate_name": "gateway.example.net",
    }
    (found,) = (f for f in assess(facts(lock(**named))) if f.rule == "MP-06")
    assert found.near_miss is None
    own = Source(name="Gateway", certificate_names=("gw.contoso.com",))
    (found,) = (f for f in assess(facts(lock(**named), sources=(own,))) if f.rule == "MP-06")
    assert str(found.near_miss).endswith("asked for a certificate of gw.contoso.com.")


def test_what_costs_nobody_comes_before_what_costs_somebody() -> None:
    both = lock(
        sender_ip_addresses=("192.0.2.9",),
        restrict_domains_to_certificate=True,
        tls_sender_certificate_name="gw.contoso.com",
        require_tls=True,
    )
    named = Source(name="Gateway", certificate_names=("gw.contoso.com",))
    # Without the certificate the gateway is refused; without the addresses it is not.
    assert near_of("MP-27", facts(both, sources=(named,))) == (
        "Would be satisfied if Lock to gateway did not restrict to addresses."
    )


def test_a_name_that_would_cut_off_its_server_is_told_with_what_keeps_it_in() -> None:
    given_ = facts(lock(sender_ip_addresses=GATEWAY.addresses), own_hybrid())
    assert near_of("MP-35", given_) == (
        "Would be satisfied if Inbound from 9c1c3e0a asked for a certificate of mail.contoso.com"
        " and mail.contoso.com were an accepted domain."
    )


def test_of_two_locks_that_are_near_the_one_that_cuts_off_nobody_is_told() -> None:
    other: dict[str, Any] = {"guid": "other", "name": "Other", "enabled": False}
    both = (lock(enabled=False), lock(**other, sender_ip_addresses=GATEWAY.addresses))
    assert "if Other were enabled" in near_of("MP-01", facts(*both))


def test_what_does_not_satisfy_the_rule_is_not_told() -> None:
    off = organization(RejectDirectSend.OFF)
    given_ = facts(organization=off)
    nothing = setting("were as it is")
    (said,) = locks.direct_send(given_)
    assert by_trying(locks.direct_send, nothing)(given_, said) is None  # about no connector
    wide = facts(lock(trusted_organizations=("a.example",)))
    (said,) = certificates.trusted_organizations(wide)
    assert by_trying(certificates.trusted_organizations, nothing)(wide, said) is None


def test_of_many_findings_the_first_are_tried_and_the_others_say_so() -> None:
    count = MOST_NEAR + 3
    many = [
        lock(guid=f"g{n}", name=f"C{n}", trusted_organizations=("a.example",)) for n in range(count)
    ]
    found = [f for f in assess(facts(*many)) if f.rule == "MP-36"]
    assert [bool(f.near_miss) for f in found] == [True] * MOST_NEAR + [False] * 3
    assert {f.no_near_miss for f in found[MOST_NEAR:]} == {NOT_TRIED}
    assert len(judged(facts(*many), "MP-36")) == count


@settings(deadline=None, max_examples=40)
@given(seen=configurations(), approved=few(LISTS))
def test_told_without_near_misses_is_all_else_the_same(
    seen: Configuration, approved: list[str]
) -> None:
    given_ = Facts(configuration=seen, sources=(Source(name="A", addresses=tuple(approved)),))
    bare = tuple(replace(f, near_miss=None, no_near_miss="") for f in assess(given_))
    assert told(given_) == bare


def test_findings_are_told_without_a_single_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def look(_facts: Facts, said: Said) -> None:
        looked.append(said.subject)

    for rule_id, near in NEAR.items():
        monkeypatch.setitem(NEAR, rule_id, replace(near, look=look))
    off = facts(organization=organization(RejectDirectSend.OFF))
    assert any(f.result is Result.NOT_SATISFIED for f in told(off))
    assert not looked
    assess(off)
    assert looked


def test_what_was_worked_out_already_is_not_worked_out_again() -> None:
    before = facts(lock(sender_domains=("fabrikam.com",))).configuration
    after = facts(lock()).configuration
    both = compare(before, after)
    shared = Facts(configuration=after).knowing(both.after)
    assert both.after.classes != reachability(after).classes
    assert shared.reach.classes == reachability(after).classes  # as if nobody had compared
    assert shared.reach.of("contoso.com", FOREIGN) is both.after.of("contoso.com", FOREIGN)
    assert told(shared) == told(Facts(configuration=after))


@settings(deadline=None, max_examples=40)
@given(entries=st.lists(st.sampled_from(("203.0.113.0/28", "192.0.2.0/24", "bad")), max_size=3))
def test_a_shared_range_is_left_out_of_that_list_alone(entries: list[str]) -> None:
    beside = (*published("A", "192.0.2.0/25"), *published("B", "192.0.2.0/24"))
    given_ = facts(lock(sender_ip_addresses=tuple(entries)), published=beside)
    violated = [f for f in assess(given_) if f.rule == "MP-33"]
    for found in (f for f in violated if f.result is Result.NOT_SATISFIED):
        name = found.subject.rsplit(" ", 1)[1]
        assert name in found.evidence[0]
        if "203.0.113.0/28" in entries:
            assert found.near_miss
            assert ("192.0.2.128/25" in found.near_miss) is (name == "A")


# ---- what is about nothing that is there ---------------------------------------------------

NOBODY: Final = violated("Of what is gone.", subject="gone")


@pytest.mark.parametrize(
    "trials",
    [
        near_beside.filtered, near_beside.fresher, near_beside.excepted, near_beside.renewed,
        near_beside.safe_list_off, near_beside.skipped_less, near_beside.usable,
        near_beside.guards_all, near_lists.by_accepted_name, near_lists.by_one_name,
        near_lists.by_own_name, near_lists.by_shown_name, near_lists.of_gateway,
        near_lists.one_proof, near_lists.only_approved(*SourceKind), near_lists.without_shared,
        near_lists.with_gateway,
    ],
)  # fmt: skip
@pytest.mark.parametrize("at", [None, AT])
def test_of_what_is_gone_nothing_is_tried(trials: Trials, at: Any) -> None:
    given_ = facts(
        lock(),
        at=at,
        observed=Observed(exceptions=(), evidence=evidence()),
        published=published("A", "192.0.2.0/25"),
        connection_filters=(connection_filter(("192.0.2.1",)),),
        transport_rules=(rule(set_scl=-1),),
    )
    for trial in trials(given_, NOBODY):
        # Exceptions are told apart by their keys: of a key that is not there none is changed.
        assert trial.asked == given_


def test_without_an_accepted_domain_nobody_is_known_to_be_cut_off() -> None:
    given_ = facts(lock(trusted_organizations=("a.example",)), accepted_domains=())
    words = "Would be satisfied if Lock to gateway trusted no other tenant."
    assert near_of("MP-36", given_) == words
