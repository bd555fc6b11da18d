"""Where prediction and observation part, over the fleet: by tenant, place, sender and manner."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, Max, Min, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast
from django.urls import reverse

from mailposture import models
from mailposture.core.attribution import BY_NAME, Assumption
from mailposture.core.contradictions import (
    CONTRADICTIONS,
    CUT_OFF_IN_DOUBT,
    SEVERITIES,
    WORDS,
    Agreement,
    gravity,
)
from mailposture.core.posture import Severity
from mailposture.core.states import Access
from mailposture.core.verdict import Verdict, sender_named
from mailposture.services.pages.pieces import Piece

PAGE: Final = 100
SETTLING: Final = 50
BLIND: Final = 50
STRANGER: Final = models.VantagePoint.Plays.STRANGER
APART: Final = tuple(sorted(CONTRADICTIONS))
MANNERS: Final[Mapping[str, str]] = {str(a): WORDS[a] for a in Agreement if a in CONTRADICTIONS}
_BY: Final = (
    "tenant_id", "tenant__name", "tenant__slug", "vantage_point_id", "vantage_point__name",
    "vantage_point__slug", "vantage_point__plays", "sender_class", "sender_domain", "agreement",
    "verdict", "predicted", "predicted_code", "predicted_by",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What the address asks for."""

    tenant: str = ""
    manners: tuple[str, ...] = ()
    assumption: str = ""
    page: str = ""

    @property
    def filters(self) -> bool:
        """Whether anything is left out."""
        return bool(self.tenant or self.manners or self.assumption)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """Paths of a tenant, a place and a sender class that part in one manner and at one answer."""

    tenant: str
    tenant_href: str
    place: str
    place_href: str
    sender: str
    word: str
    severity: str
    because: str
    domains: int
    domain: str
    since: datetime | None
    predicted: str
    predicted_by: str
    predicted_code: str
    answered: str
    reply: str
    href: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubt:
    """An assumption by whose other reading the wire would agree, and where it is in doubt."""

    assumption: Assumption
    tenants: int
    paths: int
    href: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Blind:
    """A place whose probes prove nothing of what is predicted; `paths_href` leads to such paths."""

    place: str
    href: str
    paths_href: str
    tenants: int
    paths: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """The page: contradictions, what still settles, what nobody can see, what is in doubt."""

    sentence: tuple[Piece, ...]
    lines: tuple[Line, ...]
    page: Page[Any]
    settling: tuple[Line, ...]
    more_settling: int
    blind: tuple[Blind, ...]
    doubts: tuple[Doubt, ...]
    compared: int


def listing(wanted: Wanted) -> Listing:
    """Everything that the page shows; what is nowhere is not looked for."""
    live = _narrowed(_live(), wanted)
    counts = _counts(live)
    page = Paginator(_apart(live, wanted), PAGE).get_page(wanted.page or 1)
    settles = _settling(live) if counts[Agreement.SETTLING] else []
    rows = [*page, *settles[:SETTLING]]
    seen = _observations(row["latest"] for row in rows)
    lines = [_line(row, seen) for row in rows]
    return Listing(
        sentence=tuple(_sentence(counts, live, wanted)),
        lines=tuple(lines[: len(page)]),
        page=page,
        settling=tuple(lines[len(page) :]),
        more_settling=max(0, len(settles) - SETTLING),
        blind=tuple(_blind(live)) if counts[Agreement.BLIND] else (),
        doubts=tuple(_doubts(live)),
        compared=_compared(counts),
    )


def _live() -> QuerySet[models.Path]:
    return models.Path.objects.filter(retired_at=None, vantage_point__enabled=True).order_by()


def _narrowed(found: QuerySet[models.Path], wanted: Wanted) -> QuerySet[models.Path]:
    if not wanted.tenant:
        return found
    by_name = Q(name__icontains=wanted.tenant) | Q(slug=wanted.tenant)
    return found.filter(tenant__in=models.Tenant.objects.filter(by_name).values("pk"))


