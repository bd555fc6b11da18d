"""Incidents: opened, moved and ended in the transaction that judged, with their news.

What is news, core/alerting.py says. This loads the life, keeps it, and writes what is to be told.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction

from mailposture import models
from mailposture.core import alerting
from mailposture.core.alerting import Event, Kind, Level, Life, Seen
from mailposture.core.states import Access, State
from mailposture.services import audit, causes, fetches, news, openings, planning, spells
from mailposture.services.standing import Standing

User = AbstractBaseUser | AnonymousUser | None

log = logging.getLogger(__name__)

_SEVERITIES: Final[Mapping[tuple[Kind, Level], str]] = {
    (Kind.BYPASS, Level.WHOLE): models.Incident.Severity.CRITICAL,
    (Kind.BYPASS, Level.PARTLY): models.Incident.Severity.HIGH,
    (Kind.CUT_OFF, Level.WHOLE): models.Incident.Severity.HIGH,
    (Kind.CUT_OFF, Level.PARTLY): models.Incident.Severity.MEDIUM,
    (Kind.BLIND, Level.PARTLY): models.Incident.Severity.MEDIUM,
    (Kind.BLIND, Level.WHOLE): models.Incident.Severity.MEDIUM,
    (Kind.EXCEPTION, Level.PARTLY): models.Incident.Severity.MEDIUM,
    (Kind.EXCEPTION, Level.WHOLE): models.Incident.Severity.HIGH,
}


# What an incident's row keeps of its own beside the facts of its last news.
_OWN: Final = ("spells", "folded", "acknowledged", "held")
_MOVES: Final = (
    "resolved_at", "moved_at", "told", "restless", "tell_at", "severity", "facts", "news",
)  # fmt: skip
_ACKNOWLEDGEMENT: Final = ("acknowledged_at", "acknowledged_by", "acknowledgement")
# Who acknowledged it before it came back: the latest few.
MOST_ACKNOWLEDGED: Final = 50


class NotAcknowledgedError(ValueError):
    """An acknowledgement that says nothing; the sentence says what is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What one look is about: the kind, and the tenant, the vantage point, or both.

    `about` tells apart what else there are several of: the matters of exceptions.
    """

    kind: Kind
    tenant: models.Tenant | None = None
    place: models.VantagePoint | None = None
    about: str = ""

    @property
    def fingerprint(self) -> str:
        """What makes two looks the same incident's."""
        tenant, place = self.tenant, self.place
        whom = (tenant.pk if tenant else "", place.pk if place else "")
        return alerting.fingerprint(self.kind, *whom, *filter(None, (self.about,)))


def after_result(
    tenant: models.Tenant, stands: Standing, at: datetime, now: datetime, *, whole: bool
) -> None:
    """Move a tenant's incidents after strangers or sources were answered.

    Called in the transaction that judged, with the tenant locked. `whole` is the end of a round.
    """
    bypass = Case(kind=Kind.BYPASS, tenant=tenant)
    look(bypass, Seen(level=_doors_level(bypass, tenant, stands.state), at=at, whole=whole), now)
    _withdraw(tenant, at)
    for place in _sources(tenant, stands.sources):
        access = Access(stands.sources.get(str(place.pk), Access.UNKNOWN))
        case = Case(kind=Kind.CUT_OFF, tenant=tenant, place=place)
        look(case, Seen(level=_source_level(tenant, place, access), at=at, whole=whole), now)


def _doors_level(case: Case, tenant: models.Tenant, state: State) -> Level | None:
    """How bad the doors are. Of one that stands open and is not known to, how bad is unknown."""
    if not openings.doors(tenant):
        return Level.GONE
    if state is State.UNKNOWN and _standing(case):
        return None
    return Level.WHOLE if state is State.OPEN else Level.PARTLY


def _source_level(
    tenant: models.Tenant, place: models.VantagePoint, access: Access
) -> Level | None:
    fare = openings.fare(tenant, place.pk)
    if fare.refused:
        return fare.level
    return Level.GONE if access is Access.GETS_IN else None


