"""Which change can have moved a door, and the line that takes it back.

A change near the moment is a candidate. Of several the model says which let anybody in: the one
without which fewer hosts would get in. A line is offered only where taking that one change back
shuts all that was opened; where several did it, none is.
"""

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any, Final

from mailposture import models
from mailposture.core.configuration import Configuration, exchange_name
from mailposture.core.effects import Candidate, candidate
from mailposture.core.reachability import Comparison, compare
from mailposture.services import openings, settling, spells, undoing

# A change may be read some readings after its door was seen to move.
READINGS: Final = 2
# Of more changes than these at once nobody says which it was.
MOST_WEIGHED: Final = 6
MOST_LOOKED_AT: Final = 100
CONNECTORS: Final = "inbound_connectors"
ORGANIZATION: Final = "organization"


def told(row: models.Incident, now: datetime, *, opens: bool) -> dict[str, Any]:
    """The change that can have moved the door of an incident, and the line that takes it back."""
    nothing = {"change": None, "fix": None}
    if row.tenant is None or row.kind in (
        models.Incident.Kind.BLIND, models.Incident.Kind.EXCEPTION,
    ):  # fmt: skip
        return nothing
    found = _near(row.tenant, _moved(row, opens=opens), now, opens=opens)
    if not found:
        return nothing
    change, mends = _weighed(found) if opens else (found[0], False)
    said = {"pk": change.pk, "sentence": change.sentence, "at": change.at.isoformat()}
    return {"change": said, "fix": undoing.line(change) if mends else None}


def _moved(row: models.Incident, *, opens: bool) -> datetime:
    """When the door opened last, or closed."""
    if row.resolved_at is None or not opens:
        return row.resolved_at or spells.began(row)
    return spells.known(row, row.resolved_at)[-1][0]


def _near(
    tenant: models.Tenant, moved: datetime, now: datetime, *, opens: bool
) -> list[models.Change]:
    """The changes near this moment that can have opened, or closed, a door; the newest first."""
    effects = models.Change.Effect
    reach = timedelta(seconds=tenant.fetch_every * READINGS)
    wanted, never = (
        (effects.OPENS, Candidate.MAY_CLOSE) if opens else (effects.CLOSES, Candidate.MAY_OPEN)
    )
    around = tenant.changes.filter(
        decides=True, at__gte=moved - reach, at__lte=now, effect__in=(wanted, effects.PENDING)
    )
    rows = around.order_by("-at", "-pk")[:MOST_LOOKED_AT]
    return [row for row in rows if candidate(settling.difference(row)) is not never]


def _weighed(found: list[models.Change]) -> tuple[models.Change, bool]:
    """The change that let hosts in, and whether taking it back alone shuts all that it opened."""
    if len(found) == 1:
        return found[0], True
    if len(found) > MOST_WEIGHED:
        return found[0], False
    widening = [(row, shuts) for row in found if (shuts := _widened(row)) is not None]
    if len(widening) == 1:
        return widening[0]
    return (widening[0][0] if widening else _likely(found)), False


def _likely(found: Iterable[models.Change]) -> models.Change:
    """The newest of those that can only open, else the newest."""
    rows = list(found)
    opening = (r for r in rows if candidate(settling.difference(r)) is Candidate.MAY_OPEN)
    return next(opening, rows[0])


def _widened(row: models.Change) -> bool | None:
    """Whether it let hosts in; then, whether what was opened is shut without it. None: it did not,
    or the model does not know it.
    """
    before, after = row.before.configuration, row.after.configuration
    without = _without(row, before, after)
    if without is None or not _gains(compare(without, after)):
        return None
    return not _gains(compare(before, without))


def _gains(moved: Comparison) -> bool:
    return any(one.gained or one.certificates_gained for _, _, one in moved.all())


def _without(
    row: models.Change, before: Configuration, after: Configuration
) -> Configuration | None:
    """The configuration after a reading as it would be without this one change."""
    if row.part == ORGANIZATION and before.organization and after.organization:
        back = _put_back(after.organization, before.organization, row.field)
        return replace(after, organization=back)
    if row.part != CONNECTORS:
        return None
    old = {one.guid: one for one in before.inbound_connectors or ()}
    new = {one.guid: one for one in after.inbound_connectors or ()}
    if row.field and row.guid in old and row.guid in new:
        new[row.guid] = _put_back(new[row.guid], old[row.guid], row.field)
    elif row.guid in old and row.guid not in new:
        new[row.guid] = old[row.guid]
    elif new.pop(row.guid, None) is None:
        return None
    return replace(after, inbound_connectors=tuple(new.values()))


def _put_back[T](new: T, old: T, name: str) -> T:
    """A value with one field as it was."""
    was = {f.name: getattr(old, f.name) for f in fields(new) if exchange_name(f.name) == name}  # type: ignore[arg-type]  # T is a dataclass
    return replace(new, **was)  # type: ignore[type-var]  # T is a dataclass


def awaits(tenant: models.Tenant, moved: datetime, now: datetime, *, asked: bool) -> bool:
    """Whether what opened a door is about to be read: it was closed before, no change that is
    known explains it, and the configuration can be read.

    `asked`: a reading was asked for when it opened, so that the one after it is the last word.
    """
    silent = tenant.fetch_refused or tenant.fetch_error or tenant.paused_at
    if silent or tenant.fetched_at is None or tenant.fetch_due_at is None:
        return False
    reading = tenant.fetch_due_at <= now or tenant.fetch_lease_until is not None
    if asked and not reading and tenant.fetched_at >= moved:
        return False
    if not models.Credential.objects.filter(tenant=tenant).exists():
        return False
    if openings.last_closed(openings.doors(tenant)) is None:
        return False
    return not _near(tenant, moved, now, opens=True)
