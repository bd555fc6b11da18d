"""The lab's page, and what a person does with it. Without a lab there is no such page."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from mailposture.lab import client
from mailposture.services.pages import firstrun, setup
from mailposture.services.pages import lab as pages
from mailposture.web import checks
from mailposture.web.access import may_operate, operated_tenant, operators_only


@require_safe
def lab(request: HttpRequest) -> HttpResponse:
    """Show every tenant's story, its present scene, and what to look at next."""
    facts = _facts()
    try:
        shown = pages.page(client.ask(facts, "/state"), facts, timezone.now())
    except client.ControlError as error:
        shown = pages.LabPage(trouble=str(error))
    context = {"lab": shown, "may": may_operate(request)}
    return render(request, "lab/lab.html", context, status=503 if shown.trouble else 200)


@require_POST
@operators_only
def scene(request: HttpRequest) -> HttpResponse:
    """Play a scene for one tenant, set a fault, or steer the mailbox; say what it did."""
    facts = _facts()
    tenant = request.POST.get("tenant", "")
    path, asked = _asked(request, tenant)
    try:
        changed = str(client.ask(facts, path, asked)["changed"])
        messages.info(request, pages.said(asked, changed))
    except client.ControlError as error:
        messages.error(request, str(error))
    return redirect(f"{reverse('lab')}#{tenant}" if tenant.isalnum() else "lab")


@require_POST
@operators_only
def certificate(request: HttpRequest, slug: str) -> HttpResponse:
    """Upload a tenant's certificate to its app in the lab, as its owner does in Entra."""
    facts = _facts()
    tenant = operated_tenant(request, slug)
    played = firstrun.lab_tenant(tenant, facts)
    kept = setup.public_part(tenant)
    if played is None or not kept:
        raise Http404
    try:
        asked = {"tenant": played.slug, "certificate": kept}
        messages.info(request, str(client.ask(facts, "/certificate", asked)["changed"]))
        checks.forget(request, tenant)
    except client.ControlError as error:
        messages.error(request, str(error))
    return redirect("connect_app", slug=slug)


def _facts() -> Mapping[str, Any]:
    if not settings.LAB:
        raise Http404
    facts: Mapping[str, Any] = settings.LAB
    return facts


def _asked(request: HttpRequest, tenant: str) -> tuple[str, dict[str, Any]]:
    """A button names a scene; the fault form a place and a fault; the mailbox form its mode."""
    given = request.POST
    if "mailbox" in given:
        return "/mailbox", {"mode": given["mailbox"]}
    if "fault" not in given:
        return "/scene", {"tenant": tenant, "scene": given.get("scene", "")}
    where, _, fault = given["fault"].partition("/")
    asked: dict[str, Any] = {"tenant": tenant, "on": where, "fault": fault}
    kind, _, value = fault.partition(":")
    if where == "smtp" and kind == "delay" and value.isdigit():
        asked |= {"fault": kind, "milliseconds": int(value)}
    return "/fault", asked
