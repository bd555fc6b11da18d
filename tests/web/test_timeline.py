"""The timeline of a tenant: its figure behind an address, its buckets, the union of its windows."""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from mailposture import models
from mailposture.core.exposure import Window
from mailposture.core.verdict import SenderClass, Verdict
from mailposture.services.pages import answers, timeline, windows
from mailposture.services.pages.answers import Run, Span
from mailposture.services.pages.windows import Held, Stand, unite
from tests import factories
from tests.factories import NOW, ago
from tests.web.tenant_rows import probed, signed_in, window

HERE = (1, 0)
HOUR = timedelta(hours=1)
FOREIGN, OWN, NULL = SenderClass.FOREIGN, SenderClass.OWN, SenderClass.NULL


@pytest.fixture(autouse=True)
def at_one_moment() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


# ---- the address ------------------------------------------------------------------------------


@pytest.fixture
def exposed(db: None) -> models.Tenant:
    """Closed for days, opened by a change a day ago, still open."""
    of = factories.tenant("contoso")
    for path in probed(of, factories.stranger(), "closed"):
        path.observations.update(last_at=ago(hours=25))
        factories.answered(path, "open", ago(hours=24))
        window(path, ago(hours=24), last_closed_at=ago(hours=25))
    before = factories.snapshot(of, factories.configuration(factories.lock()), ago(days=9))
    after = factories.snapshot(of, factories.configuration(), ago(hours=25))
    of.changes.create(
        before=before, after=after, at=ago(hours=25), part="inbound_connectors", kind="removed",
        subject="Lock to gateway", sentence="Lock to <b>gateway</b> removed", effect="opens",
    )  # fmt: skip
    return of


def blinded(of: models.Tenant, since: datetime) -> None:
    """From then on every look is answered with nothing that proves anything, up to now."""
    for path in of.paths.all():
        path.observations.filter(last_at=None).update(last_at=since)
        factories.answered(path, "unknown", since)


