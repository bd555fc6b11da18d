"""Vantage points: how clearly each sees, what it plays, and setting one up."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from mailposture import models
from mailposture.services import arranging
from mailposture.services import vantage_points as health
from mailposture.services.pages import spent
from mailposture.services.pages import vantage_points as pages
from mailposture.web.access import may_operate, operators_only
from mailposture.web.forms import NewPlaceForm, PlaceForm


@require_safe
def vantage_points(request: HttpRequest) -> HttpResponse:
    """List the places and their health."""
    context = {"listing": pages.listing(timezone.now()), "may": may_operate(request)}
    return render(request, "vantage_points/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def add(request: HttpRequest) -> HttpResponse:
    """Add a place; its page then makes the line by which it joins."""
    form = NewPlaceForm(request.POST or None)
    if form.is_valid():
        slug = form.cleaned_data["slug"]
        place = arranging.add_place(slug, form.settings(), timezone.now(), user=request.user)
        messages.info(request, f"{place.name} is added. It sees nothing until its worker joins.")
        return redirect("vantage_point", place=slug)
    return render(request, "vantage_points/add.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, place: str) -> HttpResponse:
    """Show one place; who may can change what is declared of it, or turn it off and on."""
    row = get_object_or_404(health.seen(), slug=place)
    if request.method == "POST" and not may_operate(request):
        raise Http404
    if request.method == "POST" and "turn" in request.POST:
        return _turn(request, row)
    shown = pages.detail(row, timezone.now())
    form = _form(request, row, [f"{r.source} of {r.tenant}" for r in shown.place.roles])
    if form.is_valid():
        changed = arranging.change_place(row, form.settings(), timezone.now(), user=request.user)
        messages.info(request, f"{row.name} is changed." if changed else "Nothing was changed.")
        return redirect("vantage_point", place=place)
    context = {"detail": shown, "form": form, "may": may_operate(request), "budget": spent.of(row)}
    return render(request, "vantage_points/detail.html", context)


def _turn(request: HttpRequest, row: models.VantagePoint) -> HttpResponse:
    on = request.POST["turn"] == "on"
    arranging.turn_place(row, timezone.now(), on=on, user=request.user)
    said = "is on: it is asked from the next round." if on else "is off: it is asked no more."
    messages.info(request, f"{row.name} {said}")
    return redirect("vantage_point", place=row.slug)


def _form(request: HttpRequest, row: models.VantagePoint, playing: list[str]) -> PlaceForm:
    initial: dict[str, Any] = {
        "name": row.name,
        "plays": row.plays,
        "address": row.address,
        "certificate_name": row.certificate_name,
    }
    return PlaceForm(request.POST or None, initial=initial, playing=playing, plays=row.plays)
