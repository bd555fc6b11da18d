"""Reports of real mail, as administrators export them: read for who sends, and for nothing else.

CSV of Get-MessageTraceV2, of Start-HistoricalSearch (MessageTrace, MessageTraceDetail,
ConnectorReport) and of the inbound messages report. Their columns differ in name and order, and
are found by name. Of each line are kept: the source's address, HELO name and connector, TLS, the
two domains and the day. Subjects, local parts and message IDs are never kept, and go into no
error either.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from io import BufferedReader, TextIOWrapper
from ipaddress import ip_address
from typing import Final

from mailposture.adapters.columns import Columns, ReportError, columns, first_line
from mailposture.core.hosts import a_label
from mailposture.core.senders import Seen

# A historical search holds at most 100,000 lines; several may stand in one file.
MOST_LINES: Final = 5_000_000
# Different senders in one file; a report of more is of a service, not of a tenant.
MOST_GROUPS: Final = 200_000
LONGEST_FIELD: Final = 1_000_000
LONGEST_LINE: Final = 2_000_000
LONGEST_NAME: Final = 253
# How a report says that a line is about mail that came in; others say 2, Originating, Sent.
INBOUND: Final = frozenset({"1", "inbound", "incoming", "received", "in"})
# An extended report has a line for each thing that befell a message; this one is its arrival.
ARRIVED: Final = "receive"
# What may stand before the head: of Export-Csv without -NoTypeInformation, and of Excel.
NOT_YET: Final = ("#TYPE ", "sep=")
DOMAIN: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")
NO_TLS: Final = frozenset({"notls", "none", "no", "false", "0"})
NO_CONNECTOR: Final = frozenset({"noconnector", "none", "n/a", "-"})
# In custom_data of an arrival: the client as the front end saw it. Else Microsoft's own servers
# may stand where the client's name is expected.
PROXIED: Final = re.compile(r"S:ProxiedClient(IPAddress|Hostname)=([^;]*)", re.IGNORECASE)
PROXIED_AS: Final = {"ipaddress": "source", "hostname": "helo"}
MICROSOFTS: Final = (".prod.outlook.com", ".prod.protection.outlook.com")
DATE_HELP: Final = (
    "Dates must be written as 2026-11-24T10:14:00, since 11/12/2026 is two days."
    " In PowerShell: Select-Object @{n='Received';e={$_.Received.ToString('s')}}, *"
)

COUNT_HELP: Final = "Write it in digits alone, since 1.234 is two numbers."

type Key = tuple[str, str, str, bool | None, str, str, date]


@dataclass(slots=True)
class Report:
    """What a file holds: a row for each sender and day, and why lines were passed over."""

    seen: tuple[Seen, ...] = ()
    lines: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)


def read(file: BufferedReader) -> Report:
    """Read a report. Raises ReportError for what is none, naming the line and what to do."""
    csv.field_size_limit(LONGEST_FIELD)
    report, counts, found, before = Report(), Counter[Key](), None, 0
    with TextIOWrapper(file, encoding=_encoding(file), errors="replace", newline="") as text:
        try:
            lines = _lines(text)
            before, first = _head(lines)
            head, separator = first_line(first)
            found = columns(head)
            rows = csv.reader(lines, delimiter=separator)
            for number, row in enumerate(rows, start=before + 2):
                _take(report, counts, found, row, number)
        except csv.Error as problem:
            where = before + (report.lines + 2 if found else 1)
            raise ReportError(f"line {where}: {_said(problem)}") from None
    report.seen = tuple(_seen(key, messages) for key, messages in counts.items())
    return report


def _lines(text: TextIOWrapper) -> Iterator[str]:
    """The lines of a file; one without end is refused before it fills the memory."""
    number = 0
    while line := text.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise ReportError(
                f"line {number}: more than {LONGEST_LINE:,} characters: this is no report"
            )
        yield line


def _head(lines: Iterator[str]) -> tuple[int, str]:
    """The head, and how many lines stand before it: what PowerShell 5.1 or Excel writes there."""
    for before, line in enumerate(lines):
        if not line.startswith(NOT_YET):
            return before, line
    return 0, ""


def _said(problem: csv.Error) -> str:
    """What is wrong with a line; the reader's own words name its limit and no remedy."""
    if "field limit" in str(problem):
        return f"a field of more than {LONGEST_FIELD:,} characters: this is no report"
    return f"it is no line of a report ({problem})"


