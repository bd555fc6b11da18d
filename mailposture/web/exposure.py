"""Who may deliver to a tenant, by its configuration."""

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from mailposture.services.pages import exposed, reach_table, reaching
from mailposture.web.access import seen_tenant

LONGEST: Final = 120


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """How many may deliver, tenant by tenant, the worst first; each leads to who exactly."""
    now = timezone.now()
    search = request.GET.get("q", "").replace("\0", "").strip()[:LONGEST]
    chosen, number = request.GET.get("predicted", ""), request.GET.get("page", "1")
    listing = exposed.listing(search, chosen, number, now)
    return render(request, "exposure/choose.html", {"now": now, "listing": listing})


@require_safe
def exposure(request: HttpRequest, slug: str) -> HttpResponse:
    """Show how much of the Internet may deliver, why, and on what that rests."""
    of = seen_tenant(request, slug)
    domain, sender_class = request.GET.get("domain", ""), request.GET.get("class", "")
    now = timezone.now()
    page = reaching.load(of, domain, sender_class, now)
    context: dict[str, Any] = {"now": now, "tenant": of, "page": page}
    if page.reach is not None:
        pages = (request.GET.get(name, "") for name in ("rows", "senders"))
        context["table"] = reach_table.load(of, page.reach, page.chosen, *pages)
    return render(request, "exposure/exposure.html", context)


@require_safe
def networks(request: HttpRequest, slug: str) -> HttpResponse:
    """Every network that may deliver, one a line, as plain text."""
    of = seen_tenant(request, slug)
    domain, sender_class = request.GET.get("domain", ""), request.GET.get("class", "")
    found = reaching.listing(of, domain, sender_class)
    if found is None:
        raise Http404
    answer = HttpResponse("\n".join((*found, "")), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{of.slug}-networks.txt"'
    return answer
