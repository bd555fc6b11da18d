"""The design system: every part in every state, nothing inline, readable, and what is vendored."""

import gzip
import hashlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import engines
from django.template.loader import render_to_string
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from mailposture.adapters.drawings.states import STATES
from mailposture.core import words
from mailposture.core.smtp.reply import Reply
from mailposture.core.smtp.transcript import Line, Transcript, Who
from mailposture.templatetags import conversation
from mailposture.templatetags.matrix import Cell, Matrix, MatrixRow
from tests.web import sheet

ROOT = Path(__file__).parents[2]
CSS = sorted((ROOT / "static/css").glob("*.css"))
PARTS = sorted((ROOT / "templates/parts").glob("*.html"))
NOW = sheet.NOW
SHEETS = sorted(path.name for path in sheet.HERE.glob("*.html"))


def render(source: str, **context: Any) -> str:
    return str(engines["django"].from_string("{% load look %}" + source).render(context))


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """Every sheet as served; a variable that is missing fails here."""
    engine, context = engines["django"], sheet.context()
    return {
        name: str(engine.from_string((sheet.HERE / name).read_text()).render(context))
        for name in SHEETS
    }


# --- what every page must keep --------------------------------------------------------------------


@pytest.mark.parametrize("name", SHEETS)
def test_nothing_in_a_page_is_inline(pages: dict[str, str], name: str) -> None:
    page = pages[name]
    assert not re.search(r"<[^>]*\sstyle\s*=", page)
    assert not re.search(r"<style|<[^>]*\son[a-z]+\s*=", page)
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"(?:src|href)=\"https?:", page)


@pytest.mark.parametrize("name", SHEETS)
def test_every_symbol_used_is_in_the_sprite(pages: dict[str, str], name: str) -> None:
    page = pages[name]
    used = set(re.findall(r'<use href="#([\w-]+)"', page))
    assert used
    assert used <= set(re.findall(r'<symbol id="([\w-]+)"', page))


@pytest.mark.parametrize("name", SHEETS)
def test_no_remark_of_ours_reaches_a_page(pages: dict[str, str], name: str) -> None:
    assert not re.search(r"\{[#%{]|Context:", pages[name])


def test_the_sheet_can_be_written_to_a_folder(tmp_path: Path) -> None:
    written = sheet.write(tmp_path)
    assert [path.name for path in written] == SHEETS
    assert (tmp_path / "figures/timeline.json").stat().st_size > 1000


@pytest.mark.parametrize("path", PARTS, ids=lambda p: p.name)
def test_every_part_says_at_its_top_what_it_takes(path: Path) -> None:
    assert re.match(r"\s*(\{% load [^%]+%\})?\s*\{(#|% comment %)", path.read_text())


@pytest.mark.parametrize("name", ["base.html", "signed_out.html", "400.html", "403.html",
                                  "404.html", "500.html"])  # fmt: skip
def test_a_page_stands_without_any_context(name: str) -> None:
    page = render_to_string(name)
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "<main" in page


def test_a_page_that_failed_needs_nothing_that_could_fail_again() -> None:
    source = (ROOT / "templates/500.html").read_text()
    assert "{%" not in source
    assert "/static/" not in source


def test_the_theme_is_chosen_before_the_first_paint_and_all_else_waits() -> None:
    page = render_to_string("base.html")
    scripts = re.findall(r"<script ([^>]*)>", page)
    blocking = [s for s in scripts if "defer" not in s]
    assert len(blocking) == 1
    assert "theme.js" in blocking[0]
    assert page.index("theme.js") < page.index("tokens.css")


def test_the_first_thing_to_reach_by_keyboard_skips_to_the_content() -> None:
    body = render_to_string("base.html").split("<body>")[1]
    assert re.findall(r'<a [^>]*href="([^"]*)"', body)[0] == "#main"
    assert 'id="main"' in body


# --- the rail -------------------------------------------------------------------------------------


def test_the_rail_says_where_one_is_and_what_the_product_never_does() -> None:
    page = render_to_string("base.html", {"rail": sheet.rail("Exposure", "adatum"), "now": NOW})
    assert re.search(r'aria-current="page"><svg.*?<span>Exposure</span>', page)
    assert re.search(r'class="count bad">3<', page)
    assert "<b>4 of 5</b> vantage points see clearly" in page
    assert re.search(r"Last round <time[^>]*>07:58</time>, <time[^>]*>4 min ago</time>", page)
    assert "Reads only. Never changes a tenant." in page
    assert re.search(r'href="/tenants/adatum/" aria-current="true"', page)


