"""Connecting a tenant, up to its first read: name, app, permissions, what was found."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from mailposture import models
from mailposture.adapters.exchange import selfsigned
from mailposture.services import checking, enrolling, finding
from mailposture.services.pages import firstrun as pages
from mailposture.services.pages import firstrun_read, granting, setup
from mailposture.web import checks
from mailposture.web.access import operated_tenant, operators_only
from mailposture.web.firstrun_forms import AppForm
from mailposture.web.forms import TenantForm
from mailposture.web.live import wake
from mailposture.web.tenant_forms import FORM, kept

# Where a step is found again once the tenant is connected.
AFTERWARDS: Final = {
    pages.NAME: "tenant_edit",
    enrolling.APP: "tenant_credential",
    enrolling.PERMISSIONS: "tenant_check",
    enrolling.READ: "tenant",
    enrolling.SOURCES: "sources",
    enrolling.MAIL: "tenant_recipients",
}
PREFILLED: Final = ("name", "tenant_id", "cloud")

type View = Callable[[HttpRequest, models.Tenant], HttpResponse]


def step(number: int) -> Callable[[View], Callable[..., HttpResponse]]:
    """A view of one step: of a tenant that is being connected and has come so far, or elsewhere."""

    def decorated(view: View) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, slug: str) -> HttpResponse:
            tenant = operated_tenant(request, slug)
            if tenant.setup_step is None and number in AFTERWARDS:
                return redirect(AFTERWARDS[number], slug=slug)
            if pages.at(tenant) < number:
                return redirect(pages.address(tenant))
            return view(request, tenant)

        return guarded

    return decorated


def page(
    request: HttpRequest, tenant: models.Tenant, number: int, name: str, **context: Any
) -> HttpResponse:
    """Render one step within its frame."""
    walk = pages.walk(tenant, number, timezone.now(), found=checks.found(request, tenant))
    return render(request, f"firstrun/{name}.html", {"walk": walk, **context})


@require_safe
@operators_only
def resume(request: HttpRequest, slug: str) -> HttpResponse:
    """Go on where this tenant was left."""
    return redirect(pages.address(operated_tenant(request, slug)))


# ---- name --------------------------------------------------------------------------------


@require_http_methods(FORM)
@operators_only
def add(request: HttpRequest) -> HttpResponse:
    """The first step: take a tenant on; nothing is done to it yet."""
    offered = {name: request.GET[name] for name in PREFILLED if name in request.GET}
    form = TenantForm(request.POST or None, initial=offered)
    if form.is_valid():
        given = form.cleaned_data
        tenant = enrolling.begin(
            given["name"], given["tenant_id"], given["cloud"], timezone.now(), user=request.user
        )
        _say_found(request, form)
        return redirect("connect_app", slug=tenant.slug)
    unfinished = models.Tenant.objects.exclude(setup_step=None).order_by("created_at")[:5]
    context = {
        "walk": pages.begin(),
        "form": form,
        "unfinished": unfinished,
        "lab_tenants": pages.lab_tenants(settings.LAB),
    }
    return render(request, "firstrun/name.html", context)


@require_http_methods(FORM)
@step(pages.NAME)
def name(request: HttpRequest, tenant: models.Tenant) -> HttpResponse:
    """The first step again: correct what was given."""
    initial = {"name": tenant.name, "tenant_id": tenant.tenant_id, "cloud": tenant.cloud}
    fixed = not enrolling.may_move(tenant)
    form = TenantForm(request.POST or None, initial=initial, tenant=tenant, fixed=fixed)
    if form.is_valid():
        named = enrolling.Named(**form.cleaned_data)
        enrolling.correct(tenant, named, timezone.now(), user=request.user)
        checks.forget(request, tenant)
        _say_found(request, form)
        return redirect("connect_app", slug=tenant.slug)
    return page(request, tenant, pages.NAME, "name", form=form, fixed=fixed)


def _say_found(request: HttpRequest, form: TenantForm) -> None:
    """Where an ID was looked up: which one it is, and who said so."""
    if form.found_by:
        given = form.cleaned_data
        host = finding.asked_of(given["cloud"])
        messages.info(request, f"{form.found_by} is of tenant {given['tenant_id']}, says {host}.")


# ---- app ---------------------------------------------------------------------------------


@never_cache
@sensitive_post_parameters()
@require_http_methods(FORM)
@step(enrolling.APP)
def app(request: HttpRequest, tenant: models.Tenant) -> HttpResponse:
    """The app's ID and what it proves itself with: made here, brought, or a secret."""
    known = models.Credential.objects.filter(tenant=tenant).first()
    lab = pages.lab_tenant(tenant, settings.LAB)
    initial = {"client_id": known.client_id if known else lab.client_id if lab else ""}
    form = AppForm(request.POST or None, request.FILES or None, initial=initial, now=timezone.now())
    if form.is_valid() and form.given:
        enrolling.keep_credential(tenant, form.given, timezone.now(), user=request.user)
        checks.forget(request, tenant)
        messages.info(request, kept(form.given))
        # Who made a certificate here has yet to upload it; all others go on.
        after = "connect_app" if form.given.made_here else "connect_permissions"
        return redirect(after, slug=tenant.slug)
    again = known is None or "another" in request.GET or request.method == "POST"
    return page(request, tenant, enrolling.APP, "app", form=form, again=again, lab=lab)


