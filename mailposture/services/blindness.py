"""Where we stopped seeing: a tenant that refuses us or goes unread, a vantage point that is silent.

The clock asks; only what is new is told, as an incident. Time in which nothing of ours ran is no
blindness of a tenant, so lateness counts only from `awake_since`. One that is still probed while
nobody can read it, or read while nobody probes it, is unseen in part; that it became unseen as a
whole is news.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q

from mailposture import models
from mailposture.core import alerting
from mailposture.core.alerting import Kind, Seen
from mailposture.services import incidents, planning, vantage_points

ROUNDS: Final = 3

type Reasons = list[dict[str, str]]

_REFUSED: Final[Mapping[str, str]] = {
    "credential": "The sign-in is refused: {error}",
    "role": "The role is missing: the connectors, domains or settings may not be read.",
}


def assess(now: datetime, awake_since: datetime) -> int:
    """Open, go on with and end the incidents of blindness; how many were touched."""
    silent = _silent(now, awake_since)
    return _places(silent, now) + _tenants(silent, now, awake_since)


def _silent(now: datetime, awake_since: datetime) -> set[int]:
    """Places that were heard once, were asked since, and answer no more.

    One that we began to ask a moment ago has had no time to answer.
    """
    quiet = now - vantage_points.SILENT_AFTER
    if awake_since > quiet:
        return set()
    found = models.VantagePoint.objects.filter(
        enabled=True, heard_at__lt=quiet, asked_at__gte=quiet
    )
    return set(found.values_list("pk", flat=True))


def _places(silent: set[int], now: datetime) -> int:
    standing = _open().filter(tenant=None).values_list("vantage_point", flat=True)
    about = models.VantagePoint.objects.filter(Q(pk__in=silent) | Q(pk__in=standing))
    places = list(about)
    for place in places:
        since = f"{place.heard_at:%d %b %H:%M}" if place.heard_at else "its first day"
        says = f"{place.name} does not answer since {since} UTC: start its worker."
        reasons = [{"what": "silent", "says": says}] if place.pk in silent else []
        with transaction.atomic():
            _look(incidents.Case(kind=Kind.BLIND, place=place), reasons, "", now)
    return len(places)


def _tenants(silent: set[int], now: datetime, awake_since: datetime) -> int:
    seeing = _someone_sees(silent)
    found = {
        tenant.pk: (reasons, _still(tenant, reasons, now))
        for tenant in _watched()
        if (reasons := list(_reasons(tenant, now, awake_since, seeing=seeing)))
    }
    standing = set(_open().exclude(tenant=None).values_list("tenant", flat=True))
    for pk in sorted(found.keys() | standing):
        with transaction.atomic():
            tenant = planning.lock(pk)
            case = incidents.Case(kind=Kind.BLIND, tenant=tenant)
            _look(case, *found.get(pk, ([], "")), now)
    return len(found.keys() | standing)


def _watched() -> Iterable[models.Tenant]:
    connected = models.Tenant.objects.filter(paused_at=None, setup_step=None)
    return connected.filter(credential__isnull=False).only(
        "pk", "fetch_refused", "fetch_error", "fetch_failing_since", "fetch_every", "fetched_at",
        "probe_every", "probed_at", "created_at",
    )  # fmt: skip


def _someone_sees(silent: set[int]) -> bool:
    """Whether a stranger is there to probe; if none is, that is told once and not by tenant."""
    strangers = models.VantagePoint.objects.filter(
        enabled=True, plays=models.VantagePoint.Plays.STRANGER
    )
    return strangers.exclude(pk__in=silent).exists()


def _reasons(
    tenant: models.Tenant, now: datetime, awake_since: datetime, *, seeing: bool
) -> Iterator[dict[str, str]]:
    error = tenant.fetch_error
    if tenant.fetch_refused:
        words = _REFUSED.get(tenant.fetch_refused, "{error}")
        yield {"what": tenant.fetch_refused, "says": words.format(error=error)}
    elif _late(tenant.fetched_at or tenant.created_at, tenant.fetch_every, now, awake_since):
        why = error or "Nobody read it: look at the reader."
        yield {"what": "not_read", "says": f"Nothing was read for {ROUNDS} rounds. {why}"}
    if tenant.fetched_at is None or not seeing:
        return
    if _late(tenant.probed_at or tenant.fetched_at, tenant.probe_every, now, awake_since):
        yield {"what": "not_probed", "says": f"No stranger looked for {ROUNDS} rounds."}


def _still(tenant: models.Tenant, reasons: Reasons, now: datetime) -> str:
    """What is seen of it all the same: it is "probed", or "read", or nothing is known to be."""
    blind = {reason["what"] for reason in reasons}
    if "not_probed" not in blind:
        return "probed" if _lately(tenant.probed_at, tenant.probe_every, now) else ""
    only = blind == {"not_probed"} and _lately(tenant.fetched_at, tenant.fetch_every, now)
    return "read" if only else ""


def _lately(last: datetime | None, every: int, now: datetime) -> bool:
    return last is not None and now - last <= timedelta(seconds=ROUNDS * every)


def _late(last: datetime, every: int, now: datetime, awake_since: datetime) -> bool:
    return now - max(last, awake_since) > timedelta(seconds=ROUNDS * every)


def _open() -> Any:
    return models.Incident.objects.filter(kind=Kind.BLIND, resolved_at=None)


def _look(case: incidents.Case, reasons: Reasons, still: str, now: datetime) -> None:
    """Take one look; once it is over, what we were blind to stays as it was noted last."""
    seen = Seen(level=alerting.unseen([reason["what"] for reason in reasons]), at=now)
    noted = {"reasons": reasons, "still": still} if reasons else None
    incidents.look(case, seen, now, noted=noted)
