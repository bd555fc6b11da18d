"""Where prediction and observation part, over the whole fleet."""

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from mailposture.core.attribution import BY_NAME
from mailposture.services.pages import contradictions as pages

LONGEST: Final = 120


@require_safe
def contradictions(request: HttpRequest) -> HttpResponse:
    """List what contradicts, what settles, what nobody can see, and what is in doubt."""
    wanted = _wanted(request)
    context = {
        "now": timezone.now(),
        "wanted": wanted,
        "assumption": BY_NAME.get(wanted.assumption),
        "listing": pages.listing(wanted),
        "manners": [(v, word, v in wanted.manners) for v, word in pages.MANNERS.items()],
        "chosen": ", ".join(pages.MANNERS[v] for v in wanted.manners),
    }
    return render(request, "contradictions/list.html", context)


def _wanted(request: HttpRequest) -> pages.Wanted:
    """Values that mean nothing are left out, as if they had not been asked for."""
    query = request.GET
    assumption = query.get("assumption", "")
    return pages.Wanted(
        tenant=query.get("tenant", "").replace("\0", "").strip()[:LONGEST],
        manners=tuple(v for v in pages.MANNERS if v in query.getlist("manner")),
        assumption=assumption if assumption in BY_NAME else "",
        page=query.get("page", ""),
    )
