"""Where we stopped seeing: a tenant that refuses us or goes unread, a vantage point that is silent.

The clock asks; only what is new is told, as an incident. Time in which nothing of ours ran is no
blindness of a tenant, so lateness counts only while we were awake. What was told ends where it is
seen that it ended: not knowing, as after our own start, ends nothing. One that is still probed
while nobody can read it, or read while nobody probes it, is unseen in part; that it became unseen
as a whole is news.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from mailposture import models
from mailposture.core import alerting
from mailposture.core.alerting import Kind, Seen
from mailposture.services import awake, incidents, planning, vantage_points

log = logging.getLogger(__name__)

ROUNDS: Final = 3

type Reason = dict[str, str]
type Reasons = list[Reason]
# Whom an incident is about, as it is kept: tenant and vantage point.
type Whom = tuple[int | None, int | None]

_REFUSED: Final[Mapping[str, str]] = {
    "credential": "The sign-in is refused: {error}",
    "role": "The role is missing: the connectors, domains or settings may not be read.",
}
_READING: Final = frozenset({*_REFUSED, "not_read"})
_PROBING: Final = frozenset({"not_probed"})
NOBODY: Final[Reason] = {
    "what": "no_stranger",
    "says": "No vantage point that plays a stranger is turned on: turn one on, or add one.",
}


@dataclass(frozen=True, slots=True)
class _View:
    """One moment: how long we were awake since another, what stands told, and who looks."""

    now: datetime
    awake: Callable[[datetime], timedelta]
    standing: Mapping[Whom, models.Incident]
    strangers: Collection[models.VantagePoint]
    silent: frozenset[int]
    # Since when a stranger is there to look; None where nobody is, of which is told apart.
    watched_since: datetime | None

    def known(self, whom: Whom) -> Reasons:
        """Why whoever this is was last said to be unseen."""
        row = self.standing.get(whom)
        return list(row.facts.get("reasons", [])) if row else []

    def late(self, last: datetime, every: int) -> bool:
        """Whether three rounds were missed since then, while we were awake."""
        return self.awake(last) > timedelta(seconds=ROUNDS * every)

    def lately(self, last: datetime | None, every: int) -> bool:
        """Whether it was no longer ago than that, awake or not."""
        return last is not None and self.now - last <= timedelta(seconds=ROUNDS * every)


@dataclass(frozen=True, slots=True)
class _Half:
    """What is known of reading, or of probing: why it fails, or that it goes well, or neither."""

    reason: Reason | None = None
    well: bool = False

    def reasons(self, known: Reasons, own: Collection[str]) -> Reasons:
        """Why it is not seen. While that is not known, what was last said of it stands."""
        if self.reason:
            return [self.reason]
        return [] if self.well else [one for one in known if one["what"] in own]


def assess(now: datetime) -> int:
    """Open, go on with and end the incidents of blindness; how many were touched."""
    awake.note(now)
    rows = models.Incident.objects.filter(kind=Kind.BLIND, resolved_at=None)
    kept = rows.only("tenant", "vantage_point", "facts")
    places = list(models.VantagePoint.objects.all())
    since = awake.counting(now)
    standing = {(row.tenant_id, row.vantage_point_id): row for row in kept}
    strangers = [p for p in places if p.enabled and p.plays == models.VantagePoint.Plays.STRANGER]
    silent = frozenset(p.pk for p in places if _is_silent(p, now, since))
    # One that answers again has not looked yet.
    apart = silent | {place for tenant, place in standing if tenant is None}
    looking = [] if None in apart else [p for p in strangers if p.pk not in apart]
    view = _View(
        now=now,
        awake=since,
        standing=standing,
        strangers=strangers,
        silent=silent,
        watched_since=_watched_since(looking, now),
    )
    tenants = list(_watched())
    return _places(view, places) + _tenants(view, tenants) + _strangers(view, tenants)


def _watched() -> Iterable[models.Tenant]:
    connected = models.Tenant.objects.filter(paused_at=None, setup_step=None)
    return connected.filter(credential__isnull=False).only(
        "pk", "fetch_refused", "fetch_error", "fetch_every", "fetched_at", "probe_every",
        "probed_at", "created_at",
    )  # fmt: skip


def _watched_since(looking: Iterable[models.VantagePoint], now: datetime) -> datetime | None:
    """Since when one of these looks: since it was added, or was silent last, or none was on."""
    ended = models.Incident.objects.filter(
        kind=Kind.BLIND, tenant=None, resolved_at__gte=now - awake.KEPT
    ).order_by("resolved_at")
    back: dict[int | None, datetime | None] = dict(
        ended.values_list("vantage_point", "resolved_at")
    )
    return min(
        (max(filter(None, (p.created_at, back.get(p.pk), back.get(None)))) for p in looking),
        default=None,
    )


def _settle(view: _View, whom: Whom, reasons: Reasons, still: str = "") -> int:
    """Take one look, where anything is new; how many were taken.

    What goes wrong with one is that one's problem and no other's.
    """
    row = view.standing.get(whom)
    told = (view.known(whom), row.facts.get("still", "")) if row else None
    if (not reasons and row is None) or (reasons and told == (reasons, still)):
        return 0
    noted = {"reasons": reasons, "still": still} if reasons else None
    level = alerting.unseen([reason["what"] for reason in reasons])
    return _apart(
        whom,
        lambda case: incidents.look(case, Seen(level=level, at=view.now), view.now, noted=noted),
    )


def _withdraw(view: _View, whom: Whom) -> int:
    """Whom nobody wants to see any more is not blind; nobody is told what they did themselves."""
    row = view.standing.get(whom)
    return _apart(whom, lambda _case: incidents.withdraw(row.pk, view.now)) if row else 0


def _apart(whom: Whom, act: Callable[[incidents.Case], object]) -> int:
    """Do this in a transaction of its own, the tenant held."""
    tenant, place = whom
    try:
        with transaction.atomic():
            case = incidents.Case(
                kind=Kind.BLIND,
                tenant=planning.lock(tenant) if tenant else None,
                place=models.VantagePoint.objects.get(pk=place) if place else None,
            )
            act(case)
    except Exception:
        # It may have been removed meanwhile.
        log.exception("whether tenant %s, vantage point %s is seen could not be kept", *whom)
        return 0
    return 1


# ---- vantage points ----------------------------------------------------------------------


def _is_silent(
    place: models.VantagePoint, now: datetime, since: Callable[[datetime], timedelta]
) -> bool:
    """Whether it was heard once, was asked since, and answers no more.

    One that we began to ask a moment ago has had no time to answer.
    """
    quiet = now - vantage_points.SILENT_AFTER
    if not place.enabled or place.heard_at is None or place.heard_at >= quiet:
        return False
    asked = place.asked_at is not None and place.asked_at >= quiet
    return asked and since(place.heard_at) >= vantage_points.SILENT_AFTER


def _places(view: _View, places: Iterable[models.VantagePoint]) -> int:
    return sum(_place(view, place) for place in places)


def _place(view: _View, place: models.VantagePoint) -> int:
    whom = (None, place.pk)
    if not place.enabled:
        return _withdraw(view, whom)
    if place.pk in view.silent:
        says = f"{place.name} does not answer since {place.heard_at:%d %b %H:%M} UTC: "
        reason = {"what": "silent", "says": f"{says}start its worker."}
        return _settle(view, whom, [reason])
    return _settle(view, whom, []) if _answers(place, view.now) else 0


def _answers(place: models.VantagePoint, now: datetime) -> bool:
    return place.heard_at is not None and place.heard_at >= now - vantage_points.SILENT_AFTER


def _strangers(view: _View, tenants: Collection[models.Tenant]) -> int:
    """Where no stranger is turned on at all, that is told once and not by tenant."""
    whom = (None, None)
    if not tenants:
        return _withdraw(view, whom)
    if not view.strangers:
        missed = any(t.fetched_at and view.late(*_last_look(t, t.fetched_at)) for t in tenants)
        return _settle(view, whom, [NOBODY]) if missed else 0
    seen = any(_answers(place, view.now) for place in view.strangers)
    return _settle(view, whom, []) if seen else 0


# ---- tenants -----------------------------------------------------------------------------


def _tenants(view: _View, tenants: Iterable[models.Tenant]) -> int:
    watched = {tenant.pk: tenant for tenant in tenants}
    left = [whom for whom in view.standing if whom[0] and whom[0] not in watched]
    found = sum(_tenant(view, tenant) for tenant in watched.values())
    return found + sum(_withdraw(view, whom) for whom in left)


def _tenant(view: _View, tenant: models.Tenant) -> int:
    whom = (tenant.pk, None)
    known = view.known(whom)
    reasons = [
        *_reading(view, tenant).reasons(known, _READING),
        *_probing(view, tenant).reasons(known, _PROBING),
    ]
    return _settle(view, whom, reasons, _still(view, tenant, reasons) if reasons else "")


def _reading(view: _View, tenant: models.Tenant) -> _Half:
    error = tenant.fetch_error
    if tenant.fetch_refused:
        words = _REFUSED.get(tenant.fetch_refused, "{error}")
        return _Half({"what": tenant.fetch_refused, "says": words.format(error=error)})
    if view.late(tenant.fetched_at or tenant.created_at, tenant.fetch_every):
        why = error or "Nobody read it: look at the reader."
        return _Half({"what": "not_read", "says": f"Nothing was read for {ROUNDS} rounds. {why}"})
    return _Half(well=not error and view.lately(tenant.fetched_at, tenant.fetch_every))


def _probing(view: _View, tenant: models.Tenant) -> _Half:
    if tenant.fetched_at and view.watched_since:
        last, every = _last_look(tenant, tenant.fetched_at)
        if view.late(max(last, view.watched_since), every):
            return _Half({"what": "not_probed", "says": f"No stranger looked for {ROUNDS} rounds."})
    return _Half(well=view.lately(tenant.probed_at, tenant.probe_every))


def _last_look(tenant: models.Tenant, fetched_at: datetime) -> tuple[datetime, int]:
    """When a stranger looked last, and how often one should."""
    return tenant.probed_at or fetched_at, tenant.probe_every


def _still(view: _View, tenant: models.Tenant, reasons: Reasons) -> str:
    """What is seen of it all the same: it is "probed", or "read", or nothing is known to be."""
    blind = {reason["what"] for reason in reasons}
    if "not_probed" not in blind:
        return "probed" if view.lately(tenant.probed_at, tenant.probe_every) else ""
    only = blind == {"not_probed"} and view.lately(tenant.fetched_at, tenant.fetch_every)
    return "read" if only else ""
