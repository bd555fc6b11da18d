"""The list of tenants: searched, filtered, sorted, paged; and the same as rows of a file."""

import ipaddress
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.db.models import Count, F, Q, QuerySet

from mailposture import models
from mailposture.core.states import Age, State
from mailposture.core.words import joined
from mailposture.services.pages import begun, fleet
from mailposture.services.pages.fleet_words import CLASSES, LETS_IN

PAGE: Final = 100
STATES: Final = {**{str(state): state.word for state in fleet.RANK}, begun.STATE: begun.WORD}
# Tenants with `quiet` and `shown`, which no class of ours declares.
type Found = QuerySet[Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What the address asks for."""

    q: str = ""
    states: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    sort: str = ""
    page: str = ""

    @property
    def filters(self) -> bool:
        """Whether anything is left out."""
        return bool(self.q or self.states or self.classes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One page of tenants; `total` is how many there are without any filter.

    `connecting` of them are not under watch yet.
    """

    rows: tuple[fleet.Row, ...]
    page: Page[Any]
    total: int
    connecting: int
    wanted: Wanted
    looks_like_a_reply: bool

    @property
    def shown(self) -> int:
        """How many match."""
        return self.page.paginator.count

    @property
    def sentence(self) -> str:
        """The page's first words."""
        if not self.total:
            return "Nothing is watched yet."
        noun = "tenant" if self.total == 1 else "tenants"
        if not self.wanted.filters:
            return self._watched
        if not self.shown:
            return "No tenant matches."
        return f"{self.shown:,} of {self.total:,} {noun}."

    @property
    def _watched(self) -> str:
        """How many are under watch, and how many are not yet."""
        watched, connecting = self.total - self.connecting, self.connecting
        if not watched:
            are = "tenant is" if connecting == 1 else "tenants are"
            return f"Nothing is watched yet; {connecting:,} {are} being connected."
        said = f"{watched:,} {'tenant' if watched == 1 else 'tenants'} under watch"
        return f"{said}, {connecting:,} being connected." if connecting else f"{said}."

    @property
    def nothing(self) -> str:
        """The sentence of a search that found nothing."""
        wanted = self.wanted.states
        words = [STATES[s] if s != begun.STATE else begun.WORD.lower() for s in wanted]
        parts = [f"is {' or '.join(words)}"] if words else []
        if self.wanted.classes:
            parts.append(f"lets strangers in by {joined(self.wanted.classes)} sender")
        if self.wanted.q:
            parts.append(f"has “{self.wanted.q}” in its name, domains or IDs")
        return f"No tenant {joined(parts)}."


def listing(wanted: Wanted, now: datetime) -> Listing:
    """One page of the filtered list."""
    found = select(wanted, now)
    page = Paginator(found, PAGE).get_page(wanted.page or 1)
    return Listing(
        rows=tuple(fleet.rows(page, now)),
        page=page,
        **models.Tenant.objects.aggregate(total=Count("pk"), connecting=Count("setup_step")),
        wanted=wanted,
        looks_like_a_reply=wanted.q[:3].isdigit() and wanted.q[3:4] in (" ", "-"),
    )


def select(wanted: Wanted, now: datetime) -> Found:
    """The filtered list in its order, as a query."""
    found = fleet.tenants(now)
    if wanted.q:
        found = found.filter(_matching(wanted.q))
    if wanted.states:
        found = found.filter(shown__in=wanted.states)
    for name in wanted.classes:
        open_to = {f"standing__classes__{name}__in": sorted(LETS_IN)}
        found = found.filter(**open_to).exclude(fleet.lapsed(now))
    return SORTS[wanted.sort.removeprefix("-")](found, wanted.sort.startswith("-"))


def _matching(q: str) -> Q:
    """Name, slug, accepted domain, tenant ID, or the address of an approved source."""
    domains = models.Path.objects.filter(domain__icontains=q).values("tenant")
    where = Q(name__icontains=q) | Q(slug__icontains=q) | Q(pk__in=domains)
    if tenant_id := _uuid(q):
        where |= Q(tenant_id=tenant_id)
    if _is_address(q):
        sources = models.ApprovedSource.objects.filter(addresses__icontains=q)
        where |= Q(pk__in=sources.values("tenant"))
    return where


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# ---- order -------------------------------------------------------------------------------


def _by_state(found: Found, backwards: bool) -> Found:  # noqa: FBT001 # one signature for all
    ordered = fleet.worst_first(found)
    return ordered.reverse() if backwards else ordered


def _by_name(found: Found, backwards: bool) -> Found:  # noqa: FBT001
    return found.order_by("-name" if backwards else "name", "pk")


def _by_moment(field: str) -> Callable[[Found, bool], Found]:
    def order(found: Found, backwards: bool) -> Found:  # noqa: FBT001
        moment = F(field)
        way = moment.desc(nulls_last=True) if backwards else moment.asc(nulls_last=True)
        return found.order_by(way, "name", "pk")

    return order


SORTS: Final[dict[str, Callable[[Found, bool], Found]]] = {
    "": _by_state,
    "state": _by_state,
    "name": _by_name,
    "since": _by_moment("state_since"),
    "probed": _by_moment("probed_at"),
}


# ---- the same for a file -----------------------------------------------------------------

HEAD: Final = (
    "Tenant",
    "Address name",
    "Tenant ID",
    "State",
    "Since (UTC)",
    "Since first look",
    "Who may deliver",
    "Limits",
    *(f"{name} sender" for name in CLASSES),
    "Domains",
    "Domains open to strangers",
    "Approved sources that get in",
    "Approved sources cut off",
    "Last answer",
    "Answered (UTC)",
    "Configuration read (UTC)",
    "Reading failed",
    "Prediction",
)

AGREEMENTS: Final = {
    "apart": "Contradicts",
    "settling": "Settling",
    "agrees": "Agrees",
    "": "Not compared",
}


def table(wanted: Wanted, now: datetime) -> Iterator[tuple[str, ...]]:
    """Head first, then every tenant of the filtered list. Times are exact, in UTC."""
    yield HEAD
    found = list(select(wanted, now))
    for tenant, row in zip(found, fleet.rows(found, now), strict=True):
        yield _cells(tenant, row)


def _cells(tenant: models.Tenant, row: fleet.Row) -> tuple[str, ...]:
    if row.begun:
        return _not_yet(tenant, row.begun)
    # Of a tenant whose answers have lapsed nothing is counted: it is Unknown in all its cells.
    standing = {} if row.age is Age.LAPSED else tenant.standing
    domains = standing.get("domains") or {}
    approved = standing.get("approved") or {}
    return (
        row.name,
        row.slug,
        str(tenant.tenant_id),
        State(row.state).word,
        _exact(row.since),
        "yes" if row.first_look else "no",
        row.who,
        row.why,
        *(State(sender.state).word for sender in row.senders),
        str(row.domains),
        str(sum(1 for state in domains.values() if state in LETS_IN)),
        str(approved.get("gets_in", 0)),
        str(approved.get("cut_off", 0) + approved.get("partly_cut_off", 0)),
        row.code,
        _exact(row.probed_at),
        _exact(tenant.fetched_at),
        tenant.fetch_error,
        AGREEMENTS[row.agreement],
    )


def _not_yet(tenant: models.Tenant, how: begun.Begun) -> tuple[str, ...]:
    """One that is being connected has no state, and nothing to count."""
    known = {
        "Tenant": tenant.name,
        "Address name": tenant.slug,
        "Tenant ID": str(tenant.tenant_id),
        "State": how.says,
        "Configuration read (UTC)": _exact(tenant.fetched_at),
        "Reading failed": tenant.fetch_error,
    }
    return tuple(known.get(column, "") for column in HEAD)


def _exact(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""
