"""The overview: what a person sees first."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from mailposture.services.pages import overview as pages
from mailposture.web.access import may_operate
from mailposture.web.rail import counted


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Say how the fleet stands."""
    now = timezone.now()
    page = pages.load(now)
    counted(request, page.counts, page.marks)
    context = {"now": now, "page": page, "may": may_operate(request)}
    return render(request, "overview/overview.html", context)
