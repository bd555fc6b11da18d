"""The SVG of the server: what passes, what is stopped, what is escaped, what a strip says."""

import re
from dataclasses import replace
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.adapters.drawings import flow, maps, states, strips, svg
from mailposture.adapters.drawings.flow import FlowLine, MailFlow
from mailposture.adapters.drawings.strips import Day

HOSTILE = """<script>alert("1")</script>' onload='x"""


def drawn(*lines: FlowLine) -> str:
    return maps.mail_flow(MailFlow(tenant="fabrikam", lines=lines))


def parsed(markup: str) -> ET.Element:
    return ET.fromstring(f"<all>{markup}</all>")  # noqa: S314 # drawn by ourselves


def classes(markup: str) -> list[str]:
    return [e.get("class", "") for e in parsed(markup).iter()]


@pytest.mark.parametrize(
    ("spelled", "name", "word", "css"),
    [
        ("open", "open", "Open", "is-open"),
        ("Partly open", "partly", "Partly open", "is-partly"),
        ("partly_open", "partly", "Partly open", "is-partly"),
        ("cut-off", "cut_off", "Cut off", "is-cut-off"),
        ("gets_in", "gets_in", "Gets in", "is-gets-in"),
        ("not measured", "none", "Not measured", "is-none"),
        (None, "none", "Not measured", "is-none"),
        ("", "none", "Not measured", "is-none"),
        ("opens", "opens", "Opens", "is-opens"),
    ],
)
def test_a_state_is_known_in_every_spelling(
    spelled: str | None, name: str, word: str, css: str
) -> None:
    found = states.state(spelled)
    assert (found.name, found.word, found.css) == (name, word, css)


def test_a_state_nobody_knows_is_a_defect_and_not_a_grey_box() -> None:
    with pytest.raises(KeyError):
        states.state("vulnerable")


@pytest.mark.parametrize(
    ("observed", "gap", "end"),
    [
        ("open", True, maps.WALL + 34),
        ("gets_in", True, maps.WALL + 34),
        ("partly", True, maps.WALL + 34),
        ("closed", False, maps.WALL - 13),
        ("cut_off", False, maps.WALL - 13),
        ("unknown", False, maps.WALL - 26),
    ],
)
def test_the_wall_opens_only_where_a_line_passes(observed: str, gap: bool, end: float) -> None:
    line = FlowLine(kind="stranger", title="Stranger", observed=observed)
    assert bool(flow.gaps([(line, 100.0)])) is gap
    assert flow.ends(observed, maps.WALL) == end
    assert f"H{svg.number(end)}" in flow.pair(line, 400, maps.WALL, 100.0)


def test_a_wall_with_a_gap_is_two_pieces_that_leave_the_line_room() -> None:
    line = FlowLine(kind="gateway", title="Gateway", observed="gets_in", predicted="gets_in")
    pieces = parsed(flow.wall([(line, 100.0)], 632, 200.0)).findall("rect")
    heights = [(float(p.get("y", "")), float(p.get("height", ""))) for p in pieces]
    assert heights == [(0.0, 82.0), (118.0, 82.0)]


def test_without_a_prediction_there_is_no_dashed_line_and_no_agreement() -> None:
    markup = drawn(FlowLine(kind="stranger", title="Stranger", observed="open"))
    assert not [c for c in classes(markup) if "predicted" in c]
    assert "Agrees" not in markup
    assert "Contradicts" not in markup
    assert [c for c in classes(markup) if c.startswith("observed")]


@pytest.mark.parametrize(
    ("predicted", "observed", "contradicts"),
    [
        ("closed", "open", True),
        ("gets_in", "cut_off", True),
        ("closed", "closed", False),
        ("open", "partly", False),
        ("closed", "unknown", False),
        ("unknown", "open", False),
        ("closed", None, False),
        (None, "open", False),
    ],
)
def test_only_a_known_answer_contradicts_a_known_prediction(
    predicted: str | None, observed: str | None, contradicts: bool
) -> None:
    line = FlowLine(kind="stranger", title="Stranger", predicted=predicted, observed=observed)
    assert line.contradicts is contradicts
    assert ("node contra" in classes(drawn(line))) is contradicts


def test_what_was_never_asked_has_neither_line_nor_verdict() -> None:
    markup = drawn(FlowLine(kind="hybrid", title="Hybrid server"))
    assert "unasked" in classes(markup)
    assert "Not measured" in markup
    assert "Hybrid server: not probed" in markup


def test_the_map_draws_only_hosts_that_exist() -> None:
    gateway = FlowLine(kind="gateway", title="Gateway", observed="gets_in")
    stranger = FlowLine(kind="stranger", title="Stranger", observed="closed")
    hybrid = FlowLine(kind="hybrid", title="Hybrid server", observed="gets_in")
    assert "On premises" not in drawn(gateway, stranger)
    assert "follows the MX" not in drawn(stranger)
    assert "follows the MX" not in drawn(gateway, stranger)
    assert "follows the MX" in drawn(replace(gateway, by_mx=True), stranger)
    assert "Internet" not in drawn(hybrid)
    assert "On premises" in drawn(gateway, stranger, hybrid)
    assert parsed(drawn()).findall("svg")


def test_both_forms_name_every_line_and_link_it_to_its_evidence() -> None:
    line = FlowLine(kind="stranger", title="Stranger", details=("null sender",),
                    predicted="closed", observed="open", href="/observations/7/")  # fmt: skip
    links = parsed(drawn(line)).findall(".//a")
    assert [a.get("href") for a in links] == ["/observations/7/"] * 2
    titles = [a.findtext("title") for a in links]
    assert titles == ["Stranger, null sender: predicted Closed, answered Open"] * 2