def figure(client: Client, days: str = "") -> Any:
    answer = client.get(f"/tenants/contoso/timeline.json{days}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    return json.loads(answer.content)


def test_someone_not_signed_in_gets_no_figure(client: Client, exposed: models.Tenant) -> None:
    answer = client.get("/tenants/contoso/timeline.json")
    assert answer.headers["Location"].startswith("/signin/")


@pytest.mark.parametrize("staff", [True, False], ids=["staff", "viewer"])
def test_anyone_signed_in_gets_the_figure(exposed: models.Tenant, staff: bool) -> None:
    shown = figure(signed_in(staff=staff))
    assert {trace["type"] for trace in shown["data"]} == {"scatter", "bar"}
    assert shown["layout"]["yaxis"]["ticktext"] == ["Configuration", "Probes", "Exposure windows"]


def test_marks_lead_to_their_change_and_their_window(exposed: models.Tenant) -> None:
    said = json.dumps(figure(signed_in(staff=False)))
    change = exposed.changes.get()
    assert f"/changes/{change.pk}/" in said
    assert "#window-foreign-own-null-20261124T080200" in said
    assert "<b>gateway" not in said


@pytest.mark.parametrize(
    ("asked", "days"),
    [("", 18), ("?days=0", 1 / 24), ("?days=1", 1), ("?days=90", 90), ("?days=365", 365),
     ("?days=2", 18), ("?days=-1", 18), ("?days=x", 18), ("?days=999999999999", 18)],
)  # fmt: skip
def test_the_reach_is_one_of_those_offered(exposed: models.Tenant, asked: str, days: float) -> None:
    first, last = figure(signed_in(staff=False), asked)["layout"]["xaxis"]["range"]
    reach = datetime.fromisoformat(last) - datetime.fromisoformat(first)
    assert reach == timedelta(days=days)


@pytest.mark.parametrize(("minutes", "days"), [(3, 0), (61, 1), (60 * 25, 18), (60 * 24 * 300, 18)])
def test_a_tenant_watched_for_minutes_is_not_shown_in_weeks(
    db: None, minutes: int, days: int
) -> None:
    of = factories.tenant("contoso", created_at=ago(minutes=minutes))
    assert timeline.reach(of, NOW) == days


def test_a_tenant_without_history_has_empty_lanes(db: None) -> None:
    factories.tenant("contoso")
    lanes = figure(signed_in(staff=False))["layout"]["yaxis"]["ticktext"]
    assert lanes == ["Configuration: none", "Probes: none", "Exposure windows: none"]


def test_the_figure_costs_the_same_few_queries_for_a_year(
    exposed: models.Tenant, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in(staff=False)
    with django_assert_max_num_queries(7):
        figure(client, "?days=365")


# ---- the table and the list in the page -------------------------------------------------------


def test_the_same_stands_as_a_table_behind_the_figure(exposed: models.Tenant) -> None:
    shown = signed_in(staff=False).get("/tenants/contoso/").content.decode()
    section = shown.split('id="timeline"')[1]
    assert 'data-figure="/tenants/contoso/timeline.json?days=18"' in section
    table = section.split("<details")[1]
    plain = " ".join(re.sub(r"<[^>]+>", " ", table).split())
    assert "When Lane What State Until" in plain
    assert (
        "2026-11-24 07:02:00 UTC Configuration Lock to &lt;b&gt;gateway&lt;/b&gt; removed" in plain
    )
    assert "Exposure window any host, any sender; last seen closed 2026-11-24 07:02:00 UTC" in plain
    assert "still open" in plain
    assert "Probes 3 answers Closed" in plain
    assert "Probes 3 answers Open" in plain


def test_the_chosen_reach_is_marked_and_the_others_are_links(exposed: models.Tenant) -> None:
    shown = signed_in(staff=False).get("/tenants/contoso/?days=90").content.decode()
    assert '<b aria-current="true">90 d</b>' in shown
    assert 'href="?days=18#timeline"' in shown
    assert 'data-figure="/tenants/contoso/timeline.json?days=90"' in shown


def test_short_rooms_get_a_list_newest_first(exposed: models.Tenant) -> None:
    found = timeline.events(
        list(exposed.changes.all()), windows.load(exposed, [], NOW), ago(days=18)
    )
    assert [(e.at, e.text) for e in found] == [
        (ago(hours=24), "First seen open, any sender."),
        (ago(hours=25), "Lock to <b>gateway</b> removed"),
    ]


# ---- buckets ----------------------------------------------------------------------------------


def span(
    said: str,
    first: float,
    last: float,
    of: SenderClass = FOREIGN,
    *,
    paths: int = 1,
    group: int = 0,
) -> Span:
    """An answer from so many hours ago to so many hours ago."""
    return Span(
        group=group, place=1, part=0, sender_class=of, verdict=Verdict(said),
        first=ago(hours=first), last=ago(hours=last), paths=paths,
    )  # fmt: skip


def run(first: float, last: float, part: int = 0) -> Run:
    return Run(place=1, part=part, since=ago(hours=first), until=ago(hours=last))


@pytest.mark.parametrize(
    ("spans", "worst"),
    [
        ([span("closed", 9, 0)], "closed"),
        ([span("open", 9, 0), span("closed", 9, 0, OWN)], "open"),
        ([span("closed", 9, 0), span("open", 9, 0, OWN)], "partly"),
        ([span("closed", 9, 0), span("unknown", 9, 0, NULL)], "unknown"),
        ([span("open", 9, 0.2), span("closed", 0.2, 0)], "open"),
        # A blind stranger beside one that was refused proves nothing.
        ([span("closed", 9, 0), span("unknown", 9, 0)], "closed"),
        # Yet no domain answers for another.
        ([span("closed", 9, 0), span("unknown", 9, 0, group=1)], "unknown"),
        ([span("unknown", 9, 0), span("open", 9, 0, NULL, group=1)], "partly"),
    ],
)
def test_a_bucket_shows_its_worst_answer(spans: list[Span], worst: str) -> None:
    found = timeline.buckets([run(9, 0)], spans, 1, NOW)
    assert found[-1].worst == worst


def test_domains_with_the_same_history_are_one_group_and_others_their_own(db: None) -> None:
    of = factories.tenant("contoso")
    here, blind = factories.stranger(), factories.stranger("singapore")
    probed(of, here, "closed", ("contoso.com", "contoso.net"))
    probed(of, blind, "unknown", ("contoso.com", "contoso.net"))
    (odd,) = factories.paths(of, blind, ("contoso.org",), ("foreign",))
    factories.answered(odd, "unknown", ago(days=6, hours=4))
    loaded = answers.load(of, answers.runs(of), ago(days=18), NOW)
    assert sorted((s.group, s.verdict, s.paths) for s in loaded.spans) == [
        *[(0, "closed", 2)] * 3, *[(0, "unknown", 2)] * 3, (1, "unknown", 1),
    ]  # fmt: skip
    assert timeline.buckets(answers.runs(of), loaded.spans, 18, NOW)[-1].worst == "unknown"
    odd.delete()
    loaded = answers.load(of, answers.runs(of), ago(days=18), NOW)
    assert timeline.buckets(answers.runs(of), loaded.spans, 18, NOW)[-1].worst == "closed"


def test_a_bucket_in_which_nobody_looked_is_left_out_though_the_answer_goes_on() -> None:
    runs = [run(20, 12), run(4, 0)]
    found = timeline.buckets(runs, [span("closed", 20, 0, paths=9)], 1, NOW)
    assert {b.answers for b in found} == {9}
    assert not [b for b in found if ago(hours=11) <= b.start < ago(hours=5)]
    assert [b for b in found if b.end <= ago(hours=12)]


def test_what_another_part_saw_says_nothing_of_this_one() -> None:
    assert timeline.buckets([run(9, 0, part=1)], [span("open", 9, 0)], 1, NOW) == []


def test_what_lies_before_the_reach_is_cut_off() -> None:
    found = timeline.buckets([run(900, 0)], [span("open", 900, 0)], 1, NOW)
    assert len(found) == 48
    assert found[0].start == ago(days=1)
    assert found[-1].end == NOW


@pytest.mark.parametrize("days", timeline.REACHES)
def test_buckets_fit_their_reach(days: int) -> None:
    hours = 24 * (days + 1)
    found = timeline.buckets([run(hours, 0)], [span("closed", hours, 0)], days, NOW)
    assert 40 <= len(found) <= 100
    assert all(a.end == b.start for a, b in itertools.pairwise(found))


def test_blind_looks_are_hatched_from_when_it_was_last_seen_open(exposed: models.Tenant) -> None:
    blinded(exposed, ago(hours=3))
    drawn = timeline.load(exposed, 18, NOW)
    (window,) = drawn.windows
    assert (window.last_open, window.doubt_until) == (ago(hours=3), NOW)
    assert any("not seen closed" in row for row in drawn.table())
    bars = [trace for trace in drawn.figure()["data"] if trace.get("width") == 0.42]
    hatched = [bar for bar in bars if bar["marker"].get("pattern")]
    assert [bar["x"] for bar in bars] == [[21 * 3_600_000.0], [3_600_000.0, 3 * 3_600_000.0]]
    assert len(hatched) == 1


@pytest.mark.parametrize("hours", [26, 1])
def test_an_open_answer_that_lapsed_does_not_stand_open(
    exposed: models.Tenant, hours: float
) -> None:
    seen = [replace(run, until=ago(hours=hours)) for run in answers.runs(exposed)]
    (found,) = windows.load(exposed, seen, NOW)
    assert (found.open, found.unproved) == ((False, True) if hours > 24 else (True, False))


# ---- times in which nobody looked -------------------------------------------------------------


def looked(of: models.Tenant, *hours: tuple[float, float]) -> None:
    """These are all looks that were taken, in hours ago."""
    place = models.VantagePoint.objects.get(paths__windows__tenant=of, paths__sender_class="own")
    of.coverage.all().delete()
    for begin, end in hours:
        of.coverage.create(vantage_point=place, since=ago(hours=begin), until=ago(hours=end))


def over(of: models.Tenant) -> None:
    """The door was open from 100 hours ago to 10 hours ago, and is closed since."""
    of.windows.update(first_open_at=ago(hours=100), last_open_at=ago(hours=10),
                      last_closed_at=ago(hours=106), first_closed_at=ago(hours=4))  # fmt: skip


@pytest.mark.parametrize(
    ("looks", "lasted", "unseen"),
    [
        ([(200, 0)], 90, 0),  # all the time
        ([(200, 70), (30, 0)], 50, 40),  # an outage of forty hours
        ([(200, 50), (30, 0)], 90, 0),  # less than four rounds: an answer counts so long
        ([(200, 90), (60, 55), (20, 0)], 25, 65),  # two of them, and a look between
        ([(200, 150)], 0, 90),  # none at all while it was open but for its bounds
    ],
)
def test_an_outage_is_no_part_of_how_long_it_surely_was_open(
    exposed: models.Tenant, looks: list[tuple[float, float]], lasted: float, unseen: float
) -> None:
    over(exposed)
    looked(exposed, *looks)
    (row,) = windows.rows(windows.load(exposed, answers.runs(exposed), NOW), NOW)
    assert row.lasted == timedelta(hours=lasted)
    assert row.unseen == timedelta(hours=unseen)
    assert windows.added_up([row]) == lasted * 3600
    # The outer bounds stay: it may have been open all that time.
    assert row.most_until - row.most_from == timedelta(hours=102)
    shown = signed_in(staff=False).get("/tenants/contoso/").content.decode()
    assert ("nobody looked for" in shown) is bool(unseen)


def test_what_stands_open_and_is_looked_at_no_more_is_counted_up_to_the_last_look(
    exposed: models.Tenant,
) -> None:
    looked(exposed, (200, 30))
    models.Tenant.objects.update(probe_every=3 * 3600)
    exposed.refresh_from_db()
    exposed.windows.update(first_open_at=ago(hours=40))
    (one,) = windows.load(exposed, answers.runs(exposed), NOW)
    (row,) = windows.rows([one], NOW)
    assert not one.open
    assert row.lasted == timedelta(hours=10)


def test_an_outage_is_hatched_within_the_window(exposed: models.Tenant) -> None:
    over(exposed)
    looked(exposed, (200, 70), (30, 0))
    (window,) = timeline.load(exposed, 18, NOW).windows
    hours = [((NOW - a) / HOUR, (NOW - b) / HOUR) for a, b in window.solid]
    assert hours == [(100, 70), (30, 10)]
    drawn = timeline.load(exposed, 18, NOW).figure()["data"]
    bars = [trace for trace in drawn if trace.get("width") == 0.42]
    assert [bar["x"] for bar in bars] == [
        [30 * 3_600_000.0, 20 * 3_600_000.0],
        [6 * 3_600_000.0, 40 * 3_600_000.0, 6 * 3_600_000.0],
    ]


# ---- the union of windows ---------------------------------------------------------------------


def held(*hours: float | None, stand: Stand = Stand.OVER) -> Held:
    """Last closed, first open, last open, first closed, in hours ago."""
    closed, opened, last, ended = (None if h is None else ago(hours=h) for h in hours)
    assert opened
    assert last
    return Window(last_closed=closed, first_open=opened, last_open=last, first_closed=ended), stand


def bounds(window: Window) -> tuple[float | None, ...]:
    moments = (window.last_closed, window.first_open, window.last_open, window.first_closed)
    return tuple((NOW - m) / timedelta(hours=1) if m else None for m in moments)


@pytest.mark.parametrize(
    ("several", "one"),
    [
        ([held(9, 8, 5, 4), held(7, 6, 3, 2)], [(9, 8, 3, 2)]),
        ([held(9, 8, 3, 2), held(7, 6, 5, 4)], [(9, 8, 3, 2)]),
        ([held(9, 8, 5, 4), held(None, 8, 5, 4)], [(None, 8, 5, 4)]),
        ([held(9, 8, 7, 6), held(4, 3, 2, 1)], [(9, 8, 7, 6), (4, 3, 2, 1)]),
        ([held(9, 8, 7, 6), held(9, 8, 0, None, stand=Stand.OPEN)], [(9, 8, 0, None)]),
        ([held(9, 8, 1, None, stand=Stand.OPEN), held(5, 4, 3, 2)], [(9, 8, 1, None)]),
        ([held(9, 8, 5, None, stand=Stand.UNPROVED), held(7, 6, 3, 2)], [(9, 8, 3, None)]),
        ([held(9, 8, 7, None, stand=Stand.UNPROVED), held(4, 3, 2, 1)],
         [(9, 8, 7, None), (4, 3, 2, 1)]),
        ([held(9, 8, 5, 4), held(9, 8, 5, 3)], [(9, 8, 5, 3)]),
        ([held(9, 8, 5, 2), held(7, 6, 4, 3)], [(9, 8, 4, 2)]),
        ([held(9, 6, 5, 4), held(8, 7, 5, 4)], [(9, 7, 5, 4)]),
        ([held(9, 8, 5, 4), held(None, 6, 5, 4)], [(9, 8, 5, 4)]),
        ([], []),
    ],
)  # fmt: skip
def test_windows_that_overlap_are_one_with_the_bounds_of_its_ends(
    several: list[Held], one: list[tuple[float | None, ...]]
) -> None:
    for order in (several, several[::-1]):
        assert [bounds(window) for window, _ in unite(order)] == one


def test_classes_with_the_same_bounds_are_one_line() -> None:
    same = held(9, 8, 5, 4)
    found = windows.together({FOREIGN: [same], OWN: [same], NULL: [held(4, 3, 2, 1)]})
    assert [(e.who, bounds(e.window)) for e in found] == [
        ("null sender", (4, 3, 2, 1)),
        ("foreign and own sender", (9, 8, 5, 4)),
    ]


@pytest.mark.parametrize(
    ("surely", "most", "said"),
    [
        (timedelta(seconds=61), timedelta(seconds=70), False),
        (timedelta(seconds=61), timedelta(seconds=121), True),
        (timedelta(seconds=1), timedelta(seconds=9), True),
        (timedelta(days=2), timedelta(days=2, minutes=50), False),
        (timedelta(hours=2), timedelta(hours=2, minutes=1), True),
        (timedelta(hours=2), timedelta(hours=2), False),
    ],
)
def test_two_lengths_that_read_the_same_are_said_once(
    surely: timedelta, most: timedelta, said: bool
) -> None:
    opened = NOW - timedelta(days=9)
    window = Window(
        last_closed=opened, first_open=opened, last_open=opened + surely, first_closed=opened + most
    )
    (row,) = windows.rows(windows.together({FOREIGN: [(window, Stand.OVER)]}), NOW)
    assert row.at_most is said