def _standing(case: Case) -> bool:
    found = models.Incident.objects.filter(fingerprint=case.fingerprint, resolved_at=None)
    return found.exists()


def _sources(tenant: models.Tenant, known: Mapping[str, str]) -> Iterable[models.VantagePoint]:
    """The places that play this tenant's sources and are cut off, or were when last looked."""
    refused = (Access.CUT_OFF, Access.PARTLY_CUT_OFF)
    wanted = {int(pk) for pk, access in known.items() if access in refused}
    standing = tenant.incidents.filter(kind=Kind.CUT_OFF, resolved_at=None)
    wanted.update(standing.values_list("vantage_point", flat=True))
    return models.VantagePoint.objects.filter(pk__in=wanted) if wanted else ()


def _withdraw(tenant: models.Tenant, at: datetime) -> None:
    """What is no source of the tenant any more cannot be cut off; nobody is told what they did."""
    named = tenant.sources.exclude(vantage_point=None).values("vantage_point")
    gone = tenant.incidents.filter(kind=Kind.CUT_OFF, resolved_at=None)
    for row in gone.exclude(vantage_point__in=named):
        _end_quietly(row, at)


def withdraw(pk: int, at: datetime) -> None:
    """End one whose subject nobody wants to see any more; nobody is told what they did."""
    row = models.Incident.objects.select_for_update().filter(pk=pk, resolved_at=None).first()
    if row:
        _end_quietly(row, at)


def _end_quietly(row: models.Incident, at: datetime) -> None:
    row.facts = {**spells.ended(row, at), "withdrawn": True}
    row.resolved_at, row.moved_at = at, max(row.moved_at, at)
    row.told, row.restless, row.tell_at = Level.GONE.name.lower(), False, None
    row.save(update_fields=_MOVES)


def look(
    case: Case, seen: Seen, now: datetime, *, noted: Mapping[str, Any] | None = None
) -> models.Incident | None:
    """Take one look at one case: keep the life of its incident, and write its news.

    `noted` are facts that the look itself brings: why we are blind, and what is still seen.
    """
    row = _latest(case)
    life = _life(row) if row else None
    if row and life:
        life = _keep(row, _due(row, life, now), case, Seen(level=None, at=seen.at), now)
    elif seen.level in (None, Level.GONE):
        return None
    if case.kind is Kind.BYPASS and case.tenant and seen.level and _untold(row):
        seen = _asked_why(row, case.tenant, seen, now)
    step = alerting.observe(life, seen)
    if step.began and step.life:
        row = _begin(case, step.life, seen)
    if row is None:
        return None
    _note(row, {**(noted or {}), **({"held": True} if seen.hold and seen.whole else {})})
    life = _keep(row, step, case, seen, now)
    if life and seen.level and (life.told is None or life.returning):
        # It waits to be told: should it end before, it is told as it is seen now.
        _note(row, {"seen": news.gather(row, Event.AGAIN if life.told else Event.OPENED, now)})
    return row


def _untold(row: models.Incident | None) -> bool:
    """Whether an opening or a return would be news, or waits to be told."""
    return row is None or row.resolved_at is not None or row.told in ("", Level.GONE.name.lower())


def _asked_why(
    row: models.Incident | None, tenant: models.Tenant, seen: Seen, now: datetime
) -> Seen:
    """Have the configuration read when a door opens: what was changed is the next question.

    The news waits for the answer, but never beyond the time at which it must be told.
    """
    fresh = row is None or row.resolved_at is not None
    moved = seen.at if row is None or fresh else row.moved_at
    hold = causes.awaits(tenant, moved, now, asked=not fresh)
    if fresh:
        fetches.ask(tenant, now)
    return replace(seen, hold=hold)