def test_strangers_stand_between_the_gateway_and_the_hosts_on_premises() -> None:
    kinds = ("hybrid", "stranger", "gateway", "relay", "stranger")
    spec = MailFlow(tenant="x", lines=tuple(FlowLine(kind=k, title=k) for k in kinds))
    assert [line.kind for line in spec.ordered] == [
        "gateway", "stranger", "stranger", "hybrid", "relay",
    ]  # fmt: skip


def test_foreign_words_stay_words_in_a_drawing() -> None:
    line = FlowLine(kind="stranger", title=HOSTILE[:20], details=(HOSTILE,), above=HOSTILE,
                    below=HOSTILE, notes=(HOSTILE,), observed="closed", href=HOSTILE)  # fmt: skip
    markup = maps.mail_flow(MailFlow(tenant=HOSTILE, lines=(line,), mx=HOSTILE))
    tags = {element.tag for element in parsed(markup).iter()}
    assert "script" not in tags
    assert not [e for e in parsed(markup).iter() if "onload" in e.attrib]


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cn", "Cs")), max_size=80))
def test_any_words_give_a_drawing_that_parses(words: str) -> None:
    line = FlowLine(kind="relay", title=words, details=(words,), below=words, observed="open")
    assert parsed(drawn(line)) is not None


def test_no_drawing_carries_a_style_attribute() -> None:
    line = FlowLine(kind="stranger", title="Stranger", observed="open", predicted="closed")
    markup = drawn(line) + strips.strip(fortnight()) + strips.ticks(["open"], 3) + maps.key()
    assert "style" not in {name for e in parsed(markup).iter() for name in e.attrib}


def test_long_names_are_cut_and_say_so() -> None:
    assert svg.fitted("mail.fabrikam.com", 40) == "mail.fabrikam.com"
    assert svg.fitted("mail.fabrikam.com", 9) == "mail.fab…"


def test_every_state_of_a_line_has_a_width_for_its_word() -> None:
    for name in ("open", "partly", "closed", "unknown", "gets_in", "cut_off", "agrees",
                 "contradicts", "none"):  # fmt: skip
        markup, end = flow.badge(name, 10, 20)
        assert states.state(name).word in markup
        assert end > 10


def fortnight(**of_last: float) -> list[Day]:
    first = date(2026, 10, 25)
    days = [Day(day=first + timedelta(days=n), watched=n > 2) for n in range(14)]
    return [*days[:-1], Day(day=days[-1].day, **of_last)]  # type: ignore[arg-type] # floats only


@pytest.mark.parametrize(
    ("minutes", "css", "height"),
    [
        ({"open_minutes": 1440}, "is-open", 29),
        ({"open_minutes": 720}, "is-open", 14.5),
        ({"open_minutes": 1}, "is-open", 3),
        ({"open_minutes": 5000}, "is-open", 29),
        ({"partly_minutes": 720}, "is-partly", 14.5),
        ({"partly_minutes": 900, "open_minutes": 720}, "is-open", 14.5),
        ({"unknown_minutes": 5}, "is-unknown", 29),
        ({}, "is-closed", 3),
    ],
)
def test_a_bar_is_as_high_as_its_share_of_the_day(
    minutes: dict[str, float], css: str, height: float
) -> None:
    bars = parsed(strips.strip(fortnight(**minutes))).findall(".//rect")
    assert len(bars) == 14
    assert bars[-1].get("class") == css
    assert float(bars[-1].get("height", "")) == pytest.approx(height, abs=0.06)


def test_a_day_before_the_first_look_is_neither_closed_nor_unknown() -> None:
    bars = parsed(strips.strip(fortnight())).findall(".//rect")
    assert [bar.get("class") for bar in bars[:4]] == ["is-none"] * 3 + ["is-closed"]


def test_a_strip_says_in_words_what_it_shows() -> None:
    found = strips.summary(fortnight(open_minutes=1440, unknown_minutes=1), "contoso")
    assert found == "contoso, 14 days: open for 1,440 min"
    assert strips.summary(fortnight(unknown_minutes=1)).endswith("unknown on 1 of them")
    assert "partly open for 90 min" in strips.summary(fortnight(partly_minutes=90))


def test_the_axis_marks_the_firsts_of_months_and_today() -> None:
    labels = [e.text for e in parsed(strips.axis(fortnight())).iter("text")]
    assert labels == ["1 Nov", "today"]


def test_an_empty_strip_is_a_strip() -> None:
    assert parsed(strips.strip([])).findall("svg")
    assert parsed(strips.axis([])).findall("svg")


def test_ticks_come_in_order_and_open_ones_are_twice_as_high() -> None:
    marks = parsed(strips.ticks(["closed", "open", "cut_off"], 5)).findall(".//rect")
    assert [m.get("class") for m in marks] == [
        "is-closed", "is-open", "is-cut-off", "is-none", "is-none",
    ]  # fmt: skip
    assert [m.get("height") for m in marks] == ["7", "14", "14", "7", "7"]


def test_many_paths_share_a_tick_that_shows_the_worst_of_them() -> None:
    answers = ["closed"] * 5000
    answers[4000] = "open"
    marks = parsed(strips.ticks(answers, 5000)).findall(".//rect")
    assert len(marks) <= strips.MOST_TICKS
    assert [m.get("class") for m in marks].count("is-open") == 1


def test_numbers_in_attributes_are_short() -> None:
    assert re.fullmatch(r"[-0-9. ]+", f"{svg.number(12.0)} {svg.number(12.345)}")
    assert (svg.number(12.0), svg.number(12.345), svg.number(-3)) == ("12", "12.3", "-3")
