"""What the Admin API answers: a page of rows, or an error with its name.

The HTTP status is a poor witness: a missing role may come as 401 with words, as 403 with
thousands of NUL bytes, or as text. So the words are read as well. A body that is not the known
envelope is an error; it is never read as "no rows".
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mailposture.adapters.exchange.errors import ExchangeError

type Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One HTTP answer, its header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Rows of a cmdlet, with what says that they may not be all.

    `mark` knows again an answer that is one whole page; `unread` is that answer where its mark
    was known, and its rows were not looked at.
    """

    rows: tuple[Row, ...]
    next_link: str | None = None
    warnings: tuple[str, ...] = ()
    mark: str = ""
    unread: Answer | None = None


# ---- errors ------------------------------------------------------------------------------

# Words, at any status, that name what went wrong; the first that is found wins.
MARKS: Final = (
    ("isn't supported in this scenario", "role-missing", True),
    ("is not present in the role definition of the current user", "role-missing", True),
    ("User is not allowed to call", "role-missing", True),
    ("Provide valid credential", "token-refused", True),
    ("maximum number of concurrent requests", "busy", False),
    ("issue may be transient", "transient", False),
    ("Expired or Invalid pagination request", "page-expired", True),
    ("Invalid cmdlet parameters specified", "parameter-unknown", True),
    ("Unable to match the identifier name", "parameter-invalid", True),
    ("does not match the target of the request", "routing-hint-wrong", True),
    ("couldn't be found on", "object-not-found", True),
)

STATUSES: Final[Mapping[int, tuple[str, bool]]] = {
    400: ("request-refused", True),
    401: ("token-refused", True),
    403: ("role-missing", True),
    404: ("not-found", True),
    408: ("timeout", False),
    429: ("throttled", False),
    500: ("server-error", False),
    502: ("unavailable", False),
    503: ("unavailable", False),
    504: ("unavailable", False),
}

_BOILERPLATE: Final = re.compile(
    r"^(Invalid Operation|Error executing cmdlet|Exception of type .* was thrown\.?)?$"
)


def page(answer: Answer) -> Page:
    """Read an answer; whatever is not a page of rows is an ExchangeError by name."""
    if answer.status != 200:
        raise _error(answer)
    document = _json(answer)
    warnings = _texts(document.get("@adminapi.warnings"))
    if "value" not in document and (warnings or "@odata.context" not in document):
        raise _no_value(document, warnings)
    link = document.get("@odata.nextLink")
    return Page(
        rows=rows_of({"value": document.get("value")}),
        next_link=link if isinstance(link, str) and link else None,
        warnings=warnings,
    )


def _json(answer: Answer) -> dict[str, Any]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise ExchangeError(
            "not-json", _text(answer.body) or "an empty answer", permanent=False, status=200
        ) from None
    if not isinstance(document, dict):
        raise ExchangeError(
            "not-an-envelope", _text(answer.body), permanent=False, status=answer.status
        )
    if isinstance(document.get("error"), dict):
        raise _error(answer)
    return document


def _no_value(document: Row, warnings: tuple[str, ...]) -> ExchangeError:
    says = " ".join(warnings) or f"the answer has no value: {json.dumps(document)}"
    return ExchangeError("value-absent", says, permanent=True, status=200)


def _error(answer: Answer) -> ExchangeError:
    says = said(answer)
    cause, permanent = STATUSES.get(answer.status, (_by_class(answer.status), False))
    for words, named, lasting in MARKS:
        if words in says:
            cause, permanent = named, lasting
            break
    return ExchangeError(
        cause,
        says,
        permanent=permanent,
        status=answer.status,
        retry_after=_retry_after(answer.headers),
    )


def _by_class(status: int) -> str:
    return "server-error" if status >= 500 else "answer-unknown"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("retry-after", "").strip()
    # A date is allowed too (RFC 9110, 10.2.3), and never seen here: backoff does for it.
    return float(text) if text.isascii() and text.isdigit() else None


def said(answer: Answer) -> str:
    """The words of an error that say most; its header where the body has none."""
    found = [text for text in _messages(answer.body) if not _BOILERPLATE.match(text)]
    return found[0] if found else answer.headers.get("www-authenticate", "")


def _messages(body: bytes) -> Iterable[str]:
    text = _text(body)
    try:
        error = json.loads(body).get("error")
    except (ValueError, AttributeError, RecursionError):
        return (text,)
    if not isinstance(error, dict):
        return (str(error or text),)
    inner = _dict(error.get("innererror"))
    details = error.get("details")
    first = _dict(details[0]) if isinstance(details, list) and details else {}
    candidates = (
        str(first.get("message") or "").split("|", 2)[-1],
        _dict(inner.get("internalexception")).get("message"),
        inner.get("message"),
        error.get("message"),
        error.get("code"),
    )
    return tuple(str(c) for c in candidates if c)


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(body: bytes) -> str:
    # A 403 for a missing role is NUL bytes by the thousand, and PostgreSQL stores none.
    return body.replace(b"\0", b"")[:4096].decode("utf-8", "replace").strip()


# ---- rows --------------------------------------------------------------------------------


def rows_of(document: Any) -> tuple[Row, ...]:
    """The rows of an envelope or of a PowerShell export, without OData's side notes.

    Exports are a bare array, a single object, or [null] for nothing.
    """
    held = document.get("value", document) if isinstance(document, dict) else document
    rows = [row for row in (held if isinstance(held, list) else [held]) if row is not None]
    if not all(isinstance(row, dict) for row in rows):
        raise ExchangeError("rows-malformed", "A row is not an object.", permanent=False)
    return tuple({k: v for k, v in row.items() if "@" not in k} for row in rows)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(storable(str(v)) for v in value if v) if isinstance(value, list) else ()


_NOT_STORABLE: Final = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> str:
    """A text without NUL, which PostgreSQL cannot keep, and without halves of characters, which
    nobody can: JSON may hold both.
    """
    if text.isascii() and "\0" not in text:  # nearly every text is so
        return text
    return _NOT_STORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