@pytest.mark.parametrize("lab", [True, False])
def test_a_lab_is_marked_everywhere_and_only_there(lab: bool) -> None:
    page = render_to_string("base.html", {"rail": sheet.rail("Overview", lab=lab), "now": NOW})
    assert ("<b>LAB</b>" in page) is lab


def test_a_rail_over_nothing_says_so() -> None:
    empty: dict[str, Any] = {
        "tenants": [], "tenant": None, "nav": [], "vantage": {"clear": 0, "all": 0, "marks": []},
        "last_round": None, "lab": False,
    }  # fmt: skip
    page = render_to_string("base.html", {"rail": empty, "now": NOW})
    assert "No tenant yet" in page
    assert "No vantage point yet" in page
    assert "No round yet" in page


def test_a_tenant_named_in_markup_is_only_a_name() -> None:
    rail = sheet.rail("Overview", "x")
    rail["tenants"] = [("x", "<script>alert(1)</script>")]
    page = render_to_string("base.html", {"rail": rail, "now": NOW})
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_bad_news_stays_until_closed_and_the_rest_leaves_by_itself() -> None:
    found = [sheet.Message("a", "info"), sheet.Message("b", "error")]
    page = render_to_string("parts/toasts.html", {"messages": found})
    assert page.count('class="toast ') == 2
    assert page.count("data-stay") == 1
    assert 'role="status"' in page


# --- states ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*STATES, "not_measured", "Partly open"])
@pytest.mark.parametrize("size", ["", "big", "bare"])
def test_a_badge_is_never_a_colour_without_a_word(name: str, size: str) -> None:
    markup = render("{% badge name size %}", name=name, size=size)
    word = re.sub(r"<[^>]+>", "", markup).strip()
    assert word[0].isupper()
    assert ("<use" in markup) is (word != "Not measured")
    assert re.search(r'class="badge is-[a-z-]+', markup)


def test_a_badge_can_be_a_link_with_another_word() -> None:
    markup = render('{% badge "cut_off" "" "Missing" href "stale" %}', href="/a/?b=1&c=2")
    assert markup.startswith('<a class="badge is-cut-off stale" href="/a/?b=1&amp;c=2">')
    assert "<span>Missing</span>" in markup


@pytest.mark.parametrize("name", [n for n in STATES if n not in {"opens", "closes", "neutral"}])
def test_a_cell_is_one_link_with_gate_and_word(name: str) -> None:
    markup = render('{% cell name "/observations/1/" "why" %}', name=name)
    assert markup.startswith('<a class="cell is-')
    assert 'title="why"' in markup
    assert STATES[name].cell_word in markup


def test_a_contradiction_has_its_own_sign_and_says_what_was_predicted() -> None:
    markup = render('{% cell "open" "/o/" "" "Predicted Closed by Lock, answered Open" %}')
    assert "#g-contradicts" in markup
    assert "Contradicts" in markup
    assert 'title="Predicted Closed by Lock, answered Open"' in markup
    assert "contra" in markup


@pytest.mark.parametrize(("how", "said"), [("stale", "Closed"), ("probing", "being probed")])
def test_a_cell_says_when_its_answer_is_old_or_on_its_way(how: str, said: str) -> None:
    markup = render('{% cell "closed" "" "" "" how %}', how=how)
    assert markup.startswith(f'<span class="cell is-closed {how}"')
    assert said in markup


@pytest.mark.parametrize(
    ("level", "bars"), [("critical", 4), ("High", 3), ("medium", 2), ("low", 1), ("info", 0)]
)
def test_severity_is_bars_and_a_word(level: str, bars: int) -> None:
    markup = render("{% severity level %}", level=level)
    assert markup.count('class="on"') == bars
    assert markup.count("<rect") == 4
    assert level.capitalize() in markup


