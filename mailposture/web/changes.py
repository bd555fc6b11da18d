"""Configuration changes: the list, and one of them in full."""

from datetime import UTC, date, datetime, time, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_safe

from mailposture import models
from mailposture.services.pages import change as one
from mailposture.services.pages import changes as pages
from mailposture.services.pages.effect import with_sources

LONGEST = 120


@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    """List what changed, newest first."""
    wanted = _wanted(request)
    last = wanted.until - timedelta(days=1) if wanted.until else None
    context = {
        "now": timezone.now(),
        "wanted": wanted,
        "listing": pages.listing(wanted),
        "from_day": f"{wanted.since:%Y-%m-%d}" if wanted.since else "",
        "to_day": f"{last:%Y-%m-%d}" if last else "",
    }
    return render(request, "changes/list.html", context)


@require_safe
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one change with what the probes saw before and after it."""
    found = with_sources(models.Change.objects.select_related("tenant", "before", "after"))
    row = get_object_or_404(found, pk=pk)
    now = timezone.now()
    return render(request, "changes/change.html", {"now": now, "page": one.load(row, now)})


def _wanted(request: HttpRequest) -> pages.Wanted:
    """Both days count in; a day that cannot be read is said, and left out."""
    query = request.GET
    problems: list[str] = []
    since = _day(query.get("from", ""), "from", problems)
    until = _day(query.get("to", ""), "to", problems)
    return pages.Wanted(
        tenant=query.get("tenant", "").replace("\0", "").strip()[:LONGEST],
        effects=tuple(e for e in pages.WORDS if e in query.getlist("effect")),
        since=since,
        until=until + timedelta(days=1) if until else None,
        page=query.get("page", ""),
        problems=tuple(problems),
    )


def _day(text: str, name: str, problems: list[str]) -> datetime | None:
    if not text:
        return None
    try:
        found: date | None = parse_date(text)
    except ValueError:
        found = None
    # The first and the last days a date can be have no day beside them.
    if found is None or not date.min < found < date.max - timedelta(days=1):
        problems.append(f"“{name}” is not a day: write it as 2026-11-24. It was left out.")
        return None
    return datetime.combine(found, time.min, UTC)
