"""The figures: JSON-safe, coloured by tokens only, bounds hatched, and a table beside each."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.adapters import figures
from mailposture.adapters.bands import Window
from mailposture.adapters.charts import (
    Bucket,
    Change,
    FleetExposure,
    TenantDays,
    TenantTimeline,
)
from mailposture.adapters.drawings.strips import Day
from mailposture.adapters.labels import LANE, LETTER, Mark, short, sides

NOW = datetime(2026, 11, 25, 8, 2, tzinfo=UTC)
START = NOW - timedelta(days=18)
HOUR = timedelta(hours=1)


def window(**bounds: datetime | None) -> Window:
    given: dict[str, Any] = {
        "last_closed": START + HOUR,
        "first_open": START + 2 * HOUR,
        "last_open": START + 5 * HOUR,
        "first_closed": START + 6 * HOUR,
        "label": "any host",
        "href": "/tenants/contoso/",
        **bounds,
    }
    return Window(**given)


def timeline(**more: Any) -> TenantTimeline:
    given: dict[str, Any] = {
        "start": START,
        "now": NOW,
        "changes": (Change(at=START + HOUR, effect="opens", label="Enabled", href="/changes/1/"),),
        "buckets": (
            Bucket(start=START, end=START + HOUR, worst="closed", answers=45),
            Bucket(start=START + HOUR, end=START + 2 * HOUR, worst="open", answers=45, href="/o/"),
        ),
        "windows": (window(),),
        **more,
    }
    return TenantTimeline(**given)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, value


def traces(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [trace for trace in document["data"] if trace["type"] == kind]


def test_a_figure_is_json_and_the_same_for_the_same_facts() -> None:
    once, again = (json.dumps(timeline().figure(), sort_keys=True) for _ in range(2))
    assert once == again
    assert json.loads(once)["data"]


def test_all_colours_are_tokens_so_that_one_document_serves_both_themes(tokens: set[str]) -> None:
    fleet = FleetExposure(tenants=(TenantDays(name="contoso", days=days(open_minutes=5)),))
    for document in (timeline().figure(), fleet.figure()):
        found = [(p, v) for p, v in leaves(document) if re.search("color", p, re.IGNORECASE)]
        colours = [v for _, v in found if isinstance(v, str)]
        assert colours
        odd = [c for c in colours if c != figures.CLEAR and not c.startswith("var(--")]
        assert odd == []
        assert {c[4:-1] for c in colours if c.startswith("var(")} <= tokens


@pytest.fixture
def tokens() -> set[str]:
    from pathlib import Path  # noqa: PLC0415 # for this one test

    sheet = (Path(__file__).parents[2] / "static/css/tokens.css").read_text()
    return set(re.findall(r"(--[a-z0-9-]+):", sheet))


def test_a_window_is_solid_where_it_was_seen_open_and_hatched_to_both_neighbours() -> None:
    solid, hatched = traces(timeline(changes=(), buckets=()).figure(), "bar")
    assert solid["base"] == ["2026-11-07T10:02:00"]
    assert solid["x"] == [3 * 3_600_000]
    assert hatched["base"] == ["2026-11-07T09:02:00", "2026-11-07T13:02:00"]
    assert hatched["x"] == [3_600_000, 3_600_000]
    assert hatched["marker"]["pattern"]["shape"] == "/"
    assert "pattern" not in solid["marker"]


@pytest.mark.parametrize(
    ("bounds", "hatches"),
    [
        ({}, 2),
        ({"last_closed": None}, 1),
        ({"first_closed": None}, 1),
        ({"last_closed": None, "first_closed": None}, 0),
    ],
)
def test_a_bound_that_was_never_seen_is_not_hatched(
    bounds: dict[str, datetime | None], hatches: int
) -> None:
    found = traces(timeline(changes=(), buckets=(), windows=(window(**bounds),)).figure(), "bar")
    assert sum(len(t["base"]) for t in found if "pattern" in t["marker"]) == hatches


def test_a_window_seen_once_is_still_a_mark() -> None:
    once = window(last_open=START + 2 * HOUR)
    solid = traces(timeline(changes=(), buckets=(), windows=(once,)).figure(), "bar")[0]
    assert solid["x"] == [60_000]


def test_open_answers_stand_out_in_the_lane_of_probes() -> None:
    bars = traces(timeline(changes=(), windows=()).figure(), "bar")
    heights = {trace["marker"]["color"]: trace["y"][0] for trace in bars}
    assert heights["var(--open)"] > 2 * heights["var(--closed-line)"]


def test_every_mark_carries_its_link() -> None:
    document = timeline().figure()
    links = {v for path, v in leaves(document) if path.endswith("customdata")}
    assert {"/changes/1/", "/o/", "/tenants/contoso/"} <= links


def test_a_lane_without_events_stays_and_says_none() -> None:
    document = timeline(changes=(), buckets=(), windows=()).figure()
    assert document["data"] == []
    assert document["layout"]["yaxis"]["ticktext"] == [
        "Configuration: none", "Probes: none", "Exposure windows: none",
    ]  # fmt: skip


def labelled(*changes: tuple[timedelta, str], reach: timedelta = 18 * 24 * HOUR) -> dict[str, str]:
    """The words that are shown, and on which side of their mark."""
    made = tuple(Change(at=NOW - before, effect="opens", label=label) for before, label in changes)
    shown = timeline(start=NOW - reach, changes=made, windows=()).figure()
    (trace,) = traces(shown, "scatter")
    pairs = zip(trace["text"], trace["textposition"], strict=True)
    return {text.strip(): side.removeprefix("middle ") for text, side in pairs if text}


DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ([(9 * DAY, "Lock")], {"Lock": "right"}),
        ([(9 * DAY, "Lock"), (3 * DAY, "Open")], {"Lock": "right", "Open": "right"}),
        ([(9 * DAY, "Lock"), (9 * DAY - HOUR, "Open")], {"Open": "right"}),
        ([(9 * DAY - HOUR, "Open"), (9 * DAY, "Lock")], {"Open": "right"}),
        ([(9 * DAY, "Lock")] * 9, {"Lock": "right"}),
        ([(HOUR, "Just now")], {"Just now": "left"}),
        ([(2 * HOUR, "Before"), (HOUR, "Just now")], {"Before": "left"}),
        ([(17.9 * DAY, "x" * 99)], {"x" * 31 + "…": "right"}),
    ],
)
def test_words_have_room_beside_their_mark_or_are_left_out(
    changes: list[tuple[timedelta, str]], shown: dict[str, str]
) -> None:
    assert labelled(*changes) == shown


@given(
    st.lists(
        st.tuples(st.integers(0, 600), st.integers(0, 200), st.text("ab ", max_size=40)), max_size=9
    )
)
def test_no_words_lie_on_a_mark_or_on_other_words_or_beyond_the_edge(
    found: list[tuple[int, int, str]],
) -> None:
    second = timedelta(seconds=1)
    start, end = NOW - LANE * second, NOW
    marks = [
        Mark(start + a * second, min(end, start + (a + n) * second), words) for a, n, words in found
    ]
    spans = [(m.begin, m.end) for m in marks]
    for mark, side in zip(marks, sides(marks, start, end), strict=True):
        width = (len(short(mark.words)) * LETTER) * second
        if side:
            words = (
                (mark.end, mark.end + width)
                if side == "right"
                else (mark.begin - width, mark.begin)
            )
            assert start <= words[0]
            assert words[1] <= end
            spans.append(words)
    for n, (begin, until) in enumerate(spans[len(marks) :], len(marks)):
        assert not [
            1 for k, (b, u) in enumerate(spans) if k != n and begin < b + (u - b) and b < until
        ]


def test_an_exposure_that_reaches_up_to_now_has_its_words_on_the_left() -> None:
    late = window(last_closed=NOW - 2 * DAY, first_open=NOW - DAY, last_open=NOW, first_closed=None)
    for of, side in ((late, "left"), (window(), "right")):
        (words,) = traces(timeline(changes=(), windows=(of,)).figure(), "scatter")
        assert words["text"] == [" any host "]
        assert words["textposition"] == [f"middle {side}"]


def test_words_of_others_are_no_markup_in_a_figure() -> None:
    hostile = '<a href="javascript:x">click</a>'
    named = Change(at=START, effect="opens", label=hostile)
    document = timeline(changes=(named,), windows=(window(),)).figure()
    assert hostile not in json.dumps(document)
    assert "&lt;a href=" in json.dumps(document)
    rows = FleetExposure(tenants=(TenantDays(name=hostile, days=days(open_minutes=1)),)).figure()
    texts = [v for path, v in leaves(rows) if path.endswith("hovertext")]
    assert not [t for t in texts if "<a" in t]


def test_times_are_utc_and_carry_no_zone_that_plotly_would_shift() -> None:
    assert figures.stamp(NOW.astimezone()) == "2026-11-25T08:02:00"
    assert figures.said(NOW) == "2026-11-25 08:02:00 UTC"
    assert figures.said(None) == "not seen"


def test_the_timeline_has_a_table_that_says_the_same_newest_first() -> None:
    head, *rows = timeline().table()
    assert head == ("When", "Lane", "What", "State", "Until")
    assert len(rows) == 4
    assert rows == sorted(rows, reverse=True)
    windows = [row for row in rows if row[1] == "Exposure window"]
    assert windows[0][2] == (
        "any host; last seen closed 2026-11-07 09:02:00 UTC, first seen open 2026-11-07 10:02:00 "
        "UTC, last seen open 2026-11-07 13:02:00 UTC, first seen closed 2026-11-07 14:02:00 UTC"
    )
    assert timeline(windows=(window(first_closed=None),)).table()[1:]
    assert "still open" in {
        row[4] for row in timeline(windows=(window(first_closed=None),)).table()
    }


def days(**of_last: float) -> tuple[Day, ...]:
    first = date(2026, 8, 28)
    found = [Day(day=first + timedelta(days=n)) for n in range(90)]
    return (*found[:-1], Day(day=found[-1].day, **of_last))  # type: ignore[arg-type] # floats only


def test_zero_minutes_show_the_page_and_not_a_colour() -> None:
    fleet = FleetExposure(tenants=(TenantDays(name="contoso", days=days(open_minutes=8)),))
    heat = traces(fleet.figure(), "heatmap")[0]
    assert heat["z"][0][:3] == [None, None, None]
    assert heat["z"][0][-1] == 8
    assert (heat["xgap"], heat["ygap"], heat["zmax"]) == (2, 2, 1440)


@pytest.mark.parametrize(
    ("minutes", "hatched", "part"),
    [({"unknown_minutes": 60}, 1, 0), ({"partly_minutes": 60}, 0, 1), ({"open_minutes": 60}, 0, 0)],
)
def test_what_is_not_known_is_hatched_in_the_fleet(
    minutes: dict[str, float], hatched: int, part: int
) -> None:
    fleet = FleetExposure(tenants=(TenantDays(name="contoso", days=days(**minutes)),))
    bars = traces(fleet.figure(), "bar")
    assert len([b for b in bars if "pattern" in b["marker"]]) == hatched
    assert len([b for b in bars if b["marker"]["color"] == "var(--part)"]) == part


def test_the_worst_tenant_is_on_top_and_the_room_grows_with_the_rows() -> None:
    names = ("contoso", "northwind", "adatum")
    fleet = FleetExposure(tenants=tuple(TenantDays(name=n, days=days()) for n in names))
    axis = fleet.figure()["layout"]["yaxis"]
    assert axis["categoryarray"] == ["adatum", "northwind", "contoso"]
    assert fleet.height - FleetExposure(tenants=()).height == 2 * 26
    assert fleet.figure()["layout"]["height"] == fleet.height


EVIL = '<a href="https://tailspin.example">R&D</a> <b>x</b>'
SAFE = '&lt;a href="https://tailspin.example"&gt;R&amp;D&lt;/a&gt; &lt;b&gt;x&lt;/b&gt;'


def texts_of(document: dict[str, Any]) -> list[str]:
    return [value for _, value in leaves(document) if isinstance(value, str)]


def test_names_that_look_like_tags_stay_words_in_the_fleet() -> None:
    mixed = [days(**{kind: 5})[0] for kind in ("open_minutes", "partly_minutes", "unknown_minutes")]
    document = FleetExposure(tenants=(TenantDays(name=EVIL, days=tuple(mixed)),)).figure()
    texts = texts_of(document)
    assert [text for text in texts if "<" in text.replace("<br>", "")] == []
    assert {text for trace in document["data"] for text in trace["y"]} == {SAFE}
    assert document["layout"]["yaxis"]["categoryarray"] == [SAFE]
    assert any(text.startswith(f"{SAFE}, ") for text in texts)


def test_sentences_that_look_like_tags_stay_words_in_a_timeline() -> None:
    evil = timeline(
        changes=(Change(at=START + HOUR, effect="opens", label=EVIL),),
        windows=(replace(window(), label=EVIL),),
    )
    texts = texts_of(evil.figure())
    assert [text for text in texts if "<" in text.replace("<br>", "")] == []
    assert any(SAFE in text for text in texts)
    assert any(EVIL in cell for row in evil.table() for cell in row)


def test_a_fleet_without_tenants_is_an_empty_figure_with_a_head_for_a_table() -> None:
    empty = FleetExposure(tenants=())
    assert empty.figure()["data"] == []
    assert empty.table() == [
        ("Day", "Tenant", "State", "Minutes open", "Minutes partly open", "Minutes unknown")
    ]


def test_the_fleet_has_a_table_of_the_days_that_were_not_simply_closed() -> None:
    fleet = FleetExposure(tenants=(TenantDays(name="contoso", days=days(open_minutes=1234)),))
    assert fleet.table()[1:] == [("2026-11-25", "contoso", "Open", "1,234", "0", "0")]
