"""Exceptions in a report: accepted and never satisfied, and MP-13 of the period."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mailposture.core.compliance import Accepted, Evidence, Stood
from mailposture.core.posture import Result
from tests.core.compliance import evidences as make
from tests.core.compliance.evidences import BEGIN, END, at, built

RULE = "MP-01"
LATER = END + timedelta(days=60)


def exception(**changes: Any) -> Accepted:
    given: dict[str, Any] = {
        "name": "E-3", "rule": RULE, "subject": "", "sentence": "Any host may deliver.",
        "asked_at": at(-20), "approved_at": at(-19), "approved_by": "robin", "expires_at": LATER,
    }  # fmt: skip
    return Accepted(**{**given, **changes})


def stood(begin: float = -30, end: float | None = None, **more: Any) -> Stood:
    given: dict[str, Any] = {"rule": RULE, "subject": "", "begin": at(begin)}
    return Stood(**{**given, "end": None if end is None else at(end), **more})


def told(*known: Accepted, findings: tuple[Stood, ...] = (stood(),)) -> dict[str, Any]:
    """The requirements of a tenant that is open for a while, with these exceptions."""
    evidence: Evidence = replace(make.contoso(), exceptions=known, stood=findings)
    return {one.id: one for one in built(evidence).requirements}


UNTIL = "until 18 Jan 2027"


@pytest.mark.parametrize(
    ("known", "findings", "said"),
    [
        ((exception(),), (stood(),), f"Accepted by exception E-3 {UNTIL}"),
        ((exception(approved_at=at(3)),), (stood(),),
         f"Accepted by exception E-3 from 13 Nov 2026 {UNTIL}"),
        ((exception(), exception(name="E-4", subject="a")), (stood(), stood(subject="a")),
         f"Accepted by exception E-3 {UNTIL}; Accepted by exception E-4 {UNTIL}"),
        # Not approved, over, outgrown, another's, or not all of it.
        ((exception(approved_at=None),), (stood(),), ""),
        ((exception(approved_at=END),), (stood(),), ""),
        ((exception(expires_at=at(9)),), (stood(),), ""),
        ((exception(ended_at=at(9)),), (stood(),), ""),
        ((exception(outside_since=at(9)),), (stood(),), ""),
        ((exception(subject="a"),), (stood(),), ""),
        ((exception(rule="MP-06"),), (stood(),), ""),
        ((exception(),), (stood(), stood(subject="a")), ""),
        # What stands no more at the end is not accepted then, and what comes after is not asked.
        ((exception(),), (stood(end=9),), ""),
        ((exception(),), (stood(), stood(begin=11, subject="a")),
         f"Accepted by exception E-3 {UNTIL}"),
        ((exception(ended_at=END + timedelta(days=1)),), (stood(),),
         f"Accepted by exception E-3 {UNTIL}"),
        ((), (stood(),), ""),
    ],
)  # fmt: skip
def test_what_is_not_met_is_said_accepted_and_stays_not_met(
    known: tuple[Accepted, ...], findings: tuple[Stood, ...], said: str
) -> None:
    one = told(*known, findings=findings)[RULE]
    assert one.result is Result.NOT_SATISFIED
    assert one.accepted == said


def test_what_is_met_is_never_said_accepted() -> None:
    evidence = replace(make.fabrikam(), exceptions=(exception(),), stood=(stood(),))
    found = {one.id: one for one in built(evidence).requirements}
    assert found[RULE].result is Result.SATISFIED
    assert all(not one.accepted for one in found.values())


def test_the_lead_counts_what_is_accepted_among_what_is_not_met() -> None:
    evidence = replace(make.contoso(), exceptions=(exception(),), stood=(stood(),))
    assert "are not, of which 1 is accepted by an exception" in built(evidence).lead
    assert "accepted" not in built(make.contoso()).lead


# ---- MP-13 ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "findings", "result", "words"),
    [
        (exception(), (stood(),), Result.SATISFIED, "Exceptions of the period: E-3."),
        (exception(expires_at=at(5)), (stood(),), Result.NOT_SATISFIED,
         "E-3 held until 14 Nov 2026, and its finding stood after that."),
        # It ended before the period did, its finding before it, or people ended it.
        (exception(expires_at=at(5)), (stood(end=4),), Result.SATISFIED, "E-3"),
        (exception(expires_at=at(5), ended_at=at(5)), (stood(),), Result.SATISFIED, "E-3"),
        (exception(expires_at=at(-2)), (stood(end=1),), Result.NOT_SATISFIED, "its finding stood"),
        (exception(approved_at=None), (stood(),), Result.NOT_SATISFIED,
         "E-3 was asked for and not decided on by the end."),
        (exception(approved_at=END + timedelta(hours=1)), (stood(),), Result.NOT_SATISFIED,
         "not decided on"),
        (exception(approved_at=None), (stood(end=4),), Result.SATISFIED, "E-3"),
        (exception(approved_at=None, ended_at=at(4)), (stood(),), Result.SATISFIED, "E-3"),
        (exception(approved_at=None, renews=True), (stood(),), Result.SATISFIED, "E-3"),
    ],
)  # fmt: skip
def test_what_was_accepted_was_approved_and_did_not_outlast_its_end(
    known: Accepted, findings: tuple[Stood, ...], result: Result, words: str
) -> None:
    one = told(known, findings=findings)["MP-13"]
    assert one.result is result
    assert words in one.sentence
    (proof,) = one.evidence
    assert "E-3 accepts MP-01 until" in proof.says
    assert proof.first <= END


@pytest.mark.parametrize("known", [(), (exception(asked_at=END),), (exception(ended_at=BEGIN),)])
def test_where_nothing_was_asked_to_be_accepted_there_is_nothing_to_judge(
    known: tuple[Accepted, ...],
) -> None:
    assert "MP-13" not in told(*known)


def test_one_that_was_approved_by_who_asked_says_so() -> None:
    (proof,) = told(exception(alone=True))["MP-13"].evidence
    assert "approved by robin, who asked for it" in proof.says
