"""Where we probe from: how clearly each place sees, what it plays, what it did last."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, OuterRef, Q, Subquery

from mailposture import models
from mailposture.adapters.drawings.states import state as drawn
from mailposture.core.states import Access
from mailposture.core.verdict import Verdict
from mailposture.services import idling, selftests, vantage_points
from mailposture.services.pages import showing
from mailposture.services.pages.vantage_worker import Worker, worker

LAST_SHARDS: Final = 20
MOST_ASIDE: Final = 20
MOST_TENANTS: Final = 100
# What was set aside longer ago than this is history.
LATELY: Final = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """A source of a tenant that a place plays."""

    source: str
    tenant: str
    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """One shard of a place, as it stands."""

    pk: int
    tenant: str
    link: str
    due: datetime
    done: datetime | None
    attempt: int
    paths: int
    word: str
    state: str
    problem: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One vantage point as a list shows it."""

    slug: str
    name: str
    stranger: bool
    enabled: bool
    clear: bool
    health: str
    address: str
    seen_as: str
    certificate_name: str
    heard: datetime | None
    version: str
    skew: str
    roles: tuple[Role, ...]
    paths: int
    aside: int
    last: Shard | None

    @property
    def state(self) -> str:
        """How its health is drawn: clear as what gets in, blind as unknown."""
        return "gets_in" if self.clear else "unknown"

    @property
    def word(self) -> str:
        """The word beside the gate."""
        return "Clear" if self.clear else "Blind" if self.enabled else "Turned off"

    @property
    def sentence(self) -> str:
        """Its name and how it sees, as a page's first sentence."""
        says = self.health[0].lower() + self.health[1:]
        return f"{self.name} {says}" if self.clear else f"{self.name}: {says}"

    @property
    def elsewhere(self) -> bool:
        """Whether servers see it under another address than declared."""
        return bool(self.address and self.seen_as and self.address != self.seen_as)


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """All places, strangers last, and the sentence over them."""

    places: tuple[Place, ...]
    idle: datetime | None

    @property
    def sentence(self) -> str:
        """How many see clearly, of those that are turned on."""
        asked = [p for p in self.places if p.enabled]
        clear = sum(p.clear for p in asked)
        if not asked:
            return "Nothing is probed: no vantage point is turned on."
        if clear == len(asked):
            return f"{_all(clear)} clearly."
        return f"{clear} of {len(asked)} vantage points see clearly."


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """How the paths of one place to one tenant stand."""

    tenant: str
    link: str
    counts: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Detail:
    """One place with its paths, its last work, and how its worker stands."""

    place: Place
    tallies: tuple[Tally, ...]
    shards: tuple[Shard, ...]
    aside: tuple[Shard, ...]
    worker: Worker
    checks: tuple[selftests.Check, ...]
    shows: tuple[tuple[str, str], ...]


def listing(now: datetime) -> Listing:
    """Every place; five queries however many there are."""
    latest = models.Shard.objects.filter(vantage_point=OuterRef("pk")).order_by("-due_at")
    rows = list(
        vantage_points.seen().annotate(latest=Subquery(latest.values("pk")[:1]), due=idling.due())
    )
    shards = models.Shard.objects.select_related("tenant").in_bulk(
        [row.latest for row in rows if row.latest]
    )
    roles = _roles(models.ApprovedSource.objects.exclude(vantage_point=None))
    paths = _counted(models.Path.objects.filter(retired_at=None))
    aside = _counted(models.Shard.objects.filter(aside_at__gt=now - LATELY))
    return Listing(
        places=tuple(
            _place(
                row,
                now,
                roles=roles.get(row.pk, ()),
                counts=(paths[row.pk], aside[row.pk]),
                last=_shard(shards[row.latest]) if row.latest in shards else None,
            )
            for row in rows
        ),
        idle=idling.since(
            (row.asked_at for row in rows if row.enabled), rows[0].due if rows else None, now
        ),
    )


