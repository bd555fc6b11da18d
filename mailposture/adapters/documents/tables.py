"""Tables as CSV that no spreadsheet takes for formulas (RFC 4180, UTF-8)."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from mailposture.core.words import wire

# What a spreadsheet takes for the beginning of a formula: such a sign, its full-width form too, and
# whatever blanks, controls, quotes and unseen characters it passes over before it.
_BEFORE: Final = r"[\s\x00-\x1f\x7f\u200b-\u200f\u2060\ufeff\"]*"
_FORMULA: Final = rf"{_BEFORE}[=+\-@\uff1d\uff0b\uff0d\uff20]"
_BEGINS: Final = re.compile(rf"[\x00-\x1f]|{_FORMULA}")
# Where the list separator is another than the comma, a cell ends at it, whoever quoted it.
_GOES_ON: Final = re.compile(rf"([;|\t\r\n\x0b\x0c\x85\u2028\u2029])(?={_FORMULA})")

# Fixed and documented in docs/reports.md: a column may be added at the end, none is moved.
COLUMNS: Final = (
    "tenant", "since", "until", "as_of", "requirement", "title", "result", "sentence",
    "first_seen_utc", "last_seen_utc", "vantage_point", "source", "domain", "sender_class",
    "said", "server_line", "observation", "references", "catalogue", "report_sha256",
    "left_out", "not_read", "accepted",
)  # fmt: skip


# Files are read in terminals, too: what moves or colours there, or turns a line around.
_ACTS: Final = re.compile(
    r"[\x07\x08\x0e\x0f\x1b\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


@lru_cache(maxsize=4096)
def harmless(cell: str) -> str:
    """A cell that a spreadsheet takes as text, whatever it begins with and wherever it is split,
    and that does nothing in a terminal.
    """
    cell = _ACTS.sub(lambda found: wire(found[0]), cell)
    parted = _GOES_ON.sub(r"\1'", cell)
    return f"'{parted}" if _BEGINS.match(cell) else parted


def written(rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV text, every cell harmless."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def report(document: Mapping[str, Any], sha256: str) -> bytes:
    """A report's document as CSV: one row a piece of evidence, at least one a requirement."""
    return written([COLUMNS, *_rows(document, sha256)]).encode()


def _rows(document: Mapping[str, Any], sha256: str) -> Iterator[Sequence[str]]:
    whole = [document[name] for name in ("tenant", "since", "until", "as_of")]
    catalogue = f"{document['catalogue']} {document['catalogue_version']}"
    # A document of an earlier version knows nothing that was not read.
    not_read = " ".join(one["says"] for one in document.get("not_read", ()))
    for one in document["requirements"]:
        judged = [one[name] for name in ("id", "title", "result", "sentence")]
        bears_on = "; ".join(map(_reference, one["references"]))
        for proof in one["evidence"] or [{}]:
            yield [
                *whole, *judged, *_proof(proof), bears_on, catalogue, sha256,
                str(one["left_out"]), not_read, one.get("accepted", ""),
            ]  # fmt: skip


def _reference(found: Mapping[str, str]) -> str:
    return f"{found['framework']} {found['version']} {found['control']} ({found['relation']})"


_PROOF: Final = (
    "first", "last", "vantage_point", "source", "domain", "sender_class", "says", "line",
    "observation",
)  # fmt: skip


def _proof(proof: Mapping[str, Any]) -> list[str]:
    return ["" if proof.get(name) is None else str(proof[name]) for name in _PROOF]
