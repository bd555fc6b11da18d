"""Where a what-if begins when no tenant was chosen yet."""

from typing import Final

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from mailposture.services.pages import fleet

LONGEST: Final = 120
PAGE: Final = 100


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """List the tenants under watch, the worst first, each leading to its what-if."""
    now = timezone.now()
    search = request.GET.get("q", "").replace("\0", "").strip()[:LONGEST]
    found = fleet.worst_first(fleet.watched(now))
    if search:
        found = found.filter(name__icontains=search)
    page = Paginator(found, PAGE).get_page(request.GET.get("page", "1"))
    return render(request, "whatif_start/choose.html", {"now": now, "page": page, "search": search})
