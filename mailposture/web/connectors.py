"""One connector of a tenant."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from mailposture.services.pages import connector as pages
from mailposture.web.access import seen_tenant


@require_safe
def connector(request: HttpRequest, slug: str, guid: str) -> HttpResponse:
    """Show what it does, all its fields, and its history."""
    of = seen_tenant(request, slug)
    page = pages.load(of, guid)
    if page is None:
        raise Http404
    context = {"now": timezone.now(), "tenant": of, "page": page}
    return render(request, "connectors/connector.html", context)
