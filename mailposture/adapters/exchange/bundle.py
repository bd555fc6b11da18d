"""A bundle: what cmdlets returned, in one JSON object, read as a configuration.

Cmdlet name -> the raw envelope of the Admin API, the list of objects, or a single object, as they
are or as PowerShell exported them. A cmdlet that the bundle lacks is a part that is not known.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from mailposture.adapters.exchange import exports, parse
from mailposture.adapters.exchange.cmdlets import CMDLETS, Cmdlet, Read, not_read, read
from mailposture.adapters.exchange.envelope import Answer, Page, page, rows_of
from mailposture.adapters.exchange.errors import ExchangeError, clean
from mailposture.core.configuration import Configuration, Part, PartStatus, with_part

BY_NAME: Final = {cmdlet.name.lower(): cmdlet for cmdlet in CMDLETS}
NAMES: Final = ", ".join(cmdlet.name for cmdlet in CMDLETS)
# Other cmdlets are passed over, as in a larger export.
_CMDLET: Final = re.compile(r"[a-z]+-[a-z][a-z0-9]*", re.IGNORECASE)
NOTHING_SAID: Final = (
    "The bundle holds null, which is what a cmdlet that failed leaves behind."
    " Where there are none, it holds []."
)


class BundleError(ValueError):
    """A document that is no bundle: what is wrong, and where."""


# ---- from bytes ----------------------------------------------------------------------------


def document(data: bytes) -> Any:
    """The JSON in a file's bytes: UTF-8 or, as Windows PowerShell redirects it, UTF-16.

    Raises BundleError for what is no JSON, and for names that stand in one object twice.
    """
    try:
        return json.loads(decoded(data), object_pairs_hook=_once, parse_constant=_no_constant)
    except BundleError:
        raise
    except RecursionError:
        raise BundleError("this JSON is nested too deep") from None
    except json.JSONDecodeError as problem:
        where = f"line {problem.lineno}, column {problem.colno}"
        raise BundleError(f"this is no JSON: {problem.msg} ({where})") from None
    except ValueError as problem:
        raise BundleError(f"this is no JSON: {clean(str(problem))}") from None


def decoded(data: bytes) -> str:
    """Bytes of a text file as text, by its mark or by its zeros; else UTF-8, else Windows-1252."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\0" in data[:2]:  # the first character is ASCII: its other byte is nought
        return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BundleError(f"{clean(twice)!r} stands in one object twice")
    return found


def _no_constant(name: str) -> Any:
    raise BundleError(f"{name} is no JSON")


# ---- from a document -----------------------------------------------------------------------


def is_bundle(given: Any) -> bool:
    """Whether a document names a cmdlet that a bundle may hold."""
    return isinstance(given, Mapping) and any(str(key).lower() in BY_NAME for key in given)


def read_bundle(given: Any, *, may_lack_all: bool = False) -> Configuration:
    """The configuration in a bundle; with `may_lack_all` also in one of other cmdlets alone.

    A part that was not read whole is named as such, and keeps what could be read. Raises
    BundleError for what is no bundle.
    """
    if not isinstance(given, Mapping):
        raise BundleError(f"a bundle is one JSON object: cmdlet name -> output ({NAMES})")
    others = may_lack_all and any(_CMDLET.fullmatch(str(key)) for key in given)
    if given and not is_bundle(given) and not others:
        raise BundleError(f"the bundle holds none of these: {NAMES}")
    configuration, seen = Configuration(), set()
    for key, held in given.items():
        cmdlet = BY_NAME.get(str(key).lower())
        if cmdlet is None:
            continue
        if cmdlet.part in seen:
            raise BundleError(f"{cmdlet.name} stands in the bundle twice")
        seen.add(cmdlet.part)
        found = _part(cmdlet, held)
        configuration = with_part(configuration, found.part, found.value)
    return configuration


def _part(cmdlet: Cmdlet, held: Any) -> Read:
    if held is None:
        failed = Part(name=cmdlet.part, status=PartStatus.FAILED, error=NOTHING_SAID)
        return Read(part=failed)
    try:
        pages = _pages(cmdlet, held)
    except ExchangeError as error:
        if error.cause == "rows-malformed":
            raise BundleError(f"{cmdlet.name}: a row is not an object") from None
        return not_read(cmdlet, error)
    found = read(cmdlet, pages)
    if found.part.is_known or found.value is not None or cmdlet.single:
        return found
    rows = (row for one in pages for row in one.rows)
    return Read(part=found.part, value=parse.rows(cmdlet.value, rows).values)


def _pages(cmdlet: Cmdlet, held: Any) -> list[Page]:
    """What one cmdlet returned, as pages: one envelope, several of them, or rows."""
    envelopes = held if isinstance(held, list) else [held]
    if envelopes and all(_is_envelope(one) for one in envelopes):
        found = [page(_answer(one)) for one in envelopes]
    else:
        found = [Page(rows=rows_of(held))]
    return [_rewritten(cmdlet, one) for one in found]


def _is_envelope(held: Any) -> bool:
    if not isinstance(held, Mapping):
        return False
    # No object of Exchange has rows of its own, or says that there are more of it.
    marks = ("@odata.context", "@odata.nextLink", "@adminapi.warnings", "error")
    rows = isinstance(held.get("value"), list) or held.keys() <= {"value", "Count"}
    return rows or any(mark in held for mark in marks)


def _answer(envelope: Mapping[str, Any]) -> Answer:
    return Answer(status=200, headers={}, body=json.dumps(envelope).encode())


def _rewritten(cmdlet: Cmdlet, one: Page) -> Page:
    rows = tuple(exports.row(cmdlet.value, row) for row in one.rows)
    return Page(rows=rows, next_link=one.next_link, warnings=one.warnings)


# ---- what is not whole ---------------------------------------------------------------------


def remarks(parts: Iterable[Part]) -> list[str]:
    """A sentence for each part of a bundle that was there and is not known whole."""
    names = {cmdlet.part: cmdlet.name for cmdlet in CMDLETS}
    return [
        f"{names.get(part.name, part.name)} is {part.status}:"
        f" {', '.join(part.missing[:8]) or clean(part.error)}"
        for part in parts
        if not part.is_known
    ]
