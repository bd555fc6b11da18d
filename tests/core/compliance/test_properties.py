"""No evidence is better than it is: what is added against it or taken from it satisfies nothing."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mailposture.core.compliance import Evidence
from mailposture.core.posture import Result
from tests.core.compliance import evidences as make
from tests.core.compliance.evidences import CLASSES, DOMAINS, built, results

YES, NO, UNKNOWN = "satisfied", "not_satisfied", "unknown"
SEEN = ("MP-03", "MP-04", "MP-05")

MOMENTS = st.floats(-6, 12, allow_nan=False)
SPANS = st.tuples(
    st.sampled_from(["open", "closed", "unknown"]), MOMENTS, MOMENTS,
    st.sampled_from(DOMAINS), st.sampled_from(CLASSES),
)  # fmt: skip


def story(spans: list[tuple[str, float, float, str, str]]) -> Evidence:
    found = [make.answer(v, min(a, b), max(a, b), d, s) for v, a, b, d, s in spans]
    openings = [
        make.opening(min(a, b), max(a, b), None, d, s) for v, a, b, d, s in spans if v == "open"
    ]
    return make.evidence(*found, openings=tuple(openings))


@given(st.lists(SPANS, max_size=12), MOMENTS, MOMENTS)
def test_one_more_opening_satisfies_nothing(
    spans: list[tuple[str, float, float, str, str]], one: float, other: float
) -> None:
    before = story(spans)
    opened = make.opening(min(one, other), max(one, other))
    after = replace(before, openings=(*before.openings, opened))
    was, now = results(built(before)), results(built(after))
    for requirement in SEEN:
        assert now[requirement] == was[requirement] or now[requirement] == NO


@given(st.sets(st.integers(0, len(DOMAINS) * len(CLASSES) - 1), max_size=5))
def test_evidence_that_is_missing_satisfies_nothing(kept: set[int]) -> None:
    whole = make.fabrikam()
    answers = tuple(a for n, a in enumerate(whole.answers) if n in kept)
    was, now = results(built(whole)), results(built(replace(whole, answers=answers)))
    assert {was[i] for i in SEEN} == {YES}
    assert now["MP-05"] == UNKNOWN
    for requirement, sender in (("MP-03", "foreign"), ("MP-04", "own")):
        known = sum(a.sender_class == sender for a in answers)
        assert now[requirement] == (YES if known == len(DOMAINS) else UNKNOWN)


@given(st.lists(SPANS, max_size=12), st.sets(st.integers(0, 11)), st.booleans(), st.booleans())
def test_less_of_what_proves_satisfies_nothing(
    spans: list[tuple[str, float, float, str, str]], lost: set[int], read: bool, opened: bool
) -> None:
    """Refusals, empty answers and readings that show the lock prove; taken away, they do not."""
    base = (make.contoso if opened else make.fabrikam)()
    before = replace(base, answers=(*base.answers, *story(spans).answers))
    kept = tuple(
        a for n, a in enumerate(before.answers) if a.verdict == "open" or n % 12 not in lost
    )
    readings = before.readings if read else before.readings[1:]
    was = results(built(before))
    now = results(built(replace(before, answers=kept, readings=readings)))
    assert all(was[i] == YES for i in now if now[i] == YES)


@given(st.integers(0, 11))
def test_an_opening_is_told_by_its_answer_or_by_its_window(one: int) -> None:
    whole = make.contoso()
    for less in (replace(whole, openings=()), replace(
        whole, answers=tuple(a for a in whole.answers if a.verdict != "open")
    )):  # fmt: skip
        found = results(built(replace(less, answers=less.answers[one:])))
        assert YES not in {found[i] for i in SEEN}


@given(st.lists(SPANS, max_size=12))
def test_the_counts_are_of_this_period_and_the_result_is_one_of_three(
    spans: list[tuple[str, float, float, str, str]],
) -> None:
    report = built(story(spans))
    assert 0 <= report.minutes_open <= report.minutes_at_most <= 10 * 1440
    assert all(0 <= d.open + d.possible <= 1440 for d in report.days)
    assert {str(one.result) for one in report.requirements} <= {str(r) for r in Result}
    assert sum(d.open for d in report.days) <= report.minutes_open + len(report.days)
