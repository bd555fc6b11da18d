"""Where we are blind: what could not be read or seen, since when, and what to do about it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import (
    Count,
    Exists,
    F,
    JSONField,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.urls import reverse

from mailposture import models
from mailposture.core.configuration import PartStatus
from mailposture.core.states import ROUNDS
from mailposture.core.verdict import Cause
from mailposture.core.words import joined
from mailposture.services import vantage_points
from mailposture.services.pages import fleet, undecided
from mailposture.services.pages.configured import NAMES, explained
from mailposture.services.pages.vantage_points import LATELY

# Lines of one kind; what is beyond is one line with its count.
MOST: Final = 4
MOST_READ: Final = 20
SHORT: Final = 140


@dataclass(frozen=True, kw_only=True, slots=True)
class Blind:
    """One thing that is not seen: who, what, the way out, since when."""

    subject: str
    href: str
    says: str
    fix: str = ""
    fix_href: str = ""
    since: datetime | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A vantage point with its health and its shards."""

    slug: str
    name: str
    health: vantage_points.Health
    asked_at: datetime | None
    heard_at: datetime | None
    aside: int
    paths_in_all: int


# ---- vantage points ----------------------------------------------------------------------


def places(now: datetime) -> list[Place]:
    """Every place that is turned on; one query."""
    aside = models.Shard.objects.filter(
        vantage_point=OuterRef("pk"), due_at__gt=now - LATELY, aside_at__isnull=False
    )
    rows = (
        vantage_points.seen()
        .filter(enabled=True)
        .annotate(
            aside=_counted(aside),
            paths_in_all=_counted(models.Path.objects.filter(retired_at=None)),
        )
    )
    return [
        Place(
            slug=row.slug,
            name=row.name,
            health=vantage_points.health(row, now),
            asked_at=row.asked_at,
            heard_at=row.heard_at,
            aside=row.aside or 0,
            paths_in_all=row.paths_in_all or 0,
        )
        for row in rows
    ]


def _counted(rows: QuerySet[Any]) -> Subquery:
    """How many rows there are, as one number: grouped by what is the same for all of them."""
    grouped = rows.order_by().annotate(whole=Value(1)).values("whole")
    return Subquery(grouped.annotate(n=Count("pk")).values("n"))


def of_places(found: Iterable[Place]) -> Iterator[Blind]:
    """Places that do not see clearly, and what their workers never answered."""
    for place in found:
        href = reverse("vantage_point", args=[place.slug])
        # What is listed is told with its answers, and the reply that says so.
        if not place.health.clear and not place.health.listed:
            says = place.health.says.rstrip(".")
            note = "" if place.heard_at else "never heard"
            yield Blind(
                subject=place.name,
                href=href,
                says=f": {says[0].lower()}{says[1:]}.",
                fix="See its worker",
                fix_href=href,
                since=place.heard_at,
                note=note,
            )
        if place.aside:
            shards = "1 shard" if place.aside == 1 else f"{place.aside:,} shards"
            yield Blind(
                subject=place.name,
                href=href,
                says=f": {shards} set aside after three attempts.",
                fix="See them",
                fix_href=f"{href}#aside",
            )


# ---- answers that prove nothing ----------------------------------------------------------

RECIPIENT: Final = (str(Cause.RECIPIENT_UNKNOWN), str(Cause.RECIPIENT_RESTRICTED))


def of_answers() -> Iterator[Blind]:
    """Refusals that were about us, by place; recipients that do not serve, by tenant. One query."""
    unknown = models.Path.objects.filter(
        verdict="unknown",
        retired_at=None,
        vantage_point__enabled=True,
        current__cause__in=(str(Cause.REPUTATION), *RECIPIENT),
    )
    rows = list(
        unknown.values("current__cause", "vantage_point__name", "vantage_point__slug")
        .annotate(
            slug=F("tenant__slug"),
            name=F("tenant__name"),
            n=Count("pk"),
            since=Min("current__first_at"),
            latest=Max("current_id"),
        )
        .order_by("since")[:MOST_READ]
    )
    yield from _blocked([r for r in rows if r["current__cause"] == Cause.REPUTATION])
    yield from _recipients([r for r in rows if r["current__cause"] in RECIPIENT])