# ---- contradictions, and what still settles ----------------------------------------------

_RANK: Final = Case(
    When(
        Q(agreement=str(Agreement.IN_DOUBT), verdict=str(Verdict.CLOSED))
        & ~Q(vantage_point__plays=STRANGER),
        then=Value(Severity(CUT_OFF_IN_DOUBT[0]).rank),
    ),
    *(
        When(
            Q(agreement=str(agreement))
            & (~Q(vantage_point__plays=STRANGER) if approved else Q(vantage_point__plays=STRANGER)),
            then=Value(Severity(severity).rank),
        )
        for (agreement, approved), (severity, _because) in SEVERITIES.items()
    ),
    default=Value(len(Severity)),
)


def _apart(live: QuerySet[models.Path], wanted: Wanted) -> QuerySet[Any, dict[str, Any]]:
    """The worst first, of them the oldest. What contradicts has a beginning: an index finds it."""
    found = live.filter(apart_since__isnull=False, agreement__in=wanted.manners or APART)
    if wanted.assumption:
        found = _leaning(found, wanted.assumption)
    return _grouped(found)


def _settling(live: QuerySet[models.Path]) -> list[dict[str, Any]]:
    return list(_grouped(live.filter(agreement=Agreement.SETTLING))[: SETTLING + 1])


def _leaning(found: QuerySet[models.Path], assumption: str) -> QuerySet[Any]:
    """The doubtful paths that lean on this; not every database can look into a list."""
    said = found.filter(agreement=Agreement.IN_DOUBT).annotate(said=Cast("leans_on", TextField()))
    return said.filter(said__contains=f'"{assumption}"')


def _grouped(found: QuerySet[models.Path]) -> QuerySet[Any, dict[str, Any]]:
    alike: QuerySet[Any, dict[str, Any]] = found.values(*_BY).annotate(
        rank=_RANK,
        domains=Count("domain", distinct=True),
        domain=Min("domain"),
        since=Min("apart_since"),
        latest=Max("current_id"),
        first=Min("pk"),
    )
    return alike.order_by("rank", "since", "first")


def _observations(pks: Iterable[int | None]) -> dict[int, models.Observation]:
    known = models.Observation.objects.only("pk", "code", "reply", "verdict")
    return known.in_bulk({pk for pk in pks if pk})


def _line(row: Mapping[str, Any], seen: Mapping[int, models.Observation]) -> Line:
    stranger = row["vantage_point__plays"] == STRANGER
    severity, because = gravity(
        Agreement(row["agreement"]), Verdict(row["verdict"]), approved=not stranger
    )
    observation = seen.get(row["latest"] or 0)
    return Line(
        tenant=row["tenant__name"],
        tenant_href=reverse("tenant", args=[row["tenant__slug"]]),
        place=row["vantage_point__name"],
        place_href=reverse("vantage_point", args=[row["vantage_point__slug"]]),
        sender=sender_named(row["sender_class"], row["sender_domain"]),
        word=WORDS[Agreement(row["agreement"])],
        severity=severity,
        because=because,
        domains=row["domains"],
        domain=row["domain"],
        since=row["since"],
        predicted=_state(row["predicted"], stranger=stranger),
        predicted_by=row["predicted_by"],
        predicted_code=row["predicted_code"],
        answered=_state(row["verdict"], stranger=stranger),
        reply=(observation.reply or observation.code) if observation else "",
        href=observation.get_absolute_url() if observation else "",
    )


def _state(verdict: str, *, stranger: bool) -> str:
    """A door's state for strangers; for an approved source whether it gets in."""
    return verdict if stranger else str(Access.of(Verdict(verdict)))


# ---- what nobody can see, and what is in doubt -------------------------------------------


