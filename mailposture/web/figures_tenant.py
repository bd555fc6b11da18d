"""The figure of one tenant, behind its own address."""

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from mailposture.services.pages import timeline as pages
from mailposture.web.access import seen_tenant
from mailposture.web.tenant import days_asked


@require_safe
def timeline(request: HttpRequest, slug: str) -> JsonResponse:
    """Changes, probes and exposure windows of `days` days, as a plotly figure."""
    of = seen_tenant(request, slug)
    now = timezone.now()
    return JsonResponse(pages.load(of, days_asked(request, of, now), now).figure())
