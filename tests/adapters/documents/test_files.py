"""Files of a report: a PDF that reads aloud and never acts, a CSV that no spreadsheet runs."""

import csv
import io
import json
import re
import subprocess
import sys
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pypdf
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailposture.adapters.documents import catalogue, pdf, tables
from mailposture.core.compliance import read

GOLDEN = Path(__file__).parents[2] / "core" / "compliance" / "golden"
ROOT = Path(__file__).parents[3]
SHA = "9f41c07ae2b85d10" * 4


def document(name: str = "contoso") -> dict[str, Any]:
    """One of the golden documents."""
    found: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text())
    return found


def rendered(found: dict[str, Any]) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(pdf.render(found, number="7", sha256=SHA)))


def text(reader: pypdf.PdfReader) -> str:
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


# ---- PDF -------------------------------------------------------------------------------------


def test_the_first_page_says_it_in_plain_language() -> None:
    first = " ".join(rendered(document()).pages[0].extract_text().split())
    assert "In these 10 days strangers could deliver past the gateway of contoso for 2 d." in first
    assert "MP-03" in first
    assert "Not satisfied" in first
    assert "CIS has no control for the restricted Partner connector." in first


def test_what_was_watched_stands_beside_what_was_seen_and_an_open_end_claims_nothing() -> None:
    found = document()
    found["windows"][0]["first_closed"] = None
    reader = rendered(found)
    first = " ".join(reader.pages[0].extract_text().split())
    (known,) = [v for n, v in found["rests_on"] if n == "Known from strangers' answers"]
    assert f"answers: {known}." in first
    assert "not seen closed" in text(reader)
    assert "still open" not in text(reader)


def test_evidence_windows_changes_and_connectors_are_in_it() -> None:
    said = text(rendered(document()))
    for words in (
        "250 2.1.5 Recipient OK", "Observation 8", "SC-7(11)", "partly supports", "evidence only",
        "First seen closed", "13 Nov 2026 06:00", "Lock to gateway was turned off", "Opens",
        "203.0.113.10", "version 2026-11-25", "Nowhere in the period.",
    ):  # fmt: skip
        assert words in said
    assert "compliant" not in said.lower()


def test_every_page_names_report_period_digest_and_the_command_that_checks_it() -> None:
    reader = rendered(document())
    for number, page in enumerate(reader.pages, 1):
        said = " ".join(page.extract_text().split())
        assert SHA in said
        assert "Report 7, 10 Nov 2026 to 19 Nov 2026" in said
        assert "manage.py report --check 7" in said
        assert f"Page {number} of {len(reader.pages)}" in said


def test_it_is_tagged_and_says_so() -> None:
    reader = rendered(document())
    root: Any = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/StructTreeRoot"]
    assert root["/Lang"] == "en"
    assert reader.metadata
    assert reader.metadata.title == "Direct delivery report, contoso"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert b"pdfuaid:part>1<" in root["/Metadata"].get_data()
    assert len(reader.outline) >= 3
    width, height = reader.pages[0].mediabox[2:]
    assert (round(float(width)), round(float(height))) == (595, 842)


def structure(node: Any, found: list[Any]) -> list[Any]:
    """All structure elements below one."""
    node = node.get_object() if hasattr(node, "get_object") else node
    if isinstance(node, list):
        for one in node:
            structure(one, found)
    elif isinstance(node, dict):
        if "/S" in node:
            found.append(node)
        structure(node.get("/K", []), found)
    return found


def test_the_drawing_has_words_and_tables_have_heads() -> None:
    root: Any = rendered(document()).trailer["/Root"]
    found = structure(root["/StructTreeRoot"]["/K"], [])
    kinds = {node["/S"] for node in found}
    assert {"/Table", "/TH", "/TD", "/H1", "/Figure"} <= kinds
    (drawing,) = [node for node in found if node["/S"] == "/Figure"]
    assert "2880 minutes surely open in all" in str(drawing["/Alt"])


def test_only_its_own_fonts_are_in_it_and_all_are_embedded() -> None:
    names = set()
    for page in rendered(document()).pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            names.add(str(font.get_object()["/BaseFont"]).partition("+")[2])
            (below,) = font.get_object()["/DescendantFonts"]
            described = below.get_object()["/FontDescriptor"].get_object()
            assert "/FontFile2" in described or "/FontFile3" in described
    assert names == {"IBMPlexSans", "IBMPlexSans-SmBld", "IBMPlexMono"}
    assert len(names) == len(list((pdf.FOLDER / "fonts").glob("*.ttf")))


