"""The words that pages use, each with an address of its own."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from mailposture.services.pages import glossary as pages


@require_safe
def glossary(request: HttpRequest) -> HttpResponse:
    """Show every word."""
    context = {"now": timezone.now(), "chapters": pages.chapters()}
    return render(request, "glossary/glossary.html", context)
