"""Gather one tenant's evidence of a period from the rows: a bounded number of queries and rows.

What is beyond the bound is counted, so that the report can say it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Case, F, Max, Model, Q, QuerySet, Value, When

from mailposture import models
from mailposture.core.compliance import (
    Accepted,
    Answer,
    Evidence,
    LeftOut,
    Moved,
    Opening,
    Period,
    Reading,
    Stood,
)
from mailposture.core.compliance.spans import joined
from mailposture.core.exposure import Window
from mailposture.core.spans import Span
from mailposture.core.states import READ_WITHIN, ROUNDS, Access
from mailposture.services import coverage, paths, stretches

# Rows of one kind that one report reads at most; a report of more would be read by nobody.
MOST: Final = 200_000
AT_ONCE: Final = 2_000
# Whoever got in is read first, then refusals: what proves nothing is left out before them.
_BY_WEIGHT: Final = Case(
    When(verdict="open", then=Value(0)), When(verdict="closed", then=Value(1)), default=Value(2)
)

type Ends = Mapping[tuple[int, int], datetime]
type GotIn = Mapping[tuple[str, str, str], Sequence[Span]]


def gather(tenant: models.Tenant, period: Period) -> Evidence:
    """All that is known of this tenant in the period."""
    ends = coverage.until(tenant)
    # What was answered shortly before still counts in the period.
    counts = ROUNDS * timedelta(seconds=tenant.probe_every)
    begin = period.begin - counts
    looked = stretches.of_strangers(tenant, begin, period.end, counts)
    rows, unread_answers = _cut(_asked(tenant, begin, period.end))
    answers = tuple(
        a for a in _answers(rows, looked, ends) if a.last >= begin and a.first < period.end
    )
    openings, unread_openings = _cut(_opened(tenant, period))
    changes, unread_changes = _cut(_moved(tenant, period))
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
        openings=tuple(_openings(tenant, openings, ends, _got_in(answers, counts))),
        readings=tuple(_readings(tenant, period)),
        changes=tuple(reversed([*map(_change, changes)])),
        exceptions=tuple(_exceptions(tenant, period)),
        stood=tuple(_stood(tenant, period)),
        left_out=LeftOut(answers=unread_answers, openings=unread_openings, changes=unread_changes),
    )


def _cut[T: Model](rows: QuerySet[T]) -> tuple[Iterator[T], int]:
    """The first rows, one after the other, and how many more there are."""
    return rows[:MOST].iterator(chunk_size=AT_ONCE), max(rows.count() - MOST, 0)


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


def _asked(tenant: models.Tenant, begin: datetime, end: datetime) -> QuerySet[models.Observation]:
    """Every span of a stranger's answer that touches this time, the weightiest first."""
    found = models.Observation.objects.filter(
        Q(last_at=None) | Q(last_at__gte=begin),
        path__tenant=tenant,
        path__vantage_point__plays=models.VantagePoint.Plays.STRANGER,
        first_at__lt=end,
    )
    latest = F("last_at").desc(nulls_first=True)
    rows = found.order_by(_BY_WEIGHT, latest, "-pk").select_related("path__vantage_point")
    return rows.defer("tries", "reason")


def _answers(
    rows: Iterable[models.Observation], looked: stretches.Stretches, ends: Ends
) -> Iterator[Answer]:
    """The spans, each with its end as coverage knows it, cut where nobody looked."""
    for row in rows:
        path, place = row.path, row.path.vantage_point
        last = row.last_at or _seen_until(path, ends) or row.first_at
        for begin, end in looked.cut(path, row.first_at, max(last, row.first_at)):
            yield Answer(
                vantage_point=place.name,
                stranger=place.plays == models.VantagePoint.Plays.STRANGER,
                source=row.source or place.address or "",
                domain=path.domain,
                sender_class=path.sender_class,
                sender_domain=path.sender_domain,
                verdict=row.verdict,
                control=row.control,
                code=row.code,
                line=row.reply,
                observation=row.pk,
                first=begin,
                last=end,
            )


def _seen_until(path: models.Path, ends: Ends) -> datetime | None:
    """How long the present answer was seen; a retired path ends with its retirement."""
    seen = path.seen_until or ends.get((path.vantage_point_id, path.part))
    return min(seen, path.retired_at) if seen and path.retired_at else seen


