"""The approved sources of a tenant: which hosts must get in, and who plays them."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from mailposture import models
from mailposture.services import arranging
from mailposture.services.pages import setup as pages
from mailposture.web.access import may_operate, operated_tenant, seen_tenant
from mailposture.web.forms import SourceForm

FORM = ("GET", "HEAD", "POST")
PREFILLED = ("name", "kind", "addresses", "certificate_name")


@require_safe
def sources(request: HttpRequest, slug: str) -> HttpResponse:
    """List the hosts that must get in, and how each fares."""
    tenant = seen_tenant(request, slug)
    may = may_operate(request)
    return _page(request, tenant, "list", sources=pages.sources(tenant), may=may)


@require_http_methods(FORM)
def add(request: HttpRequest, slug: str) -> HttpResponse:
    """Declare a host that must get in; a proposal fills the form by its address."""
    tenant = operated_tenant(request, slug)
    initial = {name: request.GET[name] for name in PREFILLED if name in request.GET}
    form = SourceForm(request.POST or None, initial=initial, tenant=tenant)
    if form.is_valid():
        source = arranging.add_source(tenant, form.settings(), timezone.now(), user=request.user)
        messages.info(request, f"{source.name} must get in from now on.")
        return redirect("sources", slug=slug)
    return _page(request, tenant, "form", form=form, source=None)


@require_http_methods(FORM)
def edit(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Change what is declared of an approved source."""
    tenant = operated_tenant(request, slug)
    source = get_object_or_404(tenant.sources, pk=pk)
    initial = {
        **{name: getattr(source, name) for name in PREFILLED},
        "vantage_point": source.vantage_point_id,
    }
    form = SourceForm(request.POST or None, initial=initial, tenant=tenant, source=source)
    if form.is_valid():
        changed = arranging.change_source(
            source, form.settings(), timezone.now(), user=request.user
        )
        messages.info(request, f"{source.name} is changed." if changed else "Nothing was changed.")
        return redirect("sources", slug=slug)
    return _page(request, tenant, "form", form=form, source=source)


@require_http_methods(FORM)
def remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Take a host off the list, once it was confirmed."""
    tenant = operated_tenant(request, slug)
    source = get_object_or_404(tenant.sources, pk=pk)
    if request.method == "POST":
        arranging.remove_source(source, timezone.now(), user=request.user)
        messages.info(request, f"{source.name} is no longer an approved source.")
        return redirect("sources", slug=slug)
    return _page(request, tenant, "remove", source=source)


def _page(request: HttpRequest, tenant: models.Tenant, name: str, **context: Any) -> HttpResponse:
    frame = pages.setup(tenant, timezone.now())
    return render(request, f"sources/{name}.html", {"setup": frame, "tab": "sources", **context})
