"""What a change would do, before anyone makes it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from mailposture import models
from mailposture.core.configuration import Configuration
from mailposture.core.proposals import Proposal
from mailposture.services.pages import whatif as pages
from mailposture.web.access import seen_tenant
from mailposture.web.whatif_forms import LOADED, PasteForm, WhatIfForm, another, gateways


@require_http_methods(("GET", "HEAD", "POST"))
def what_if(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask what a change would open and close; a form can be linked to, a paste cannot."""
    of = seen_tenant(request, slug)
    context: dict[str, Any] = {"now": timezone.now(), "tenant": of, "answer": None}
    try:
        configuration = pages.present(of)
    except pages.NotReadError:
        return render(request, "whatif/whatif.html", context | {"not_read": True})
    context |= _forms(request, of, configuration)
    try:
        if found := _proposal(context, configuration):
            context["answer"] = pages.answer(of, configuration, found, context["now"])
    except ValueError as problem:
        context["problem"] = str(problem)
    return render(request, "whatif/whatif.html", context)


@require_http_methods(("GET", "HEAD", "POST"))
def senders(request: HttpRequest, slug: str) -> HttpResponse:
    """Who would lose access, with those that SPF names: a part of the page, or a page of its own.

    DNS is asked here, so that the what-if itself waits for nobody.
    """
    of = seen_tenant(request, slug)
    context: dict[str, Any] = {"now": timezone.now(), "tenant": of}
    try:
        configuration = pages.present(of)
        context |= _forms(request, of, configuration)
        if not (found := _proposal(context, configuration)):
            return redirect("what_if", slug=of.slug)
        context["fares"] = pages.senders(of, configuration, found, context["now"])
    except (pages.NotReadError, ValueError):  # the what-if says why
        return redirect("what_if", slug=of.slug)
    fragment = "HX-Request" in request.headers
    template = "whatif/senders.html" if fragment else "whatif/with_spf.html"
    response = render(request, template, context)
    response["Cache-Control"] = "no-store"
    return response


def _forms(request: HttpRequest, of: models.Tenant, configuration: Configuration) -> dict[str, Any]:
    asked = request.GET.copy() if "ask" in request.GET else None
    chosen = request.GET.get("connector", "")
    other = another(asked)
    if other:
        asked = None  # its own values first, and then a comparison
    elif asked is not None:
        asked[LOADED] = chosen  # a link need not say so
    initial = {} if asked else pages.initial(configuration, chosen, gateways(of.sources.all()))
    pasted = request.POST if request.method == "POST" else None
    form = WhatIfForm(asked, initial=initial, configuration=configuration)
    given = [(name, value) for name, values in request.GET.lists() for value in values]
    return {
        "form": form,
        "picked": other and form.called(other),
        "paste": PasteForm(pasted),
        "asked": given,
    }


def _proposal(context: dict[str, Any], configuration: Configuration) -> Proposal | None:
    """What was asked, if anything was and it is whole."""
    form, paste = context["form"], context["paste"]
    if paste.is_bound:
        if paste.is_valid():
            return pages.pasted(configuration, paste.cleaned_data["paste"])
        return None
    if form.is_bound and form.is_valid():
        return pages.edited(configuration, form.proposals())
    return None
