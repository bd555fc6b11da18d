"""How a vantage point elsewhere joins: the line for its operator, what is answered to it, and the
end of it.
"""

import json

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from mailposture import models
from mailposture.services import joining
from mailposture.services.pages.vantage_worker import join_copies
from mailposture.services.queue_accounts import NoQueueError
from mailposture.web.access import operators_only

# A token, a key and a signature are some hundred characters.
MOST_BYTES = 4096


@never_cache
@require_POST
@operators_only
def line(request: HttpRequest, place: str) -> HttpResponse:
    """Make a join line and show it once; it stands nowhere else, and the last one is void."""
    row = get_object_or_404(models.VantagePoint, slug=place)
    try:
        made = joining.invite(row, timezone.now(), user=request.user)
    except NoQueueError as error:
        messages.error(request, str(error))
        return redirect("vantage_point", place=place)
    context = {"place": row, "copies": join_copies(made, settings.LAB)}
    return render(request, "vantage_points/join.html", context)


@require_POST
@operators_only
def revoke(request: HttpRequest, place: str) -> HttpResponse:
    """Put a place out at once."""
    row = get_object_or_404(models.VantagePoint, slug=place)
    if joining.revoke(row, timezone.now(), user=request.user):
        messages.info(request, f"{row.name} is revoked: its key and its account are gone.")
    else:
        messages.warning(
            request,
            f"{row.name} is revoked: nothing that it says is believed. The queue did not take it"
            " yet: its account there is deleted with the next tick that reaches it.",
        )
    return redirect("vantage_point", place=place)


@csrf_exempt  # A worker has no cookie that a page of others could misuse; its token is the proof.
@login_not_required
@never_cache
@require_POST
def join(request: HttpRequest) -> JsonResponse:
    """Let a place in by the token of its line. The answer is signed; a refusal is a sentence."""
    if len(request.body) > MOST_BYTES:
        return JsonResponse({"error": "This is not how a vantage point joins."}, status=413)
    try:
        asked = json.loads(request.body)
    except (ValueError, RecursionError):
        asked = None
    try:
        answer = joining.accept(asked, str(request.META.get("REMOTE_ADDR", "")), timezone.now())
    except joining.JoinError as refusal:
        return JsonResponse({"error": str(refusal)}, status=refusal.status)
    return JsonResponse(dict(answer))
