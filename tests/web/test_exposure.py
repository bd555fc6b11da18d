"""Ninety days of exposure: minutes counted between what was seen, drawn as strips and a figure."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from html import escape

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from mailposture import models
from mailposture.adapters.drawings.strips import Day
from mailposture.services.pages import exposure, fleet, spans
from tests import factories
from tests.factories import NOW, ago
from tests.web import fleet_rows as rows
from tests.web.fleet_rows import CLOSED, OPEN, SCRIPT, page, probed, window, words

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 25)


@pytest.fixture(autouse=True)
def at_one_moment() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def viewer() -> Client:
    return rows.signed_in(staff=False)


def at(hour: int) -> datetime:
    return datetime(2026, 11, 20, tzinfo=UTC) + timedelta(hours=hour)


# ---- arithmetic of times -----------------------------------------------------------------


def test_times_that_touch_or_overlap_are_one_and_empty_ones_none() -> None:
    given = [(at(5), at(6)), (at(1), at(3)), (at(2), at(5)), (at(9), at(9))]
    assert spans.union(given) == [(at(1), at(6))]


def test_what_lies_in_both() -> None:
    one, other = [(at(1), at(4)), (at(6), at(9))], [(at(3), at(7))]
    assert spans.both(one, other) == [(at(3), at(4)), (at(6), at(7))]


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ([], [(1, 9)]),
        ([(0, 2)], [(2, 9)]),
        ([(3, 4), (6, 7)], [(1, 3), (4, 6), (7, 9)]),
        ([(0, 10)], []),
        ([(9, 12)], [(1, 9)]),
    ],
)
def test_what_is_taken_away(taken: list[tuple[int, int]], left: list[tuple[int, int]]) -> None:
    found = spans.minus([(at(1), at(9))], [(at(a), at(b)) for a, b in taken])
    assert found == [(at(a), at(b)) for a, b in left]


def test_minutes_are_cut_at_midnight_utc_and_at_the_first_day() -> None:
    found = [(at(-30), at(2)), (at(23), at(25))]
    assert spans.minutes_by_day(found, date(2026, 11, 20), 2) == [180.0, 60.0]


# ---- a tenant's days ---------------------------------------------------------------------


def days(slug: str) -> dict[date, Day]:
    of = models.Tenant.objects.get(slug=slug)
    (found,) = exposure.days([exposure.watched(of, NOW)], NOW)
    assert len(found.days) == 90
    return {day.day: day for day in found.days}


def test_a_tenant_is_open_while_a_foreign_sender_gets_in_to_every_domain() -> None:
    of = probed("contoso", OPEN)
    place = models.VantagePoint.objects.get()
    (other,) = factories.paths(of, place, ("contoso.net",), ("foreign",))
    factories.answered(other, "open", ago(days=2))
    rows.stood(of, ago(days=2))
    first = of.paths.get(domain="contoso.com", sender_class="foreign")
    window(first, datetime(2026, 11, 23, 6, tzinfo=UTC))
    window(other, datetime(2026, 11, 23, 18, tzinfo=UTC))
    found = days("contoso")
    day = found[date(2026, 11, 23)]
    assert (day.partly_minutes, day.open_minutes) == (720, 360)
    assert found[date(2026, 11, 24)].open_minutes == 1440
    assert found[date(2026, 11, 22)].state == "closed"


def test_a_window_that_stands_counts_up_to_the_last_look_and_no_further() -> None:
    of = probed("contoso", OPEN, probed_at=ago(minutes=32))
    window(of.paths.get(sender_class="foreign"), datetime(2026, 11, 25, 7, tzinfo=UTC))
    assert days("contoso")[TODAY].open_minutes == 30


def test_blind_looks_end_what_was_seen_open_and_are_unknown(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    of = probed("litware", OPEN, since=ago(days=3))
    for path in of.paths.all():
        window(path, ago(days=3))
        path.observations.update(last_at=datetime(2026, 11, 24, 6, tzinfo=UTC))
        factories.answered(path, "unknown", datetime(2026, 11, 24, 6, tzinfo=UTC))
    with django_assert_max_num_queries(2):
        found = days("litware")
    day = found[date(2026, 11, 24)]
    assert (day.open_minutes + day.partly_minutes, day.unknown_minutes) == (360, 1080)
    today = found[TODAY]
    assert (today.open_minutes, today.partly_minutes, today.state) == (0, 0, "unknown")


def test_a_null_sender_alone_makes_it_partly_open() -> None:
    of = probed("fabrikam", {"foreign": "closed", "null": "open"})
    window(of.paths.get(sender_class="null"), ago(hours=4), last_open_at=ago(hours=3),
           first_closed_at=ago(hours=2))  # fmt: skip
    day = days("fabrikam")[TODAY]
    assert (day.open_minutes, day.partly_minutes, day.state) == (0, 60, "partly")


def test_windows_of_several_paths_count_once() -> None:
    of = probed("contoso", OPEN)
    for path in of.paths.all():
        window(path, ago(hours=2), last_open_at=ago(hours=1), first_closed_at=ago(hours=1))
    assert days("contoso")[TODAY].open_minutes == 60


def test_a_path_that_left_ends_its_window() -> None:
    of = probed("contoso", OPEN)
    path = of.paths.get(sender_class="foreign")
    models.Path.objects.filter(pk=path.pk).update(retired_at=ago(hours=1))
    window(path, ago(hours=2))
    assert days("contoso")[TODAY].open_minutes == 60


def test_answers_that_decide_nothing_are_unknown_days_unless_they_were_short() -> None:
    of = probed("contoso", CLOSED)
    path = of.paths.get(sender_class="foreign")
    for begin, end in ((ago(days=9), ago(days=7)), (ago(days=3, minutes=20), ago(days=3))):
        path.observations.create(
            first_at=begin, last_at=end, verdict="unknown", cause="no-answer", shape=str(begin)
        )
    found = days("contoso")
    assert found[date(2026, 11, 17)].state == "unknown"
    assert found[date(2026, 11, 22)].state == "closed"


def watched(of: models.Tenant, until: datetime) -> None:
    """The first stranger looked for days, until then."""
    place = models.VantagePoint.objects.get()
    of.coverage.create(vantage_point=place, since=ago(days=9), until=until)


def blinded(of: models.Tenant) -> None:
    """A second stranger, which for a week has been told nothing that decides."""
    place = factories.stranger("singapore")
    (path,) = factories.paths(of, place, ("contoso.com",), ("foreign",))
    factories.answered(path, "unknown", ago(days=7))


def test_a_blind_stranger_makes_no_unknown_day_where_another_was_refused() -> None:
    of = probed("contoso", CLOSED, since=ago(days=9), created_at=ago(days=9))
    watched(of, ago(minutes=4))
    blinded(of)
    assert {day.state for day in days("contoso").values() if day.watched} == {"closed"}


def test_a_refusal_stands_only_as_long_as_its_place_looked() -> None:
    of = probed("contoso", CLOSED, since=ago(days=9))
    watched(of, ago(days=3))
    blinded(of)
    found = days("contoso")
    assert found[date(2026, 11, 20)].state == "closed"
    assert found[date(2026, 11, 24)].state == "unknown"


def outage(of: models.Tenant, *without: int) -> None:
    """Looks every day since the tenant is watched, but for these days of November."""
    place = models.VantagePoint.objects.get()
    for n in range(30):
        day = datetime(2026, 10, 26, tzinfo=UTC) + timedelta(days=n)
        if day < datetime(2026, 11, 1, tzinfo=UTC) or day.day not in without:
            until = day + timedelta(hours=24)
            of.coverage.create(vantage_point=place, since=day, until=until)


def test_a_time_in_which_nobody_looked_is_unknown_and_neither_open_nor_closed() -> None:
    of = probed("contoso", OPEN)
    outage(of, 6, 7, 8, 14)
    for path in of.paths.all():
        window(path, datetime(2026, 11, 5, tzinfo=UTC),
               last_open_at=datetime(2026, 11, 11, tzinfo=UTC),
               first_closed_at=datetime(2026, 11, 11, 6, tzinfo=UTC))  # fmt: skip
    found = days("contoso")
    states = {n: found[date(2026, 11, n)].state for n in (4, 5, 6, 7, 8, 9, 10, 13, 14)}
    assert states == {
        4: "closed", 5: "open", 6: "unknown", 7: "unknown", 8: "unknown", 9: "open", 10: "open",
        13: "closed", 14: "closed",  # a single day: an answer counts for four rounds
    }  # fmt: skip
    assert sum(day.open_minutes for day in found.values()) == 3 * 1440
    assert found[date(2026, 11, 7)].unknown_minutes == 1440


def test_while_one_stranger_looks_an_outage_of_another_is_not_unknown() -> None:
    of = probed("contoso", CLOSED)
    outage(of, 6, 7, 8)
    other = factories.stranger("singapore")
    of.coverage.create(vantage_point=other, since=ago(days=29), until=ago(minutes=4))
    assert days("contoso")[date(2026, 11, 7)].state == "closed"


def test_where_too_many_rows_were_read_no_outage_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    of = probed("contoso", CLOSED)
    outage(of, 6, 7, 8)
    assert days("contoso")[date(2026, 11, 7)].state == "unknown"
    monkeypatch.setattr(exposure, "MOST_SPANS", 10)
    assert days("contoso")[date(2026, 11, 7)].state == "closed"


def test_a_refusal_of_one_sender_class_says_nothing_of_another() -> None:
    of = probed("contoso", {"own": "closed"}, since=ago(days=9))
    watched(of, ago(minutes=4))
    blinded(of)
    assert days("contoso")[date(2026, 11, 20)].state == "unknown"


def test_days_before_the_first_look_were_not_watched() -> None:
    probed("contoso", CLOSED, created_at=ago(days=10))
    found = days("contoso")
    assert found[date(2026, 11, 14)].state == "none"
    assert found[date(2026, 11, 16)].state == "closed"


def test_a_tenant_never_probed_is_unknown_not_closed() -> None:
    probed("proseware", rows.UNKNOWN, created_at=ago(days=2), probed_at=None)
    found = days("proseware")
    assert [found[TODAY - timedelta(days=n)].state for n in (0, 1, 4)] == [
        "unknown",
        "unknown",
        "none",
    ]


def test_after_a_stale_answer_nothing_is_known() -> None:
    probed("contoso", CLOSED, probed_at=ago(days=2))
    assert days("contoso")[date(2026, 11, 24)].state == "unknown"


# ---- on the page, and behind its own address ---------------------------------------------


def test_strips_stand_on_the_overview_with_their_minutes(viewer: Client) -> None:
    of = probed("contoso", OPEN, created_at=ago(days=30))
    window(of.paths.get(sender_class="foreign"), ago(hours=50), last_open_at=ago(hours=25),
           first_closed_at=ago(hours=24))  # fmt: skip
    probed("proseware", rows.UNKNOWN, created_at=ago(days=2), probed_at=None)
    shown = page(viewer, "/")
    assert "Minutes open to strangers, 1,500 in all" in words(shown)
    assert "contoso, 90 days: open for 1,500 min" in shown
    assert '<span class="minutes">unknown</span>' in shown
    assert 'data-figure="/exposure.json"' in shown
    assert "2026-11-23 contoso Open 1,078" in words(shown)


def test_someone_not_signed_in_gets_no_figure(client: Client) -> None:
    assert client.get("/exposure.json").status_code == 302


def test_the_figure_has_a_row_a_tenant_and_leads_to_it(
    viewer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    of = probed("contoso", OPEN, name=f"contoso {SCRIPT}")
    window(of.paths.get(sender_class="foreign"), ago(hours=5))
    probed("northwind", CLOSED)
    with django_assert_max_num_queries(4):
        answer = viewer.get("/exposure.json")
    assert answer.headers["Cache-Control"] == "private, no-store"
    figure = json.loads(answer.content)
    heat = figure["data"][0]
    assert list(heat["y"]) == [f"contoso {escape(SCRIPT)}", "northwind"]
    assert heat["z"][0][-1] == 296
    assert heat["customdata"][0][-1] == "/tenants/contoso/"
    assert SCRIPT not in heat["hovertext"][0][-1]


def test_no_tenant_is_an_empty_figure(viewer: Client) -> None:
    assert json.loads(viewer.get("/exposure.json").content)["data"] == []


def test_only_the_worst_are_drawn(viewer: Client) -> None:
    rows.many(25, [CLOSED, OPEN])
    shown = page(viewer, "/")
    assert shown.count('class="strip"') == exposure.DRAWN
    assert "the worst 10 tenants" in words(shown)
    drawn = fleet.worst_first(fleet.tenants(NOW))[: exposure.DRAWN]
    figure = json.loads(viewer.get("/exposure.json").content)
    assert list(figure["data"][0]["y"]) == [tenant.name for tenant in drawn]
