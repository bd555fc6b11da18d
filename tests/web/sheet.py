"""A component sheet to look at: every part in every state, and the pages of the pictures.

    python -m tests.web.sheet FOLDER

writes HTML files that expect the static files under /static/. Also the sample values of
tests/web/test_look.py.
"""

import json
import os
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from mailposture.adapters.bands import Window
from mailposture.adapters.charts import (
    Bucket,
    Change,
    FleetExposure,
    TenantDays,
    TenantTimeline,
)
from mailposture.adapters.drawings.flow import FlowLine, MailFlow
from mailposture.adapters.drawings.strips import Day
from mailposture.core.smtp.reply import parse
from mailposture.core.smtp.transcript import Line, TlsFacts, Transcript, Who
from mailposture.templatetags.matrix import Cell, Matrix, MatrixRow

HERE = Path(__file__).parent / "sheets"
NOW = datetime(2026, 11, 25, 8, 2, 30, tzinfo=UTC)
NAV = (
    ("Overview", "layout-dashboard", None, None),
    ("Tenants", "building", 7, None),
    ("Exposure", "door", 3, 3),
    ("Changes", "history", 4, None),
    ("Vantage points", "radar", 5, None),
    ("Explain a reply", "message-question", None, None),
    ("Settings", "settings", None, None),
)


def rail(current: str, tenant: str | None = None, *, lab: bool = False) -> dict[str, Any]:
    names = ("contoso", "tailspin", "adatum", "fabrikam", "litware", "proseware", "northwind")
    return {
        "tenants": [(name, name) for name in names],
        "tenant": tenant,
        "nav": [
            {"name": n, "url": "#", "icon": i, "count": c, "bad": b, "current": n == current}
            for n, i, c, b in NAV
        ],
        "vantage": {"clear": 4, "all": 5, "marks": [True, True, False, True, True]},
        "last_round": NOW - timedelta(minutes=4, seconds=19),
        "lab": lab,
    }


OFFERS = (
    b"250-SIZE 157286400",
    b"250-PIPELINING",
    b"250-DSN",
    b"250-ENHANCEDSTATUSCODES",
    b"250-STARTTLS",
    b"250-8BITMIME",
    b"250-BINARYMIME",
    b"250-CHUNKING",
    b"250 SMTPUTF8",
)
HELLO = b"250-AMS0EPF0000019A.mail.protection.outlook.com Hello [198.51.100.7]"
BANNER = (
    b"220 AMS0EPF0000019A.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at "
    b"Wed, 25 Nov 2026 07:58:11 +0000 [08DE2A6028D26C22]"
)
REFUSED = (
    b"550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched "
    b"the message's recipient domain. The connector had either the RestrictDomainsToIPAddresses "
    b"or RestrictDomainsToCertificate set [AMS0EPF0000019A.eurprd05.prod.outlook.com "
    b"2026-11-25T07:58:09.412Z 08DE2A6028D26C21]"
)


