"""Ask Exchange Online itself who sent: Get-MessageTraceV2, where the tenant grants it.

It returns rows from the newest on, so many at a time, and says by a warning alone that there are
more; the next call begins at the last row's time and recipient, and repeats some. What it does not
return proves nothing: mail that was refused leaves no trace.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mailposture.adapters import traces
from mailposture.adapters.columns import ReportError
from mailposture.adapters.exchange.client import Client, Waits
from mailposture.adapters.exchange.clouds import Cloud
from mailposture.adapters.exchange.credential import Credential
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.adapters.exchange.tokens import Tokens

CMDLET: Final = "Get-MessageTraceV2"
# One call spans ten days at most, and a hundred calls are allowed in five minutes.
LONGEST_CALL: Final = timedelta(days=10)
OLDEST: Final = timedelta(days=90)
MOST_CALLS: Final = 60
# 5,000 is the service's limit; subjects make an answer of so many too long to take.
ROWS: Final = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Traced:
    """What was returned, and whether that is all of the time that was asked for."""

    report: traces.Report
    whole: bool


def fetch(
    cloud: Cloud,
    credential: Credential,
    span: tuple[datetime, datetime],
    *,
    waits: Waits | None = None,
    tokens: Tokens | None = None,
) -> Traced:
    """Trace what arrived in this span. Raises ExchangeError; `role-missing` where it is not let."""
    client = Client(cloud, credential, tokens or Tokens(), waits or Waits())
    walk = _Walk(client)
    try:
        lines = [line for part in _parts(*span) for line in walk.lines(*part)]
    finally:
        client.close()
    try:
        return Traced(report=traces.counted(lines), whole=walk.whole)
    except ReportError as problem:
        raise ExchangeError("rows-malformed", str(problem), permanent=False) from None


def _parts(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The span in pieces that one call may have, the newest first."""
    since = max(since, until - OLDEST)
    while until > since:
        begin = max(since, until - LONGEST_CALL)
        yield begin, until
        until = begin


class _Walk:
    """Calls one after the other, each from where the last one ended."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._seen: set[tuple[str, str]] = set()
        self._left = MOST_CALLS
        self.whole = True

    def lines(self, since: datetime, until: datetime) -> Iterator[dict[str, str]]:
        """The rows of one piece, each once; where they do not end, it is not whole."""
        asked: dict[str, Any] = {
            "StartDate": _written(since),
            "EndDate": _written(until),
            "ResultSize": ROWS,
        }
        while self._left:
            self._left -= 1
            page = self._client.invoke(CMDLET, asked)
            fresh = [row for row in page.rows if self._is_new(row)]
            yield from map(_line, fresh)
            if not page.warnings and len(page.rows) < ROWS:
                return
            if not fresh:
                break
            last = _line(page.rows[-1])
            asked |= {"EndDate": last["date"], "StartingRecipientAddress": last["recipient"]}
        self.whole = False

    def _is_new(self, row: Mapping[str, Any]) -> bool:
        key = (str(row.get("MessageTraceId")), str(row.get("RecipientAddress")))
        known = key in self._seen
        self._seen.add(key)
        return not known


def _line(row: Mapping[str, Any]) -> dict[str, str]:
    """Of a row what is kept: its subject and IDs end here."""
    return {
        "date": _text(row, "Received"),
        "source": _text(row, "FromIP"),
        "sender": _text(row, "SenderAddress"),
        "recipient": _text(row, "RecipientAddress"),
    }


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
