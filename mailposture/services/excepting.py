"""What exceptions do to a tenant's findings: which are covered, and what goes beyond them.

Part of judging a tenant (services/assessing.py), and run as well where people act on one.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db.models import Exists, OuterRef, QuerySet

from mailposture import models
from mailposture.core import codec
from mailposture.core.exceptions import Held, beyond
from mailposture.core.posture import Excepted, Facts, Finding
from mailposture.core.posture.scopes import Scope, scope

State = models.Acceptance.State
STANDING: Final = (State.REQUESTED, State.APPROVED)
LONGEST_SAID: Final = 120

type Key = tuple[str, str]


def standing(tenant: models.Tenant) -> QuerySet[models.Acceptance]:
    """Exceptions that are pending or approved, expired or not, oldest first."""
    return tenant.exceptions.filter(state__in=STANDING).order_by("pk")


def with_stands(found: QuerySet[models.Acceptance]) -> QuerySet[Any]:
    """Exceptions, each with `stands`: whether its finding is still there."""
    same = models.Finding.objects.filter(
        tenant=OuterRef("tenant"), rule=OuterRef("rule"), subject=OuterRef("subject"),
        closed_at=None,
    )  # fmt: skip
    with_it: QuerySet[Any] = found.annotate(stands=Exists(same))
    return with_it


def facts(tenant: models.Tenant) -> tuple[Excepted, ...]:
    """The exceptions by which MP-13 judges: those whose finding stands. One that waits to renew
    another is that other's future, and no exception yet.
    """
    rows = [*with_stands(standing(tenant)).filter(stands=True)]
    approved = {row.pk for row in rows if row.state == State.APPROVED}
    return tuple(
        Excepted(
            key=row.name,
            sentence=said(row),
            approved=row.state == State.APPROVED,
            expires_at=row.expires_at,
        )
        for row in rows
        if row.renews_id not in approved
    )


def said(row: models.Acceptance) -> str:
    """Which exception, and what it accepts, as one sentence of a finding."""
    words = row.sentence if len(row.sentence) <= LONGEST_SAID else f"{row.sentence[:119]}…"
    return f"Exception {row.name} accepts {row.rule}: {words.rstrip('.')}."


def held(row: models.Acceptance) -> Held:
    """The exception as the core sees it."""
    return Held(
        key=row.pk,
        name=row.name,
        rule=row.rule,
        subject=row.subject,
        accepted=accepted(row),
        hosts=tuple(row.hosts.split()),
    )


def accepted(row: models.Acceptance) -> Scope:
    """What it accepts, exactly."""
    return codec.load(Scope, row.scope)


# ---- while a tenant is judged --------------------------------------------------------------


def hold(
    tenant: models.Tenant, given: Facts, violated: Mapping[Key, Finding], now: datetime
) -> None:
    """Hold what was found against what was accepted, and mark the findings that are covered.

    What waits for a decision is measured as well: whoever decides sees what has become of it.
    `violated` are the findings of this judgement; of one that stands and could not be judged now,
    what was known of its exception stays.
    """
    rows = list(standing(tenant))
    for row in rows:
        if found := violated.get((row.rule, row.subject)):
            _measure(row, beyond(accepted(row), scope(given, found)), now)
    mark(tenant, (row for row in rows if row.state == State.APPROVED))


def _measure(row: models.Acceptance, outside: Sequence[str], now: datetime) -> None:
    """Keep what goes beyond it, where that is anything new."""
    if list(outside) == row.outside:
        return
    row.outside_since = (row.outside_since or now) if outside else None
    row.outside = list(outside)
    row.save(update_fields=["outside", "outside_since"])


def mark(tenant: models.Tenant, rows: Iterable[models.Acceptance] | None = None) -> None:
    """Let each finding that stands say which exception covers it, and until when."""
    if rows is None:
        rows = tenant.exceptions.filter(state=State.APPROVED)
    covers = {(row.rule, row.subject): row for row in rows if not row.outside}
    marked = tenant.findings.filter(closed_at=None, exception__isnull=False)
    found = list(marked)
    if covers:
        rules = {rule for rule, _ in covers}
        found += tenant.findings.filter(closed_at=None, exception=None, rule__in=rules)
    moved = [row for row in found if _marked(row, covers.get((row.rule, row.subject)))]
    if moved:
        models.Finding.objects.bulk_update(moved, ["exception", "accepted_until"])


def _marked(row: models.Finding, by: models.Acceptance | None) -> bool:
    """Mark one finding; whether that is anything new."""
    wanted = (by.pk, by.expires_at) if by else (None, None)
    if (row.exception_id, row.accepted_until) == wanted:
        return False
    row.exception, row.accepted_until = by, wanted[1]
    return True