def conversation(answer: bytes = b"250 2.1.5 Recipient OK", sender: bytes = b"") -> Transcript:
    """A conversation in the manner of Exchange Online; `answer` is the reply to RCPT."""
    secure = [line for line in OFFERS if line != b"250-STARTTLS"]
    said: list[tuple[float, Who, bytes]] = [
        (24.7, Who.NOTE, b"connected to 192.0.2.20 port 25 from 198.51.100.7"),
        (49.8, Who.SERVER, BANNER),
        (50.1, Who.CLIENT, b"EHLO fra.vantage.example"),
        *((75.0, Who.SERVER, line) for line in (HELLO, *OFFERS)),
        (75.4, Who.CLIENT, b"STARTTLS"),
        (100.3, Who.SERVER, b"220 2.0.0 SMTP server ready"),
        (151.0, Who.NOTE, b"TLSv1.3 TLS_AES_256_GCM_SHA384, server certificate verified"),
        (151.0, Who.NOTE, b"client certificate asked for, none shown"),
        (151.4, Who.CLIENT, b"EHLO fra.vantage.example"),
        *((176.2, Who.SERVER, line) for line in (HELLO, *secure)),
        (176.6, Who.CLIENT, b"MAIL FROM:<" + sender + b">"),
        (176.6, Who.CLIENT, b"RCPT TO:<postmaster@fabrikam.com>"),
        (212.9, Who.SERVER, b"250 2.1.0 Sender OK"),
        (213.0, Who.SERVER, answer),
        (213.4, Who.CLIENT, b"QUIT"),
        (238.0, Who.SERVER, b"221 2.0.0 Service closing transmission channel"),
    ]
    return Transcript(
        address="192.0.2.20",
        port=25,
        local="198.51.100.7",
        lines=tuple(Line(ms, who, data + b"\r\n") for ms, who, data in said),
        replies=(
            parse(b"250 2.1.0 Sender OK\r\n", "mail", 212.9),
            parse(answer + b"\r\n", "rcpt", 213.0),
        ),
        tls=TlsFacts(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", verified=True),
        hello_ip="198.51.100.7",
    )


def flow(*, predicted: bool = True) -> MailFlow:
    """The map of fabrikam; without predictions as long as nothing predicts."""

    def said(state: str) -> str | None:
        return state if predicted else None

    return MailFlow(
        tenant="fabrikam",
        lines=(
            FlowLine(
                kind="gateway", title="Gateway", details=("203.0.113.10", "MX 10 mx1.fabrikam.com"),
                by_mx=True, observed="gets_in", predicted=said("gets_in"),
                above="Lock to gateway lists it", below="all 9 of 9 paths",
                notes=("9 paths, 4 min ago",), href="#1",
            ),
            FlowLine(
                kind="stranger", title="Stranger", details=("foreign or own sender",), mono=False,
                observed="closed", predicted=said("closed"), above="Lock to gateway refuses it",
                below="550 5.7.51", notes=("12 paths, 6 more Unknown",), href="#2",
            ),
            FlowLine(
                kind="stranger", title="Stranger", details=("null sender, MAIL FROM:<>",),
                mono=False, observed="open", predicted=said("closed"),
                above="Lock to gateway refuses it", below="250 2.1.5 on both front ends",
                notes=("Predicted Closed, answered Open.", "6 paths, first seen 02:10"), href="#3",
            ),
            FlowLine(
                kind="hybrid", title="Hybrid server", details=("203.0.113.25", "mail.fabrikam.com"),
                observed="gets_in", predicted=said("gets_in"), above="recognised by certificate",
                below="all 9 of 9 paths", notes=("9 paths, 4 min ago",), href="#4",
            ),
        ),
    )  # fmt: skip


def odd_flow() -> MailFlow:
    """Every other state a line can have."""
    return MailFlow(
        tenant="litware",
        lines=(
            FlowLine(kind="gateway", title="Gateway", details=("203.0.113.30",),
                     observed="cut_off", below="550 5.7.51", notes=("since 24 Nov 10:14",)),
            FlowLine(kind="stranger", title="Stranger", details=("any sender",), mono=False,
                     observed="unknown", below="banned sending IP",
                     notes=("Unknown: Singapore is on a block list.",)),
            FlowLine(kind="relay", title="Scan-to-mail relay with a long name",
                     details=("203.0.113.31", "a-very-long-name.of-a-relay.litware.com")),
            FlowLine(kind="server", title="Ticket service", details=("203.0.113.32",),
                     observed="partly", how="stale", below="26 h old"),
        ),
    )  # fmt: skip


def matrix() -> Matrix:
    forbidden = Cell(
        state="open", href="#", contradicts="Predicted Closed by Lock to gateway, answered Open"
    )
    closed = Cell(state="closed", href="#", why="550 5.7.51, 4 min ago")
    unknown = Cell(state="unknown", href="#", why="Singapore is on a block list")
    inside = Cell(state="gets_in", href="#")

    def row(name: str, address: str, cells: tuple[Cell, ...], *, approved: bool) -> MatrixRow:
        return MatrixRow(name=name, address=address, cells=(cells,) * 3, approved=approved)

    return Matrix(
        domains=("fabrikam.com", "fabrikam.net", "fabrikam.onmicrosoft.com"),
        classes=("foreign", "own", "null"),
        rows=(
            row("Stranger, Frankfurt", "198.51.100.7", (closed, closed, forbidden), approved=False),
            row("Stranger, London", "198.51.100.8", (closed, closed, forbidden), approved=False),
            row("Stranger, Singapore", "198.51.100.71", (unknown,) * 3, approved=False),
            row("Gateway", "203.0.113.10", (inside,) * 3, approved=True),
            row("Hybrid server", "203.0.113.25", (inside,) * 3, approved=True),
        ),
    )


def days(kind: str = "open") -> list[Day]:
    """Ninety days of one tenant, with every kind of day in them."""
    first = date(2026, 8, 28)
    found = [Day(day=first + timedelta(days=n), watched=n >= 20) for n in range(90)]
    if kind == "open":
        found[35] = Day(day=found[35].day, open_minutes=700)
        found[36] = Day(day=found[36].day, open_minutes=420)
        found[52] = Day(day=found[52].day, unknown_minutes=1440)
        found[83] = Day(day=found[83].day, partly_minutes=300)
        for n in range(84, 90):
            found[n] = Day(day=found[n].day, open_minutes=1440 if n < 89 else 480)
    if kind == "unknown":
        found = [Day(day=d.day, watched=False) for d in found]
        found[88] = Day(day=found[88].day, unknown_minutes=1440)
        found[89] = Day(day=found[89].day, unknown_minutes=480)
    return found


PROGRESS = {
    "running": {"title": "Probing fabrikam", "done": 31, "total": 45, "seconds": 1.9, "said": "",
                "answers": ["closed"] * 17 + ["open"] * 4 + ["closed"] * 10},
    "done": {"title": "fabrikam probed", "done": 45, "total": 45, "seconds": 3.2,
             "said": "45 paths in 3.2 s, 6 contradict.",
             "answers": ["closed"] * 30 + ["open"] * 6 + ["unknown"] * 9},
}  # fmt: skip

EVENTS = [
    {"at": NOW - timedelta(hours=21, minutes=51), "state": "", "icon": "history",
     "text": "Configuration changed. Enabled True to False on Lock to gateway, by admin.",
     "href": "#", "link": "Change 1,206"},
    {"at": NOW - timedelta(hours=21, minutes=48), "state": "open", "icon": "",
     "text": "First answer Open, from Frankfurt. Two front ends agree.", "href": "#",
     "link": "Observation 80,112"},
    {"at": NOW - timedelta(minutes=4), "state": "contradicts", "icon": "",
     "text": "Still open, against its configuration.", "href": "", "link": ""},
]  # fmt: skip


def rows() -> list[dict[str, Any]]:
    """Tenants as an overview lists them."""
    found = (
        ("contoso", "open", "6 d 4 h", "Any host", "open open open", "critical", ""),
        ("adatum", "open", "2 d 1 h", "Any host", "open closed open", "high", ""),
        ("fabrikam", "partly", "5 h 52 m", "Any host, null sender", "closed closed open", "high",
         "null"),
        ("proseware", "unknown", "never read", "Not known", "unknown unknown unknown", "info", ""),
        ("northwind", "closed", "closed for 41 d", "1 certificate", "closed closed closed", "low",
         ""),
    )  # fmt: skip
    return [
        {
            "name": name, "domains": "3 domains", "state": state, "lasted": lasted,
            "since": "since 24 Nov 10:14", "who": who, "why": "4,294,967,296 IPv4, all IPv6",
            "senders": [(kind, answer, kind == against, "")
                        for kind, answer in zip(("foreign", "own", "null"), senders.split(),
                                                strict=True)],
            "code": "250 2.1.5", "prediction": "contradicts" if against else "agrees",
            "severity": severity, "incident": "#41 New",
        }
        for name, state, lasted, who, senders, severity, against in found
    ]  # fmt: skip


FILTERS = [
    {"name": "state", "label": "State", "options": [], "chosen": ["open", "partly"],
     "words": "Open, Partly open", "clear": "?"},
    {"name": "sender", "label": "Sender", "options": [("null", "null")], "chosen": [], "words": "",
     "clear": "?"},
]  # fmt: skip


def timeline() -> TenantTimeline:
    """Eighteen days of fabrikam: three changes, a round every six hours, two windows."""
    start = NOW - timedelta(days=18)
    worst = {**dict.fromkeys(range(4), "open"), 27: "unknown", 28: "unknown", 71: "open"}
    buckets = tuple(
        Bucket(
            start=start + timedelta(hours=6 * n),
            end=start + timedelta(hours=6 * n + 6),
            worst=worst.get(n, "closed"),
            answers=45,
            href=f"/tenants/fabrikam/rounds/{n}/",
        )
        for n in range(72)
    )
    return TenantTimeline(
        start=start,
        now=NOW,
        buckets=buckets,
        changes=(
            Change(at=start + timedelta(days=1), effect="closes", label="Lock to gateway created"),
            Change(at=start + timedelta(days=5), effect="neutral", label="Comment", href="/c/2/"),
            Change(at=start + timedelta(days=10), effect="opens", label="<b>a.net</b> added"),
        ),
        windows=(
            Window(last_closed=None, first_open=start, last_open=start + timedelta(hours=20),
                   first_closed=start + timedelta(hours=26), label="any host"),
            Window(last_closed=NOW - timedelta(hours=12), first_open=NOW - timedelta(hours=6),
                   last_open=NOW - timedelta(minutes=4), first_closed=None,
                   label="null sender, any host, 5 h 52 m", href="/tenants/fabrikam/"),
        ),
    )  # fmt: skip


def exposure() -> FleetExposure:
    return FleetExposure(
        tenants=(
            TenantDays(name="contoso", days=tuple(days()), href="/tenants/contoso/"),
            TenantDays(name="northwind", days=tuple(days("closed"))),
            TenantDays(name="proseware", days=tuple(days("unknown"))),
        )
    )


@dataclass(frozen=True)
class Message:
    """A message as Django's framework hands it to a template."""

    said: str
    tags: str = "info"

    def __str__(self) -> str:
        return self.said


def context() -> dict[str, Any]:
    """All samples by name."""
    return {
        "now": NOW,
        "messages": [
            Message("fabrikam was probed: 45 paths in 3.2 s, 6 contradict."),
            Message("litware could not be read: 429. We try again at 08:10.", "error"),
        ],
        "rail": rail("Tenants", "fabrikam"),
        "said": conversation(),
        "refused": conversation(REFUSED, b"probe@vantage.example"),
        "flow": flow(),
        "seen_flow": flow(predicted=False),
        "odd_flow": odd_flow(),
        "matrix": matrix(),
        "strips": [
            {"name": "adatum", "href": "#", "said": "8,884", "days": days()},
            {"name": "northwind", "href": "#", "said": "0", "days": days("closed")},
            {"name": "proseware", "href": "#", "said": "unknown", "days": days("unknown")},
        ],
        "axis": days(),
        "running": PROGRESS["running"],
        "done": PROGRESS["done"],
        "events": EVENTS,
        "filters": FILTERS,
        "rows": rows(),
        "ago4": NOW - timedelta(minutes=4),
        "opened": NOW - timedelta(hours=5, minutes=52),
        "levels": ["critical", "high", "medium", "low", "info"],
        "verdicts": ["open", "partly", "closed", "unknown", "gets_in", "cut_off", "agrees",
                     "contradicts", "not_measured", "opens", "closes", "neutral"],
    }  # fmt: skip


def write(folder: Path) -> list[Path]:
    """Render every sheet into the folder."""
    from django.template import engines  # noqa: PLC0415 # after django.setup()

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for source in sorted(HERE.glob("*.html")):
        page = engines["django"].from_string(source.read_text()).render(context())
        (folder / source.name).write_text(page)
        written.append(folder / source.name)
    for name, chart in (("timeline", timeline()), ("exposure", exposure())):
        figures = folder / "figures"
        figures.mkdir(exist_ok=True)
        (figures / f"{name}.json").write_text(json.dumps(chart.figure()))
    return written


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailposture.settings")
    import django

    django.setup()
    write(Path(sys.argv[1]))
