"""Reports: ask for one, watch it being made, read it, take it along as a file."""

from datetime import date
from functools import partial

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from mailposture import models
from mailposture.services import reporting
from mailposture.services.pages import reports as pages
from mailposture.services.pages import telling
from mailposture.web.access import may_operate, operators_only
from mailposture.web.live import wake


@require_http_methods(["GET", "HEAD", "POST"])
def reports(request: HttpRequest) -> HttpResponse:
    """List the reports; who may asks for another."""
    if request.method == "POST":
        return _ask(request)
    return _page(request)


@require_safe
def table(request: HttpRequest) -> HttpResponse:
    """The list alone, for a page that waits for a report."""
    listing = pages.listing(request.GET.get("page", ""))
    return render(request, "reports/table.html", {"listing": listing, "may": may_operate(request)})


@operators_only
def _ask(request: HttpRequest) -> HttpResponse:
    given = request.POST
    tenant = telling.named(given.get("tenant", "").replace("\0", "").strip())
    if tenant is None:
        return _page(request, problem="No tenant has this name.", status=404)
    try:
        since, until = _day(given.get("from", "")), _day(given.get("to", ""))
        reporting.ask(tenant, since, until, timezone.now(), user=request.user)
    except reporting.PeriodError as error:
        return _page(request, problem=str(error), status=422)
    transaction.on_commit(partial(wake, request))
    messages.info(request, f"The report of {tenant.name} is being made.")
    return redirect("reports")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise reporting.PeriodError("Write a day as 2026-11-24.") from None


@require_POST
@operators_only
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Make one that failed anew."""
    reporting.ask_again(get_object_or_404(models.Report, pk=pk), timezone.now())
    transaction.on_commit(partial(wake, request))
    return redirect("reports")


@require_safe
def report(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one finished report."""
    return render(request, "reports/report.html", {"page": pages.load(_finished(pk))})


@require_safe
def file(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """One finished report as a file, rendered from its stored document."""
    del request
    if kind not in reporting.FORMATS:
        raise Http404
    found = reporting.render(_finished(pk), kind)
    answer = HttpResponse(found.content, content_type=found.type)
    answer["Content-Disposition"] = f'attachment; filename="{found.name}"'
    answer["Cache-Control"] = "private, no-store"
    return answer


def _finished(pk: int) -> models.Report:
    found = models.Report.objects.select_related("tenant")
    return get_object_or_404(found, pk=pk, state=models.Report.State.DONE)


def _page(request: HttpRequest, *, problem: str = "", status: int = 200) -> HttpResponse:
    given = request.POST if request.method == "POST" else request.GET
    offered = pages.offered(timezone.now())
    context = {
        "listing": pages.listing(request.GET.get("page", "")),
        "offered": offered,
        "may": may_operate(request),
        "problem": problem,
        "tenant": given.get("tenant", ""),
        "since": given.get("from", f"{offered.since:%Y-%m-%d}"),
        "until": given.get("to", f"{offered.until:%Y-%m-%d}"),
    }
    return render(request, "reports/list.html", context, status=status)
