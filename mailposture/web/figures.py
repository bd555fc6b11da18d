"""Figures of the whole fleet, each behind its own address."""

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from mailposture.services.pages import exposure as pages


@require_safe
def exposure(request: HttpRequest) -> JsonResponse:
    """Ninety days of exposure, the worst tenants on top."""
    del request
    answer = JsonResponse(pages.figure(timezone.now()).figure())
    answer["Cache-Control"] = "private, no-store"
    return answer
