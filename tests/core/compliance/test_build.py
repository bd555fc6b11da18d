"""Requirements against a period's evidence: proved for all of it, refuted once, or unknown."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.adapters.documents.catalogue import newest
from mailposture.core import codec
from mailposture.core.compliance import Catalogue, Evidence, Period, Reading, Report, build
from mailposture.core.configuration import PartStatus
from mailposture.core.posture import Result
from tests.core.compliance import evidences as make
from tests.core.compliance.evidences import CLASSES, DOMAINS, END, PERIOD, at
from tests.factories import configuration, lock, without

GOLDEN = Path(__file__).parent / "golden"
YES, NO, UNKNOWN = "satisfied", "not_satisfied", "unknown"
SEEN = ("MP-03", "MP-04", "MP-05")


def built(evidence: Evidence, period: Period = PERIOD) -> Report:
    return build(evidence, newest(), period, engine="0.1.0")


def results(report: Report) -> dict[str, str]:
    return {one.id: str(one.result) for one in report.requirements}


@pytest.mark.parametrize("story", ["fabrikam", "contoso"])
def test_the_document_is_the_golden_one(story: str) -> None:
    document = codec.dump(built(getattr(make, story)()))
    golden = GOLDEN / f"{story}.json"
    assert document == json.loads(golden.read_text())
    assert codec.load(Report, document) == built(getattr(make, story)())


def test_refused_at_every_look_and_locked_all_the_time_is_satisfied() -> None:
    report = built(make.fabrikam())
    assert results(report) == dict.fromkeys(
        ("MP-01", "MP-03", "MP-04", "MP-05", "MP-08", "MP-11"), YES
    ) | {"MP-02": NO}
    assert report.sentence == "In these 10 days no stranger was seen to get in to fabrikam."
    assert report.state == "Closed"
    assert (report.minutes_open, report.blind, report.windows) == (0, (), ())


def test_a_door_that_stood_open_for_a_while_is_not_satisfied_though_it_closed() -> None:
    report = built(make.contoso())
    found = results(report)
    assert [found[i] for i in ("MP-01", *SEEN)] == [NO] * 4
    assert report.state == "Closed"
    assert report.minutes_open == 2 * 1440
    assert report.minutes_at_most == round(2.5 * 1440)
    assert len(report.windows) == len(DOMAINS) * len(CLASSES)
    assert [c.effect for c in report.changes] == ["Opens", "Closes"]
    lines = {p.line for one in report.requirements if one.id == "MP-03" for p in one.evidence}
    assert lines == {"250 2.1.5 Recipient OK"}


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        pytest.param(make.evidence(), UNKNOWN, id="nobody looked"),
        pytest.param(make.evidence(*make.everywhere("closed", 2, 11)), UNKNOWN,
                     id="looked only from the second day on"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 3),
                                   *make.everywhere("closed", 5, 11)), UNKNOWN,
                     id="blind for two days in between"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 3),
                                   *make.everywhere("closed", 3.9, 11)), YES,
                     id="a gap of less than four rounds is none"),
        pytest.param(make.evidence(*make.everywhere("unknown", -5, 11)), UNKNOWN,
                     id="answers that prove nothing"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 11)[1:]), UNKNOWN,
                     id="one domain was not asked with one sender"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 11, stranger=False)), UNKNOWN,
                     id="an approved source proves no door"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 11), domains=()), UNKNOWN,
                     id="the domains are not known"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 11),
                                   openings=(make.opening(-3, -1, -0.5),)), YES,
                     id="a window before the period"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 11),
                                   openings=(make.opening(10.5, 10.9),)), YES,
                     id="a window after the period"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 11),
                                   openings=(make.opening(-1, 0.01, 0.2),)), NO,
                     id="a window that reaches into it"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 11),
                                   openings=(make.opening(4, 4, 4.2),)), NO,
                     id="seen open once"),
    ],
)  # fmt: skip
def test_a_foreign_senders_requirement_is_judged_over_the_whole_period(
    story: Evidence, expected: str
) -> None:
    assert results(built(story))["MP-03"] == expected


@pytest.mark.parametrize("sender", CLASSES)
def test_each_sender_has_its_own_requirement(sender: str) -> None:
    opened = make.opening(4, 5, 5.2, DOMAINS[1], sender)
    found = results(built(make.evidence(*make.everywhere("closed", -5, 11), openings=(opened,))))
    assert found["MP-03"] == (NO if sender == "foreign" else YES)
    assert found["MP-04"] == (NO if sender == "own" else YES)
    assert found["MP-05"] == NO


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        pytest.param(((lock(), -5, 11),), YES, id="locked for all of it"),
        pytest.param(((lock(), -5, 4), (lock(), 4.01, 11)), YES, id="a change that left it locked"),
        pytest.param(((lock(), -5, 4), (lock(enabled=False), 4.01, 11)), NO, id="turned off"),
        pytest.param(((lock(enabled=False), -5, -1), (lock(), -0.99, 11)), YES,
                     id="turned off before the period"),
        pytest.param(((lock(), 3, 11),), UNKNOWN, id="not read at first"),
        pytest.param(((lock(), -5, 4), (lock(), 6, 11)), UNKNOWN, id="not read in between"),
        pytest.param((), UNKNOWN, id="never read"),
    ],
)  # fmt: skip
def test_what_the_configuration_proves_is_judged_by_every_reading_of_the_period(
    readings: tuple[tuple[object, float, float], ...], expected: str
) -> None:
    found = tuple(
        Reading(configuration=configuration(c, domains=DOMAINS), first=at(a), last=at(b))  # type: ignore[arg-type]
        for c, a, b in readings
    )
    assert results(built(make.evidence(readings=found)))["MP-01"] == expected


def test_a_part_that_was_forbidden_makes_unknown() -> None:
    seen = without(configuration(lock()), "inbound_connectors", PartStatus.FORBIDDEN, "403")
    story = make.evidence(
        *make.everywhere("closed", -5, 11),
        readings=(Reading(configuration=seen, first=at(-5), last=at(11)),),
    )
    report = built(story)
    assert results(report)["MP-01"] == UNKNOWN
    assert results(report)["MP-05"] == UNKNOWN
    assert report.connectors == ()


def test_without_a_declared_gateway_the_mx_requirement_is_absent_and_not_green() -> None:
    assert "MP-08" not in results(built(replace(make.fabrikam(), gateways=())))


@pytest.mark.parametrize(
    ("looked", "read", "expected"),
    [(9.9, 11, YES), (8.9, 11, NO), (9.9, 9.9, NO), (11, 11, YES)],
)
def test_evidence_is_fresh_where_look_and_reading_count_at_the_end(
    looked: float, read: float, expected: str
) -> None:
    story = make.evidence(*make.everywhere("closed", -5, looked))
    reading = replace(story.readings[0], last=at(read))
    assert results(built(replace(story, readings=(reading,))))["MP-11"] == expected


def test_a_period_that_is_not_over_is_reported_up_to_now() -> None:
    now = at(4.5)
    period = Period(since=PERIOD.since, until=PERIOD.until, as_of=now)
    story = make.evidence(*make.everywhere("closed", -5, 4.5))
    story = replace(story, readings=(replace(story.readings[0], last=now),))
    report = built(story, period)
    assert results(report)["MP-03"] == YES
    assert len(report.days) == 5


def test_a_period_before_the_first_look_is_unknown() -> None:
    period = Period(since=date(2026, 1, 1), until=date(2026, 2, 1), as_of=END)
    report = built(make.fabrikam(), period)
    assert set(results(report).values()) == {UNKNOWN}
    assert report.sentence.endswith("is unknown.")
    assert report.state == "Unknown"


def test_days_tell_open_possible_and_unseen_minutes() -> None:
    days = {d.day.day: d for d in built(make.contoso()).days}
    assert (days[13].open, days[14].open, days[15].open) == (1080, 1440, 360)
    assert (days[13].possible, days[15].possible) == (360, 360)
    assert days[12].open == days[12].unseen == 0


def test_where_we_were_blind_is_listed() -> None:
    story = make.evidence(*make.everywhere("closed", -5, 3), *make.everywhere("closed", 5, 11))
    report = built(story)
    (gap,) = report.blind
    assert (gap.begin, gap.end) == (at(3), at(5))
    assert "but 2 d were not seen" in report.sentence


def test_the_connectors_at_the_end_are_said_in_words() -> None:
    (connector,) = built(make.fabrikam()).connectors
    assert connector.name == "Lock to gateway"
    assert "203.0.113.10" in connector.says


# ---- no evidence is better than it is ----------------------------------------------------

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


@given(st.lists(SPANS, max_size=12))
def test_the_counts_are_of_this_period_and_the_result_is_one_of_three(
    spans: list[tuple[str, float, float, str, str]],
) -> None:
    report = built(story(spans))
    assert 0 <= report.minutes_open <= report.minutes_at_most <= 10 * 1440
    assert all(0 <= d.open + d.possible <= 1440 for d in report.days)
    assert {str(one.result) for one in report.requirements} <= {str(r) for r in Result}
    assert sum(d.open for d in report.days) <= report.minutes_open + len(report.days)


# ---- the catalogue -----------------------------------------------------------------------


def test_every_entry_of_the_catalogue_is_judged_and_bears_on_something() -> None:
    catalogue: Catalogue = newest()
    assert [e.id for e in catalogue.entries] == [
        "MP-01", "MP-02", "MP-03", "MP-04", "MP-05", "MP-08", "MP-11",
    ]  # fmt: skip
    assert all(e.references for e in catalogue.entries)
