"""A report as PDF/UA: tagged, A4, with the fonts that stand beside this file and no others.

The words travel as data, never as markup, and the template's root holds nothing to read.
"""

import json
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import typst

from mailposture.core.words import HIDDEN

FOLDER: Final = Path(__file__).parent
# What the fonts hold between them: Latin, Greek, Cyrillic, Vietnamese, dashes, quotes, signs. No
# other character may be in a PDF/UA.
COVERED: Final = (
    (0x20, 0x7E), (0xA0, 0xAC), (0xAE, 0x17F), (0x218, 0x21B), (0x384, 0x38A), (0x38C, 0x38C),
    (0x38E, 0x3A1), (0x3A3, 0x3CE), (0x400, 0x45F), (0x490, 0x4C2), (0x4D0, 0x4D9),
    (0x1E9E, 0x1E9E), (0x1EA0, 0x1EF9), (0x2013, 0x2014), (0x2018, 0x201A), (0x201C, 0x201E),
    (0x2026, 0x2026), (0x20AC, 0x20AC), (0x2116, 0x2116), (0x2122, 0x2122), (0x2190, 0x2199),
)  # fmt: skip
# Longer than anything we write, and than any name: a cell must fit on a page.
LONGEST: Final = 600
LONGEST_NAME: Final = 200
NAMES: Final = frozenset({"tenant", "name", "vantage_point", "source", "domain"})
NAME_LACKS: Final = (
    "The tenant's name has characters that the fonts of this file lack: it stands here by its "
    "tenant ID. The CSV of this report has the name."
)
LACKING: Final = (
    "Characters that the fonts of this file lack are counted in square brackets. The CSV of this "
    "report has them."
)
# So many unseen characters in a row are written as their numbers; more are counted.
MOST_NUMBERS: Final = 3
TEMPLATE: Final = FOLDER / "report.typ"


def render(document: Mapping[str, Any], *, number: str, sha256: str) -> bytes:
    """The PDF of one report's document; the same document gives the same bytes."""
    last = date.fromisoformat(document["until"]) - timedelta(days=1)
    compiler = typst.Compiler(
        font_paths=typst.Fonts(
            include_system_fonts=False,
            include_embedded_fonts=False,
            font_paths=[str(FOLDER / "fonts")],
        ),
    )
    found = compiler.compile(
        TEMPLATE.read_bytes(),
        format="pdf",
        sys_inputs={
            "report": json.dumps(_printed(document), sort_keys=True),
            "id": number,
            "sha256": sha256,
            "last": last.isoformat(),
        },
        pdf_standards=["ua-1"],
        timestamp=int(datetime.fromisoformat(document["as_of"]).timestamp()),
    )
    if not isinstance(found, bytes):
        raise TypeError("typst made no single file")
    return found


def _printed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same document in characters that the fonts can show; a note says what they cannot."""
    found, notes = dict(document), list(document["notes"])
    name = str(document["tenant"])
    called = f"tenant {document['tenant_id']}" if _lacks(name) else _text("tenant", name)
    if called != name:
        found = _replaced(found, lambda _, text: text.replace(name, called))
    if _lacks(name):
        notes.append(NAME_LACKS)
    if _lacks(json.dumps(found, ensure_ascii=False)):
        notes.append(LACKING)
    printed: dict[str, Any] = _replaced({**found, "notes": notes}, _text)
    return printed


def _replaced(value: Any, put: Callable[[str, str], str], key: str = "") -> Any:
    """The same value with each of its texts put otherwise, by the key it stands under."""
    if isinstance(value, str):
        return put(key, value)
    if isinstance(value, Mapping):
        return {name: _replaced(one, put, name) for name, one in value.items()}
    return [_replaced(one, put, key) for one in value] if isinstance(value, list) else value


def _text(key: str, text: str) -> str:
    """One text in characters that the fonts hold, no longer than fits on a page."""
    longest = LONGEST_NAME if key in NAMES else LONGEST
    runs = groupby(text.replace("\n", " "), _kind)
    shown = "".join(_run(kind, "".join(characters)) for kind, characters in runs)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def _kind(character: str) -> str:
    """Whether a character can be printed, is unseen by nature, or is lacking in the fonts."""
    code = ord(character)
    if any(first <= code <= last for first, last in COVERED):
        return "printed"
    return "unseen" if unicodedata.category(character) in HIDDEN else "lacking"


def _run(kind: str, characters: str) -> str:
    if kind == "printed":
        return characters
    if kind == "unseen" and len(characters) <= MOST_NUMBERS:
        return "".join(f"\\u{{{ord(c):X}}}" for c in characters)
    unseen = "unseen " if kind == "unseen" else ""
    return f"[{len(characters)} {unseen}character{'s' * (len(characters) > 1)}]"


def _lacks(text: str) -> bool:
    return any(_kind(character) == "lacking" for character in text)
