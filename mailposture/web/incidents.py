"""Incidents: the list, one of them, and the acknowledgement."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from mailposture import models
from mailposture.services import incidents as service
from mailposture.services.pages import fleet
from mailposture.services.pages import incident as one
from mailposture.services.pages import incidents as pages
from mailposture.web.access import may_operate, operators_only
from mailposture.web.rail import counted

LONGEST = 120


@require_safe
def incidents(request: HttpRequest) -> HttpResponse:
    """List what is wrong and what was, the open ones first."""
    now = timezone.now()
    wanted = _wanted(request)
    context = {
        "now": now,
        "wanted": wanted,
        "listing": pages.listing(wanted, now),
        "mail": _mail(request, now),
        "choices": _choices(wanted),
    }
    return render(request, "incidents/list.html", context)


@require_safe
def incident(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one incident, with its proof and who was told."""
    return _page(request, _row(pk))


@require_POST
@operators_only
def acknowledge(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that someone sees to it, and how."""
    row = _row(pk)
    reason = request.POST.get("reason", "").replace("\0", "")
    try:
        service.acknowledge(row, reason, request.user, timezone.now())
    except service.NotAcknowledgedError as error:
        return _page(request, row, problem=str(error), status=422)
    messages.info(request, f"Incident #{row.pk} is acknowledged. Probing goes on.")
    return redirect(row)


def _row(pk: int) -> models.Incident:
    found = one.with_looks(models.Incident.objects.select_related("tenant", "vantage_point"))
    return get_object_or_404(found, pk=pk)


def _page(
    request: HttpRequest, row: models.Incident, *, problem: str = "", status: int = 200
) -> HttpResponse:
    now = timezone.now()
    context = {
        "now": now,
        "page": one.load(row, now),
        "mail": _mail(request, now),
        "may": may_operate(request),
        "problem": problem,
    }
    return render(request, "incidents/incident.html", context, status=status)


def _mail(request: HttpRequest, now: datetime) -> str:
    """Why nobody is told, from the counts that the rail shows anyway."""
    counts = fleet.count(now)
    counted(request, counts)
    return pages.mail(counts.mails, told=counts.somebody_is_told)


def _wanted(request: HttpRequest) -> pages.Wanted:
    query = request.GET
    return pages.Wanted(
        states=tuple(v for v in pages.STATES if v in query.getlist("state")),
        kinds=tuple(v for v in pages.KINDS if v in query.getlist("kind")),
        severities=tuple(v for v in pages.SEVERITIES if v in query.getlist("severity")),
        tenant=query.get("tenant", "").replace("\0", "").strip()[:LONGEST],
        page=query.get("page", ""),
    )


def _choices(wanted: pages.Wanted) -> list[dict[str, object]]:
    """The three filters with what is chosen of each."""
    rows = (
        ("state", "State", pages.STATES, wanted.states),
        ("kind", "Kind", pages.KINDS, wanted.kinds),
        ("severity", "Severity", pages.SEVERITIES, wanted.severities),
    )
    return [
        {
            "name": name,
            "label": label,
            "chosen": ", ".join(options[v] for v in chosen),
            "options": [(value, word, value in chosen) for value, word in options.items()],
        }
        for name, label, options, chosen in rows
    ]
