"""States add up as they are defined, and old answers stop counting."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from mailposture.core.states import (
    Access,
    Age,
    State,
    access,
    answer_age,
    configuration_age,
    counted,
    domain_state,
    domain_states,
    tenant_state,
    worst,
)
from mailposture.core.verdict import SenderClass, Verdict

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOURS_6 = timedelta(hours=6)


@pytest.mark.parametrize(
    ("foreign", "own", "null", "state"),
    [
        ("open", "closed", "closed", "Open"),
        ("open", "open", "open", "Open"),
        ("open", "unknown", "unknown", "Open"),
        ("closed", "open", "closed", "Partly open"),
        ("unknown", "closed", "open", "Partly open"),
        ("closed", "closed", "closed", "Closed"),
        ("closed", "closed", "unknown", "Unknown"),
        ("unknown", "unknown", "unknown", "Unknown"),
    ],
)
def test_a_domain_is_as_open_as_its_sender_classes(
    foreign: str, own: str, null: str, state: str
) -> None:
    asked = (SenderClass.FOREIGN, SenderClass.OWN, SenderClass.NULL)
    verdicts = map(Verdict, (foreign, own, null))
    assert domain_state(dict(zip(asked, verdicts, strict=True))).word == state


def test_only_the_classes_that_were_asked_count() -> None:
    assert domain_state({SenderClass.FOREIGN: Verdict.CLOSED}) is State.CLOSED
    assert domain_state({SenderClass.PARTNER: Verdict.OPEN}) is State.PARTLY_OPEN
    assert domain_state({}) is State.UNKNOWN


@pytest.mark.parametrize(
    ("domains", "state"),
    [
        ("open open", "Open"),
        ("open unknown", "Open"),
        ("open closed", "Partly open"),
        ("open partly", "Partly open"),
        ("partly closed", "Partly open"),
        ("partly unknown", "Partly open"),
        ("partly", "Partly open"),
        ("open partly closed unknown", "Partly open"),
        ("closed closed", "Closed"),
        ("closed unknown", "Unknown"),
        ("unknown", "Unknown"),
        ("", "Unknown"),
    ],
)
def test_a_tenant_is_as_open_as_its_domains(domains: str, state: str) -> None:
    assert tenant_state(map(State, domains.split())).word == state


def test_strangers_together_can_do_what_one_of_them_can() -> None:
    for first, second in product(Verdict, Verdict):
        together = worst([first, second])
        assert (together is Verdict.OPEN) == (Verdict.OPEN in (first, second))
        refused = Verdict.CLOSED in (first, second) and Verdict.OPEN not in (first, second)
        assert (together is Verdict.CLOSED) == refused
    assert worst([]) is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("verdicts", "found"),
    [
        ("open open", "Gets in"),
        ("open closed", "Partly cut off"),
        ("open closed unknown", "Partly cut off"),
        ("closed closed", "Cut off"),
        ("closed unknown", "Cut off"),
        ("open unknown", "Unknown"),
        ("", "Unknown"),
    ],
)
def test_an_approved_source_gets_in_or_is_cut_off(verdicts: str, found: str) -> None:
    assert access(map(Verdict, verdicts.split())).word == found
    assert found in {a.word for a in Access}


@pytest.mark.parametrize(
    ("every", "old", "age"),
    [
        (HOURS_6, timedelta(hours=24), "fresh"),
        (HOURS_6, timedelta(hours=24, seconds=1), "lapsed"),
        (timedelta(seconds=30), timedelta(seconds=120), "fresh"),
        (timedelta(seconds=30), timedelta(seconds=121), "stale"),
        (timedelta(seconds=30), timedelta(hours=24), "stale"),
        (timedelta(seconds=30), timedelta(hours=25), "lapsed"),
        (timedelta(hours=12), timedelta(hours=40), "fresh"),
        (timedelta(hours=12), timedelta(hours=49), "lapsed"),
    ],
)
def test_an_answer_is_stale_after_four_rounds_and_lapses_after_a_day(
    every: timedelta, old: timedelta, age: str
) -> None:
    assert answer_age(NOW - old, NOW, every) == age


def test_a_configuration_is_stale_after_two_intervals() -> None:
    quarter = timedelta(minutes=15)
    ages = [configuration_age(NOW - n * quarter, NOW, quarter) for n in (2, 3, 96, 97)]
    assert ages == [Age.FRESH, Age.STALE, Age.STALE, Age.LAPSED]


def test_what_was_never_seen_has_lapsed() -> None:
    assert answer_age(None, NOW, HOURS_6) is Age.LAPSED


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_stale_answer_still_counts_and_a_lapsed_one_is_unknown(verdict: Verdict) -> None:
    assert counted(verdict, Age.FRESH) is verdict
    assert counted(verdict, Age.STALE) is verdict
    assert counted(verdict, Age.LAPSED) is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("verdict", "fares"), [("open", "Gets in"), ("closed", "Cut off"), ("unknown", "Unknown")]
)
def test_to_a_host_of_ones_own_a_closed_door_is_the_bad_news(verdict: str, fares: str) -> None:
    assert Access.of(Verdict(verdict)).word == fares
    assert access([Verdict(verdict)]) is Access.of(Verdict(verdict))


def test_the_answers_of_many_strangers_add_up_by_domain() -> None:
    foreign, own = SenderClass.FOREIGN, SenderClass.OWN
    found = domain_states(
        [
            ("fabrikam.com", foreign, Verdict.CLOSED),
            ("contoso.com", foreign, Verdict.CLOSED),
            ("contoso.com", foreign, Verdict.OPEN),
            ("contoso.net", foreign, Verdict.CLOSED),
            ("contoso.net", own, Verdict.OPEN),
            ("fabrikam.com", own, Verdict.UNKNOWN),
        ]
    )
    assert found == {
        "contoso.com": State.OPEN,
        "contoso.net": State.PARTLY_OPEN,
        "fabrikam.com": State.UNKNOWN,
    }
    assert list(found) == sorted(found)
    assert domain_states([]) == {}
