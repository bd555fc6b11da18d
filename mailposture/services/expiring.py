"""What is told of exceptions: two weeks before one ends, on the day it has, and what outgrows one.

The clock asks. Each matter of an exception is an incident of its own, with the life and the mails
that every incident has (core/alerting.py). Nobody is told of what people did themselves.
"""

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Q

from mailposture import models
from mailposture.core import exceptions
from mailposture.core.alerting import Kind, Level, Seen
from mailposture.services import assessing, excepting, incidents, planning

log = logging.getLogger(__name__)

State = models.Acceptance.State
ENDS: Final = "ends"
OUTGROWN: Final = "outgrown"
type Matter = tuple[int, str]


def assess(now: datetime) -> int:
    """Open, go on with and end what is told of exceptions; how many were looked at.

    Two questions, however many there are: only what is not told as it stands is looked at.
    """
    told, stands = dict(_told()), dict(_standing(now))
    moved = {key[0] for key in told.keys() | stands.keys() if told.get(key) != stands.get(key)}
    return sum(_look(pk, now) for pk in sorted(moved))


def _standing(now: datetime) -> Iterator[tuple[Matter, Any]]:
    """What there is to tell of exceptions in force that end soon or ended, or are outgrown."""
    matters = Q(expires_at__lte=now + exceptions.NOTICE) | Q(outside_since__isnull=False)
    rows = models.Acceptance.objects.filter(matters, state=State.APPROVED)
    for row in excepting.with_stands(rows):
        for matter, level_of in _LEVELS.items():
            if level := level_of(row, now):
                yield (row.pk, matter), _facts(row, matter, level)["exception"]


def _told() -> Iterator[tuple[Matter, Any]]:
    """What was told of exceptions and is not over."""
    rows = models.Incident.objects.filter(kind=Kind.EXCEPTION, resolved_at=None)
    for facts in rows.values_list("facts", flat=True):
        known = facts.get("exception") or {}
        yield (int(known.get("pk") or 0), str(known.get("matter"))), known


def _look(pk: int, now: datetime) -> int:
    """Look at one in a transaction of its own: what goes wrong with it stops no other."""
    try:
        with transaction.atomic():
            found = models.Acceptance.objects.filter(pk=pk)
            for tenant_id in found.values_list("tenant_id", flat=True):
                planning.lock(tenant_id)
            row = excepting.with_stands(found.select_related("tenant")).first()
            if row is None:
                return 0
            for matter in _LEVELS:
                _settle(row, matter, now)
    except Exception:
        log.exception("what is to be told of exception %s could not be kept", pk)
        return 0
    return 1


def _settle(row: Any, matter: str, now: datetime) -> None:
    case = incidents.Case(kind=Kind.EXCEPTION, tenant=row.tenant, about=f"{row.pk}.{matter}")
    standing = models.Incident.objects.filter(
        fingerprint=case.fingerprint, resolved_at=None
    ).first()
    if row.state != State.APPROVED:
        if standing:
            incidents.withdraw(standing.pk, now)
        return
    level = _LEVELS[matter](row, now)
    noted = _facts(row, matter, level)
    if standing is None and level is Level.GONE:
        return
    if standing and level is not Level.GONE and _known(standing) == noted["exception"]:
        return
    incidents.look(case, Seen(level=level, at=now), now, noted=None if not level else noted)
    if matter == ENDS and level is Level.WHOLE:
        assessing.refresh(row.tenant, now)


def _known(row: models.Incident) -> Any:
    return row.facts.get("exception")


def _ends(row: Any, now: datetime) -> Level:
    """How near its end is, while there is anything that it accepts."""
    if row.expires_at > now + exceptions.NOTICE or not row.stands:
        return Level.GONE
    return Level.WHOLE if row.expires_at <= now else Level.PARTLY


def _outgrown(row: Any, now: datetime) -> Level:
    """Whether its finding goes beyond it; of one that has expired, that is told instead."""
    beyond = row.outside and row.expires_at > now and row.stands
    return Level.WHOLE if beyond else Level.GONE


_LEVELS: Final = {ENDS: _ends, OUTGROWN: _outgrown}


def _facts(row: models.Acceptance, matter: str, level: Level) -> dict[str, Any]:
    """What the words are made of."""
    said = {
        "pk": row.pk,
        "name": row.name,
        "rule": row.rule,
        "sentence": row.sentence,
        "owner": row.owner,
        "approved_by": row.decided_by,
        "until": exceptions.until(row.expires_at),
        "matter": matter,
        "level": level.name.lower(),
        "outside": list(row.outside) if matter == OUTGROWN else [],
    }
    return {"exception": said}
