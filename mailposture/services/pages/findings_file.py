"""The list of findings as a file: one row each, with all that the list leaves to the page."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from mailposture import models
from mailposture.services.pages import findings

HEAD: Final = (
    "Tenant", "Address name", "Rule", "Requirement", "Severity", "Because", "Finding", "State",
    "Since (UTC)", "Until (UTC)", "Evidence", "Near miss", "Assumptions", "Subject",
    "Exception", "Accepted until",
)  # fmt: skip


def table(wanted: findings.Wanted, now: datetime) -> Iterator[tuple[str, ...]]:
    """Head first, then every finding of the filtered list. Times are exact, in UTC."""
    yield HEAD
    for row in findings.select(wanted, now).iterator(chunk_size=2000):
        yield _cells(row, findings.line(row, now).accepted)


def _cells(row: models.Finding, until: str) -> tuple[str, ...]:
    document: dict[str, Any] = row.document
    return (
        row.tenant.name,
        row.tenant.slug,
        row.rule,
        findings.title(row.rule),
        findings.SEVERITIES.get(row.severity, row.severity),
        document.get("because") or "",
        row.sentence,
        findings.STATES["closed" if row.closed_at else "open"],
        _exact(row.opened_at),
        _exact(row.closed_at),
        " | ".join(document.get("evidence") or ()),
        document.get("near_miss") or "",
        ", ".join(document.get("assumptions") or ()),
        row.subject,
        f"E-{row.exception_id}" if until else "",
        until,
    )


def _exact(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""
