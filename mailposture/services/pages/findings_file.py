"""The list of findings as a file: one row each, with all that the list leaves to the page."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from mailposture import models
from mailposture.core import exceptions
from mailposture.services.pages import findings

AT_ONCE: Final = 500
READ: Final = (
    "rule", "severity", "rank", "subject", "sentence", "document", "opened_at", "closed_at",
    "exception", "accepted_until", "tenant__name", "tenant__slug",
)  # fmt: skip
HEAD: Final = (
    "Tenant", "Address name", "Rule", "Requirement", "Severity", "Because", "Finding", "State",
    "Since (UTC)", "Until (UTC)", "Evidence", "Near miss", "Assumptions", "Subject",
    "Exception", "Accepted until",
)  # fmt: skip


def table(wanted: findings.Wanted, now: datetime) -> Iterator[list[tuple[str, ...]]]:
    """Head first, then every finding of the list, so many at once. Times are exact, in UTC.

    Each piece is a question of its own, after the last row of the one before: no reader, however
    slow, keeps the database at it.
    """
    yield [HEAD]
    found, last = findings.select(wanted, now).only(*READ), ""
    while rows := list(findings.after(found, last)[:AT_ONCE]):
        yield [_cells(row, findings.covered(row, now)) for row in rows]
        last = findings.key(rows[-1])


def _cells(row: models.Finding, covered: datetime | None) -> tuple[str, ...]:
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
        f"E-{row.exception_id}" if covered else "",
        exceptions.until(covered) if covered else "",
    )


def _exact(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""
