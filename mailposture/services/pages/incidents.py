"""The list of incidents, filtered: what is wrong, since when, who was told, who sees to it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Cast, Concat

from mailposture import models
from mailposture.core import inpart, letters, outgrown
from mailposture.core.words import duration
from mailposture.services import delivering, news, spells

PAGE: Final = 100

STATES: Final = {"open": "Open", "acknowledged": "Acknowledged", "resolved": "Resolved"}
KINDS: Final = {
    "bypass": "Bypass",
    "cut_off": "Cut off",
    "blind": "Blind",
    "exception": "Exception",
}
SEVERITIES: Final = {"critical": "Critical", "high": "High", "medium": "Medium"}

_IN_STATE: Final[Mapping[str, Q]] = {
    "open": Q(resolved_at=None, acknowledged_at=None),
    "acknowledged": Q(resolved_at=None, acknowledged_at__isnull=False),
    "resolved": Q(resolved_at__isnull=False),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What the address asks for."""

    states: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    tenant: str = ""
    page: str = ""

    @property
    def filters(self) -> bool:
        """Whether anything is left out."""
        return bool(self.states or self.kinds or self.severities or self.tenant)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One incident of the list."""

    number: int
    href: str
    severity: str
    sentence: str
    name: str
    name_href: str
    state: str
    since: datetime
    until: datetime | None
    told: str
    note: str
    lasted: timedelta
    times: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One page of incidents: what stands open first, the newest first."""

    sentence: str
    lines: tuple[Line, ...]
    page: Page[Any]
    any_yet: bool


def listing(wanted: Wanted, now: datetime) -> Listing:
    """One page of the filtered list."""
    # Numbers first: what is sorted is then small, however long the facts are.
    found = _filtered(wanted).order_by(*_ORDER).values_list("pk", flat=True)
    page = Paginator(found, PAGE).get_page(wanted.page or 1)
    known = models.Incident.objects.select_related("tenant", "vantage_point").in_bulk(list(page))
    rows = [known[pk] for pk in page if pk in known]
    mails = _mails(rows)
    lines = tuple(line(row, *mails.get(row.pk, (0, 0)), now) for row in rows)
    return Listing(
        sentence=_sentence(now),
        lines=lines,
        page=page,
        any_yet=bool(lines) or models.Incident.objects.exists(),
    )


def _mails(rows: list[models.Incident]) -> dict[int, tuple[int, int]]:
    """How many mails of each were sent, and how many there are; asked for one page alone."""
    found = models.Delivery.objects.filter(alert__incident__in=[row.pk for row in rows])
    counted = found.values("alert__incident").annotate(
        n=Count("pk"), sent=Count("pk", filter=Q(state=models.Delivery.State.SENT))
    )
    return {row["alert__incident"]: (row["sent"], row["n"]) for row in counted.order_by()}


_RANK: Final = Case(
    *(When(severity=name, then=Value(rank)) for rank, name in enumerate(SEVERITIES)),
    default=Value(len(SEVERITIES)),
)
# What stands open first and of it the worst; then what ended last.
_ORDER: Final = (F("resolved_at").desc(nulls_first=True), _RANK, "-opened_at", "-pk")


def _filtered(wanted: Wanted) -> QuerySet[models.Incident]:
    found = models.Incident.objects.all()
    if wanted.states:
        any_of = Q()
        for state in wanted.states:
            any_of |= _IN_STATE[state]
        found = found.filter(any_of)
    if wanted.kinds:
        found = found.filter(kind__in=wanted.kinds)
    if wanted.severities:
        found = found.filter(severity__in=wanted.severities)
    if wanted.tenant:
        by_name = Q(tenant__name__icontains=wanted.tenant) | Q(tenant__slug=wanted.tenant)
        found = found.filter(by_name)
    return found


def _sentence(now: datetime) -> str:
    standing = models.Incident.objects.filter(resolved_at=None)
    count = standing.count()
    if not count:
        return "No incident is open."
    # Of what came and went, the time that lasts now.
    oldest = standing.order_by("moved_at").values_list("moved_at", flat=True)[0]
    lasts = duration(now - oldest)
    if count == 1:
        return f"1 incident is open, for {lasts}."
    return f"{count:,} incidents are open, the longest for {lasts}."


