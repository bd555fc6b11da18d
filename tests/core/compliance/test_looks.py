"""What counts as seen in a period: looks that proved something, until an answer counts no more."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mailposture.core.compliance import Answer, Evidence, Period
from mailposture.core.compliance.build import LOOKS
from mailposture.core.compliance.looks import surely_open
from mailposture.core.compliance.spans import joined, missing
from tests.core.compliance import evidences as make
from tests.core.compliance.evidences import PERIOD, at, built, results

YES, NO, UNKNOWN = "satisfied", "not_satisfied", "unknown"
DAY = timedelta(days=1)


# ---- times ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spans", "blanks", "expected"),
    [
        pytest.param([], [(1, 2)], [], id="none"),
        pytest.param([(3, 4), (0, 1)], [], [(0, 1), (3, 4)], id="apart, in order"),
        pytest.param([(0, 1), (2, 3)], [], [(0, 3)], id="no more than a day apart"),
        pytest.param([(0, 1), (2.01, 3)], [], [(0, 1), (2.01, 3)], id="more than a day apart"),
        pytest.param([(0, 5), (1, 2), (5.5, 6)], [], [(0, 6)], id="one within another"),
        pytest.param([(0, 1), (2, 3)], [(1.5, 1.5)], [(0, 1), (2, 3)], id="a blank between"),
        pytest.param([(0, 1), (2, 3)], [(-1, 9)], [(0, 1), (2, 3)], id="a blank all the time"),
        pytest.param([(0, 1), (2, 3)], [(0, 1), (2, 2)], [(0, 3)], id="blanks beside, not between"),
        pytest.param([(0, 1), (1, 3)], [(0, 3)], [(0, 3)], id="nothing between"),
        pytest.param([(0, 1), (2, 3), (4, 5)], [(3.5, 3.6)], [(0, 3), (4, 5)],
                     id="a blank in one of two"),
    ],
)  # fmt: skip
def test_what_was_seen_counts_until_the_next_look_or_for_a_day(
    spans: list[tuple[float, float]],
    blanks: list[tuple[float, float]],
    expected: list[tuple[float, float]],
) -> None:
    found = joined([(at(a), at(b)) for a, b in spans], [(at(a), at(b)) for a, b in blanks], DAY)
    assert found == [(at(a), at(b)) for a, b in expected]


@pytest.mark.parametrize(
    ("spans", "blanks", "expected"),
    [
        pytest.param([], [], [(0, 10)], id="nothing seen"),
        pytest.param([(-3, 11)], [], [], id="all of it"),
        pytest.param([(0, 10)], [(0, 10)], [], id="all of it, whatever else"),
        pytest.param([(0.1, 10)], [], [(0, 0.1)], id="nothing counts before the first"),
        pytest.param([(-2, -0.5), (0.4, 10)], [], [], id="seen shortly before it"),
        pytest.param([(-2, -0.5), (0.6, 10)], [], [(0, 0.6)], id="seen longer before it"),
        pytest.param([(-2, -0.5)], [], [(0, 10)], id="only before it"),
        pytest.param([(0, 9)], [], [], id="the last counts to the end"),
        pytest.param([(0, 8.9)], [], [(8.9, 10)], id="the last does not count to the end"),
        pytest.param([(0, 9.5)], [(9.7, 9.7)], [(9.5, 10)], id="a blank after the last"),
        pytest.param([(0, 9.5)], [(10, 11)], [], id="a blank from the end on"),
        pytest.param([(0, 8.9), (10.5, 11)], [], [(8.9, 10)], id="seen after it"),
        pytest.param([(0, 9.5), (12, 13)], [], [], id="seen long after it"),
        pytest.param([(12, 13)], [], [(0, 10)], id="only after it"),
        pytest.param([(0, 2), (4, 5), (7, 10)], [], [(2, 4), (5, 7)], id="twice between"),
    ],
)  # fmt: skip
def test_what_is_missing_of_ten_days(
    spans: list[tuple[float, float]],
    blanks: list[tuple[float, float]],
    expected: list[tuple[float, float]],
) -> None:
    held, empty = ([(at(a), at(b)) for a, b in given] for given in (spans, blanks))
    found = missing(held, empty, DAY, at(0), at(10))
    assert found == [(at(a), at(b)) for a, b in expected]


# ---- what a report makes of them -----------------------------------------------------------


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
        pytest.param(make.evidence(*make.everywhere("closed", -5, 11), make.answer("open", 4, 4)),
                     NO, id="got in, and no window tells of it"),
        pytest.param(make.evidence(*make.everywhere("closed", 0.2, 11),
                                   openings=(make.opening(-2, -0.1, 0.2),)), UNKNOWN,
                     id="last seen open before the period, first seen closed in it"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, -3),
                                   *make.everywhere("unknown", 0, 11),
                                   openings=(make.opening(-2, -1),)), UNKNOWN,
                     id="seen open before the period, and nothing proved since"),
        pytest.param(make.evidence(*make.everywhere("closed", -1, -0.5),
                                   *make.everywhere("closed", 0.2, 11)), YES,
                     id="looked at shortly before it and within four rounds of that"),
        pytest.param(make.evidence(*make.everywhere("closed", -2, -1),
                                   *make.everywhere("closed", 0.2, 11)), UNKNOWN,
                     id="looked at before it, more than four rounds earlier"),
        pytest.param(make.evidence(*make.everywhere("closed", 0.2, 11)), UNKNOWN,
                     id="read for days, and looked at only in it"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 11)[1:],
                                   make.answer("closed", 0.2, 11)), UNKNOWN,
                     id="one domain and sender looked at only in it"),
        pytest.param(make.evidence(*make.everywhere("open", -1, -0.1),
                                   *make.everywhere("closed", 0.1, 11)), UNKNOWN,
                     id="got in shortly before it, and no window tells of it"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 3),
                                   *make.everywhere("unknown", 3.1, 3.9),
                                   *make.everywhere("closed", 4, 11)), UNKNOWN,
                     id="looks between that proved nothing"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 3),
                                   *make.everywhere("unknown", 3.25, 3.25),
                                   *make.everywhere("closed", 3.5, 11)), UNKNOWN,
                     id="a single look that proved nothing"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 11),
                                   *make.everywhere("unknown", -5, 9.9, vantage_point="Paris")),
                     YES, id="another stranger proved nothing all the time"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 3),
                                   *make.everywhere("closed", 3.25, 9.9, line="550 5.7.51 Other"),
                                   *make.everywhere("unknown", -5, 9.95, vantage_point="Paris")),
                     YES, id="another proved nothing while the words of a refusal changed"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 3),
                                   *make.everywhere("unknown", 3.1, 3.4, vantage_point="Paris"),
                                   *make.everywhere("closed", 3.5, 11, vantage_point="Paris")),
                     UNKNOWN, id="one stranger fell silent before another proved something"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 9.2)), YES,
                     id="not looked at for less than four rounds at its end"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 8.9)), UNKNOWN,
                     id="not looked at for more than four rounds at its end"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 9.2),
                                   *make.everywhere("unknown", 9.5, 11)), UNKNOWN,
                     id="looks at its end that proved nothing"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 10),
                                   make.answer("open", 10, 11)), YES,
                     id="got in from its end on"),
        pytest.param(make.evidence(*make.everywhere("closed", -5, 11),
                                   make.answer("open", -1, 0)), NO,
                     id="got in at its first moment"),
    ],
)  # fmt: skip
def test_a_foreign_senders_requirement_is_judged_over_the_whole_period(
    story: Evidence, expected: str
) -> None:
    assert results(built(story))["MP-03"] == expected


@pytest.mark.parametrize(
    ("answers", "gaps"),
    [
        pytest.param(make.everywhere("closed", 1, 11), [(0, 1)], id="nobody looked before"),
        pytest.param(make.everywhere("closed", -5, 8.9), [(8.9, 10)], id="nobody looked after"),
        pytest.param(make.everywhere("closed", -5, 9.1), [], id="the last look counts to the end"),
        pytest.param([*make.everywhere("closed", -5, 3), *make.everywhere("open", 3.25, 11)], [],
                     id="another answer at the next look"),
        pytest.param([*make.everywhere("closed", -5, 3), *make.everywhere("unknown", 3.1, 3.4),
                      *make.everywhere("closed", 3.5, 11)], [(3, 3.5)], id="none proved anything"),
        pytest.param([*make.everywhere("closed", -5, 3), *make.everywhere("open", 3.25, 11),
                      make.answer("unknown", -5, 11, "contoso.net")], [],
                     id="one domain that never proves anything"),
        pytest.param([make.answer("closed", -5, 11),
                      *make.everywhere("unknown", -5, 11, vantage_point="Paris")], [],
                     id="one answer of one stranger"),
    ],
)  # fmt: skip
def test_when_nothing_was_seen_of_the_whole_tenant_is_named(
    answers: list[Answer], gaps: list[tuple[float, float]]
) -> None:
    report = built(make.evidence(*answers))
    assert [(b.begin, b.end) for b in report.blind] == [(at(a), at(b)) for a, b in gaps]
    assert [b.what for b in report.blind] == [LOOKS] * len(gaps)


@pytest.mark.parametrize("hours", [1, 8, 23])
def test_of_a_day_that_has_just_begun_nothing_is_known_without_a_look(hours: int) -> None:
    period = Period(since=PERIOD.since, until=PERIOD.until, as_of=at(hours / 24))
    report = built(make.evidence(readings=()), period)
    assert set(results(report).values()) == {UNKNOWN}
    assert {(b.begin, b.end) for b in report.blind} == {(at(0), at(hours / 24))}
    assert len(report.blind) == 2


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        pytest.param([], "At every look in the period each domain refused a stranger with a"
                     " foreign sender.", id="no look but refusals"),
        pytest.param([make.answer("unknown", 3, 4, vantage_point="Paris")],
                     "At all times in the period each domain refused a stranger with a foreign"
                     " sender. Some looks beside proved nothing.", id="another proved nothing"),
        pytest.param([make.answer("unknown", -0.5, -0.2, vantage_point="Paris")],
                     "At every look in the period each domain refused a stranger with a foreign"
                     " sender.", id="another proved nothing before it"),
    ],
)  # fmt: skip
def test_satisfied_says_of_every_look_only_what_is_true_of_every_look(
    answers: list[Answer], sentence: str
) -> None:
    report = built(make.evidence(*make.everywhere("closed", -5, 11), *answers))
    (said,) = (r for r in report.requirements if r.id == "MP-03")
    assert (said.result, said.sentence) == (YES, sentence)


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        pytest.param(make.everywhere("closed", 2.5, 11),
                     "No contrary was seen, but in the period nobody asked fabrikam.com with a"
                     " foreign sender before 12 Nov 12:00 UTC.", id="looked late"),
        pytest.param([*make.everywhere("unknown", 0.5, 2.3), *make.everywhere("closed", 2.5, 11)],
                     "For 2 d 12 h of the period no refusal is known: most of all fabrikam.com,"
                     " foreign sender.", id="looked, and proved nothing at first"),
        pytest.param([*make.everywhere("closed", -5, 3), *make.everywhere("closed", 5, 11)],
                     "For 2 d of the period no refusal is known: most of all fabrikam.com,"
                     " foreign sender.", id="an outage"),
        pytest.param([make.answer("closed", -5, 11, "fabrikam.onmicrosoft.com"),
                      make.answer("closed", 2.5, 11)],
                     "No contrary was seen, but in the period nobody asked fabrikam.com with a"
                     " foreign sender before 12 Nov 12:00 UTC.", id="looked late at one domain"),
        pytest.param([], "For 10 d of the period no refusal is known: most of all fabrikam.com,"
                     " foreign sender.", id="never looked"),
    ],
)  # fmt: skip
def test_unknown_says_what_is_lacking(answers: list[Answer], sentence: str) -> None:
    (said,) = (r for r in built(make.evidence(*answers)).requirements if r.id == "MP-03")
    assert (said.result, said.sentence) == (UNKNOWN, sentence)


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        (-2, -1, []),
        (-2, 0, [(0, 0)]),
        (-2, 3, [(3, 3)]),
        (4, 4, [(4, 4)]),
        (4, 6, [(4, 4), (6, 6)]),
        (4, 12, [(4, 4)]),
        (10, 12, []),
        (-2, 12, []),
    ],
)
def test_the_inner_bounds_of_a_window_were_seen_open_and_no_more_is_sure_without_looks(
    first: float, last: float, found: list[tuple[float, float]]
) -> None:
    opening = replace(make.opening(first, last), seen=())
    assert surely_open(opening, PERIOD) == [(at(a), at(b)) for a, b in found]