def _blind(live: QuerySet[models.Path]) -> Iterator[Blind]:
    rows = (
        live.filter(agreement=Agreement.BLIND, current__isnull=False)
        .values("vantage_point__name", "vantage_point__slug")
        .annotate(
            paths=Count("pk"),
            tenants=Count("tenant", distinct=True),
            tenant=Min("tenant__slug"),
        )
        .order_by("-paths", "vantage_point__slug")
    )
    for row in rows[:BLIND]:
        yield Blind(
            place=row["vantage_point__name"],
            href=(place := reverse("vantage_point", args=[row["vantage_point__slug"]])),
            paths_href=_paths(row["tenant"]) if row["tenants"] == 1 else place,
            tenants=row["tenants"],
            paths=row["paths"],
        )


def _paths(slug: str) -> str:
    """Where the paths of one tenant stand, each with its answer."""
    return f"{reverse('tenant', args=[slug])}#paths"


def _doubts(live: QuerySet[models.Path]) -> list[Doubt]:
    """Each assumption that a doubtful path leans on, the most tenants first."""
    rows = (
        live.filter(apart_since__isnull=False, agreement=Agreement.IN_DOUBT)
        .values("tenant_id", "leans_on")
        .annotate(paths=Count("pk"))
    )
    tenants: dict[str, set[int]] = defaultdict(set)
    paths: dict[str, int] = defaultdict(int)
    for row in rows:
        for name in row["leans_on"]:
            tenants[name].add(row["tenant_id"])
            paths[name] += row["paths"]
    found = [
        Doubt(
            assumption=BY_NAME[name],
            tenants=len(at),
            paths=paths[name],
            href=f"{reverse('contradictions')}?{urlencode({'assumption': name})}",
        )
        for name, at in tenants.items()
        if name in BY_NAME
    ]
    return sorted(found, key=lambda one: (-one.tenants, -one.paths, one.assumption.name))


# ---- what the page says first ------------------------------------------------------------


def _counts(live: QuerySet[models.Path]) -> Counter[str]:
    """How many paths stand in each manner."""
    return Counter(dict(live.values_list("agreement").annotate(n=Count("pk"))))


def _compared(counts: Counter[str]) -> int:
    """Paths with a prediction and an observation that proves something."""
    return counts[Agreement.AGREES] + counts[Agreement.SETTLING] + sum(counts[a] for a in APART)


def _sentence(counts: Counter[str], live: QuerySet[models.Path], wanted: Wanted) -> Iterator[Piece]:
    """What answers against its configuration, else how many answer by it: tenant by tenant those
    are on the list of tenants.
    """
    paths, compared = sum(counts[a] for a in APART), _compared(counts)
    if not compared:
        yield Piece(text="No prediction stands beside an answer yet.")
    elif not paths:
        noun = "path answers" if compared == 1 else "paths answer"
        yield Piece(text="No answer contradicts its prediction; ")
        yield Piece(text=f"{compared:,} {noun}", href=_tenants(wanted))
        if settling := counts[Agreement.SETTLING]:
            yield Piece(text=", ")
            verb = "is" if settling == 1 else "are"
            yield Piece(text=f"{settling:,} {verb} settling", href="#settling")
        yield Piece(text=".")
    else:
        apart = live.filter(apart_since__isnull=False, agreement__in=APART)
        tenants = apart.aggregate(n=Count("tenant", distinct=True))["n"]
        noun = "tenant" if tenants == 1 else "tenants"
        yield Piece(text=f"{tenants:,} {noun}", href="#apart", strong=True)
        against = "answers against its" if tenants == 1 else "answer against their"
        of = f"{paths:,} of {compared:,} {'path' if compared == 1 else 'paths'}"
        yield Piece(text=f" {against} configuration, on ")
        yield Piece(text=of, href="#apart")
        yield Piece(text=".")


def _tenants(wanted: Wanted) -> str:
    """The list of tenants, which says of each how its answers stand to their predictions."""
    named = f"?{urlencode({'q': wanted.tenant})}" if wanted.tenant else ""
    return reverse("tenants") + named
