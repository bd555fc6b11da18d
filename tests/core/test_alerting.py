"""Who is told what, once: a table of stories, and that no sequence loses or repeats news."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.core.alerting import (
    PATIENCE,
    QUIET,
    Event,
    Kind,
    Level,
    Life,
    Seen,
    due,
    fingerprint,
    in_all,
    observe,
    severed,
    unseen,
)

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
LEVELS = {"closed": Level.GONE, "partly": Level.PARTLY, "open": Level.WHOLE, "unknown": None}

# A look is (minute, what was seen); `...` after it means that the round goes on, `?` that its
# cause is being read.
type Look = tuple[float, str]


class Watch:
    """Keeps a life as the services do: what is due first, then the look."""

    def __init__(self) -> None:
        self.life: Life | None = None
        self.level = Level.GONE
        self.began = 0
        self.told: list[tuple[float, Event]] = []
        # What people take it for, each time that they were told: the event, and how it stood then.
        self.believed = [Level.GONE]

    def tick(self, minute: float) -> None:
        if self.life is not None:
            step = due(self.life, self.level, at(minute))
            self.life = step.life
            self.tell(minute, step.news)

    def look(self, minute: float, seen: str) -> tuple[Event, ...]:
        self.tick(minute)
        level = LEVELS[seen.rstrip(".?")]
        whole = not seen.endswith("...")
        given_ = Seen(level=level, at=at(minute), whole=whole, hold=seen.endswith("?"))
        step = observe(self.life, given_)
        self.life, self.level = step.life, self.level if level is None else level
        self.began += step.began
        self.tell(minute, step.news)
        return step.news

    def tell(self, minute: float, news: Sequence[Event]) -> None:
        self.told += [(minute, event) for event in news]
        for event in news:
            # What is told of something that is gone by now is told as having been there.
            there = self.level or Level.PARTLY
            self.believed.append(Level.GONE if event is Event.RESOLVED else there)


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


OPENED, WORSE, AGAIN, RESOLVED = Event.OPENED, Event.WORSE, Event.AGAIN, Event.RESOLVED
BETTER = Event.BETTER


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        pytest.param([(0, "closed"), (30, "closed")], [], id="all well is no news"),
        pytest.param([(0, "open")], [(0, OPENED)], id="open at the first look is told once"),
        pytest.param(
            [(0, "closed"), (5, "open"), (6, "open"), (600, "open")],
            [(5, OPENED)],
            id="what stays open is not told again",
        ),
        pytest.param(
            [(0, "open"), (90, "closed"), (91, "closed")],
            [(0, OPENED), (90, RESOLVED)],
            id="an end is told once",
        ),
        pytest.param(
            [(0, "open"), (10, "unknown"), (500, "unknown"), (900, "closed")],
            [(0, OPENED), (900, RESOLVED)],
            id="unknown in between neither ends nor opens",
        ),
        pytest.param(
            [(0, "open"), (10, "unknown"), (20, "open")],
            [(0, OPENED)],
            id="seen again after not knowing is no news",
        ),
        pytest.param([(0, "unknown")], [], id="not knowing opens nothing"),
        pytest.param(
            [(0, "partly"), (10, "open"), (20, "partly"), (30, "open")],
            [(0, OPENED), (10, WORSE)],
            id="worse is told once, less bad is not",
        ),
        pytest.param(
            [(0, "open"), (10, "closed"), (30, "open")],
            [(0, OPENED), (10, RESOLVED), (30, AGAIN)],
            id="back within the hour is told as again",
        ),
        pytest.param(
            [(0, "open"), (10, "closed"), (30, "open"), (35, "closed"), (40, "open"),
             (45, "closed"), (110, "closed")],
            [(0, OPENED), (10, RESOLVED), (30, AGAIN), (105, RESOLVED)],
            id="flips are silent, and the end is told after an hour of quiet",
        ),
        pytest.param(
            [(0, "open"), (10, "closed"), (30, "open"), (35, "closed"), (40, "open"),
             (200, "open")],
            [(0, OPENED), (10, RESOLVED), (30, AGAIN)],
            id="quiet and as last told is no news",
        ),
        pytest.param(
            [(0, "open"), (10, "closed"), (30, "open"), (200, "closed")],
            [(0, OPENED), (10, RESOLVED), (30, AGAIN), (200, RESOLVED)],
            id="an end after an hour of quiet is told at once",
        ),
        pytest.param(
            [(0, "open"), (10, "closed"), (70, "open")],
            [(0, OPENED), (10, RESOLVED), (70, OPENED)],
            id="an hour after the end it is a new incident",
        ),
        pytest.param(
            [(0, "open"), (10, "closed"), (30, "partly"), (40, "open"), (95, "open")],
            [(0, OPENED), (10, RESOLVED), (30, AGAIN), (90, WORSE)],
            id="worse while restless waits for the quiet",
        ),
        pytest.param(
            [(0, "open"), (10, "closed"), (30, "open"), (35, "closed"), (40, "partly"),
             (200, "partly")],
            [(0, OPENED), (10, RESOLVED), (30, AGAIN), (100, BETTER)],
            id="less bad after an hour of quiet is told, since something else was told last",
        ),
        pytest.param(
            [(0, "open"), (10, "closed"), (30, "open"), (40, "partly"), (200, "open")],
            [(0, OPENED), (10, RESOLVED), (30, AGAIN), (90, BETTER), (200, WORSE)],
            id="what was told to be less bad may get worse again",
        ),
        pytest.param(
            [(0, "open?"), (0.1, "open?"), (0.3, "open"), (30, "open")],
            [(0.3, OPENED)],
            id="the first sight waits for its cause to be read",
        ),
        pytest.param(
            [(0, "open?"), (0.2, "open?"), (2, "open?")],
            [(0.5, OPENED)],
            id="but not for long either",
        ),
        pytest.param(
            [(0, "open?"), (0.2, "closed")],
            [(0.2, OPENED), (0.2, RESOLVED)],
            id="an opening that waits for its cause and ends is told all the same",
        ),
        pytest.param(
            [(0, "open"), (10, "closed"), (30, "open?"), (30.2, "open")],
            [(0, OPENED), (10, RESOLVED), (30.2, AGAIN)],
            id="a return waits for its cause too",
        ),
        pytest.param(
            [(0, "open..."), (0.2, "open"), (30, "open")],
            [(0.2, OPENED)],
            id="the first sight waits for the rest of the round",
        ),
        pytest.param(
            [(0, "open..."), (0.2, "open..."), (2, "open...")],
            [(0.5, OPENED)],
            id="but not for long",
        ),
        pytest.param(
            [(0, "open..."), (0.2, "closed")],
            [(0.2, OPENED), (0.2, RESOLVED)],
            id="an opening that ends before it was told is told all the same",
        ),
        pytest.param(
            [(0, "open"), (10, "closed"), (30, "open..."), (30.2, "closed"), (100, "closed")],
            [(0, OPENED), (10, RESOLVED), (30.2, AGAIN), (90.2, RESOLVED)],
            id="a return that ends before it was told is told all the same",
        ),
        pytest.param(
            [(0, "open"), (10, "closed"), (30, "open..."), (30.2, "open"), (30.3, "open")],
            [(0, OPENED), (10, RESOLVED), (30.2, AGAIN)],
            id="a return waits for the rest of the round",
        ),
        pytest.param(
            [(0, "partly"), (10, "open..."), (11, "open")],
            [(0, OPENED), (11, WORSE)],
            id="worse is judged by whole rounds",
        ),
    ],
)  # fmt: skip
def test_a_story_is_told_so(looks: Sequence[Look], told: Sequence[tuple[float, Event]]) -> None:
    watch = Watch()
    for minute, seen in looks:
        if watch.life and watch.life.tell_at and watch.life.tell_at <= at(minute):
            watch.tick((watch.life.tell_at - NOON) / timedelta(minutes=1))
        watch.look(minute, seen)

    assert [(round(minute, 3), event) for minute, event in watch.told] == list(told)


def life(*looks: Look) -> Life:
    """The life after these looks."""
    watch = Watch()
    for look in looks:
        watch.look(*look)
    assert watch.life
    return watch.life


def test_an_end_that_was_seen_before_the_last_move_does_not_turn_time_back() -> None:
    # Results of several workers: the closing was seen before the return that was taken first.
    was = life((0, "open"), (10, "closed"), (30, "open"))
    step = observe(was, Seen(level=Level.GONE, at=at(29)))
    assert step.life
    assert (step.life.resolved_at, step.life.moved_at) == (at(29), at(30))
    assert step.life.tell_at == at(30) + QUIET


def test_a_return_that_ends_before_it_was_told_is_believed_to_be_in_part() -> None:
    # It was told at its end, as it had been seen: how bad it is then, nobody claims.
    held = life((0, "open"), (10, "closed"), (30, "partly..."))
    step = observe(held, Seen(level=Level.GONE, at=at(31)))
    assert step.news == (AGAIN,)
    assert step.life
    assert step.life.told is Level.PARTLY
    # Should it be back as a whole when it is quiet, that is worse than people believe.
    back = observe(step.life, Seen(level=Level.WHOLE, at=at(40))).life
    assert back
    assert due(back, Level.WHOLE, at(40) + QUIET).news == (WORSE,)


def test_a_return_waits_for_the_rest_of_its_round_no_longer_than_an_opening() -> None:
    held = life((0, "open"), (10, "closed"), (30, "open..."))
    assert held.tell_at == at(30) + PATIENCE
    assert due(held, Level.WHOLE, at(30.5)).news == (AGAIN,)


def test_the_hour_begins_a_new_incident_and_less_goes_on_with_the_old() -> None:
    early, late = Watch(), Watch()
    for watch, minute in ((early, 69.9), (late, 70)):
        for look in [(0, "open"), (10, "closed"), (minute, "open")]:
            watch.look(*look)

    assert (early.began, late.began) == (1, 2)
    assert early.life
    assert late.life
    assert early.life.opened_at == NOON
    assert late.life.opened_at == at(70)


def test_a_fingerprint_names_kind_and_subject_and_nothing_else() -> None:
    assert fingerprint(Kind.BYPASS, 7) == fingerprint(Kind.BYPASS, 7)
    others = {
        fingerprint(Kind.BLIND, 7),
        fingerprint(Kind.BYPASS, 71),
        fingerprint(Kind.CUT_OFF, 7, 1),
    }
    assert fingerprint(Kind.BYPASS, 7) not in others
    assert len(others) == 3


LOOKS = st.lists(
    st.tuples(
        st.floats(0.05, 90, allow_nan=False),
        st.sampled_from(
            ["closed", "partly", "open", "unknown", "open...", "partly...", "open?", "partly?"]
        ),
        st.booleans(),
    ),
    max_size=40,
)  # fmt: skip


def walked(looks: Sequence[tuple[float, str, bool]]) -> tuple[Watch, float]:
    watch, minute = Watch(), 0.0
    for gap, seen, ticked in looks:
        if ticked:
            watch.tick(minute + gap / 2)
        minute += gap
        watch.look(minute, seen)
    return watch, minute


def settle(watch: Watch, minute: float) -> None:
    """Let the clock go on until nothing is held back any more."""
    watch.tick(minute + 1)
    watch.tick(minute + 1 + QUIET / timedelta(minutes=1))


@given(LOOKS)
def test_news_is_what_people_do_not_know_yet(looks: Sequence[tuple[float, str, bool]]) -> None:
    watch, minute = walked(looks)
    settle(watch, minute)
    was, now = watch.believed[:-1], watch.believed[1:]
    for (_, event), before, after in zip(watch.told, was, now, strict=True):
        assert (before is Level.GONE) == (event in (OPENED, AGAIN))
        assert before != after
        assert (before, after) == (Level.PARTLY, Level.WHOLE) or event is not WORSE
        assert (before, after) == (Level.WHOLE, Level.PARTLY) or event is not BETTER


@given(LOOKS)
def test_once_it_was_quiet_people_believe_what_is_so(
    looks: Sequence[tuple[float, str, bool]],
) -> None:
    watch, minute = walked(looks)
    restless = watch.life is not None and watch.life.restless
    settle(watch, minute)

    assert watch.life is None or not watch.life.restless
    believed = watch.believed[-1]
    if restless:
        assert believed is watch.level
    # Of what never came and went, that it got less bad is no news; worse waits for a whole round.
    assert (believed is Level.GONE) == (watch.level is Level.GONE)


@given(LOOKS)
def test_no_sequence_loses_an_opening_or_an_end(looks: Sequence[tuple[float, str, bool]]) -> None:
    watch, minute = walked(looks)
    settle(watch, minute)

    events = [event for _, event in watch.told]
    assert events.count(OPENED) == watch.began
    known = {level for _, seen, _ in looks if (level := LEVELS[seen.rstrip(".?")]) is not None}
    assert bool(watch.began) == bool(known - {Level.GONE})
    told = [e for e in events if e not in (WORSE, BETTER)]
    assert (told[-1:] in ([OPENED], [AGAIN])) == (watch.level is not Level.GONE)
    assert watch.life is None or watch.life.tell_at is None


@given(LOOKS, st.sampled_from(["closed", "partly", "open", "unknown"]))
def test_the_same_look_twice_is_told_once(
    looks: Sequence[tuple[float, str, bool]], seen: str
) -> None:
    watch, minute = walked(looks)
    watch.look(minute + 0.1, seen)
    life = watch.life

    assert watch.look(minute + 0.1, seen) == ()
    assert watch.life == life


@given(st.lists(st.floats(0.1, 59.9, allow_nan=False), min_size=3, max_size=30))
def test_a_restless_door_is_told_three_times_however_often_it_flips(gaps: Sequence[float]) -> None:
    watch, minute = Watch(), 0.0
    for number, gap in enumerate([0.0, *gaps]):
        minute += gap
        watch.look(minute, "closed" if number % 2 else "open")

    assert [event for _, event in watch.told] == [OPENED, RESOLVED, AGAIN]
    assert watch.began == 1


def test_patience_is_shorter_than_the_two_minutes_that_were_promised() -> None:
    assert timedelta(0) < PATIENCE < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("refused", "inside", "level"),
    [
        ({}, {"a": ["foreign"]}, Level.GONE),
        ({"a": []}, {"a": ["foreign"]}, Level.GONE),
        ({"a": ["own"]}, {"a": ["foreign", "null"]}, Level.PARTLY),
        ({"a": ["own", "null"]}, {"a": ["foreign"]}, Level.PARTLY),
        ({"a": ["foreign", "own", "null"]}, {}, Level.WHOLE),
        ({"a": ["own"]}, {"b": ["foreign"]}, Level.WHOLE),
        ({"a": ["foreign"]}, {"a": ["own"]}, Level.WHOLE),
        ({"a": ["own"], "b": ["foreign", "own", "null"]}, {"a": ["foreign"]}, Level.WHOLE),
    ],
)
def test_a_source_is_cut_off_as_a_whole_where_a_domain_takes_no_mail_of_it(
    refused: dict[str, list[str]], inside: dict[str, list[str]], level: Level
) -> None:
    assert severed(refused, inside) is level


def test_times_that_came_and_went_are_added_without_those_in_between() -> None:
    spells = [(at(0), at(1)), (at(55), at(56)), (at(55.5), at(56))]
    assert in_all(spells) == timedelta(minutes=2)
    assert in_all([]) == timedelta(0)


@pytest.mark.parametrize(
    ("reasons", "level"),
    [
        ([], Level.GONE),
        (["credential"], Level.PARTLY),
        (["not_probed"], Level.PARTLY),
        (["not_read", "not_probed"], Level.WHOLE),
        (["silent"], Level.WHOLE),
    ],
)
def test_a_tenant_is_unseen_as_a_whole_where_it_is_neither_read_nor_probed(
    reasons: list[str], level: Level
) -> None:
    assert unseen(reasons) is level
