"""What an exception covers, how long it holds, and what a proposal does to it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.core import addresses, codec, exceptions
from mailposture.core.addresses import NOWHERE
from mailposture.core.exceptions import Held, NotADayError, State, Touch, beyond, touched
from mailposture.core.posture import RULES, Severity, Source, assess
from mailposture.core.posture.scopes import MEASURES, Scope, scope
from tests.core.configurations import lock
from tests.core.posture.tenants import AT, facts

NOW = datetime(2026, 11, 25, 13, 50, tzinfo=UTC)
TODAY = NOW.date()


# ---- time ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kept", "ends_in", "said"),
    [
        ("requested", timedelta(days=1), State.REQUESTED),
        ("requested", timedelta(0), State.EXPIRED),
        ("approved", timedelta(microseconds=1), State.APPROVED),
        ("approved", timedelta(0), State.EXPIRED),
        ("withdrawn", timedelta(days=-9), State.WITHDRAWN),
        ("refused", timedelta(days=-9), State.REFUSED),
        ("renewed", timedelta(days=-9), State.RENEWED),
    ],
)
def test_the_clock_ends_what_people_left_standing(
    kept: str, ends_in: timedelta, said: State
) -> None:
    assert exceptions.state(kept, NOW + ends_in, NOW) is said


def test_it_holds_through_its_last_day() -> None:
    end = exceptions.expiry(date(2027, 2, 23))
    assert end == datetime(2027, 2, 24, tzinfo=UTC)
    assert exceptions.last_day(end) == date(2027, 2, 23)
    assert exceptions.until(end) == "23 Feb 2027"


def test_nobody_says_otherwise_means_ninety_days_and_a_review_halfway() -> None:
    last = exceptions.usual_last_day(NOW)
    assert last == date(2027, 2, 23)
    assert exceptions.usual_review(last, NOW) == TODAY + timedelta(days=45)


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (TODAY - timedelta(days=1), "This day is over"),
        (TODAY, ""),
        (TODAY + timedelta(days=365), ""),
        (TODAY + timedelta(days=366), "At most a year: 25 Nov 2027"),
    ],
)
def test_it_ends_between_today_and_a_year(chosen: date, words: str) -> None:
    if not words:
        assert exceptions.checked_last_day(chosen, NOW) == chosen
        return
    with pytest.raises(NotADayError, match=words):
        exceptions.checked_last_day(chosen, NOW)


@pytest.mark.parametrize(("days", "allowed"), [(-1, False), (0, True), (30, True), (31, False)])
def test_it_is_reviewed_before_it_ends(days: int, allowed: bool) -> None:
    last, chosen = TODAY + timedelta(days=30), TODAY + timedelta(days=days)
    if allowed:
        assert exceptions.checked_review(chosen, last, NOW) == chosen
        return
    with pytest.raises(NotADayError, match="from today to its last"):
        exceptions.checked_review(chosen, last, NOW)


# ---- what goes beyond ----------------------------------------------------------------------


def of(severity: str = "high", **what: Any) -> Scope:
    return Scope(severity=Severity(severity), **what)


@pytest.mark.parametrize(
    ("accepted", "found", "words"),
    [
        (of(), of(), []),
        (of(), of("medium"), []),
        (of(), of("critical"), ["It is critical now, and high was accepted."]),
        # Exactly the addresses: fewer are covered, and so is another way to write them.
        (of(addresses=("203.0.113.0/24",)), of(addresses=("203.0.113.7/32",)), []),
        (of(addresses=("203.0.113.0/25", "203.0.113.128/25")), of(addresses=("203.0.113.0/24",)),
         []),
        (of(addresses=("203.0.113.0/24",)), of(addresses=("203.0.112.0/23",)),
         ["256 addresses more than were accepted: 203.0.112.0/24."]),
        (of(addresses=()), of(addresses=("2001:db8::/32",)), ["more than were accepted"]),
        (of(names=("a.contoso.com",)), of(names=("a.contoso.com", "b.contoso.com")),
         ["Certificate name not among what was accepted: b.contoso.com."]),
        (of(domains=("contoso.com",)), of(domains=("fabrikam.com", "litware.com")),
         ["Domains not among what was accepted: fabrikam.com, litware.com."]),
        (of(lines=("a = 1", "b = 2")), of(lines=("b = 2", "c = 3")),
         ["Evidence not among what was accepted: c = 3."]),
        (of(lines=("a = 1",)), of(lines=()), []),
        # What is not known cannot be compared.
        (of(addresses=("203.0.113.7/32",)), of(), []),
        (of(), of(addresses=("203.0.113.7/32",)), []),
    ],
)  # fmt: skip
def test_what_goes_beyond_an_exception_is_said(
    accepted: Scope, found: Scope, words: list[str]
) -> None:
    said = beyond(accepted, found)
    assert len(said) == len(words)
    assert all(word in one for word, one in zip(words, said, strict=True))


NETWORKS = st.lists(
    st.builds(
        lambda n, length: f"198.51.{n % 256}.0/{length}", st.integers(0, 255), st.integers(24, 28)
    ),
    max_size=6,
)
NAMES = st.lists(st.sampled_from(["a.contoso.com", "b.contoso.com", "c.contoso.com"]), max_size=3)


@st.composite
def scopes(draw: st.DrawFn) -> Scope:
    return Scope(
        severity=draw(st.sampled_from(list(Severity))),
        addresses=addresses.parse(draw(NETWORKS)).cidrs(),
        names=tuple(draw(NAMES)),
        domains=tuple(draw(NAMES)),
        lines=tuple(draw(NAMES)),
    )


@given(scopes(), scopes())
def test_nothing_goes_beyond_itself_and_more_is_covered_by_more(one: Scope, other: Scope) -> None:
    assert beyond(one, one) == ()
    both = Scope(
        severity=min(one.severity, other.severity, key=lambda s: s.rank),
        addresses=addresses.parse([*(one.addresses or ()), *(other.addresses or ())]).cidrs(),
        names=(*(one.names or ()), *(other.names or ())),
        domains=(*(one.domains or ()), *(other.domains or ())),
        lines=(*(one.lines or ()), *(other.lines or ())),
    )
    assert beyond(both, one) == beyond(both, other) == ()
    # What is covered both ways is the same.
    if not beyond(one, other) and not beyond(other, one):
        assert (one.severity, one.set) == (other.severity, other.set)
        assert set(one.names or ()) == set(other.names or ())


@given(scopes())
def test_a_scope_is_the_same_after_it_was_kept(one: Scope) -> None:
    assert codec.load(Scope, codec.dump(one)) == one


def test_what_was_accepted_is_said_for_people() -> None:
    whole = of(
        "critical", addresses=("203.0.113.0/24",), names=("a.contoso.com",), lines=("x = 1",)
    )
    assert exceptions.described(whole) == (
        "At most critical.", "256 addresses: 203.0.113.0/24.",
        "Certificate names: a.contoso.com.", "x = 1",
    )  # fmt: skip


# ---- what a finding turns on ---------------------------------------------------------------


def found(rule: str, *connectors: Any, gateway: str = "203.0.113.10", **more: Any) -> Scope:
    """The scope of what this rule finds of a tenant with these connectors."""
    source = Source(name="Gateway", addresses=(gateway,))
    given = facts(*connectors, sources=(source,), at=AT, **more)
    one = next(f for f in assess(given) if f.rule == rule and f.result == "not_satisfied")
    return scope(given, one)


def test_of_an_open_door_the_whole_internet_is_accepted_and_its_domains() -> None:
    turned_off = found("MP-01", lock(enabled=False))
    assert turned_off.set == addresses.EVERYWHERE
    assert turned_off.domains
    assert turned_off.severity is Severity.CRITICAL


def test_of_a_wide_connector_the_hosts_are_accepted_that_nobody_approved() -> None:
    wide = lock(sender_ip_addresses=("203.0.113.8-203.0.113.11",))
    wider = lock(sender_ip_addresses=("203.0.113.8-203.0.113.12",))
    accepted, now = found("MP-06", wide), found("MP-06", wider)
    assert accepted.addresses == ("203.0.113.8/31", "203.0.113.11")
    assert beyond(accepted, now) == ("1 address more than were accepted: 203.0.113.12.",)
    assert beyond(now, accepted) == ()


def test_of_connectors_that_lack_the_same_thing_those_are_accepted_that_there_are() -> None:
    first = lock(require_tls=False)
    other = lock(guid="7f1e54a4-3c2b-4f52-9a7d-1d2f3b4c5d6e", name="Other", require_tls=False)
    one, two = found("MP-28", first), found("MP-28", first, other)
    assert beyond(two, one) == ()
    assert beyond(one, two) == ("Evidence not among what was accepted: Without TLS: Other.",)


def test_every_rule_has_its_measure_and_those_by_evidence_are_meant() -> None:
    """A new rule is measured by its evidence until somebody decided what makes it worse."""
    by_evidence = {"MP-02", "MP-08", "MP-09", "MP-11", "MP-12", "MP-13", "MP-41", "MP-42", "MP-62"}
    assert {rule.id for rule in RULES} - set(MEASURES) == by_evidence
    assert not set(MEASURES) & by_evidence


# ---- what a proposal does ------------------------------------------------------------------

KEY = ("MP-06", "guid")


def held(**what: Any) -> Held:
    given = {"name": "E-3", "rule": KEY[0], "subject": KEY[1],
             "accepted": of(addresses=("203.0.113.0/24",), names=("a.contoso.com",))}  # fmt: skip
    return Held(**{**given, **what})


LOST = addresses.parse(["203.0.113.7"])
DOOR = of("critical", addresses=("0.0.0.0/0",), domains=("contoso.com",))


@pytest.mark.parametrize(
    ("one", "after", "lost", "names", "how"),
    [
        (held(), {KEY: of(addresses=("203.0.113.0/24",))}, NOWHERE, (), []),
        (held(), {KEY: None}, NOWHERE, (), []),
        (held(), {}, NOWHERE, (), [Touch.NEEDLESS]),
        (held(), {KEY: of(addresses=("203.0.112.0/23",))}, NOWHERE, (), [Touch.WIDER]),
        (held(), {KEY: of("critical")}, NOWHERE, (), [Touch.WIDER]),
        (held(), {KEY: None}, LOST, (), [Touch.CONTRADICTED]),
        (held(), {}, LOST, (), [Touch.CONTRADICTED, Touch.NEEDLESS]),
        # Where it was said for which hosts it is, these count and not all that it accepts.
        (held(hosts=("203.0.113.9",)), {KEY: None}, LOST, (), []),
        (held(hosts=("203.0.113.7",)), {KEY: None}, LOST, (), [Touch.CONTRADICTED]),
        # A door that is shut on strangers cuts off nobody that was meant, unless some were named.
        (held(accepted=DOOR), {}, LOST, (), [Touch.NEEDLESS]),
        (
            held(accepted=DOOR, hosts=("203.0.113.7",)),
            {},
            LOST,
            (),
            [Touch.CONTRADICTED, Touch.NEEDLESS],
        ),
        (held(), {KEY: None}, NOWHERE, ("a.contoso.com",), [Touch.CONTRADICTED]),
        (held(), {KEY: None}, NOWHERE, ("b.contoso.com",), []),
    ],
)
def test_a_proposal_contradicts_an_exception_outgrows_it_or_makes_it_needless(
    one: Held, after: dict[tuple[str, str], Scope | None], lost: Any, names: Any, how: list[Touch]
) -> None:
    assert [t.how for t in touched([one], after, lost, names)] == how


@pytest.mark.parametrize(
    ("after", "how"),
    [
        ({KEY: of(addresses=("203.0.113.0/24",))}, [Touch.AGAIN]),
        ({KEY: of("critical")}, [Touch.WIDER]),
        ({KEY: None}, []),
        ({}, []),
    ],
)
def test_a_finding_that_is_over_and_would_stand_again_is_covered_again_and_said(
    after: dict[tuple[str, str], Scope | None], how: list[Touch]
) -> None:
    assert [t.how for t in touched([held()], after, NOWHERE, (), {KEY})] == how


def test_contradictions_are_said_first_with_the_hosts() -> None:
    other = held(name="E-2", rule="MP-07")
    said = touched([other, held()], {KEY: None}, LOST)
    assert [(t.held.name, t.how) for t in said] == [
        ("E-2", Touch.CONTRADICTED), ("E-3", Touch.CONTRADICTED), ("E-2", Touch.NEEDLESS),
    ]  # fmt: skip
    assert "1 address (203.0.113.7)" in said[0].sentence
