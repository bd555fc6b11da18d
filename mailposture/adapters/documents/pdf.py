"""A report as PDF/UA: tagged, A4, with the fonts that stand beside this file and no others.

The words travel as data, never as markup, and the template's root holds nothing to read.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import typst

FOLDER: Final = Path(__file__).parent
# What all three fonts hold: Latin, Cyrillic, Vietnamese, dashes, quotes, ellipsis. PDF/UA allows
# no character without a glyph, so any other is written as its number.
COVERED: Final = (
    (0x20, 0x7E), (0xA0, 0xAC), (0xAE, 0x17F), (0x400, 0x45F), (0x1EA0, 0x1EF9),
    (0x2013, 0x2014), (0x2018, 0x201A), (0x201C, 0x201E), (0x2026, 0x2026), (0x2190, 0x2199),
)  # fmt: skip
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
            "report": json.dumps(_shown(document), sort_keys=True),
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


def _shown(value: Any) -> Any:
    """The same document in characters that the fonts can show."""
    if isinstance(value, str):
        return "".join(map(_character, value))
    if isinstance(value, Mapping):
        return {key: _shown(one) for key, one in value.items()}
    return [_shown(one) for one in value] if isinstance(value, list) else value


def _character(character: str) -> str:
    code = ord(character)
    if any(first <= code <= last for first, last in COVERED):
        return character
    return " " if character == "\n" else f"\\u{{{code:X}}}"
