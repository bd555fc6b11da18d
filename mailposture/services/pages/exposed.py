"""Who may deliver, tenant by tenant: what is predicted beside what was observed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q
from django.urls import reverse

from mailposture import models
from mailposture.core.reachability import FOREIGN
from mailposture.services import reached
from mailposture.services.pages import fleet, reaching
from mailposture.services.pages.pieces import Piece

PAGE: Final = 50
STATES: Final = (reached.OPEN, reached.CLOSED, reached.UNKNOWN)


@dataclass(frozen=True, kw_only=True, slots=True)
class Predicted:
    """How many may deliver by the configuration; without a number where that is not known."""

    state: str
    number: str = ""
    noun: str = ""
    href: str = ""
    networks: int = 0
    networks_href: str = ""
    names: int = 0
    domain: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One tenant: the two side by side."""

    row: fleet.Row
    href: str
    predicted: Predicted


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """The page; `chosen` is the predicted state that it is narrowed to."""

    sentence: tuple[Piece, ...]
    lines: tuple[Line, ...]
    page: Page[Any]
    search: str
    chosen: str


def listing(search: str, chosen: str, number: str, now: datetime) -> Listing:
    """The tenants under watch, the worst first by what was observed."""
    found = fleet.worst_first(fleet.watched(now))
    if search:
        found = found.filter(name__icontains=search)
    if chosen in STATES:
        found = found.filter(reach_state=chosen)
    page = Paginator(found, PAGE).get_page(number)
    rows = zip(page, fleet.rows(page, now), strict=True)
    return Listing(
        sentence=tuple(_sentence()),
        lines=tuple(_line(tenant, row) for tenant, row in rows),
        page=page,
        search=search,
        chosen=chosen if chosen in STATES else "",
    )


def _line(tenant: models.Tenant, row: fleet.Row) -> Line:
    return Line(row=row, href=reaching.address(tenant), predicted=_predicted(tenant))


def _predicted(tenant: models.Tenant) -> Predicted:
    kept: dict[str, Any] = tenant.reach
    if not kept:
        return Predicted(state=reached.UNKNOWN)
    asked = urlencode({"domain": kept["domain"], "class": FOREIGN})
    addresses: int = kept["addresses"]
    return Predicted(
        state=tenant.reach_state,
        number=f"{addresses:,}",
        noun="address" if addresses == 1 else "addresses",
        href=f"{reaching.address(tenant)}?{asked}#shown",
        networks=kept["networks"],
        networks_href=f"{reverse('exposure_list', args=[tenant.slug])}?{asked}",
        names=kept["names"],
        domain=reaching.named(kept["domain"]),
    )


# ---- what the page says first ------------------------------------------------------------


def _sentence() -> Iterator[Piece]:
    """How many take mail from any host by their configuration; each number leads to its list."""
    found = models.Tenant.objects.filter(setup_step=None).aggregate(
        total=Count("pk"),
        open=Count("pk", filter=Q(reach_state=reached.OPEN)),
        unknown=Count("pk", filter=Q(reach_state=reached.UNKNOWN)),
    )
    total, unknown = found["total"], found["unknown"]
    noun = "tenant" if total == 1 else "tenants"
    if not total:
        yield Piece(text="Nothing is watched yet.")
    elif unknown == total:
        yield Piece(text="It is not known of any tenant who may deliver.")
    elif found["open"]:
        text = f"{found['open']:,} of {total:,} {noun}"
        yield Piece(text=text, href=_narrowed(reached.OPEN), strong=True)
        yield Piece(text=f" {'takes' if found['open'] == 1 else 'take'} mail from any host")
        yield from _rest(unknown)
    else:
        yield Piece(text="No tenant takes mail from any host" if not unknown else
                    "No tenant is known to take mail from any host")  # fmt: skip
        yield from _rest(unknown)


def _rest(unknown: int) -> Iterator[Piece]:
    if unknown:
        yield Piece(text="; of ")
        yield Piece(text=f"{unknown:,}", href=_narrowed(reached.UNKNOWN))
        yield Piece(text=" it is not known")
    yield Piece(text=".")


def _narrowed(to: str) -> str:
    return f"{reverse('exposure_start')}?predicted={to}#tenants"
