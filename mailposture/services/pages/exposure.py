"""Minutes a day in which strangers got in, tenant by tenant, over ninety days.

A tenant was open while a foreign sender got in to every domain that is known, and partly open
while any window stood besides. Unknown is the time in which some domain and sender class was
answered with nothing that decides, while no other stranger was refused for it, and the time after
the last answer once that is stale, and every outage: the time in which nobody looked for longer
than an answer counts. All of it is counted between the inner bounds of the windows and without
such times: what was seen, and no more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any, Final

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Concat
from django.urls import reverse

from mailposture import models
from mailposture.adapters.charts import FleetExposure, TenantDays
from mailposture.adapters.drawings.strips import Day
from mailposture.core.exposure import DAYS
from mailposture.core.spans import Span
from mailposture.core.states import ROUNDS, Age, State, answer_age
from mailposture.core.verdict import SenderClass, Verdict
from mailposture.services.pages import fleet, spans
from mailposture.services.pages.answers import Run
from mailposture.services.pages.looks import Looks
from mailposture.services.pages.windows import SEEN_BEFORE

# Tenants drawn at once, the worst; and the windows and unknown spans read for them.
DRAWN: Final = 10
MOST_SPANS: Final = 6000
TABLE_ROWS: Final = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """What must be known of a tenant to draw its days."""

    pk: int
    name: str
    href: str
    since: datetime
    answered_until: datetime | None
    age: Age
    counts: timedelta  # how long an answer does
    known_domains: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Strip:
    """One tenant's strip, and its minutes in words."""

    name: str
    href: str
    said: str
    days: tuple[Day, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposure:
    """The strips, the room the figure needs, and the figure's table."""

    strips: tuple[Strip, ...]
    minutes: int
    height: int
    table: tuple[tuple[str, ...], ...]
    more: int

    @property
    def axis(self) -> tuple[Day, ...]:
        """The days, as any strip has them."""
        return self.strips[0].days if self.strips else ()


@dataclass(slots=True)
class _Seen:
    """The spans of one tenant, as read; those that are not open by domain and sender class."""

    foreign: dict[str, list[Span]] = field(default_factory=dict)
    windows: list[Span] = field(default_factory=list)
    unknown: dict[tuple[str, str], list[Span]] = field(default_factory=dict)
    refused: dict[tuple[str, str], list[Span]] = field(default_factory=dict)
    nobody: list[Span] = field(default_factory=list)

    def blind(self) -> Iterable[Span]:
        """The time in which no stranger proved anything: a refusal stands beside a blind one."""
        for key, found in self.unknown.items():
            yield from spans.minus(spans.union(found), spans.union(self.refused.get(key, ())))


def figure(now: datetime) -> FleetExposure:
    """The fleet's exposure, behind its own address: the worst tenants, as the overview has them."""
    found = fleet.worst_first(fleet.watched(now))[:DRAWN]
    return FleetExposure(tenants=tuple(days([watched(t, now) for t in found], now)))


def overview(found: Iterable[models.Tenant], now: datetime) -> Exposure:
    """The same for a page: strips with their minutes, and the table behind the figure."""
    listed = days([watched(tenant, now) for tenant in list(found)[:DRAWN]], now)
    chart = FleetExposure(tenants=tuple(listed))
    table = chart.table()
    strips = tuple(
        Strip(name=row.name, href=row.href, said=_said(row.days), days=row.days) for row in listed
    )
    return Exposure(
        strips=strips,
        minutes=sum(ceil(_minutes(row.days)) for row in listed),
        height=chart.height,
        table=tuple(table[: TABLE_ROWS + 1]),
        more=max(0, len(table) - 1 - TABLE_ROWS),
    )


def _minutes(found: Iterable[Day]) -> float:
    return sum(day.open_minutes + day.partly_minutes for day in found)


def _said(found: Sequence[Day]) -> str:
    minutes = _minutes(found)
    looked = [day.state for day in found if day.watched]
    if not minutes and looked and all(state == "unknown" for state in looked):
        return "unknown"
    return f"{ceil(minutes):,}"


def watched(tenant: models.Tenant, now: datetime) -> Watched:
    """What a row says about when it was looked at."""
    domains: Mapping[str, str] = tenant.standing.get("domains") or {}
    return Watched(
        pk=tenant.pk,
        name=tenant.name,
        href=reverse("tenant", args=[tenant.slug]),
        since=tenant.created_at,
        answered_until=tenant.probed_at,
        age=answer_age(tenant.probed_at, now, timedelta(seconds=tenant.probe_every)),
        counts=ROUNDS * timedelta(seconds=tenant.probe_every),
        known_domains=frozenset(d for d, state in domains.items() if state != State.UNKNOWN),
    )


def days(found: Sequence[Watched], now: datetime) -> list[TenantDays]:
    """Each tenant's days up to today; one query for all of them."""
    seen = _load(found, now)
    return [
        TenantDays(name=one.name, href=one.href, days=tuple(_days(one, seen[one.pk], now)))
        for one in found
    ]


def _days(one: Watched, seen: _Seen, now: datetime) -> Iterable[Day]:
    first = now.astimezone(UTC).date() - timedelta(days=DAYS - 1)
    windows = spans.union(seen.windows)
    opened = _open(one, seen)
    unknown = spans.minus(
        spans.union([*seen.blind(), *seen.nobody, *_unwatched(one, now)]), windows
    )
    partly = spans.minus(windows, opened)
    counted = [spans.minutes_by_day(found, first, DAYS) for found in (opened, partly, unknown)]
    looked = spans.minutes_by_day([(one.since, now)], first, DAYS)
    for n in range(DAYS):
        yield Day(
            day=first + timedelta(days=n),
            open_minutes=counted[0][n],
            partly_minutes=counted[1][n],
            # Less than an hour of a day that is otherwise known does not make it an unknown day.
            unknown_minutes=counted[2][n] if counted[2][n] >= min(60, looked[n] / 2) else 0.0,
            watched=looked[n] > 0,
        )


def _open(one: Watched, seen: _Seen) -> list[Span]:
    """The time in which a foreign sender got in to every domain that is known."""
    names = one.known_domains or frozenset(seen.foreign)
    found: list[Span] | None = None
    for name in names:
        here = spans.union(seen.foreign.get(name, ()))
        found = here if found is None else spans.both(found, here)
    return found or []


def _unwatched(one: Watched, now: datetime) -> list[Span]:
    """The time without an answer: all of it, or what follows a stale last one."""
    if one.answered_until is None:
        return [(one.since, now)]
    return [(one.answered_until, now)] if one.age is not Age.FRESH else []


# ---- one query ---------------------------------------------------------------------------

# Rows of three tables as one list: tenant, domain, sender class, verdict, begin, end or None, and
# the part of the paths that it is of.
type Spans = QuerySet[Any, tuple[Any, ...]]
# Each partner by itself.
_SENDER: Final = Concat("path__sender_class", "path__sender_domain")
COLUMNS: Final = ("tenant", "domain", "sender", "verdict", "begin", "end", "place", "of_part")
LOOKED: Final = "looked"


def _load(found: Sequence[Watched], now: datetime) -> dict[int, _Seen]:
    """Windows and other spans of these tenants; one that goes on goes up to the last look."""
    start = now - timedelta(days=DAYS)
    pks = [one.pk for one in found]
    every: Spans = _windows(pks, start).union(
        _unknown(pks, start), _refused(pks, start), _looks(pks, start), all=True
    )
    rows: dict[int, list[tuple[Any, ...]]] = {pk: [] for pk in pks}
    read = list(every.order_by("-begin")[:MOST_SPANS])
    # Where not all rows were read, looks may be missing among them: then no outage is told.
    whole = len(read) < MOST_SPANS
    for pk, *row in read:
        if whole or row[2] != LOOKED:
            rows[pk].append(tuple(row))
    return {one.pk: _seen(one, rows[one.pk], now) for one in found}


def _seen(one: Watched, rows: Sequence[tuple[Any, ...]], now: datetime) -> _Seen:
    """One tenant's rows as spans; the time in which nobody looked is in none of its windows."""
    runs = [
        Run(place=place, part=part, since=begin, until=end)
        for _, _, verdict, begin, end, place, part in rows
        if verdict == LOOKED
    ]
    looks, seen, until = Looks(runs, one.counts), _Seen(), one.answered_until or now
    for domain, sender, verdict, begin, end, place, part in rows:
        span = begin, max(begin, end or until)
        if verdict == Verdict.OPEN:
            surely = looks.surely((place, part), *span)
            seen.windows.extend(surely)
            if sender == SenderClass.FOREIGN:
                seen.foreign.setdefault(domain, []).extend(surely)
        elif verdict != LOOKED:
            held = seen.unknown if verdict == Verdict.UNKNOWN else seen.refused
            held.setdefault((domain, sender), []).append(span)
    since = max(one.since, now - timedelta(days=DAYS))
    seen.nobody = looks.nobody(since, max(since, until))
    return seen


def _looks(pks: list[int], start: datetime) -> Spans:
    """When strangers looked."""
    return (
        models.Coverage.objects.filter(
            tenant__in=pks,
            until__gte=start,
            vantage_point__plays=models.VantagePoint.Plays.STRANGER,
        )
        .annotate(
            domain=Value(""),
            sender=Value(""),
            verdict=Value(LOOKED),
            begin=F("since"),
            end=F("until"),
            place=F("vantage_point_id"),
            of_part=F("part"),
        )
        .order_by()
        .values_list("tenant_id", *COLUMNS[1:])
    )


def _windows(pks: list[int], start: datetime) -> Spans:
    """When strangers got in. Paths that are no longer looked at end when that was so; what only
    blind looks followed was seen until before them.
    """
    return (
        models.ExposureWindow.objects.filter(
            Q(first_closed_at=None) | Q(first_closed_at__gte=start), tenant__in=pks
        )
        .annotate(
            domain=F("path__domain"),
            sender=_SENDER,
            verdict=Value(str(Verdict.OPEN)),
            begin=F("first_open_at"),
            end=Coalesce("last_open_at", SEEN_BEFORE, "path__retired_at", "path__seen_until"),
            place=F("path__vantage_point_id"),
            of_part=F("path__part"),
        )
        .order_by()
        .values_list("tenant_id", *COLUMNS[1:])
    )


def _unknown(pks: list[int], start: datetime) -> Spans:
    return _columns(_told(Verdict.UNKNOWN, start, path__tenant__in=pks), F("path__seen_until"))


def _refused(pks: list[int], start: datetime) -> Spans:
    """Refusals of a stranger where another was blind; one that goes on was seen as long as its own
    place looked.
    """
    blind = _told(
        Verdict.UNKNOWN,
        start,
        path__tenant=OuterRef("path__tenant"),
        path__domain=OuterRef("path__domain"),
        path__sender_class=OuterRef("path__sender_class"),
        path__sender_domain=OuterRef("path__sender_domain"),
    )
    looks = models.Coverage.objects.filter(
        tenant=OuterRef("path__tenant"),
        vantage_point=OuterRef("path__vantage_point"),
        part=OuterRef("path__part"),
    ).order_by("-until")
    refused = _told(Verdict.CLOSED, start, path__tenant__in=pks).filter(Exists(blind))
    return _columns(refused, F("path__seen_until"), Subquery(looks.values("until")[:1]))


def _told(verdict: Verdict, start: datetime, **where: Any) -> QuerySet[models.Observation]:
    """What strangers that are still asked were told since then."""
    return models.Observation.objects.filter(
        Q(last_at=None) | Q(last_at__gte=start),
        path__retired_at=None,
        path__vantage_point__enabled=True,
        path__vantage_point__plays=models.VantagePoint.Plays.STRANGER,
        verdict=str(verdict),
        **where,
    )


def _columns(found: QuerySet[models.Observation], *until: Combinable) -> Spans:
    return (
        found.annotate(
            domain=F("path__domain"),
            sender=_SENDER,
            seen=F("verdict"),
            begin=F("first_at"),
            end=Coalesce("last_at", *until),
            place=F("path__vantage_point_id"),
            of_part=F("path__part"),
        )
        .order_by()
        .values_list(
            "path__tenant_id", "domain", "sender", "seen", "begin", "end", "place", "of_part"
        )
    )
