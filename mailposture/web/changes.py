"""Configuration changes: the list, and one of them in full."""

from datetime import UTC, date, datetime, time, timedelta

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_http_methods, require_safe

from mailposture import models
from mailposture.services import explaining
from mailposture.services.pages import change as one
from mailposture.services.pages import changes as pages
from mailposture.services.pages.effect import with_sources
from mailposture.web.access import may_operate

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


class SaidForm(forms.Form):
    """Who meant a change, or that nobody here did."""

    said = forms.ChoiceField(
        label="Was it meant", choices=models.Change.Said.choices, widget=forms.RadioSelect
    )
    why = forms.CharField(
        label="Why, or what was found out",
        max_length=explaining.LONGEST,
        help_text="A ticket or a sentence. This page and the audit trail keep it.",
    )
    beside = forms.BooleanField(
        label="Also of the other changes of this reading of which nobody said anything",
        required=False,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one change with what the probes saw before and after it; who may can say of it whether
    somebody meant it.
    """
    found = with_sources(models.Change.objects.select_related("tenant", "before", "after"))
    row = get_object_or_404(found, pk=pk)
    now = timezone.now()
    if request.method == "POST" and not may_operate(request):
        raise Http404
    form = SaidForm(request.POST or None)
    if form.is_valid():
        given = form.cleaned_data
        word = explaining.Word(
            said=models.Change.Said(given["said"]),
            why=given["why"].strip(),
            beside=given["beside"],
        )
        number = explaining.explain(row, word, now, user=request.user)
        messages.info(request, f"Noted of {number:,} change{'s' if number > 1 else ''}.")
        return redirect(row)
    context = {"now": now, "page": one.load(row, now), "form": form, "may": may_operate(request)}
    status = 422 if form.errors else 200
    return render(request, "changes/change.html", context, status=status)


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
