"""Reports: asked for as rows, made from a period's evidence, kept as documents, rendered to files.

A file is rendered from the stored document and never from the evidence again.
"""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.utils.text import slugify

from mailposture import VERSION, models
from mailposture.adapters.documents import pdf, tables
from mailposture.adapters.documents.catalogue import newest
from mailposture.core import codec
from mailposture.core.compliance import Period, build
from mailposture.services import audit, gathering, leases

User = AbstractBaseUser | AnonymousUser | None

log = logging.getLogger(__name__)

AT_ONCE: Final = 1
LEASE: Final = timedelta(minutes=5)
LONGEST: Final = 400
# Before there was any Exchange Online there is no evidence of it.
EARLIEST: Final = date(2000, 1, 1)
FORMATS: Final = {"pdf": "application/pdf", "csv": "text/csv; charset=utf-8"}


class PeriodError(ValueError):
    """A period that no report can be made of; says why and what to do."""


@dataclass(frozen=True, slots=True)
class File:
    """A rendered report: its bytes, a safe name, its type."""

    content: bytes
    name: str
    type: str


def period(since: date, until: date, now: datetime) -> Period:
    """UTC days from `since` up to, not including, `until`. Raises PeriodError."""
    if since >= until:
        raise PeriodError("The period ends before it begins: its last day is not counted in.")
    if since < EARLIEST:
        raise PeriodError(f"A report begins in {EARLIEST.year} or later.")
    if (until - since).days > LONGEST:
        raise PeriodError(f"A report covers at most {LONGEST} days.")
    if datetime.combine(since, time.min, UTC) >= now:
        raise PeriodError("The period has not begun yet.")
    return Period(since=since, until=until, as_of=now)


def ask(
    tenant: models.Tenant, since: date, until: date, now: datetime, *, user: User = None
) -> models.Report:
    """Ask for a report; it is made by whoever claims it. Raises PeriodError."""
    period(since, until, now)
    event = audit.record(
        "asked for a report", tenant.slug, now, user=user, since=str(since), until=str(until)
    )
    return models.Report.objects.create(
        tenant=tenant,
        tenant_name=tenant.name,
        since=since,
        until=until,
        created_at=now,
        due_at=now,
        asked_by=event.who,
    )


def ask_again(row: models.Report, now: datetime) -> None:
    """Make one that failed anew."""
    models.Report.objects.filter(pk=row.pk, state=models.Report.State.FAILED).update(
        state=models.Report.State.WAITING, due_at=now, attempts=0, lease_until=None, problem=""
    )


def claim(now: datetime) -> list[tuple[int, int]]:
    """Claim reports that are due, as (report, attempt)."""
    waiting = models.Report.objects.filter(state=models.Report.State.WAITING)
    _give_up(now)
    slots = AT_ONCE - waiting.filter(lease_until__gt=now).count()
    due = waiting.filter(leases.free(now), due_at__lte=now).order_by("due_at", "pk")
    claimed = []
    for pk, attempts in due.values_list("pk", "attempts")[: max(slots, 0)]:
        won = waiting.filter(leases.free(now), pk=pk, attempts=attempts).update(
            attempts=attempts + 1, lease_until=now + LEASE
        )
        if won:
            claimed.append((pk, attempts + 1))
    return claimed


def _give_up(now: datetime) -> None:
    """A report whose maker died three times is set aside and shown."""
    models.Report.objects.filter(
        state=models.Report.State.WAITING,
        attempts__gte=models.Shard.ATTEMPTS,
        lease_until__lte=now,
    ).update(
        state=models.Report.State.FAILED,
        lease_until=None,
        problem="It was not done in three attempts: its worker died each time.",
    )


def make(pk: int, attempt: int, clock: Callable[[], datetime]) -> None:
    """Make one claimed report; a claim that was lost does nothing."""
    held = models.Report.objects.filter(
        pk=pk, attempts=attempt, state=models.Report.State.WAITING
    ).exclude(lease_until=None)
    row = held.select_related("tenant").first()
    if row is None or row.tenant is None:
        return
    try:
        document = _document(row.tenant, row.since, row.until, clock())
        digest = sha256(document)
        pdf.render(document, number=str(row.pk), sha256=digest)
    except Exception:
        # Whatever one tenant's rows make go wrong is said on its report, and stops no other.
        log.exception("report %s could not be made", row.pk)
        held.update(
            state=models.Report.State.FAILED,
            lease_until=None,
            problem="It could not be made: the worker's log says why.",
        )
        return
    held.update(
        state=models.Report.State.DONE,
        document=document,
        sha256=digest,
        as_of=datetime.fromisoformat(document["as_of"]),
        catalogue=f"{document['catalogue']} {document['catalogue_version']}",
        done_at=clock(),
        lease_until=None,
        problem="",
    )


def _document(tenant: models.Tenant, since: date, until: date, now: datetime) -> dict[str, Any]:
    over = period(since, until, now)
    report = build(gathering.gather(tenant, over), newest(), over, engine=VERSION)
    document: dict[str, Any] = codec.dump(report)
    return document


def sha256(document: dict[str, Any]) -> str:
    """The digest of a document in its canonical form: sorted keys, no blanks."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def is_whole(row: models.Report) -> bool:
    """Whether the stored document is the one that was made."""
    return row.state == models.Report.State.DONE and sha256(row.document) == row.sha256


def render(row: models.Report, kind: str) -> File:
    """The file of a finished report; `kind` is pdf or csv."""
    if kind == "pdf":
        content = pdf.render(row.document, number=str(row.pk), sha256=row.sha256)
    else:
        content = tables.report(row.document, row.sha256)
    name = slugify(str(row.document["tenant"])) or "tenant"
    span = f"{row.since:%Y%m%d}-{row.until:%Y%m%d}"
    return File(content, f"mailposture-{name[:60]}-{span}-{row.pk}.{kind}", FORMATS[kind])