def _blocked(rows: Sequence[Mapping[str, Any]]) -> Iterator[Blind]:
    for slug in dict.fromkeys(row["vantage_point__slug"] for row in rows):
        of_place = [row for row in rows if row["vantage_point__slug"] == slug]
        count = sum(row["n"] for row in of_place)
        yield Blind(
            subject=of_place[0]["vantage_point__name"],
            href=reverse("vantage_point", args=[slug]),
            says=" is on a block list. Its refusals are about reputation and prove nothing.",
            fix="See reply",
            fix_href=reverse("observation", args=[of_place[0]["latest"]]),
            since=min(row["since"] for row in of_place),
            note=_paths(count),
        )


def _recipients(rows: Sequence[Mapping[str, Any]]) -> Iterator[Blind]:
    for slug in dict.fromkeys(row["slug"] for row in rows):
        of_tenant = [row for row in rows if row["slug"] == slug]
        yield Blind(
            subject=of_tenant[0]["name"],
            href=reverse("tenant", args=[slug]),
            says=": the probe recipient does not exist or takes no mail from strangers.",
            fix="Name an existing mailbox",
            fix_href=reverse("tenant_recipients", args=[slug]),
            since=min(row["since"] for row in of_tenant),
            note=_paths(sum(row["n"] for row in of_tenant)),
        )


def _paths(count: int) -> str:
    return "1 path unknown" if count == 1 else f"{count:,} paths unknown"


# ---- tenants -----------------------------------------------------------------------------

STATUS: Final = {
    PartStatus.INCOMPLETE: "came incomplete",
    PartStatus.FORBIDDEN: "may not be read",
    PartStatus.TRUNCATED: "came cut short",
    PartStatus.FAILED: "could not be read",
}


def with_parts(found: QuerySet[Any]) -> QuerySet[Any]:
    """Tenants with how reading them went, any credential, and why no look decides."""
    newest = models.Snapshot.objects.filter(tenant=OuterRef("pk")).order_by("-first_seen_at")
    annotated: QuerySet[Any] = found.annotate(
        parts=Subquery(newest.values("document__parts")[:1], output_field=JSONField()),
        read_since=Subquery(newest.values("first_seen_at")[:1]),
        has_credential=F("credential__pk"),
        undecided=undecided.COLUMN,
    )
    return annotated


def not_seen() -> Q:
    """Which of those cannot be read, or not whole, or have answers old or without proof."""
    unread = Q(fetch_failing_since__isnull=False) | Q(credential__isnull=True)
    unread |= Q(pk__in=_not_whole().values("tenant"))
    return Q(paused_at=None, setup_step=None) & (unread | fleet.STALE | undecided.WHOLLY)


def _not_whole() -> QuerySet[models.Snapshot]:
    """Configurations with a part that could not be read, where that is how it was read last."""
    mine = models.Snapshot.objects.filter(tenant=OuterRef("tenant"))
    later = mine.filter(first_seen_at__gt=OuterRef("first_seen_at"))
    return models.Snapshot.objects.filter(~Exists(later), is_whole=False)


def of_tenants(found: Iterable[models.Tenant]) -> Iterator[Blind]:
    """What is not seen of these tenants, which must come with their parts."""
    for tenant in sorted(found, key=lambda t: (t.name, t.pk)):
        if tenant.paused_at is None:
            yield from _of_tenant(tenant)


