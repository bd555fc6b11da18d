"""Exceptions: the list and its file, one of them, asking for one, and what people do about it."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from mailposture import models
from mailposture.adapters.documents.tables import written
from mailposture.services import exceptions as service
from mailposture.services.pages import exception as one
from mailposture.services.pages import exceptions as pages
from mailposture.web.access import may_operate, operators_only
from mailposture.web.exceptions_forms import AskForm, ReviewForm

LONGEST: Final = 120
CSV: Final = "text/csv; charset=utf-8"


@require_safe
def exceptions(request: HttpRequest) -> HttpResponse:
    """List exceptions, what waits for somebody first."""
    now, wanted = timezone.now(), _wanted(request)
    context = {
        "now": now,
        "wanted": wanted,
        "listing": pages.listing(wanted, now),
        "chosen": ", ".join(pages.STATES[state] for state in wanted.states),
        "states": [(value, word, value in wanted.states) for value, word in pages.STATES.items()],
        "csv": _address(request),
    }
    return render(request, "exceptions/list.html", context)


@require_safe
def exceptions_csv(request: HttpRequest) -> HttpResponse:
    """The filtered list as a file, harmless to spreadsheets."""
    now = timezone.now()
    answer = HttpResponse(written(pages.table(_wanted(request), now)), content_type=CSV)
    name = f"exceptions-{now:%Y%m%dT%H%MZ}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-store"
    return answer


@require_safe
def exception(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one exception, with what this person may do about it."""
    return _page(request, _row(pk))


@require_http_methods(("GET", "HEAD", "POST"))
@operators_only
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for an exception of a finding, or for a renewal of the one that covers it."""
    now = timezone.now()
    found = get_object_or_404(models.Finding.objects.select_related("tenant", "exception"), pk=pk)
    form = AskForm(request.POST or None, initial=one.initial(found, now), now=now)
    context: dict[str, Any] = {"now": now, "finding": found, "form": form, "problem": ""}
    if form.is_valid():
        try:
            row = service.ask(found, form.asked(), now, user=request.user)
        except service.NotDoneError as refusal:
            context["problem"] = str(refusal)
        else:
            messages.info(
                request, f"{row.name} waits for a decision. The finding counts as before."
            )
            return redirect(row)
    status = 422 if form.is_bound else 200
    return render(request, "exceptions/ask.html", context, status=status)


@require_POST
@operators_only
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    """Accept it until its end."""
    return _decide(request, pk, service.approve, "is in force. Its finding is counted apart.")


@require_POST
@operators_only
def refuse(request: HttpRequest, pk: int) -> HttpResponse:
    """Do not accept it."""
    return _decide(request, pk, service.refuse, "is refused. Its finding counts as before.")


@require_POST
@operators_only
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take it back."""
    return _decide(request, pk, service.withdraw, "is withdrawn. Its finding counts again.")


def _decide(
    request: HttpRequest, pk: int, act: Callable[..., models.Acceptance], words: str
) -> HttpResponse:
    row, why = _row(pk), request.POST.get("why", "")
    try:
        done = act(row, why, timezone.now(), user=request.user)
    except service.NotDoneError as refusal:
        return _page(request, row, problem=str(refusal), status=422)
    messages.info(request, f"{done.name} {words}")
    return redirect(done)


@require_POST
@operators_only
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that it was looked at and still holds."""
    row, now = _row(pk), timezone.now()
    form = ReviewForm(request.POST, now=now, expires_at=row.expires_at)
    if not form.is_valid():
        return _page(request, row, form=form, status=422)
    given = form.cleaned_data
    try:
        service.review(row, given["review_on"], given["note"], now, user=request.user)
    except service.NotDoneError as refusal:
        return _page(request, row, problem=str(refusal), status=422)
    messages.info(request, f"{row.name} was reviewed.")
    return redirect(row)


def _row(pk: int) -> models.Acceptance:
    found = models.Acceptance.objects.select_related("tenant", "renews")
    return get_object_or_404(found, pk=pk)


def _page(
    request: HttpRequest,
    row: models.Acceptance,
    *,
    form: ReviewForm | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    now = timezone.now()
    row = _row(row.pk)
    page = one.load(row, request.user, now)
    fresh = ReviewForm(now=now, expires_at=row.expires_at, initial={"review_on": page.last_day})
    context = {
        "now": now,
        "page": page,
        "may": may_operate(request),
        "review": form or fresh,
        "problem": problem,
    }
    return render(request, "exceptions/exception.html", context, status=status)


def _wanted(request: HttpRequest) -> pages.Wanted:
    """Values that mean nothing are left out, as if they had not been asked for."""
    query = request.GET
    tenant = query.get("tenant", "").replace("\0", "").strip()[:LONGEST]
    return pages.Wanted(
        states=tuple(v for v in pages.STATES if v in query.getlist("state")),
        tenant=tenant,
        of=models.Tenant.objects.filter(slug=tenant).first() if tenant else None,
        page=query.get("page", ""),
    )


def _address(request: HttpRequest) -> str:
    """The file of this list, with its filters and without its place in it."""
    kept = [
        (name, value) for name, values in request.GET.lists() for value in values if name != "page"
    ]
    path = reverse("exceptions_csv")
    return f"{path}?{urlencode(kept)}" if kept else path