def line(row: models.Incident, sent: int, mails: int, now: datetime) -> Line:
    """Say one incident, of which so many mails were sent; its tenant and place must be loaded."""
    tenant = row.tenant
    return Line(
        number=row.pk,
        href=row.get_absolute_url(),
        severity=row.severity,
        sentence=sentence(row),
        name=news.named(row),
        name_href=tenant.get_absolute_url() if tenant else "",
        state=state(row),
        since=row.opened_at,
        until=row.resolved_at,
        told=_told(sent, mails),
        note=f"{row.acknowledged_by}: {row.acknowledgement}" if row.acknowledged_at else "",
        lasted=spells.lasted(row, now),
        times=spells.times(row),
    )


def sentence(row: models.Incident) -> str:
    """What is wrong, in the words of its mail; also where none was written yet."""
    slug, name = (row.tenant.slug if row.tenant else None), news.named(row)
    if row.resolved_at and row.facts.get("withdrawn"):
        if row.kind == models.Incident.Kind.EXCEPTION:
            return outgrown.withdrawn(row.facts)
        source = (row.facts.get("source") or {}).get("name") or "It"
        return inpart.withdrawn(row.kind, name, source, place=row.tenant is None)
    known = {"name": name, "slug": slug, "severity": row.severity}
    over = "resolved" if row.resolved_at else "opened"
    seen = row.facts.get("seen", {})
    told = {**known, **seen, **row.facts, "kind": row.kind, "event": over}
    if row.resolved_at and row.tenant and row.facts.get("event") != over:
        told["state"] = row.tenant.state  # its end was no news yet, or never will be
    return letters.sentence(told)


def state(row: models.Incident) -> str:
    """The word of its life: New, Acknowledged, Reopened, Resolved."""
    if row.resolved_at:
        return "Resolved"
    if row.acknowledged_at:
        return "Acknowledged"
    return "Reopened" if spells.times(row) > 1 else "New"


def _told(sent: int, mails: int) -> str:
    if not mails:
        return "nobody"
    return f"{sent} of {mails} mails" if mails > 1 else "1 mail" if sent else "not yet"


def mail(waiting: int, *, told: bool, next_try: datetime | None = None) -> str:
    """Why nobody is told, in a sentence or two; nothing where all is well.

    `next_try` is set where the server did not take a mail, and says when it is asked again.
    """
    try:
        delivering.server()
    except delivering.NotSetUpError as problem:
        return f"Mail is not set up: {problem}{_waits(waiting)}"
    if next_try and waiting:
        again = f"{next_try.astimezone(UTC):%H:%M} UTC"
        return f"The mail server does not take the mails.{_waits(waiting)} Next try {again}."
    return "" if told else "Nobody is told by mail: no address is on the list."


def _waits(count: int) -> str:
    return f" {count:,} mail{'s wait' if count != 1 else ' waits'}." if count else ""


def with_standing(found: QuerySet[models.Tenant]) -> QuerySet[models.Tenant]:
    """Tenants with their worst open incident, for `worst` to read, and how many are open."""
    standing = models.Incident.objects.filter(tenant=OuterRef("pk"), resolved_at=None)
    # As one text, so that it is one look for each tenant: number, severity, who acknowledged it.
    said = Concat(
        Cast("pk", CharField()), Value(" "), "severity", Value(" "), "acknowledged_by",
        output_field=CharField(),
    )  # fmt: skip
    first = standing.order_by(_RANK, "-opened_at", "-pk").annotate(said=said).values("said")[:1]
    count = standing.order_by().values("tenant").annotate(n=Count("pk")).values("n")
    return found.annotate(worst_incident=Subquery(first), open_incidents=Subquery(count))


@dataclass(frozen=True, slots=True)
class Worst:
    """A tenant's worst open incident."""

    number: int
    severity: str
    acknowledged_by: str
    count: int


def worst_of(tenants: Iterable[models.Tenant]) -> dict[int, Worst]:
    """The same for some tenants, by their pk; one query."""
    rows = models.Incident.objects.filter(
        tenant__in=[tenant.pk for tenant in tenants], resolved_at=None
    ).order_by(_RANK, "-opened_at", "-pk")
    found: dict[int, list[models.Incident]] = {}
    for row in rows.only("tenant_id", "severity", "acknowledged_by"):
        found.setdefault(row.tenant_id or 0, []).append(row)
    return {
        of: Worst(own[0].pk, own[0].severity, own[0].acknowledged_by, len(own))
        for of, own in found.items()
    }


def worst(tenant: Any) -> Worst | None:
    """The worst open incident of a tenant that was asked with it; None if none is, or was not."""
    said = getattr(tenant, "worst_incident", None)
    if not said:
        return None
    number, severity, by = said.split(" ", 2)
    return Worst(int(number), severity, by, tenant.open_incidents or 1)
