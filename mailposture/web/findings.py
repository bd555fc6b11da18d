"""Findings: the list, the same list as a file, one of them, and where a what-if begins."""

from typing import Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from mailposture import models
from mailposture.adapters.documents.tables import written
from mailposture.services.pages import finding as one
from mailposture.services.pages import findings as pages
from mailposture.services.pages import findings_file
from mailposture.web import files
from mailposture.web.access import may_operate

LONGEST: Final = 120
CSV: Final = "text/csv; charset=utf-8"


@require_safe
def findings(request: HttpRequest) -> HttpResponse:
    """List findings, the worst first."""
    now = timezone.now()
    wanted = _wanted(request)
    context = {
        "now": now,
        "wanted": wanted,
        "listing": pages.listing(wanted, now),
        "choices": _choices(wanted),
        "states": [(value, word, value == wanted.state) for value, word in pages.STATES.items()],
        "csv": _address(reverse("findings_csv"), request),
    }
    return render(request, "findings/list.html", context)


@require_safe
def findings_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The filtered list as a file, harmless to spreadsheets."""
    now = timezone.now()
    pieces = map(written, findings_file.table(_wanted(request), now))
    return files.sent(request, pieces, f"findings-{now:%Y%m%dT%H%MZ}.csv", CSV)


@require_safe
def finding(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one finding with its evidence and what answers it."""
    row = get_object_or_404(models.Finding.objects.select_related("tenant", "exception"), pk=pk)
    now = timezone.now()
    context = {"now": now, "page": one.load(row, now), "may": may_operate(request)}
    return render(request, "findings/finding.html", context)


def _wanted(request: HttpRequest) -> pages.Wanted:
    """Values that mean nothing are left out, as if they had not been asked for."""
    query = request.GET
    tenant = query.get("tenant", "").replace("\0", "").strip()[:LONGEST]
    state = query.get("state", "open")
    return pages.Wanted(
        severities=tuple(v for v in pages.SEVERITIES if v in query.getlist("severity")),
        rules=tuple(v for v in pages.TITLES if v in query.getlist("rule")),
        tenant=tenant,
        of=models.Tenant.objects.filter(slug=tenant).first() if tenant else None,
        state=state if state in pages.STATES else "open",
        after=query.get("after", ""),
        before=query.get("before", ""),
    )


def _choices(wanted: pages.Wanted) -> list[dict[str, object]]:
    """The two filters of many values, with what is chosen of each."""
    rules = {rule: f"{rule} {title}" for rule, title in pages.TITLES.items()}
    rows = (
        ("severity", "Severity", pages.SEVERITIES, wanted.severities),
        ("rule", "Rule", rules, wanted.rules),
    )
    return [
        {
            "name": name,
            "label": label,
            "chosen": ", ".join(v if name == "rule" else options[v] for v in chosen),
            "options": [(value, word, value in chosen) for value, word in options.items()],
        }
        for name, label, options, chosen in rows
    ]


def _address(path: str, request: HttpRequest) -> str:
    """An address with this page's filters, without its place in the list."""
    kept = [
        (name, value)
        for name, values in request.GET.lists()
        for value in values
        if name not in ("after", "before")
    ]
    return f"{path}?{urlencode(kept)}" if kept else path