def _opened(tenant: models.Tenant, period: Period) -> QuerySet[models.ExposureWindow]:
    """The windows that touch the period, those that stand open or ended last first."""
    rows = tenant.windows.filter(
        Q(first_closed_at=None) | Q(first_closed_at__gte=period.begin),
        first_open_at__lt=period.end,
        path__vantage_point__plays=models.VantagePoint.Plays.STRANGER,
    )
    latest = F("first_closed_at").desc(nulls_first=True)
    return rows.select_related("path__vantage_point").order_by(latest, "-first_open_at", "-pk")


def _openings(
    tenant: models.Tenant, rows: Iterable[models.ExposureWindow], ends: Ends, got_in: GotIn
) -> Iterator[Opening]:
    seen = _last_opens(tenant)
    for row in rows:
        place, path = row.path.vantage_point.name, row.path
        last = row.last_open_at or _last_open(row, ends, seen)
        window = Window(
            last_closed=row.last_closed_at,
            first_open=row.first_open_at,
            last_open=max(last, row.first_open_at),
            first_closed=row.first_closed_at,
        )
        looks = got_in.get((place, path.domain, path.sender), ())
        yield Opening(
            vantage_point=place,
            domain=path.domain,
            sender_class=path.sender_class,
            sender_domain=path.sender_domain,
            window=window,
            seen=tuple(_within(looks, window)),
        )


def _got_in(answers: Iterable[Answer], counts: timedelta) -> GotIn:
    """When looks from each place got in with each sender: from one that did to the next."""
    told: dict[tuple[str, str, str], tuple[list[Span], list[Span]]] = {}
    for a in answers:
        got_in, other = told.setdefault((a.vantage_point, a.domain, a.sender), ([], []))
        (got_in if a.verdict == "open" else other).append((a.first, a.last))
    return {key: joined(got_in, other, counts) for key, (got_in, other) in told.items()}


def _within(looks: Sequence[Span], window: Window) -> Iterator[Span]:
    for a, b in looks:
        if a <= window.last_open and b >= window.first_open:
            yield max(a, window.first_open), min(b, window.last_open)


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
    """What was read, each time without an outage by itself."""
    begin = period.begin - READ_WITHIN * timedelta(seconds=tenant.fetch_every)
    rows = tenant.snapshots.filter(last_seen_at__gte=begin, first_seen_at__lt=period.end)
    for row in rows.order_by("first_seen_at").iterator(chunk_size=50):
        seen = row.configuration
        for first, last in _read(row):
            if last >= begin and first < period.end:
                yield Reading(configuration=seen, first=first, last=last)


def _read(row: models.Snapshot) -> Iterator[Span]:
    """The span of a snapshot, cut where nobody read it."""
    first = row.first_seen_at
    for last, again in row.unread:
        yield first, datetime.fromisoformat(last)
        first = datetime.fromisoformat(again)
    yield first, row.last_seen_at


def _moved(tenant: models.Tenant, period: Period) -> QuerySet[models.Change]:
    """The changes of the period, the latest first."""
    return tenant.changes.filter(at__gte=period.begin, at__lt=period.end).order_by("-at", "-pk")


def _change(row: models.Change) -> Moved:
    return Moved(
        at=row.at, subject=row.subject, sentence=row.sentence, effect=row.get_effect_display()
    )


# ---- exceptions ----------------------------------------------------------------------------


def _exceptions(tenant: models.Tenant, period: Period) -> Iterator[Accepted]:
    """What people asked to accept up to the period's end, and what became of it."""
    state = models.Acceptance.State
    for row in tenant.exceptions.filter(asked_at__lt=period.end).order_by("pk")[:MOST]:
        refused = row.state == state.REFUSED
        yield Accepted(
            name=row.name,
            rule=row.rule,
            subject=row.subject,
            sentence=row.sentence,
            asked_at=row.asked_at,
            approved_at=None if refused else row.decided_at,
            approved_by="" if refused else row.decided_by,
            expires_at=row.expires_at,
            ended_at=row.decided_at if refused else row.ended_at,
            outside_since=row.outside_since,
            alone=row.alone,
            renews=row.renews_id is not None,
        )


def _stood(tenant: models.Tenant, period: Period) -> Iterator[Stood]:
    """The findings of the period, which exceptions may be about."""
    rows = tenant.findings.filter(
        Q(closed_at=None) | Q(closed_at__gte=period.begin), opened_at__lt=period.end
    )
    kept = rows.order_by("pk").values_list("rule", "subject", "opened_at", "closed_at")
    for rule, subject, begin, end in kept[:MOST]:
        yield Stood(rule=rule, subject=subject, begin=begin, end=end)
