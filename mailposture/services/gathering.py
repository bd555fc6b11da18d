"""Gather one tenant's evidence of a period from the rows: a bounded number of queries."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Max, Q

from mailposture import models
from mailposture.core.compliance import Answer, Evidence, Moved, Opening, Period, Reading
from mailposture.core.exposure import Window
from mailposture.core.states import Access
from mailposture.services import coverage, paths

# Rows that one report reads at most, the newest first; a report of more would be read by nobody.
MOST: Final = 200_000

type Ends = Mapping[tuple[int, int], datetime]


def gather(tenant: models.Tenant, period: Period) -> Evidence:
    """All that is known of this tenant in the period."""
    ends = coverage.until(tenant)
    answers = tuple(_answers(tenant, period, ends))
    return Evidence(
        tenant=tenant.name,
        tenant_id=str(tenant.tenant_id),
        watched_since=_watched_since(tenant),
        gateways=_gateways(tenant),
        sources=tuple(_sources(tenant)),
        domains=paths.accepted_domains(tenant) or (),
        probe_every=timedelta(seconds=tenant.probe_every),
        fetch_every=timedelta(seconds=tenant.fetch_every),
        answers=answers,
        openings=tuple(_openings(tenant, period, ends)),
        readings=tuple(_readings(tenant, period)),
        changes=tuple(_changes(tenant, period)),
        rounds=_rounds(tenant, period),
    )


def _watched_since(tenant: models.Tenant) -> datetime:
    """The first look, or the first reading, or the day it was added."""
    first = (
        models.Observation.objects.filter(path__tenant=tenant).order_by("first_at")
    ).values_list("first_at", flat=True)[:1]
    read = tenant.snapshots.order_by("first_seen_at").values_list("first_seen_at", flat=True)[:1]
    return min([*first, *read], default=tenant.created_at)


def _gateways(tenant: models.Tenant) -> tuple[str, ...]:
    rows = tenant.sources.filter(kind=models.ApprovedSource.Kind.GATEWAY)
    return tuple(
        line.strip()
        for text in rows.order_by("pk").values_list("addresses", flat=True)
        for line in text.split("\n")
        if line.strip()
    )


def _sources(tenant: models.Tenant) -> Iterator[tuple[str, str]]:
    fares = tenant.standing.get("sources", {})
    for name, place in tenant.sources.order_by("name").values_list("name", "vantage_point"):
        access = Access(fares.get(str(place), Access.UNKNOWN))
        yield name, access.word.lower()


def _answers(tenant: models.Tenant, period: Period, ends: Ends) -> Iterator[Answer]:
    """Every span that touches the period, with its end as coverage knows it."""
    rows = (
        models.Observation.objects.filter(
            Q(last_at=None) | Q(last_at__gte=period.begin),
            path__tenant=tenant,
            first_at__lt=period.end,
        )
        .order_by("-first_at", "-pk")
        .select_related("path__vantage_point")
        .defer("tries", "reason")
    )
    for row in rows[:MOST]:
        path, place = row.path, row.path.vantage_point
        last = row.last_at or _seen_until(path, ends) or row.first_at
        if last < period.begin:
            continue
        yield Answer(
            vantage_point=place.name,
            stranger=place.plays == models.VantagePoint.Plays.STRANGER,
            source=row.source or place.address or "",
            domain=path.domain,
            sender_class=path.sender_class,
            verdict=row.verdict,
            control=row.control,
            code=row.code,
            line=row.reply,
            observation=row.pk,
            first=row.first_at,
            last=max(last, row.first_at),
        )


def _seen_until(path: models.Path, ends: Ends) -> datetime | None:
    """How long the present answer was seen; a retired path ends with its retirement."""
    seen = path.seen_until or ends.get((path.vantage_point_id, path.part))
    return min(seen, path.retired_at) if seen and path.retired_at else seen


def _openings(tenant: models.Tenant, period: Period, ends: Ends) -> Iterator[Opening]:
    rows = tenant.windows.filter(
        Q(first_closed_at=None) | Q(first_closed_at__gte=period.begin),
        first_open_at__lt=period.end,
        path__vantage_point__plays=models.VantagePoint.Plays.STRANGER,
    )
    seen = _last_opens(tenant)
    for row in rows.select_related("path__vantage_point").order_by("first_open_at", "pk")[:MOST]:
        last = row.last_open_at or _last_open(row, ends, seen)
        window = Window(
            last_closed=row.last_closed_at,
            first_open=row.first_open_at,
            last_open=max(last, row.first_open_at),
            first_closed=row.first_closed_at,
        )
        yield Opening(
            vantage_point=row.path.vantage_point.name,
            domain=row.path.domain,
            sender_class=row.path.sender_class,
            window=window,
        )


def _last_opens(tenant: models.Tenant) -> dict[int, datetime]:
    """Path -> until when its last open answer that is over was seen; where a window stands open."""
    standing = tenant.windows.filter(first_closed_at=None).values("path")
    rows = models.Observation.objects.filter(
        path__in=standing, verdict="open", last_at__isnull=False
    )
    return dict(rows.order_by().values_list("path").annotate(last=Max("last_at")))


def _last_open(row: models.ExposureWindow, ends: Ends, seen: Mapping[int, datetime]) -> datetime:
    """Until when a door that no proof has closed was seen open."""
    if row.path.verdict == "open":
        return _seen_until(row.path, ends) or row.first_open_at
    return seen.get(row.path_id) or row.first_open_at


def _readings(tenant: models.Tenant, period: Period) -> Iterator[Reading]:
    rows = tenant.snapshots.filter(
        last_seen_at__gte=period.begin, first_seen_at__lt=period.end
    ).order_by("first_seen_at")
    for row in rows.iterator(chunk_size=50):
        yield Reading(
            configuration=row.configuration, first=row.first_seen_at, last=row.last_seen_at
        )


def _changes(tenant: models.Tenant, period: Period) -> Iterator[Moved]:
    rows = tenant.changes.filter(at__gte=period.begin, at__lt=period.end).order_by("at", "pk")
    for row in rows[:MOST]:
        yield Moved(
            at=row.at,
            subject=row.subject,
            sentence=row.sentence,
            effect=row.get_effect_display(),
        )


def _rounds(tenant: models.Tenant, period: Period) -> int:
    """Looks in the period, counted from coverage: rounds themselves are not kept for ever."""
    rows = tenant.coverage.filter(until__gte=period.begin, since__lt=period.end, part=0)
    strangers = rows.filter(vantage_point__plays=models.VantagePoint.Plays.STRANGER)
    by_place: dict[int, int] = {}
    for place, runs in strangers.values_list("vantage_point_id", "runs"):
        by_place[place] = by_place.get(place, 0) + runs
    return max(by_place.values(), default=0)