@require_safe
@operators_only
def certificate(request: HttpRequest, slug: str) -> HttpResponse:
    """The public part of the certificate, as the app registration takes it. Never the key."""
    tenant = operated_tenant(request, slug)
    kept = setup.public_part(tenant)
    if not kept:
        raise Http404
    response = HttpResponse(selfsigned.der(kept), content_type="application/pkix-cert")
    response["Content-Disposition"] = f'attachment; filename="mailposture-{tenant.slug}.cer"'
    return response


# ---- permissions -------------------------------------------------------------------------


@never_cache
@require_http_methods(FORM)
@step(enrolling.PERMISSIONS)
def permissions(request: HttpRequest, tenant: models.Tenant) -> HttpResponse:
    """Both halves, asked live; it goes on by itself once both are granted."""
    if request.method != "POST":
        return _halves(request, tenant, checks.found(request, tenant), again=0)
    found = checks.ask(request, tenant)
    if found.complete and pages.at(tenant) <= enrolling.READ:
        return _go_on(request, tenant)
    if not checks.live(request):
        return redirect(_asked(request, tenant))
    return _halves(request, tenant, found, again=checks.again(request))


def _asked(request: HttpRequest, tenant: models.Tenant) -> str:
    way = request.POST.get("by", "")
    address = reverse("connect_permissions", args=[tenant.slug])
    return f"{address}?by=portal" if way == "portal" else address


def _go_on(request: HttpRequest, tenant: models.Tenant) -> HttpResponse:
    """Both halves are there: read the tenant, and show how that goes."""
    enrolling.read_first(tenant, timezone.now())
    transaction.on_commit(partial(wake, request))
    address = reverse("connect_read", args=[tenant.slug])
    if checks.live(request):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return redirect(address)


def _halves(
    request: HttpRequest, tenant: models.Tenant, found: checking.Checked | None, *, again: int
) -> HttpResponse:
    walk = pages.walk(tenant, enrolling.PERMISSIONS, timezone.now(), found=found)
    shown = setup.check_page(tenant, walk.credential, found)
    by = request.POST.get("by") or request.GET.get("by", "")
    context = {
        "walk": walk,
        "check": shown,
        "again": again,
        "by": "portal" if by == "portal" else "powershell",
        "goes_on": not shown.complete and again < checks.MOST,
        "ways": granting.WAYS,
    }
    name = "firstrun/halves.html" if again else "firstrun/permissions.html"
    return render(request, name, context)


# ---- first read --------------------------------------------------------------------------


@never_cache
@require_http_methods(FORM)
@step(enrolling.READ)
def read(request: HttpRequest, tenant: models.Tenant) -> HttpResponse:
    """How the first read goes, then what it found; pressing reads once more."""
    if request.method == "POST":
        enrolling.read_first(tenant, timezone.now())
        transaction.on_commit(partial(wake, request))
        return redirect("connect_read", slug=tenant.slug)
    shown = firstrun_read.load(tenant, timezone.now())
    return page(request, tenant, enrolling.READ, "read", found=shown)