def test_the_same_document_gives_the_same_bytes_in_another_process() -> None:
    here = pdf.render(document(), number="7", sha256=SHA)
    script = (
        "import json,sys,hashlib;from mailposture.adapters.documents import pdf;"
        f"d=json.load(open({str(GOLDEN / 'contoso.json')!r}));"
        f"sys.stdout.buffer.write(pdf.render(d,number='7',sha256={SHA!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=60, check=True
    )
    assert done.stdout == here


OPEN, CLOSED, PERHAPS, EYE = (197, 52, 26), (167, 211, 198), (251, 232, 226), (29, 78, 208)


def colours(found: dict[str, Any]) -> set[tuple[int, ...]]:
    """All colours of the first page, as it is seen."""
    pages = pypdfium2.PdfDocument(pdf.render(found, number="7", sha256=SHA))
    picture = pages[0].render(scale=2).to_pil().convert("RGB")
    seen = {c for _, c in picture.getcolors(maxcolors=1 << 20) or ()}
    pages.close()
    return seen


@pytest.mark.parametrize(
    ("open_", "possible"), [(0, 0), (600, 0), (600, 300), (0, 300)]
)  # fmt: skip
def test_it_can_be_seen_with_its_mark_and_a_key_of_the_colours(open_: int, possible: int) -> None:
    found = document()
    found["days"] = [{"day": "2026-11-10", "open": open_, "possible": possible, "unseen": 0}]
    assert {OPEN, CLOSED, PERHAPS, EYE} <= colours(found)


@pytest.mark.parametrize("days", [0, 1, 2, 3, 10, 31, 400])
def test_the_dates_below_the_days_do_not_touch(days: int) -> None:
    found, first = document(), date(2026, 1, 1)
    found["days"] = [
        {"day": str(first + timedelta(days=n)), "open": n, "possible": 0, "unseen": 0}
        for n in range(days)
    ]
    heading, _, rest = rendered(found).pages[0].extract_text().partition("Minutes open a day")
    assert heading
    marks = re.findall(r"\d+ [A-Z][a-z]{2} 2026", rest.partition("Requirements")[0])
    assert len(marks) <= 4
    if days:
        assert marks[0] == "1 Jan 2026"


@pytest.mark.parametrize("state", ["Open", "Partly open", "Closed", "Unknown", "of another time"])
def test_how_it_stood_at_the_end_is_said_in_a_word(state: str) -> None:
    assert state in text(rendered(document() | {"state": state, "lead": ""}))


@pytest.mark.parametrize("result", ["satisfied", "not_satisfied", "unknown"])
def test_a_result_is_never_a_colour_alone(result: str) -> None:
    found = document()
    found["requirements"] = [found["requirements"][0] | {"result": result}]
    assert result.replace("_", " ").capitalize() in text(rendered(found))


HOSTILE = (
    '#read("/etc/passwd")', "$x^2$", "] #panic() [", "*bold* _it_ `raw`", "= Heading", "\\", "@ref",
    "<label>", "// comment", '"', "#import \"@preview/x:1.0.0\"", "\u202eevil", "日本語", "🙂",
    "=cmd()",
)  # fmt: skip


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_stay_text(words: str) -> None:
    found = document()
    found["tenant"] = found["sentence"] = words
    found["connectors"] = [{"name": words, "about": words, "says": words}]
    found["requirements"][0]["evidence"][0]["line"] = words
    found["changes"][0]["says"] = words
    said = text(rendered(found))
    assert "root:" not in said
    if words.isascii():
        assert words.split(maxsplit=1)[0] in said


def test_every_character_that_counts_as_covered_has_a_glyph() -> None:
    found = document("fabrikam")
    every = "".join(chr(c) for first, last in pdf.COVERED for c in range(first, last + 1))
    found["sentence"] = found["requirements"][0]["title"] = found["lead"] = every
    found["requirements"][0]["evidence"][0]["line"] = every
    assert rendered(found).pages


@pytest.mark.parametrize("name", ["株式会社コントソ", "شركة", "חברה", "日本 contoso"])
def test_a_name_that_no_font_holds_stands_by_its_tenant_id_and_that_is_said(name: str) -> None:
    found = document("fabrikam")
    found["tenant"], found["sentence"] = name, f"No stranger got in to {name} in these days."
    found["connectors"] = [{"name": f"{name} 1", "about": "on", "says": f"{name} is asked."}]
    said = text(rendered(found))
    # Where a line ends inside the ID, its reader puts a blank.
    bare = f"No stranger got in to tenant {found['tenant_id']} in these days.".replace(" ", "")
    assert bare in said.replace(" ", "")
    assert pdf.NAME_LACKS in said
    assert r"\u{" not in said
    assert pdf.LACKING not in said


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Lock 日本 to", "Lock [2 characters] to"),
        ("日", "[1 character]"),
        ("Lock\u202e to", r"Lock\u{202E} to"),
        ("Lock" + "\u202e" * 60, "Lock[60 unseen characters]"),
    ],
)
def test_other_words_that_no_font_holds_are_counted_and_unseen_ones_numbered(
    name: str, shown: str
) -> None:
    found = document("fabrikam")
    found["connectors"] = [{"name": name, "about": "on", "says": "it"}]
    said = text(rendered(found))
    assert shown in said
    assert (pdf.LACKING in said) == ("日" in name)


