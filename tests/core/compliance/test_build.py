"""Requirements against a period's evidence: proved for all of it, refuted once, or unknown."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from mailposture.core import codec
from mailposture.core.compliance import (
    LeftOut,
    Moved,
    Period,
    Reading,
    Report,
)
from mailposture.core.configuration import PartStatus
from mailposture.core.posture import Result
from tests.core.compliance import evidences as make
from tests.core.compliance.evidences import (
    CLASSES,
    DOMAINS,
    END,
    PERIOD,
    at,
    built,
    results,
)
from tests.factories import configuration, lock, without

GOLDEN = Path(__file__).parent / "golden"
YES, NO, UNKNOWN = "satisfied", "not_satisfied", "unknown"
SEEN = ("MP-03", "MP-04", "MP-05")


@pytest.mark.parametrize("story", ["fabrikam", "contoso"])
def test_the_document_is_the_golden_one(story: str) -> None:
    report = built(getattr(make, story)())
    document = codec.dump(report)
    written = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    assert written == (GOLDEN / f"{story}.json").read_text(encoding="utf-8")
    assert codec.load(Report, document) == report


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
        pytest.param(((lock(), -5, 4), (lock(), 4 + 35 / 1440, 11)), YES,
                     id="one reading was missed"),
        pytest.param(((lock(), -5, 4), (lock(), 4 + 40 / 1440, 11)), UNKNOWN,
                     id="two readings were missed"),
        pytest.param(((lock(), -5, -10 / 1440), (lock(), 20 / 1440, 11)), YES,
                     id="read shortly before it"),
        pytest.param(((lock(enabled=False), -5, -10 / 1440), (lock(), 20 / 1440, 11)), UNKNOWN,
                     id="turned off when read shortly before it"),
        pytest.param(((lock(), -5, -20 / 1440), (lock(enabled=False), -10 / 1440, -5 / 1440),
                      (lock(), 10 / 1440, 11)), UNKNOWN,
                     id="turned off between two readings that prove it"),
        pytest.param(((lock(), -5, 10), (lock(enabled=False), 10, 11)), YES,
                     id="turned off from its end on"),
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


def domains_read(*spans: tuple[tuple[str, ...], float, float]) -> tuple[Reading, ...]:
    return tuple(
        Reading(configuration=configuration(lock(), domains=names), first=at(a), last=at(b))
        for names, a, b in spans
    )


@pytest.mark.parametrize(
    ("accepted", "looked", "expected"),
    [
        pytest.param(((DOMAINS[:1], -5, 5), (DOMAINS, 5.01, 11)), (5.1, 11), YES,
                     id="accepted since, and asked since"),
        pytest.param(((DOMAINS[:1], -5, 5), (DOMAINS, 5.01, 11)), (7, 11), UNKNOWN,
                     id="accepted since, and asked two days later"),
        pytest.param(((DOMAINS, -5, 11),), (5.1, 11), UNKNOWN, id="accepted all the time"),
        pytest.param((), (5.1, 11), UNKNOWN, id="no reading says since when"),
    ],
)  # fmt: skip
def test_a_domain_is_asked_for_while_it_is_accepted(
    accepted: tuple[tuple[tuple[str, ...], float, float], ...],
    looked: tuple[float, float], expected: str,
) -> None:  # fmt: skip
    first = make.answer("closed", -5, 11)
    second = make.answer("closed", *looked, domain=DOMAINS[1])
    assert results(built(make.evidence(first, second, readings=domains_read(*accepted))))[
        "MP-03"
    ] == expected  # fmt: skip


def test_a_domain_that_was_accepted_for_a_while_and_never_asked_leaves_it_unknown() -> None:
    held = (*DOMAINS, "contoso.net")
    accepted = domains_read((DOMAINS, -5, 3), (held, 3.01, 6), (DOMAINS, 6.01, 11))
    found = results(built(replace(make.fabrikam(), readings=accepted)))
    assert [found[i] for i in SEEN] == [UNKNOWN] * 3


def test_a_domain_that_was_never_asked_leaves_the_tenant_unknown() -> None:
    story = make.evidence(*make.everywhere("closed", -5, 11), domains=(*DOMAINS, "contoso.net"))
    report = built(story)
    assert report.state == "Unknown"
    assert results(report)["MP-11"] == UNKNOWN


def test_what_was_mended_since_says_when_it_was_read() -> None:
    (said,) = (r.sentence for r in built(make.contoso()).requirements if r.id == "MP-01")
    assert said.endswith("So read from 13 Nov 05:02 to 15 Nov 09:36 UTC.")


def test_a_door_that_no_refusal_closed_may_be_open_to_the_end() -> None:
    report = built(make.evidence(*make.everywhere("closed", -5, 3), openings=(make.opening(4, 5),)))
    assert (report.minutes_open, report.minutes_at_most) == (1440, 6 * 1440 + 360)


def test_answers_that_prove_nothing_are_shown_beside_an_unknown_and_are_no_look() -> None:
    report = built(make.evidence(*make.everywhere("unknown", -5, 11, line="550 5.1.10 No such")))
    found = {r.id: r for r in report.requirements}
    assert {(p.says, p.line) for p in found["MP-03"].evidence} == {
        ("proved nothing", "550 5.1.10 No such")
    }
    assert found["MP-11"].result is Result.UNKNOWN


def test_fresh_evidence_is_as_old_as_its_oldest_answer() -> None:
    answers = make.everywhere("closed", -5, 11)
    story = make.evidence(*answers[1:], replace(answers[0], last=at(8)))
    (fresh,) = (r for r in built(story).requirements if r.id == "MP-11")
    assert fresh.result is Result.NOT_SATISFIED
    assert fresh.sentence.startswith(
        "At the period's end the oldest answer was 2 d old (fabrikam.com"
    )
    assert [p.vantage_point for p in fresh.evidence] == ["Stranger", "configuration"]


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


@pytest.mark.parametrize(
    ("looked", "state"),
    [(11, "Closed"), (9.1, "Closed"), (8.9, "Unknown"), (-1, "Unknown")],
)
def test_the_state_at_the_end_goes_by_answers_that_still_count_then(
    looked: float, state: str
) -> None:
    report = built(make.evidence(*make.everywhere("closed", -5, looked)))
    assert report.state == state
    assert f"At the end the tenant was {state}." in report.lead


def test_the_state_at_the_end_goes_by_the_last_answer_and_none_that_came_after() -> None:
    story = make.evidence(
        *make.everywhere("closed", -5, 3),
        *make.everywhere("open", 4, 9.8),
        *make.everywhere("closed", 10, 11),
    )
    assert built(story).state == "Open"


def test_days_tell_open_possible_and_unseen_minutes() -> None:
    days = {d.day.day: d for d in built(make.contoso()).days}
    assert (days[13].open, days[14].open, days[15].open) == (1080, 1440, 360)
    assert (days[13].possible, days[15].possible) == (360, 360)
    assert days[12].open == days[12].unseen == 0


def test_of_windows_and_changes_the_latest_are_listed_and_the_rest_counted() -> None:
    openings = tuple(make.opening(n / 100, n / 100, n / 100 + 0.005) for n in range(502))
    changes = tuple(
        Moved(at=at(n / 100), subject="", sentence=f"change {n}", effect="Neutral")
        for n in range(503)
    )
    report = built(replace(make.fabrikam(), openings=openings, changes=changes))
    assert (len(report.windows), report.windows_left_out) == (500, 2)
    assert (report.windows[0].first_open, report.windows[-1].first_open) == (at(0.02), at(5.01))
    assert (len(report.changes), report.changes_left_out) == (500, 3)
    assert (report.changes[0].says, report.changes[-1].says) == ("change 3", "change 502")


def test_the_connectors_at_the_end_are_said_in_words() -> None:
    (connector,) = built(make.fabrikam()).connectors
    assert connector.name == "Lock to gateway"
    assert "203.0.113.10" in connector.says


# ---- what was too much to read ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("left_out", "changed", "says"),
    [
        (LeftOut(), {}, []),
        (LeftOut(changes=2), {}, ["2 configuration changes were not read: the earliest."]),
        (LeftOut(answers=1200), dict.fromkeys(SEEN, UNKNOWN), ["1,200 answers of strangers were"]),
        (LeftOut(openings=3), dict.fromkeys(SEEN, UNKNOWN), ["3 exposure windows were not read"]),
    ],
)
def test_what_was_not_read_is_said_and_never_makes_unknown_satisfied(
    left_out: LeftOut, changed: dict[str, str], says: list[str]
) -> None:
    whole = results(built(make.fabrikam()))
    report = built(replace(make.fabrikam(), left_out=left_out))
    assert results(report) == whole | changed
    assert [part in one.says for part, one in zip(says, report.not_read, strict=True)] == [
        True for _ in says
    ]
    assert report.state == ("Unknown" if left_out.answers else "Closed")


def test_what_was_refuted_stays_so_whatever_was_not_read() -> None:
    left_out = LeftOut(answers=5, openings=5)
    report = built(replace(make.contoso(), left_out=left_out))
    assert [results(report)[i] for i in SEEN] == [NO] * 3
    assert report.sentence.endswith("past the gateway of contoso for at least 2 d.")


def test_approved_sources_are_said_to_be_those_of_the_day_of_building() -> None:
    report = built(make.fabrikam())
    assert ("Approved sources, as approved on 21 Nov 2026", "Gateway gets in") in report.rests_on
    (mx,) = [one for one in report.requirements if one.id == "MP-08"]
    assert mx.sentence.endswith("Compared with the gateways as approved on 21 Nov 2026.")
