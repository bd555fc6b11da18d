"""Who may deliver to a tenant, by its configuration."""

from typing import Final

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from mailposture.services.pages import fleet, reaching
from mailposture.web.access import seen_tenant

LONGEST: Final = 120
PAGE: Final = 50


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """List the tenants under watch, the worst first, each leading to who may deliver to it."""
    now = timezone.now()
    search = request.GET.get("q", "").replace("\0", "").strip()[:LONGEST]
    found = fleet.worst_first(fleet.watched(now))
    if search:
        found = found.filter(name__icontains=search)
    page = Paginator(found, PAGE).get_page(request.GET.get("page", "1"))
    context = {"now": now, "page": page, "rows": fleet.rows(page, now), "search": search}
    return render(request, "exposure/choose.html", context)


@require_safe
def exposure(request: HttpRequest, slug: str) -> HttpResponse:
    """Show how much of the Internet may deliver, why, and on what that rests."""
    of = seen_tenant(request, slug)
    domain, sender_class = request.GET.get("domain", ""), request.GET.get("class", "")
    now = timezone.now()
    page = reaching.load(of, domain, sender_class, now)
    context = {"now": now, "tenant": of, "page": page}
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