@pytest.mark.parametrize("name", ["Ελλάδα", "Україна Ґ", "România Ș", "Straße €"])
def test_names_of_europe_print_as_they_are_in_every_face(name: str) -> None:
    found = document("fabrikam")
    found["tenant"] = found["sentence"] = name
    found["requirements"][0]["evidence"][0]["line"] = f"550 {name}"
    said = text(rendered(found))
    assert name in said
    assert f"550 {name}" in said
    assert pdf.NAME_LACKS not in said


WORDS = ("x" * 1000, "W" * 1000, ".".join(["mail"] * 200), "\u202e" * 1000, "日" * 1000)


@pytest.mark.parametrize("word", WORDS)
def test_no_word_runs_off_the_paper_or_over_what_stands_beside_it(word: str) -> None:
    found = document()
    found["tenant"] = found["sentence"] = found["lead"] = word
    found["connectors"] = [{"name": word, "about": word, "says": word}]
    for one in found["requirements"]:
        one["title"] = one["sentence"] = word
        for proof in one["evidence"]:
            proof |= {"line": word, "says": word, "domain": word, "vantage_point": word,
                      "source": word}  # fmt: skip
    found["windows"] = [{**one, "domain": word} for one in found["windows"]]
    found["changes"] = [{**one, "says": word} for one in found["changes"]]
    file = pypdfium2.PdfDocument(pdf.render(found, number="7", sha256=SHA))
    for page in file:
        width, height = page.get_size()
        found_at = boxes(page)
        for left, bottom, right, top in found_at:
            assert left >= 45
            assert right <= width - 45
            assert bottom >= 12
            assert top <= height - 40
        for one, other in combinations(found_at, 2):
            wide = min(one[2], other[2]) - max(one[0], other[0])
            high = min(one[3], other[3]) - max(one[1], other[1])
            assert min(wide, high) < 3


def boxes(page: pypdfium2.PdfPage) -> list[tuple[float, float, float, float]]:
    """Where the text of a page stands, run by run."""
    said = page.get_textpage()
    return [said.get_rect(number) for number in range(said.count_rects())]


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=60))
def test_any_name_makes_a_report(name: str) -> None:
    found = document("fabrikam")
    found["tenant"] = found["connectors"][0]["name"] = name
    assert rendered(found).pages


def test_an_empty_report_is_a_report() -> None:
    found = document()
    for part in ("requirements", "windows", "changes", "blind", "connectors", "days", "notes"):
        found[part] = []
    assert "None was seen." in text(rendered(found))


# ---- CSV -------------------------------------------------------------------------------------


def rows(found: dict[str, Any]) -> list[dict[str, str]]:
    written = tables.report(found, SHA).decode()
    return list(csv.DictReader(io.StringIO(written, newline="")))


def test_columns_are_fixed_and_the_result_is_one_of_three() -> None:
    header = tables.report(document(), SHA).decode().splitlines()[0]
    assert header == (
        "tenant,since,until,as_of,requirement,title,result,sentence,first_seen_utc,last_seen_utc,"
        "vantage_point,source,domain,sender_class,said,server_line,observation,references,"
        "catalogue,report_sha256,left_out,not_read,accepted"
    )
    assert {row["result"] for row in rows(document())} <= {"satisfied", "not_satisfied", "unknown"}


def test_each_requirement_has_its_rows_and_one_without_evidence_has_one() -> None:
    found = document()
    count = {one["id"]: max(1, len(one["evidence"])) for one in found["requirements"]}
    written = rows(found)
    assert {i: sum(r["requirement"] == i for r in written) for i in count} == count
    assert written[0]["report_sha256"] == SHA


def test_what_was_left_out_or_not_read_is_said_in_both_files() -> None:
    found = document()
    assert {(row["left_out"], row["not_read"]) for row in rows(found)} == {("0", "")}
    assert "What was not read" not in text(rendered(found))
    found["requirements"][0]["left_out"] = 12
    says = ["Too many for one report, 7 answers were not read.", "And 3 exposure windows."]
    found["not_read"] = [{"what": "x", "count": 7, "says": one} for one in says]
    written = rows(found)
    assert {row["not_read"] for row in written} == {" ".join(says)}
    assert {row["left_out"] for row in written if row["requirement"] == "MP-01"} == {"12"}
    said = text(rendered(found))
    assert all(words in said for words in ("What was not read", *says))