# --- times, numbers, wire -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (1.9, "1.9 s"),
        (4, "4 s"),
        (61, "1 min"),
        (32 * 60, "32 min"),
        (3600, "1 h"),
        (21 * 3600 + 48 * 60, "21 h 48 m"),
        (86_400, "1 d"),
        (6 * 86_400 + 4 * 3600 + 59, "6 d 4 h"),
        (timedelta(days=41), "41 d"),
        (-5, "0 s"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said
    assert render("{{ s|duration }}", s=seconds) == said
    assert render("{% duration s %}", s=seconds) == said


@pytest.mark.parametrize(
    ("past", "said"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=4), "4 s ago"),
        (timedelta(minutes=4, seconds=50), "4 min ago"),
        (timedelta(hours=22, minutes=10), "22 h ago"),
        (timedelta(days=3), "3 d ago"),
        (timedelta(minutes=-8), "in 8 min"),
    ],
)
def test_how_long_ago_has_one_unit_and_the_exact_time_beside_it(past: timedelta, said: str) -> None:
    markup = render("{% ago moment %}", moment=NOW - past, now=NOW)
    assert f">{said}</time>" in markup
    assert f'title="{words.exact(NOW - past)}"' in markup
    assert f'datetime="{(NOW - past).isoformat()}"' in markup


def test_a_moment_that_never_was_is_said_in_words() -> None:
    assert render("{% ago moment %}", moment=None, now=NOW) == "never"
    assert render('{% ago moment "not read" %}', moment=None, now=NOW) == "not read"
    assert render("{% since moment %}{% at moment %}{% lasted moment %}", moment=None) == ""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{% since moment %}", "since 24 Nov 10:14"),
        ("{% at moment %}", "24 Nov 10:14"),
        ('{% at moment "day" %}', "24 Nov"),
        ('{% at moment "long" %}', "Tuesday 24 November"),
        ('{% at moment "clock" %}', "10:14"),
        ('{% at moment "second" %}', "10:14:02"),
        ('{% at moment "exact" %}', "2026-11-24 10:14:02 UTC"),
        ("{% lasted moment %}", "21 h 48 m"),
        ("{% clock %}", "08:02 UTC"),
    ],
)
def test_moments_are_told_in_utc_in_the_form_asked_for(source: str, said: str) -> None:
    moment = datetime(2026, 11, 24, 10, 14, 2, tzinfo=UTC)
    markup = render(source, moment=moment, now=NOW)
    assert re.sub(r"<[^>]+>", "", markup) == said
    assert "<time" in markup


@pytest.mark.parametrize(
    ("length", "said"), [(0, "1 s"), (0.9, "1 s"), (2.6, "3 s"), (59.2, "59 s"), (61, "1 min")]
)
def test_what_lasts_less_than_a_minute_is_told_in_whole_seconds(length: float, said: str) -> None:
    markup = render("{% lasted moment %}", moment=NOW - timedelta(seconds=length), now=NOW)
    assert f">{said}</time>" in markup


def test_another_year_is_said() -> None:
    assert words.day(datetime(2025, 12, 31, tzinfo=UTC), NOW) == "31 Dec 2025"


def test_without_a_clock_from_the_page_the_real_one_is_read() -> None:
    assert "just now" in render("{% ago moment %}", moment=datetime.now(UTC))


@pytest.mark.parametrize(
    ("value", "said"),
    [(4294967296, "4,294,967,296"), (0, "0"), ("any host", "any host"), (None, "")],
)
def test_numbers_have_separators(value: Any, said: str) -> None:
    assert render("{{ v|number }}", v=value) == said
    assert render("{% number v %}", v=value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"250 2.1.5 Recipient OK\r\n", "250 2.1.5 Recipient OK"),
        (b"550 \x1b[31mred\x00\r", r"550 \x1B[31mred\x00"),
        (b"550 a\\b", r"550 a\\b"),
        (b"550 caf\xc3\xa9", r"550 caf\xC3\xA9"),
        ("550 a\r\x07", r"550 a\x0D\x07"),
        ("550 \u202egnp.exe", r"550 \u202Egnp.exe"),
        ("Grüße", "Grüße"),
    ],
)
def test_what_a_server_said_is_shown_and_never_acts(value: bytes | str, said: str) -> None:
    assert words.wire(value) == said