def _note(row: models.Incident, noted: Mapping[str, Any]) -> None:
    """Keep what a look brought: that it changes is no news, but the page shows it."""
    if any(row.facts.get(key) != value for key, value in noted.items()):
        row.facts = {**row.facts, **noted}
        models.Incident.objects.filter(pk=row.pk).update(facts=row.facts)


def _latest(case: Case) -> models.Incident | None:
    found = models.Incident.objects.filter(fingerprint=case.fingerprint)
    row = found.order_by("-opened_at", "-pk").first()
    if row:
        row.tenant, row.vantage_point = case.tenant, case.place
    return row


def _begin(case: Case, life: Life, seen: Seen) -> models.Incident:
    bypass = case.tenant if case.kind is Kind.BYPASS else None
    doors = openings.doors(bypass) if bypass else []
    since, closed = openings.since(doors), openings.last_closed(doors)
    return models.Incident.objects.create(
        tenant=case.tenant,
        vantage_point=case.place,
        kind=case.kind,
        severity=_SEVERITIES[case.kind, seen.level or Level.WHOLE],
        fingerprint=case.fingerprint,
        opened_at=since or life.opened_at,
        moved_at=life.moved_at,
        facts={"last_closed": closed.isoformat() if closed else None} if bypass else {},
    )


def _keep(
    row: models.Incident, step: alerting.Step, case: Case, seen: Seen, now: datetime
) -> Life | None:
    """Store where a step leads, and write what it has to tell."""
    life = step.life
    if life is None:
        return None
    before = _life(row)
    if not step.news and before == life:
        return life
    cleared = _turned(row, before, life)
    level = _level(row) if seen.level is None else seen.level
    row.resolved_at, row.moved_at = life.resolved_at, life.moved_at
    row.told = life.told.name.lower() if life.told is not None else ""
    row.restless, row.tell_at = life.restless, life.tell_at
    if level is not Level.GONE and news.stands(row):
        row.severity = _SEVERITIES[case.kind, level]
    for event in step.news:
        own = {key: row.facts[key] for key in _OWN if key in row.facts}
        row.facts = {**news.write(row, event, now), **own, "held": False}
        row.news += 1
    row.save(update_fields=[*_MOVES, *(_ACKNOWLEDGEMENT if cleared else ())])
    return life


def _turned(row: models.Incident, before: Life, life: Life) -> bool:
    """Keep the time that has ended; of one that came back, that nobody sees to it any more.

    Whether it came back.
    """
    if before.resolved_at is None and life.resolved_at is not None:
        row.facts = spells.ended(row, life.resolved_at)
    back = before.resolved_at is not None and life.resolved_at is None
    if back:
        row.facts = {key: value for key, value in row.facts.items() if key != "withdrawn"}
    if back and row.acknowledged_at:
        _keep_acknowledgement(row)
        row.acknowledged_at, row.acknowledged_by, row.acknowledgement = None, "", ""
    return back


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
    """How bad it stands now, by the rows; as it was known last where that is unknown."""
    if row.resolved_at is not None:
        return Level.GONE
    if row.kind == Kind.BLIND:
        return alerting.unseen([r["what"] for r in row.facts.get("reasons", [])]) or Level.WHOLE
    if row.kind == Kind.EXCEPTION:
        return Level[str(row.facts.get("exception", {}).get("level", "whole")).upper()]
    if row.kind == Kind.CUT_OFF and row.tenant:
        return openings.fare(row.tenant, row.vantage_point_id).level or _known(row)
    if row.tenant and row.tenant.state == State.UNKNOWN:
        return _known(row)
    return Level.WHOLE if row.tenant and row.tenant.state == State.OPEN else Level.PARTLY


def _known(row: models.Incident) -> Level:
    """What was told last, or the worst that was seen where nothing was."""
    if row.told and row.told != Level.GONE.name.lower():
        return Level[row.told.upper()]
    partly = _SEVERITIES[Kind(row.kind), Level.PARTLY]
    return Level.PARTLY if row.severity == partly else Level.WHOLE