def test_a_document_of_before_there_was_such_a_field_still_is_a_report() -> None:
    found = document()
    del found["not_read"]
    assert {row["not_read"] for row in rows(found)} == {""}
    assert "How it was made" in text(rendered(found))


def test_the_documentation_names_every_column() -> None:
    said = (ROOT / "docs" / "reports.md").read_text()
    assert all(f"`{name}`" in said for name in tables.COLUMNS)


@pytest.mark.parametrize("cell", ["=cmd()", "+1", "-1", "@x", "\tx", "\rx", "\nx"])
def test_no_cell_begins_a_formula(cell: str) -> None:
    found = document()
    found["tenant"] = cell
    found["requirements"][0]["evidence"][0] |= {"says": cell, "line": cell, "vantage_point": cell}
    written = rows(found)
    assert written[0]["tenant"] == f"'{cell}"
    assert written[0]["said"] == f"'{cell}"
    assert written[0]["server_line"] == f"'{cell}"


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("foo;=cmd()", "foo;'=cmd()"),
        ("foo; \u00a0+1", "foo;' \u00a0+1"),
        ("foo\t@x", "foo\t'@x"),
        ("foo|-1", "foo|'-1"),
        ('foo;"=cmd()', "foo;'\"=cmd()"),
        ("foo\r\n=cmd()", "foo\r'\n'=cmd()"),
        ("\uff1dcmd()", "'\uff1dcmd()"),
        ("\uff0b1", "'\uff0b1"),
        ("\uff0d1", "'\uff0d1"),
        ("\uff20x", "'\uff20x"),
        ("  =cmd()", "'  =cmd()"),
        ("\ufeff=cmd()", "'\ufeff=cmd()"),
        ("\x0b=cmd()", "'\x0b'=cmd()"),
        ("\x00=cmd()", "'\x00=cmd()"),
        ("\x00x", "'\x00x"),
        ("Lock\x1b]0;pwn\x07", "Lock\\x1B]0;pwn\\x07"),
        ("\x1b[2J=cmd()", "\\x1B[2J=cmd()"),
        ("evil\u202egpj.exe", "evil\\u202Egpj.exe"),
        ("\x85=cmd()", "\\x85=cmd()"),
        ("550 5.7.51 a-b; c=d | e", "550 5.7.51 a-b; c=d | e"),
        ("a - b, c + d = e", "a - b, c + d = e"),
    ],
)
def test_no_part_of_a_cell_begins_a_formula_wherever_it_is_split(cell: str, written: str) -> None:
    assert tables.harmless(cell) == written


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@given(st.lists(st.text(alphabet="=+-@\uff1d;|,\t\r\n \x0b\x00\"'a"), min_size=1, max_size=4))
def test_a_spreadsheet_of_any_separator_finds_no_formula(separator: str, cells: list[str]) -> None:
    text = tables.written([cells])
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
        for cell in row:
            assert not re.match(r"[\s\x00]*[=+\-@\uff1d]", cell)


# ---- the catalogue's file --------------------------------------------------------------------


def test_the_catalogues_file_says_how_far_and_never_compliant() -> None:
    (file,) = catalogue.FOLDER.glob("catalogue-*.json")
    raw = json.loads(file.read_text())
    assert "compliant" not in file.read_text().lower()
    assert raw["version"] in file.name
    frameworks = {r["framework"] for e in raw["entries"] for r in e["references"]}
    assert {r["relation"] for e in raw["entries"] for r in e["references"]} == {
        "supports", "partly supports", "evidence only",
    }  # fmt: skip
    assert len(frameworks) == 4
    versions = {r["version"] for e in raw["entries"] for r in e["references"]}
    assert {"7.0.0", "6.0.0"} <= versions
    assert any("CIS has no control" in note for note in raw["notes"])


@pytest.mark.parametrize(
    "change",
    [
        {"entries": [{"id": "MP-99", "title": "x", "references": []}]},
        {"entries": [{"id": "MP-01", "title": "x", "references": []}] * 2},
        {"entries": [{"id": "MP-01"}]},
        {"notes": "no list"},
        {"more": 1},
    ],
)
def test_a_catalogue_that_cannot_be_used_says_why(change: dict[str, Any]) -> None:
    (file,) = catalogue.FOLDER.glob("catalogue-*.json")
    with pytest.raises(ValueError, match=r"catalogue|judges|twice"):
        read(json.loads(file.read_text()) | change)