def _encoding(file: BufferedReader) -> str:
    """UTF-16 where it is marked, or where every second byte is empty; else UTF-8."""
    begins = file.peek(4)[:4]
    if begins[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if begins[1:2] == b"\0":
        return "utf-16-le"
    if begins[:1] == b"\0":
        return "utf-16-be"
    return "utf-8-sig"


def _take(
    report: Report, counts: Counter[Key], found: Columns, row: list[str], number: int
) -> None:
    """Count one line, or why it does not count."""
    if not any(map(str.strip, row)):
        return
    _count(report, counts, _proxied(found.of(row)), number)


def counted(lines: Iterable[Mapping[str, str]]) -> Report:
    """The same of lines that are taken apart already: `date`, `source`, `sender`, `recipient`."""
    report, counts = Report(), Counter[Key]()
    for number, given in enumerate(lines, start=1):
        _count(report, counts, given, number)
    report.seen = tuple(_seen(key, messages) for key, messages in counts.items())
    return report


def _count(report: Report, counts: Counter[Key], given: Mapping[str, str], number: int) -> None:
    report.lines += 1
    if report.lines > MOST_LINES:
        raise ReportError(f"more than {MOST_LINES:,} lines: split the file")
    if reason := _irrelevant(given):
        report.passed_over[reason] += 1
        return
    source = _source(given.get("source", ""))
    if source is None or (not source and not _connector(given)):
        report.passed_over["no source address"] += 1
        return
    day, messages = _day(given["date"], number), _messages(given, number)
    for recipient in _recipients(given["recipient"]):
        counts[_key(given, source, recipient, day)] += messages
    if len(counts) > MOST_GROUPS:
        raise ReportError(f"more than {MOST_GROUPS:,} senders: shorten its time")


def _irrelevant(given: Mapping[str, str]) -> str:
    direction = given.get("direction", "").lower()
    if direction and direction not in INBOUND:
        return "not inbound"
    if "event" in given and given["event"].lower() != ARRIVED:
        return "another event of a message"
    return "" if given["recipient"] else "no recipient"


def _proxied(given: dict[str, str]) -> dict[str, str]:
    """The line with what the front end noted of the client, which is nearer to the truth."""
    noted = PROXIED.findall(given.pop("custom", ""))
    return given | {PROXIED_AS[name.lower()]: value.strip() for name, value in noted if value}


def _key(given: Mapping[str, str], source: str, recipient: str, day: date) -> Key:
    return (
        source,
        _name(given.get("helo", "")),
        _connector(given),
        _tls(given.get("tls", "")),
        _domain(given["sender"]),
        recipient,
        day,
    )


def _seen(key: Key, messages: int) -> Seen:
    source, helo, connector, tls, sender, recipient, day = key
    return Seen(
        source=source,
        helo=helo,
        connector=connector,
        tls=tls,
        sender_domain=sender,
        recipient_domain=recipient,
        day=day,
        messages=messages,
    )


# ---- fields --------------------------------------------------------------------------------


def _source(text: str) -> str | None:
    """An address in one spelling; empty where there is none, None for one that nobody has."""
    if not text:
        return ""
    try:
        address = ip_address(text.strip("[] ").partition("%")[0])  # a zone is one host's own
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None) or address
    odd = mapped.is_unspecified or mapped.is_multicast or str(mapped) == "255.255.255.255"
    return None if odd else str(mapped)


def _day(text: str, number: int) -> date:
    try:
        return datetime.fromisoformat(text.strip()).date()
    except ValueError:
        raise ReportError(f"line {number}: a date is not written in full. {DATE_HELP}") from None


def _messages(given: Mapping[str, str], number: int) -> int:
    text = given.get("messages", "") or "1"
    if not (text.isascii() and text.isdigit()):
        raise ReportError(f"line {number}: a count of messages is not a whole number. {COUNT_HELP}")
    return min(int(text), 1 << 40)


def _recipients(text: str) -> Iterator[str]:
    """The domains of recipients, once each: `a@x.com;b@y.com`, or `a@x.com##Receive, Deliver`."""
    found: dict[str, None] = {}
    for part in text.split(";"):
        if domain := _domain(part.partition("##")[0]):
            found[domain] = None
    yield from found


def _domain(address: str) -> str:
    """The domain of an address; empty for the null sender and for what is no address."""
    _local, at, domain = address.strip().strip("<>").rpartition("@")
    name = a_label(domain) if at else None
    return name if name and len(name) <= LONGEST_NAME and DOMAIN.fullmatch(name) else ""


def _name(text: str) -> str:
    """A HELO name; what cannot be shown, or is an address in brackets, is none."""
    name = text.strip().rstrip(".").lower()
    fits = name.isascii() and name.isprintable() and " " not in name and len(name) <= LONGEST_NAME
    return name if fits and not name.startswith("[") and not name.endswith(MICROSOFTS) else ""


def _connector(given: Mapping[str, str]) -> str:
    """The connector's name, or "none" where the report says that there was none."""
    text = given.get("connector", "").strip() or given.get("connector_type", "").strip()
    if text.lower().replace(" ", "") in NO_CONNECTOR:
        return "none"
    return "".join(c if c.isprintable() else " " for c in text)[:120]


def _tls(text: str) -> bool | None:
    word = text.lower().replace(" ", "")
    return None if not word else word not in NO_TLS


def days(seen: Iterable[Seen]) -> tuple[date, date] | None:
    """The first day and the last."""
    found = [one.day for one in seen]
    return (min(found), max(found)) if found else None