def _due(row: models.Incident, life: Life, now: datetime) -> alerting.Step:
    """What must be told by now; how bad it stands is asked only then."""
    if life.tell_at is None or now < life.tell_at:
        return alerting.Step(life)
    return alerting.due(life, _level(row), now)


def tell_due(now: datetime) -> int:
    """Tell what was held back and whose time has come; how many incidents were looked at."""
    _read_meanwhile(now)
    waiting = models.Incident.objects.filter(tell_at__lte=now)
    found = list(waiting.order_by("tell_at").values_list("pk", "tenant_id")[:200])
    for pk, tenant_id in found:
        try:
            with transaction.atomic():
                _tell(pk, tenant_id, now)
        except Exception:
            # What one tenant's rows make go wrong is that tenant's problem and no other's.
            log.exception("incident %s could not be told", pk)
            _put_off(pk, now)
    return len(found)


def _tell(pk: int, tenant_id: int | None, now: datetime) -> None:
    if tenant_id:
        planning.lock(tenant_id)
    due = models.Incident.objects.filter(pk=pk, tell_at__lte=now)
    row = due.select_related("tenant", "vantage_point").first()
    if row:
        case = Case(kind=Kind(row.kind), tenant=row.tenant, place=row.vantage_point)
        _keep(row, _due(row, _life(row), now), case, Seen(level=None, at=now), now)


def _put_off(pk: int, now: datetime) -> None:
    """Try again in a while, so that what fails for good does not hold back what is due later."""
    found = models.Incident.objects.filter(pk=pk, tell_at__lte=now)
    found.update(tell_at=now + alerting.PATIENCE)


def _read_meanwhile(now: datetime) -> None:
    """What was held back for a reading is due as soon as that has ended."""
    held = models.Incident.objects.filter(tell_at__gt=now, resolved_at=None, kind=Kind.BYPASS)
    for row in held.filter(told__in=("", Level.GONE.name.lower())).select_related("tenant"):
        if not row.facts.get("held") or row.tenant is None:
            continue
        try:
            waits = causes.awaits(row.tenant, row.moved_at, now, asked=True)
        except Exception:
            log.exception("what incident %s waits for is not known: it waits its time", row.pk)
            continue
        if not waits:
            held.filter(pk=row.pk, tell_at=row.tell_at).update(tell_at=now)


@transaction.atomic
def acknowledge(row: models.Incident, reason: str, user: User, now: datetime) -> None:
    """Say that someone sees to it, and why that is enough; what was said before is kept."""
    given = " ".join(reason.split())[:2000]
    if not given:
        raise NotAcknowledgedError("Say what you are doing about it, so that others know.")
    # Whoever judges holds the tenant, and writes what an incident is about as well.
    if row.tenant_id:
        models.Tenant.objects.select_for_update().get(pk=row.tenant_id)
    found = models.Incident.objects.select_for_update().get(pk=row.pk)
    if found.resolved_at:
        raise NotAcknowledgedError("It is over by now: there is nothing left to see to.")
    if found.acknowledged_at:
        _keep_acknowledgement(found)
    known = user.get_username() if user is not None and user.is_authenticated else "command line"
    found.acknowledged_at, found.acknowledged_by, found.acknowledgement = now, known, given
    found.save(update_fields=(*_ACKNOWLEDGEMENT, "facts"))
    audit.record("acknowledged incident", f"#{row.pk}", now, user=user, reason=given)


def _keep_acknowledgement(row: models.Incident) -> None:
    """Put who saw to it until now, and how, into the incident's own story."""
    said = {
        "at": row.acknowledged_at.isoformat() if row.acknowledged_at else None,
        "by": row.acknowledged_by,
        "why": row.acknowledgement,
    }
    earlier = [*row.facts.get("acknowledged", []), said][-MOST_ACKNOWLEDGED:]
    row.facts = {**row.facts, "acknowledged": earlier}