def _of_tenant(tenant: Any) -> Iterator[Blind]:
    slug, name = tenant.slug, tenant.name
    href = tenant.get_absolute_url()
    check = reverse("tenant_check", args=[slug])
    if tenant.has_credential is None:
        credential = reverse("tenant_credential", args=[slug])
        says = " has no credential, so that its configuration is not read."
        yield Blind(
            subject=name, href=href, says=says, fix="Give it one", fix_href=credential,
            since=tenant.created_at,
        )  # fmt: skip
    elif tenant.fetch_failing_since is not None:
        yield Blind(
            subject=name, href=href, says=f" cannot be read: {_short(tenant.fetch_error)}.",
            fix="Check what is missing", fix_href=check, since=tenant.fetch_failing_since,
        )  # fmt: skip
    for status, parts in _by_status(tenant.parts or []).items():
        yield Blind(
            subject=name,
            href=href,
            says=f": {_named(parts)} {STATUS[status]}{_lacks(parts)}.",
            fix="Check what is missing" if status is PartStatus.FORBIDDEN else "See tenant",
            fix_href=check if status is PartStatus.FORBIDDEN else href,
            since=tenant.read_since,
        )
    if _is_old(tenant):
        yield Blind(
            subject=name, href=href, says=": its answers are older than four rounds.",
            fix="See tenant", fix_href=href, since=tenant.probed_at,
        )  # fmt: skip
    elif found := undecided.reason(tenant.undecided):
        yield Blind(
            subject=name,
            href=href,
            says=f" is Unknown at every door: {found.says}.",
            fix="See reply",
            fix_href=reverse("observation", args=[found.observation]),
            since=tenant.state_since,
        )


def _is_old(tenant: Any) -> bool:
    return tenant.quiet is not None and tenant.quiet > tenant.probe_every * ROUNDS


def _by_status(parts: Iterable[Mapping[str, Any]]) -> dict[PartStatus, list[Mapping[str, Any]]]:
    """What is not known of DNS only because the domains are not known goes without saying."""
    found: dict[PartStatus, list[Mapping[str, Any]]] = {}
    names = set()
    for part in parts:
        status = PartStatus(part["status"])
        of_domains = part["name"] == "domain_facts" and "accepted_domains" in names
        if status is PartStatus.OK or of_domains:
            continue
        names.add(part["name"])
        found.setdefault(status, []).append(part)
    return found


def _named(parts: Sequence[Mapping[str, Any]]) -> str:
    names = [NAMES.get(part["name"], part["name"]) for part in parts]
    if len(names) > 3:
        return f"{', '.join(names[:2])} and {len(names) - 2} more parts"
    return joined(names)


def _lacks(parts: Sequence[Mapping[str, Any]]) -> str:
    missing = [name for part in parts for name in part.get("missing") or ()]
    return f", without {joined(missing[:3])}" if missing else ""


def _short(error: str) -> str:
    trouble = explained(error)
    said = f"{trouble.short}, {trouble.says}" if trouble.says else trouble.short
    words = said if len(said) <= SHORT else f"{said[: SHORT - 1]}…"
    return words.rstrip(". ")


# ---- all of it ---------------------------------------------------------------------------


def gather(found: Sequence[Place], tenants: Iterable[models.Tenant]) -> tuple[Blind, ...]:
    """Everything, a few lines of each kind; places first, because they blind every tenant."""
    kinds = (
        (of_places(found), "vantage_points", "more about vantage points"),
        (of_answers(), "tenants", "more places and tenants with answers that prove nothing"),
        (of_tenants(tenants), "tenants", "more about tenants"),
    )
    return tuple(blind for lines, url, words in kinds for blind in _few(list(lines), url, words))


def _few(lines: list[Blind], url: str, words: str) -> list[Blind]:
    if len(lines) <= MOST + 1:
        return lines
    count = "Many" if len(lines) >= MOST_READ else f"{len(lines) - MOST:,}"
    more = Blind(subject=f"{count} {words}", href=reverse(url), says=".")
    return [*lines[:MOST], more]
