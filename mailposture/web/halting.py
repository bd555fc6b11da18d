"""The switch that stops all probing, and the one that lets it go on."""

from functools import partial

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from mailposture.services import halting
from mailposture.web.access import operators_only
from mailposture.web.live import wake


class ReasonForm(forms.Form):
    """Why everything is to stop; it stands on every page until it goes on."""

    reason = forms.CharField(
        label="Why",
        max_length=halting.LONGEST_REASON,
        help_text="Stands on every page and in the audit trail.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def stop(request: HttpRequest) -> HttpResponse:
    """Ask for a reason; then stop all probing, also in the middle of a shard."""
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        halting.stop(form.cleaned_data["reason"].strip(), timezone.now(), user=request.user)
        transaction.on_commit(partial(_tell, request))
        return redirect("vantage_points")
    return render(request, "vantage_points/stop.html", {"form": form})


@require_http_methods(["POST"])
@operators_only
def go_on(request: HttpRequest) -> HttpResponse:
    """Let probing go on."""
    if halting.go_on(timezone.now(), user=request.user):
        messages.info(request, "Probing goes on: what was cut off is begun anew.")
        transaction.on_commit(partial(_tell, request))
        transaction.on_commit(partial(wake, request))
    return redirect("vantage_points")


def _tell(request: HttpRequest) -> None:
    if not halting.announce(timezone.now()):
        messages.warning(
            request,
            "The queue was not reached: places hear of it with the next tick. No order is given"
            " out while probing is stopped.",
        )
