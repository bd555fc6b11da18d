"""Whether the site answers."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@login_not_required
@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """Say that the site answers; touches nothing else."""
    return HttpResponse("ok\n", content_type="text/plain")