def detail(row: models.VantagePoint, now: datetime) -> Detail:
    """One place; five queries however much it did."""
    work = models.Shard.objects.filter(vantage_point=row).select_related("tenant")
    rows = list(work.order_by("-due_at")[:LAST_SHARDS])
    last = tuple(_shard(s) for s in rows)
    counted = work.aggregate(
        out=Count("pk", filter=Q(done_at=None, aside_at=None, lease_until__gt=now)),
        aside=Count("pk", filter=Q(aside_at__gt=now - LATELY)),
    )
    aside = work.exclude(aside_at=None).order_by("-aside_at")
    tallies = _tallies(row)
    place = _place(
        row,
        now,
        roles=_roles(models.ApprovedSource.objects.filter(vantage_point=row)).get(row.pk, ()),
        counts=(sum(n for t in tallies for *_, n in t.counts), counted["aside"]),
        last=last[0] if last else None,
    )
    return Detail(
        place=place,
        tallies=tallies,
        shards=last,
        aside=tuple(_shard(s) for s in aside[:MOST_ASIDE]),
        worker=worker(row, rows, counted["out"], now),
        checks=tuple(selftests.checks(row, now)),
        shows=tuple(showing.certificate(row, now)),
    )


def _place(
    row: models.VantagePoint,
    now: datetime,
    *,
    roles: tuple[Role, ...],
    counts: tuple[int, int],
    last: Shard | None,
) -> Place:
    health = vantage_points.health(row, now)
    skew = row.facts.get("skew")
    return Place(
        slug=row.slug,
        name=row.name,
        stranger=row.plays == models.VantagePoint.Plays.STRANGER,
        enabled=row.enabled,
        clear=health.clear,
        health=health.says,
        address=row.address or "",
        seen_as=row.seen_as,
        certificate_name=row.certificate_name,
        heard=row.heard_at,
        version=str(row.facts.get("version") or ""),
        skew="" if skew is None else f"{skew:+.1f} s",
        roles=roles,
        paths=counts[0],
        aside=counts[1],
        last=last,
    )


def _roles(sources: Any) -> dict[int, tuple[Role, ...]]:
    found: dict[int, tuple[Role, ...]] = {}
    for source in sources.select_related("tenant").order_by("tenant__name", "name"):
        role = Role(
            source=source.name, tenant=source.tenant.name, link=source.tenant.get_absolute_url()
        )
        found[source.vantage_point_id] = (*found.get(source.vantage_point_id, ()), role)
    return found


def _counted(rows: Any) -> Counter[int]:
    found = rows.order_by().values_list("vantage_point").annotate(n=Count("pk"))
    return Counter(dict(found))


def _tallies(row: models.VantagePoint) -> tuple[Tally, ...]:
    stranger = row.plays == models.VantagePoint.Plays.STRANGER
    counts = (
        row.paths.filter(retired_at=None)
        .order_by("tenant__name")
        .values("tenant__name", "tenant__slug", "verdict")
        .annotate(n=Count("pk"))
    )
    by_tenant: dict[str, list[tuple[str, str, int]]] = {}
    names: dict[str, models.Tenant] = {}
    for found in counts:
        tenant = models.Tenant(name=found["tenant__name"], slug=found["tenant__slug"])
        names[tenant.slug] = tenant
        shown = _seen_as(found["verdict"], stranger=stranger)
        by_tenant.setdefault(tenant.slug, []).append((shown, drawn(shown).word, found["n"]))
    return tuple(
        Tally(tenant=t.name, link=t.get_absolute_url(), counts=_worst_first(by_tenant[slug]))
        for slug, t in list(names.items())[:MOST_TENANTS]
    )


def _worst_first(counts: Iterable[tuple[str, str, int]]) -> tuple[tuple[str, str, int], ...]:
    order = ("open", "cut_off", "unknown", "closed", "gets_in")
    return tuple(sorted(counts, key=lambda c: order.index(c[0])))


def _seen_as(verdict: str, *, stranger: bool) -> str:
    """A verdict in the words for who asked: for an approved source, closed is the bad news."""
    if stranger:
        return verdict
    return str(Access.of(Verdict(verdict)))


def _shard(row: models.Shard) -> Shard:
    word, shown = _stage(row)
    return Shard(
        pk=row.pk,
        tenant=row.tenant.name,
        link=row.tenant.get_absolute_url(),
        due=row.due_at,
        done=row.done_at,
        attempt=row.attempt,
        paths=len(row.targets),
        word=word,
        state=shown,
        problem=row.problem,
    )


def _stage(row: models.Shard) -> tuple[str, str]:
    if row.aside_at:
        return "Set aside", "cut_off"
    if row.done_at:
        return "Done", "gets_in"
    return ("Working", "none") if row.attempt else ("Waiting", "none")


def _all(count: int) -> str:
    return "The vantage point sees" if count == 1 else f"All {count} vantage points see"
