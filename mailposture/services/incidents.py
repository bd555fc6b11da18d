"""Incidents: opened, moved and ended in the transaction that judged, with their news.

What is news, core/alerting.py says. This loads the life, keeps it, and writes what is to be told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction

from mailposture import models
from mailposture.core import alerting
from mailposture.core.alerting import Event, Kind, Level, Life, Seen
from mailposture.core.states import Access, State
from mailposture.services import audit, fetches, news, openings, planning
from mailposture.services.standing import Standing

User = AbstractBaseUser | AnonymousUser | None

_SEVERITIES: Final[Mapping[tuple[Kind, Level], str]] = {
    (Kind.BYPASS, Level.WHOLE): models.Incident.Severity.CRITICAL,
    (Kind.BYPASS, Level.PARTLY): models.Incident.Severity.HIGH,
    (Kind.CUT_OFF, Level.WHOLE): models.Incident.Severity.HIGH,
    (Kind.BLIND, Level.WHOLE): models.Incident.Severity.MEDIUM,
}
_WORST_FIRST: Final = (
    models.Incident.Severity.CRITICAL,
    models.Incident.Severity.HIGH,
    models.Incident.Severity.MEDIUM,
)


class NotAcknowledgedError(ValueError):
    """An acknowledgement that says nothing; the sentence says what is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What one look is about: the kind, and the tenant, the vantage point, or both."""

    kind: Kind
    tenant: models.Tenant | None = None
    place: models.VantagePoint | None = None

    @property
    def fingerprint(self) -> str:
        """What makes two looks the same incident's."""
        tenant, place = self.tenant, self.place
        return alerting.fingerprint(
            self.kind, tenant.pk if tenant else "", place.pk if place else ""
        )


def after_result(
    tenant: models.Tenant, stands: Standing, at: datetime, now: datetime, *, whole: bool
) -> None:
    """Move a tenant's incidents after strangers or sources were answered.

    Called in the transaction that judged, with the tenant locked. `whole` is the end of a round.
    """
    level = Level.PARTLY if stands.state is not State.OPEN else Level.WHOLE
    seen = level if openings.doors(tenant) else Level.GONE
    look(Case(kind=Kind.BYPASS, tenant=tenant), Seen(level=seen, at=at, whole=whole), now)
    _withdraw(tenant, at)
    for place in _sources(tenant, stands.sources):
        access = Access(stands.sources.get(str(place.pk), Access.UNKNOWN))
        level_of = {Access.CUT_OFF: Level.WHOLE, Access.GETS_IN: Level.GONE}
        case = Case(kind=Kind.CUT_OFF, tenant=tenant, place=place)
        look(case, Seen(level=level_of.get(access), at=at, whole=whole), now)


def _sources(tenant: models.Tenant, known: Mapping[str, str]) -> Iterable[models.VantagePoint]:
    """The places that play this tenant's sources and are cut off, or were when last looked."""
    wanted = {int(pk) for pk, access in known.items() if access == Access.CUT_OFF}
    standing = tenant.incidents.filter(kind=Kind.CUT_OFF, resolved_at=None)
    wanted.update(standing.values_list("vantage_point", flat=True))
    return models.VantagePoint.objects.filter(pk__in=wanted) if wanted else ()


def _withdraw(tenant: models.Tenant, at: datetime) -> None:
    """What is no source of the tenant any more cannot be cut off; nobody is told what they did."""
    named = tenant.sources.exclude(vantage_point=None).values("vantage_point")
    gone = tenant.incidents.filter(kind=Kind.CUT_OFF, resolved_at=None)
    gone.exclude(vantage_point__in=named).update(
        resolved_at=at, moved_at=at, told=Level.GONE.name.lower(), restless=False, tell_at=None
    )


def look(
    case: Case, seen: Seen, now: datetime, *, reasons: list[dict[str, str]] | None = None
) -> models.Incident | None:
    """Take one look at one case: keep the life of its incident, and write its news."""
    row = _latest(case)
    life = _life(row) if row else None
    if row and life:
        life = _keep(row, alerting.due(life, _level(row), now), case, seen, now)
    elif seen.level in (None, Level.GONE):
        return None
    step = alerting.observe(life, seen)
    if step.began and step.life:
        row = _begin(case, step.life, seen)
    if row is None:
        return None
    if reasons:
        _note(row, reasons)
    _keep(row, step, case, seen, now)
    return row