def test_wire_text_is_escaped_and_wraps_only_after_the_dots_of_names() -> None:
    markup = render("{{ v|wire }}", v=b"550 <b>x</b> a.outlook.com 192.0.2.1\r\n")
    assert markup == "550 &lt;b&gt;x&lt;/b&gt; a.<wbr>outlook.<wbr>com 192.0.2.1"
    assert render("{% wire v %}", v=b"550 a.b\r\n") == "550 a.<wbr>b"


@given(st.binary(max_size=300))
def test_no_bytes_give_a_control_character_or_markup(value: bytes) -> None:
    shown = words.wire(value)
    assert shown.isascii()
    assert shown.isprintable()
    assert "<" not in render("{{ v|wire }}", v=value).replace("<wbr>", "")
    assert "".join(words.pieces(shown)) == shown


# --- the conversation -----------------------------------------------------------------------------


def test_a_conversation_is_shown_whole_and_only_its_deciding_line_is_tinted() -> None:
    markup = render('{% transcript said "rcpt" "open" %}', said=sheet.conversation())
    assert markup.count(" decides is-open") == 1
    assert "Decides: Open" in markup
    for line in sheet.conversation().lines:
        shown = words.wire(line.data).replace("<", "&lt;").replace(">", "&gt;")
        assert shown in markup.replace("<wbr>", "")


def test_offers_fold_from_the_second_time_on_and_say_what_they_hold() -> None:
    rows = conversation.rows(sheet.conversation())
    offers = [row for row in rows if row.lines[0].startswith(b"250-")]
    assert [len(row.lines) for row in offers] == [10, 1]
    assert offers[0].fold == ""
    assert offers[1].fold == "8 more lines, same offers without STARTTLS"


def test_of_two_equal_replies_the_one_given_then_decides() -> None:
    lines = (
        Line(1.0, Who.CLIENT, b"MAIL FROM:<>\r\n"), Line(2.0, Who.SERVER, b"250 OK\r\n"),
        Line(2.1, Who.CLIENT, b"RCPT TO:<a@b.example>\r\n"), Line(3.0, Who.SERVER, b"250 OK\r\n"),
    )  # fmt: skip
    replies = tuple(Reply("rcpt", 250, None, "OK", b"250 OK\r\n", ms) for ms in (3.0,))
    said = Transcript(address="192.0.2.1", port=25, lines=lines, replies=replies)
    rows = conversation.rows(said, "rcpt", "open")
    assert [bool(row.decides) for row in rows] == [False, False, False, True]


def test_a_reply_that_is_not_there_decides_nothing() -> None:
    said = sheet.conversation()
    assert not [row for row in conversation.rows(said, "data", "open") if row.decides]


def test_the_short_form_keeps_from_mail_on_without_the_farewell() -> None:
    rows = conversation.rows(sheet.conversation(), "rcpt", "open", short=True)
    assert [row.lines[0].split()[0] for row in rows] == [b"MAIL", b"RCPT", b"250", b"250"]
    silent = Transcript(address="192.0.2.1", port=25)
    assert conversation.rows(silent, short=True) == []


def test_handshake_and_our_own_end_are_bands() -> None:
    said = sheet.conversation()
    cut = Line(60_000.0, Who.NOTE, b"ended: session timeout")
    longer = Transcript(address="192.0.2.1", port=25, lines=(*said.lines, cut), tls=said.tls)
    bands = [row for row in conversation.rows(longer) if row.kind == "band"]
    assert [row.lines[0][:5] for row in bands] == [b"TLSv1", b"ended"]
    assert len(bands[0].lines) == 2


def test_bars_of_waiting_stay_in_their_lane() -> None:
    for row in conversation.rows(sheet.conversation()):
        assert row.x >= 0
        assert row.width > 0
        assert row.x + row.width <= conversation.LANE + 0.2


def test_a_silent_server_is_a_conversation_too() -> None:
    markup = render("{% transcript said %}", said=Transcript(address="192.0.2.1", port=25))
    assert "Nothing was said." in markup


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_any_words_of_a_server_lay_out_without_losing_a_byte(said: list[bytes]) -> None:
    lines = tuple(Line(float(n), Who.SERVER, data) for n, data in enumerate(said))
    rows = conversation.rows(Transcript(address="192.0.2.1", port=25, lines=lines))
    kept = b"".join(b"".join((*row.lines, *row.folded)) for row in rows)
    assert kept == b"".join(said)


