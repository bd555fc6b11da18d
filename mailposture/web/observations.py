"""One observation: as a page, and as a file with all that is kept of it."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from mailposture import models
from mailposture.services.pages import observation as pages


@require_safe
def observation(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the conversation, what it proves and what it does not."""
    now = timezone.now()
    page = pages.load(_row(pk), now)
    return render(request, "observations/observation.html", {"now": now, "page": page})


@require_safe
def transcript(request: HttpRequest, pk: int) -> JsonResponse:
    """The same as one JSON document; foreign bytes in it are escaped."""
    del request
    document = pages.document(_row(pk))
    answer = JsonResponse(document, json_dumps_params={"indent": 1})
    answer["Content-Disposition"] = f'attachment; filename="observation-{pk}.json"'
    answer["Cache-Control"] = "private, no-store"
    return answer


def _row(pk: int) -> models.Observation:
    loaded = models.Observation.objects.select_related("path__tenant", "path__vantage_point")
    return get_object_or_404(loaded, pk=pk)
