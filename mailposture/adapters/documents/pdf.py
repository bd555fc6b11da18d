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
            "report": json.dumps(document, sort_keys=True),
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