# --- matrix, tables, forms ------------------------------------------------------------------------


def test_the_matrix_divides_strangers_from_approved_sources_once() -> None:
    markup = render('{% include "parts/matrix.html" %}', matrix=sheet.matrix())
    assert markup.count('class="divide"') == 1
    assert markup.count('<table class="matrix">') == 1


def test_domains_that_answer_alike_fold_and_keep_their_count_of_contradictions() -> None:
    blocks = sheet.matrix().blocks
    assert [block.same for block in blocks] == [False, True, True]
    assert [block.contradictions for block in blocks] == [2, 2, 2]
    other = MatrixRow(name="x", address="192.0.2.1", cells=((Cell(state="open"),), (Cell(),)))
    assert not Matrix(domains=("a", "b"), classes=("null",), rows=(other,)).blocks[1].same


def test_a_sort_is_in_the_address_and_keeps_the_filters() -> None:
    request = RequestFactory().get("/tenants/?state=open&sort=for&page=3")
    markup = render('{% sort_head "for" "For" %}{% sort_head "name" "Tenant" %}', request=request)
    assert 'aria-sort="ascending"><a href="?state=open&amp;sort=-for">For</a>' in markup
    assert 'aria-sort="none"><a href="?state=open&amp;sort=name">Tenant</a>' in markup
    down = render('{% sort_head "for" "For" "down" %}', request=RequestFactory().get("/"))
    assert "sort=-for" in down
    assert "<a" not in render('{% sort_head "for" "For" %}')


def test_a_pager_appears_only_where_there_are_pages_and_keeps_the_address() -> None:
    request = RequestFactory().get("/tenants/?q=con&page=2")
    pages = Paginator(range(250), 100)
    markup = render('{% include "parts/pager.html" %}', page=pages.page(2), request=request)
    assert 'href="?q=con&amp;page=1"' in markup
    assert 'href="?q=con&amp;page=3"' in markup
    one = Paginator(range(5), 100).page(1)
    assert "<nav" not in render('{% include "parts/pager.html" %}', page=one, request=request)


class SourceForm(forms.Form):
    name = forms.CharField(help_text="As people call it")
    address = forms.GenericIPAddressField(required=False)
    enabled = forms.BooleanField(required=False)
    token = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean(self) -> None:
        raise forms.ValidationError("This source is already there.")


def test_a_form_shows_its_errors_at_the_field_and_keeps_the_value() -> None:
    form = SourceForm({"name": "", "address": "203.0.113.0/16"})
    markup = render('{% include "parts/form.html" %}', form=form)
    assert 'value="203.0.113.0/16"' in markup
    assert markup.count('class="control wrong"') == 2
    assert "#g-cut-off" in markup
    assert "This source is already there." in markup
    assert '<span class="meta">optional</span>' in markup


def test_an_untouched_form_has_hints_and_no_errors() -> None:
    markup = render('{% include "parts/form.html" %}', form=SourceForm())
    assert "As people call it" in markup
    assert "wrong" not in markup
    assert 'type="hidden"' in markup


def test_commands_are_marked_up_escaped_and_copied_as_they_are() -> None:
    source = (
        '{% commands "Undo" "back to before" %}Set-InboundConnector \'{{ n }}\' -Enabled $false'
    )
    markup = render(source + "{% endcommands %}", n="<b>Lock</b>")
    assert "<b>Set-InboundConnector</b> <i>" in markup
    assert "<span>-Enabled</span> $false" in markup
    assert "&lt;b&gt;Lock" in markup
    block = re.search(r'data-copy="([\w-]+)"', markup)
    assert block
    assert f'<pre id="{block[1]}">' in markup


def test_nothing_found_is_told_from_nothing_looked_at() -> None:
    found = render('{% empty "No window." %}<p>8,640 rounds looked.</p>{% endempty %}')
    unseen = render('{% empty "Nothing is watched yet." "unseen" %}<p>x</p>{% endempty %}')
    assert 'class="empty"' in found
    assert 'class="empty is-quiet"' in unseen


def test_a_figure_keeps_the_room_it_will_need() -> None:
    markup = render('{% figure "/t/x/timeline.json" name 196 %}', name="Timeline of <x>")
    assert 'data-figure="/t/x/timeline.json"' in markup
    assert 'height="220"' in markup
    assert "Timeline of &lt;x&gt;" in markup


