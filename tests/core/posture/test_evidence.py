"""What was seen and decided: probes, contradictions, age, changes and exceptions."""

from datetime import timedelta
from typing import Any

import pytest

from mailposture.core.contradictions import Agreement
from mailposture.core.posture import (
    Answered,
    Apart,
    Excepted,
    Facts,
    Moved,
    Observed,
    Severity,
    judged,
)
from mailposture.core.posture.evidence import fresh
from mailposture.core.posture.exceptions import exceptions
from mailposture.core.posture.findings import Judge
from mailposture.core.posture.hybrid import expiry
from mailposture.core.verdict import Verdict
from tests.core.configurations import lock
from tests.core.posture.tenants import AT, TWO, evidence, facts, only, results, unread

RULES = {"foreign": "MP-03", "own": "MP-04"}


def answered(domain: str, verdict: str, sender_class: str = "foreign", **more: Any) -> Answered:
    given: dict[str, Any] = {"at": AT - timedelta(hours=1)}
    return Answered(domain=domain, verdict=verdict, sender_class=sender_class, **given | more)


def seen(**what: Any) -> Facts:
    return facts(lock(), accepted_domains=TWO, at=AT, observed=Observed(**what))


ONE, OTHER = "contoso.com", "contoso.onmicrosoft.com"
OLD = AT - timedelta(hours=30)


@pytest.mark.parametrize("sender_class", ["foreign", "own"])
@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (None, "unknown"),
        ([], "unknown"),
        ([(ONE, "closed", {})], "unknown"),
        ([(ONE, "closed", {}), (OTHER, "closed", {})], "satisfied"),
        ([(ONE.upper(), "closed", {}), (OTHER, "closed", {})], "satisfied"),
        ([(ONE, "closed", {}), (OTHER, "open", {})], "not_satisfied"),
        ([(ONE, "closed", {}), (OTHER, "unknown", {})], "unknown"),
        # One front end or stranger that was refused does not speak for another.
        ([(ONE, "closed", {}), (ONE, "unknown", {}), (OTHER, "closed", {})], "unknown"),
        ([(ONE, "closed", {}), (OTHER, "closed", {"at": OLD})], "unknown"),
        ([(ONE, "closed", {}), (OTHER, "closed", {"at": None})], "unknown"),
        ([(ONE, "closed", {}), (OTHER, "open", {"at": OLD})], "not_satisfied"),
    ],
)
def test_every_domain_has_to_be_seen_refusing(
    sender_class: str, answers: list[tuple[str, str, dict[str, Any]]] | None, said: str
) -> None:
    held = None if answers is None else tuple(
        answered(domain, verdict, sender_class, **more) for domain, verdict, more in answers
    )  # fmt: skip
    assert results(RULES[sender_class], seen(answers=held, evidence=evidence())) == [said]


def test_what_was_asked_with_another_sender_says_nothing() -> None:
    held = (answered(ONE, "closed", "null"), answered(OTHER, "closed", "null"))
    assert results("MP-03", seen(answers=held)) == ["unknown"]


def test_an_opening_names_its_domains_and_what_the_door_said() -> None:
    found = only("MP-03", seen(answers=(answered(ONE, "open", code="250 2.1.5"),)))
    assert found.severity is Severity.CRITICAL
    assert found.sentence == "Strangers get in with a foreign sender: contoso.com."
    assert found.evidence == ("contoso.com, foreign sender: open, 250 2.1.5",)


def test_without_known_domains_nobody_can_say_that_all_refuse() -> None:
    given = unread(seen(answers=(answered(ONE, "closed"),)), "accepted_domains")
    assert results("MP-03", given) == ["unknown"]


def test_a_tenant_without_domains_refuses_nobody() -> None:
    given = facts(lock(), accepted_domains=(), observed=Observed(answers=()))
    assert only("MP-03", given).sentence == "No accepted domain is known."


# ---- MP-10 ---------------------------------------------------------------------------------


def apart(agreement: Agreement, path: str = "p", **more: Any) -> Apart:
    return Apart(path=path, agreement=agreement, sentence=f"{agreement}.", **more)


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (None, ["unknown"]),
        ((), ["unknown"]),
        ((apart(Agreement.AGREES),), ["satisfied"]),
        ((apart(Agreement.AGREES), apart(Agreement.SETTLING)), ["unknown"]),
        ((apart(Agreement.AGREES), apart(Agreement.BLIND)), ["unknown"]),
        ((apart(Agreement.CLOSED_BUT_OPEN, "a"), apart(Agreement.IN_DOUBT, "b")),
         ["not_satisfied a", "not_satisfied b"]),
    ],
)  # fmt: skip
def test_prediction_and_observation_agree_on_every_path(held: Any, said: list[str]) -> None:
    assert results("MP-10", seen(agreements=held)) == said


def test_a_door_that_only_seems_closed_is_the_gravest_contradiction() -> None:
    found = only("MP-10", seen(agreements=(apart(Agreement.CLOSED_BUT_OPEN),)))
    assert found.severity is Severity.CRITICAL
    cut_off = apart(Agreement.OPEN_BUT_CLOSED, approved=True)
    assert only("MP-10", seen(agreements=(cut_off,))).severity is Severity.HIGH


def test_a_source_let_in_by_an_assumption_and_refused_is_cut_off_all_the_same() -> None:
    doubtful = apart(Agreement.IN_DOUBT, approved=True, observed=Verdict.CLOSED)
    found = only("MP-10", seen(agreements=(doubtful,)))
    assert found.severity is Severity.HIGH
    assert found.because.startswith("An approved source is cut off")