def _note(row: models.Incident, reasons: list[dict[str, str]]) -> None:
    """Keep why we are blind: that it changes is no news, but the page shows it."""
    if row.facts.get("reasons") != reasons:
        row.facts = {**row.facts, "reasons": reasons}
        models.Incident.objects.filter(pk=row.pk).update(facts=row.facts)


def _latest(case: Case) -> models.Incident | None:
    found = models.Incident.objects.filter(fingerprint=case.fingerprint)
    row = found.order_by("-opened_at", "-pk").first()
    if row:
        row.tenant, row.vantage_point = case.tenant, case.place
    return row


def _begin(case: Case, life: Life, seen: Seen) -> models.Incident:
    bypass = case.tenant if case.kind is Kind.BYPASS else None
    since = openings.since(openings.doors(bypass)) if bypass else None
    return models.Incident.objects.create(
        tenant=case.tenant,
        vantage_point=case.place,
        kind=case.kind,
        severity=_SEVERITIES[case.kind, seen.level or Level.WHOLE],
        fingerprint=case.fingerprint,
        opened_at=since or life.opened_at,
        moved_at=life.moved_at,
    )


def _keep(
    row: models.Incident, step: alerting.Step, case: Case, seen: Seen, now: datetime
) -> Life | None:
    """Store where a step leads, and write what it has to tell."""
    life = step.life
    if life is None:
        return None
    level = seen.level or _level(row)
    before = _life(row)
    row.resolved_at, row.moved_at = life.resolved_at, life.moved_at
    row.told = life.told.name.lower() if life.told is not None else ""
    row.restless, row.tell_at = life.restless, life.tell_at
    if level is not Level.GONE:
        row.severity = _worse(row.severity, _SEVERITIES[case.kind, level])
    for event in step.news:
        row.facts = news.write(row, event, now)
        row.news += 1
        if event is Event.OPENED and case.kind is Kind.BYPASS and case.tenant:
            fetches.ask(case.tenant, now)  # what was changed is the next question
    if step.news or before != life:
        row.save()
    return life


def _worse(one: str, other: str) -> str:
    return min(one, other, key=lambda s: _WORST_FIRST.index(models.Incident.Severity(s)))


def _life(row: models.Incident) -> Life:
    return Life(
        opened_at=row.opened_at,
        moved_at=row.moved_at,
        resolved_at=row.resolved_at,
        told=Level[row.told.upper()] if row.told else None,
        restless=row.restless,
        tell_at=row.tell_at,
    )


def _level(row: models.Incident) -> Level:
    """How bad it stands now, by the tenant's own row."""
    if row.resolved_at is not None:
        return Level.GONE
    if row.kind == Kind.BYPASS and row.tenant and row.tenant.state != State.OPEN:
        return Level.PARTLY
    return Level.WHOLE


def tell_due(now: datetime) -> int:
    """Tell what was held back and whose time has come; how many incidents were looked at."""
    waiting = models.Incident.objects.filter(tell_at__lte=now)
    found = list(waiting.order_by("tell_at").values_list("pk", "tenant_id")[:200])
    for pk, tenant_id in found:
        with transaction.atomic():
            if tenant_id:
                planning.lock(tenant_id)
            row = waiting.filter(pk=pk).select_related("tenant", "vantage_point").first()
            if row:
                case = Case(kind=Kind(row.kind), tenant=row.tenant, place=row.vantage_point)
                step = alerting.due(_life(row), _level(row), now)
                _keep(row, step, case, Seen(level=None, at=now), now)
    return len(found)


@transaction.atomic
def acknowledge(row: models.Incident, reason: str, user: User, now: datetime) -> None:
    """Say that someone sees to it, and why that is enough; nothing else changes."""
    given = " ".join(reason.split())
    if not given:
        raise NotAcknowledgedError("Say what you are doing about it, so that others know.")
    known = user.get_username() if user is not None and user.is_authenticated else "command line"
    models.Incident.objects.filter(pk=row.pk).update(
        acknowledged_at=now, acknowledged_by=known, acknowledgement=given[:2000]
    )
    audit.record("acknowledged incident", f"#{row.pk}", now, user=user, reason=given[:2000])


def subjects(row: models.Incident) -> list[dict[str, Any]]:
    """The domains and sender classes that an open bypass is about now."""
    standing = row.kind == Kind.BYPASS and row.tenant is not None and row.resolved_at is None
    return openings.subjects(openings.doors(row.tenant)) if standing and row.tenant else []