# --- colours, weight, what is vendored ------------------------------------------------------------


def token(name: str, theme: int) -> tuple[float, float, float]:
    sheet_ = (ROOT / "static/css/tokens.css").read_text()
    found = re.search(rf"--{name}: light-dark\(#(\w{{6}}), #(\w{{6}})\)", sheet_)
    assert found, name
    value = found[theme + 1]
    red, green, blue = (int(value[n : n + 2], 16) / 255 for n in (0, 2, 4))
    return red, green, blue


def luminance(colour: tuple[float, float, float]) -> float:
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(above: str, below: str, theme: int) -> float:
    light, dark = sorted((luminance(token(n, theme)) for n in (above, below)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("above", "below", "least"),
    [
        *((name, "page", 4.5) for name in ("ink", "ink-2", "ink-3", "link", "open-text",
                                           "part-text",
                                           "closed-text", "unk-text", "contra-text")),
        *((name, "page", 3) for name in ("edge", "open", "part", "closed", "unk", "contra")),
        *((f"{kind}-text", f"{kind}-tint", 4.5)
          for kind in ("open", "part", "closed", "unk", "contra")),
        ("on-open", "open", 4.5), ("on-contra", "contra", 4.5), ("ink", "select", 4.5),
        ("ink-2", "rail", 4.5), ("ink-2", "raised", 4.5), ("edge", "raised", 3),
        ("link", "raised", 4.5),
    ],
)  # fmt: skip
def test_text_and_marks_can_be_told_from_what_is_below_them(
    above: str, below: str, least: float, theme: int
) -> None:
    assert contrast(above, below, theme) >= least


def test_only_the_tokens_name_a_colour() -> None:
    for path in CSS:
        if path.name != "tokens.css":
            bare = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
            assert not re.search(r"#[0-9A-Fa-f]{3,8}\b(?![^{]*\{)|\brgb|\bhsl", bare), path.name


def test_every_token_used_is_there() -> None:
    text = "".join(path.read_text() for path in CSS)
    defined = set(re.findall(r"(--[a-z0-9-]+):", text))
    assert set(re.findall(r"var\((--[a-z0-9-]+)", text)) <= defined


def test_all_style_sheets_together_keep_their_budget() -> None:
    weight = len(gzip.compress(b"".join(path.read_bytes() for path in CSS), 9))
    assert weight < 15 * 1024


def test_every_style_sheet_is_in_a_page_and_in_a_layer() -> None:
    """A sheet called pages-*.css is loaded by the pages that need it, all others by every page."""
    everywhere = render_to_string("base.html")
    sources = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    for path in CSS:
        own = path.name.startswith("pages-")
        assert f"css/{path.name}" in (sources if own else everywhere)
        assert "@layer" in path.read_text()


def vendored() -> list[tuple[str, str, str]]:
    table = (ROOT / "static/vendor/VENDORED.md").read_text()
    return re.findall(r"\| `([^`]+)` \|[^\n]*\| `([^`]+)` \| `([0-9a-f]{64})` \|", table)


@pytest.mark.parametrize(("path", "licence", "checksum"), vendored(), ids=lambda v: v[:40])
def test_what_is_vendored_is_what_was_published(path: str, licence: str, checksum: str) -> None:
    assert hashlib.sha256((ROOT / path).read_bytes()).hexdigest() == checksum
    assert (ROOT / licence).stat().st_size > 100


def test_nothing_is_vendored_that_is_not_listed() -> None:
    listed = {part for path, licence, _ in vendored() for part in (path, licence)}
    there = {str(p.relative_to(ROOT)) for p in (ROOT / "static/vendor").rglob("*") if p.is_file()}
    assert there - listed == {"static/vendor/VENDORED.md"}


def test_the_sprite_holds_at_most_36_icons() -> None:
    assert (ROOT / "templates/parts/icons.html").read_text().count("<symbol") <= 36


def test_figures_never_offer_to_send_data_away() -> None:
    script = (ROOT / "static/js/figures.js").read_text()
    for setting in ("showSendToCloud: false", 'plotlyServerURL: ""', "displaylogo: false"):
        assert setting in script