# ---- MP-11 ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ages", "said"),
    [
        ({}, ["satisfied"]),
        ({"read_at": None}, ["not_satisfied reading"]),
        ({"read_at": AT - timedelta(minutes=31)}, ["not_satisfied reading"]),
        ({"read_at": AT - timedelta(minutes=30)}, ["satisfied"]),
        ({"asked_at": None}, ["not_satisfied answers"]),
        ({"asked_at": AT - timedelta(hours=25)}, ["not_satisfied answers"]),
        ({"blind": ("Stranger, Frankfurt",)}, ["not_satisfied probes"]),
    ],
)
def test_what_is_known_is_fresh_and_whole(ages: dict[str, Any], said: list[str]) -> None:
    assert results("MP-11", seen(evidence=evidence(**ages))) == said


def test_older_than_a_day_is_graver() -> None:
    lately = only("MP-11", seen(evidence=evidence(read_at=AT - timedelta(hours=2))))
    long_ago = only("MP-11", seen(evidence=evidence(read_at=AT - timedelta(hours=25))))
    assert (lately.severity, long_ago.severity) == (Severity.MEDIUM, Severity.HIGH)
    assert lately.sentence == "The configuration was last read 2 h ago."


def test_a_part_that_was_not_read_is_blindness() -> None:
    given = unread(seen(evidence=evidence()), "transport_rules")
    (found,) = judged(given, "MP-11")
    assert (found.subject, found.sentence) == ("parts", "Not read, or not whole: transport rules.")


# ---- MP-12, MP-13 --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("explained", "verified", "words"),
    [
        (True, True, ""),
        (True, False, "verified by probes"),
        (False, True, "explained"),
        (False, False, "explained, and not verified by probes"),
    ],
)
def test_every_change_is_explained_and_verified(
    explained: bool,
    verified: bool,
    words: str,
) -> None:
    moved = Moved(sentence="Lock was turned off.", explained=explained, verified=verified)
    (found,) = judged(seen(changes=(moved,)), "MP-12")
    assert found.sentence.endswith(f"It is not {words}." if words else "explained and verified.")
    assert found.subject == ""


@pytest.mark.parametrize(
    ("moves", "said"),
    [
        # What is on its way, and what nobody wrote down, is not known: it satisfies nothing.
        ([(True, None)], ["unknown"]),
        ([(None, True)], ["unknown"]),
        ([(None, None), (True, True)], ["unknown"]),
        ([(None, True), (None, False)], ["not_satisfied"]),
        ([(True, True), (True, True)], ["satisfied"]),
        ([], ["satisfied"]),
    ],
)
def test_what_is_not_known_of_a_change_is_neither_met_nor_violated(
    moves: list[tuple[bool | None, bool | None]], said: list[str]
) -> None:
    changes = tuple(Moved(sentence="M.", explained=e, verified=v) for e, v in moves)
    assert results("MP-12", seen(changes=changes)) == said


def test_all_changes_that_lack_it_are_one_finding() -> None:
    def moved(name: str, verified: bool) -> Moved:
        sentence = f"{name} was turned off."
        return Moved(sentence=sentence, explained=None, verified=verified, seen="Unknown.")

    given = seen(changes=(moved("Lock", False), moved("Bank", False), moved("Other", True)))
    (found,) = judged(given, "MP-12")
    assert found.sentence == "2 changes since the last report are not verified by probes."
    assert found.evidence == ("Lock was turned off. Unknown.", "Bank was turned off. Unknown.")


@pytest.mark.parametrize(
    ("approved", "expires", "words"),
    [
        (True, AT + timedelta(days=1), "Every exception is approved and has not expired."),
        (False, AT + timedelta(days=1), "Copier. Nobody approved it."),
        (True, None, "Copier. It never expires."),
        # By its day and not by its age: a finding that says its age never stays the same.
        (True, AT - timedelta(days=2), "Copier. It held until {last}."),
        (True, AT, "Copier. It held until {last}."),
        (False, AT, "Copier. It held until {last}."),
    ],
)
def test_exceptions_are_approved_and_expire(
    approved: bool,
    expires: Any,
    words: str,
) -> None:
    one = Excepted(key="3", sentence="Copier.", approved=approved, expires_at=expires)
    last = expires and expires - timedelta(microseconds=1)
    said = words.format(last=last and f"{last.day} {last:%b %Y}")
    assert only("MP-13", seen(exceptions=(one,))).sentence == said


def test_what_waits_to_be_approved_is_less_grave_than_what_has_expired() -> None:
    asked = Excepted(key="3", sentence="", approved=False, expires_at=AT + timedelta(days=1))
    over = Excepted(key="4", sentence="", approved=True, expires_at=AT)
    found = judged(seen(exceptions=(asked, over)), "MP-13")
    assert [one.severity for one in found] == [Severity.LOW, Severity.MEDIUM]


@pytest.mark.parametrize("rule", ["MP-03", "MP-04", "MP-10", "MP-11", "MP-12", "MP-13"])
def test_what_nobody_observed_is_not_known(rule: str) -> None:
    (found,) = judged(facts(lock(), at=AT), rule)
    assert found.result == "unknown"
    assert found.sentence.startswith("Not known: ")


@pytest.mark.parametrize("judge", [fresh, exceptions, expiry])
def test_a_judge_that_is_given_no_moment_says_so_by_itself(judge: Judge) -> None:
    assert [said.result for said in judge(facts())] == ["unknown"]
