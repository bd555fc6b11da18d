"""The list of tenants, and the same list as a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from mailposture.adapters.documents.tables import written
from mailposture.services.pages import tenants as pages
from mailposture.services.pages.fleet_words import CLASSES
from mailposture.web.access import may_operate

LONGEST: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """One chip of the filter bar."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    chosen: tuple[str, ...]
    words: str
    clear: str


@require_safe
def tenants(request: HttpRequest) -> HttpResponse:
    """List tenants, worst first unless sorted otherwise."""
    now = timezone.now()
    wanted = _wanted(request)
    listing = pages.listing(wanted, now)
    context = {
        "now": now,
        "listing": listing,
        "search": wanted.q,
        "filters": _filters(request, wanted),
        "noun": "tenant" if listing.total == 1 else "tenants",
        "csv": _address(reverse("tenants_csv"), request, drop="page"),
        "may": may_operate(request),
    }
    return render(request, "tenants/list.html", context)


@require_safe
def tenants_csv(request: HttpRequest) -> HttpResponse:
    """The filtered list as a file, harmless to spreadsheets."""
    now = timezone.now()
    answer = HttpResponse(written(pages.table(_wanted(request), now)), content_type=CSV)
    answer["Content-Disposition"] = f'attachment; filename="tenants-{now:%Y%m%dT%H%MZ}.csv"'
    answer["Cache-Control"] = "private, no-store"
    return answer


CSV: Final = "text/csv; charset=utf-8"


# ---- what the address asks for -----------------------------------------------------------


def _wanted(request: HttpRequest) -> pages.Wanted:
    """Values that mean nothing are left out, as if they had not been asked for."""
    query = request.GET
    sort = query.get("sort", "")
    return pages.Wanted(
        q=query.get("q", "").replace("\0", "").strip()[:LONGEST],
        states=tuple(s for s in pages.STATES if s in query.getlist("state")),
        classes=tuple(c for c in CLASSES if c in query.getlist("class")),
        sort=sort if sort.removeprefix("-") in pages.SORTS else "",
        page=query.get("page", ""),
    )


def _filters(request: HttpRequest, wanted: pages.Wanted) -> list[Filter]:
    senders = {name: f"Open to {name} sender" for name in CLASSES}
    return [
        _filter(request, "state", "State", pages.STATES, wanted.states),
        _filter(request, "class", "Sender", senders, wanted.classes),
    ]


def _filter(
    request: HttpRequest, name: str, label: str, words: Mapping[str, str], chosen: tuple[str, ...]
) -> Filter:
    return Filter(
        name=name,
        label=label,
        options=tuple(words.items()),
        chosen=chosen,
        words=", ".join(words[value] for value in chosen),
        clear=_address("", request, drop=name),
    )


def _address(path: str, request: HttpRequest, *, drop: str) -> str:
    """An address with this page's query, without one parameter and without the page number."""
    kept = [
        (key, value)
        for key, values in request.GET.lists()
        for value in values
        if key not in (drop, "page")
    ]
    return f"{path}?{urlencode(kept)}" if kept or not path else path
