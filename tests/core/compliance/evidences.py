"""Evidence made by hand: two tenants of the lab's stories over a period of ten days."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from mailposture.adapters.documents.catalogue import newest
from mailposture.core.compliance import (
    Answer,
    Evidence,
    Moved,
    Opening,
    Period,
    Reading,
    Report,
    build,
)
from mailposture.core.exposure import Window
from tests.factories import configuration, lock

BEGIN = datetime(2026, 11, 10, tzinfo=UTC)
END = datetime(2026, 11, 20, tzinfo=UTC)
PERIOD = Period(since=date(2026, 11, 10), until=date(2026, 11, 20), as_of=END + timedelta(days=1))
DOMAINS = ("fabrikam.com", "fabrikam.onmicrosoft.com")
CLASSES = ("foreign", "own", "null")


def at(days: float) -> datetime:
    """So many days into the period."""
    return BEGIN + timedelta(days=days)


def answer(
    verdict: str, first: float, last: float, domain: str = DOMAINS[0], sender: str = "foreign",
    **more: Any,
) -> Answer:  # fmt: skip
    """One span of a stranger's answer, from and to in days of the period."""
    control, line = {
        "open": ("", "250 2.1.5 Recipient OK"),
        "closed": ("inbound connector", "550 5.7.51 TenantInboundAttribution; Rejecting"),
        "unknown": ("", ""),
    }[verdict]
    given: dict[str, Any] = {
        "vantage_point": "Stranger", "stranger": True, "source": "198.51.100.7", "domain": domain,
        "sender_class": sender, "verdict": verdict, "control": control, "code": line[:10],
        "line": line, "observation": 7, "first": at(first), "last": at(last),
    }  # fmt: skip
    return Answer(**{**given, **more})


def everywhere(verdict: str, first: float, last: float, **more: Any) -> list[Answer]:
    """The same for every domain and sender."""
    return [answer(verdict, first, last, d, s, **more) for d in DOMAINS for s in CLASSES]


def opening(
    first: float, last: float, closed: float | None = None, domain: str = DOMAINS[0],
    sender: str = "foreign",
) -> Opening:  # fmt: skip
    """A window, in days of the period; looks got in for all of it."""
    window = Window(
        last_closed=at(first) - timedelta(hours=6),
        first_open=at(first),
        last_open=at(last),
        first_closed=None if closed is None else at(closed),
    )
    return Opening(
        vantage_point="Stranger",
        domain=domain,
        sender_class=sender,
        window=window,
        seen=((at(first), at(last)),),
    )


def evidence(*answers: Answer, **more: Any) -> Evidence:
    """A locked tenant, read for all of the period and a day beside it."""
    seen = configuration(lock(sender_ip_addresses=("203.0.113.10",)), domains=DOMAINS)
    given: dict[str, Any] = {
        "tenant": "fabrikam", "tenant_id": "6f1e54a4-3c2b-4f52-9a7d-1d2f3b4c5d6e",
        "watched_since": at(-5), "gateways": ("203.0.113.10",),
        "sources": (("Gateway", "gets in"),), "domains": DOMAINS,
        "probe_every": timedelta(hours=6), "fetch_every": timedelta(minutes=15),
        "answers": answers, "openings": (),
        "readings": (Reading(configuration=seen, first=at(-5), last=at(11)),),
        "changes": (),
    }  # fmt: skip
    return Evidence(**{**given, **more})


def fabrikam() -> Evidence:
    """Locked, and refused at every look."""
    return evidence(*everywhere("closed", -5, 11))


def contoso() -> Evidence:
    """Opened for two days by a connector that was turned off, then locked again."""
    answers = [
        *everywhere("closed", -5, 3),
        *everywhere("open", 3.25, 5.25, observation=8),
        *everywhere("closed", 5.5, 11, observation=9),
    ]
    openings = [opening(3.25, 5.25, 5.5, d, s) for d in DOMAINS for s in CLASSES]
    on = configuration(lock(), domains=DOMAINS)
    off = configuration(lock(enabled=False), domains=DOMAINS)
    readings = (
        Reading(configuration=on, first=at(-5), last=at(3.2)),
        Reading(configuration=off, first=at(3.21), last=at(5.4)),
        Reading(configuration=on, first=at(5.41), last=at(11)),
    )
    changes = (
        Moved(at=at(3.21), subject="Lock to gateway", sentence="Lock to gateway was turned off",
              effect="Opens"),
        Moved(at=at(5.41), subject="Lock to gateway", sentence="Lock to gateway was turned on",
              effect="Closes"),
    )  # fmt: skip
    return evidence(
        *answers, tenant="contoso", openings=tuple(openings), readings=readings, changes=changes
    )


def built(evidence: Evidence, period: Period = PERIOD) -> Report:
    """The report by the catalogue in force."""
    return build(evidence, newest(), period, engine="0.1.0")


def results(report: Report) -> dict[str, str]:
    """Each requirement's result."""
    return {one.id: str(one.result) for one in report.requirements}
