"""Setting up a tenant: its name, its credential, its two halves, its recipients, its end."""

from collections.abc import Mapping
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from mailposture import models
from mailposture.services import arranging, checking, credentials, enrolling
from mailposture.services.pages import setup as pages
from mailposture.web import checks
from mailposture.web.access import operated_tenant
from mailposture.web.forms import (
    CredentialForm,
    RecipientsForm,
    RemoveForm,
    TenantSettingsForm,
)

A_PAGE: Final = 100
FORM: Final = ("GET", "HEAD", "POST")


@require_http_methods(FORM)
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Rename, pace, pause, or remove a tenant."""
    tenant = operated_tenant(request, slug)
    removing = request.method == "POST" and "confirm" in request.POST
    if removing:
        remove = RemoveForm(request.POST, name=tenant.name)
        if remove.is_valid():
            return _remove(request, tenant)
    else:
        remove = RemoveForm(name=tenant.name)
    form = TenantSettingsForm(None if removing else request.POST or None, tenant=tenant)
    if form.is_valid():
        changed = arranging.change_tenant(
            tenant, form.settings(), timezone.now(), user=request.user
        )
        messages.info(request, "The settings are kept." if changed else "Nothing was changed.")
        return redirect("tenant_edit", slug=slug)
    return _page(request, tenant, "edit", form=form, remove=remove)


def _remove(request: HttpRequest, tenant: models.Tenant) -> HttpResponse:
    arranging.remove_tenant(tenant, timezone.now(), user=request.user)
    messages.info(request, f"{tenant.name} is watched no more, and what was known of it is gone.")
    return redirect("tenants")


@never_cache
@sensitive_post_parameters()
@require_http_methods(FORM)
def credential(request: HttpRequest, slug: str) -> HttpResponse:
    """Give the tenant's app its secret or certificate."""
    tenant = operated_tenant(request, slug)
    known = models.Credential.objects.filter(tenant=tenant).first()
    if known and request.method == "POST" and "make" in request.POST:
        return _made(request, tenant, known)
    initial = {"client_id": known.client_id} if known else {}
    form = CredentialForm(
        request.POST or None, request.FILES or None, initial=initial, now=timezone.now()
    )
    if form.is_valid() and form.given:
        enrolling.keep_credential(tenant, form.given, timezone.now(), user=request.user)
        checks.forget(request, tenant)
        messages.info(request, kept(form.given))
        return redirect("tenant_check", slug=slug)
    return _page(request, tenant, "credential", form=form)


def _made(request: HttpRequest, tenant: models.Tenant, known: models.Credential) -> HttpResponse:
    """Another certificate for the app there is; it waits to be uploaded."""
    made = credentials.made_here(known.client_id, timezone.now())
    enrolling.keep_credential(tenant, made, timezone.now(), user=request.user)
    checks.forget(request, tenant)
    messages.info(request, kept(made))
    return redirect("tenant_credential", slug=tenant.slug)


def kept(given: enrolling.NewCredential) -> str:
    """What became of a credential that was given; nothing of it is repeated."""
    if given.expires_at is None:
        return "The client secret is kept, sealed. It is not shown again."
    return (
        f"Certificate {given.thumbprint} is kept, its key sealed. It expires on "
        f"{given.expires_at.day} {given.expires_at:%b %Y}."
    )


@never_cache
@require_http_methods(FORM)
def check(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask which half of the permission is there; the last answer stays for this visit."""
    tenant = operated_tenant(request, slug)
    if request.method != "POST":
        return _halves(request, tenant, checks.found(request, tenant), again=0)
    found = checks.ask(request, tenant)
    if not checks.live(request):
        return redirect("tenant_check", slug=slug)
    return _halves(request, tenant, found, again=checks.again(request))


def _halves(
    request: HttpRequest, tenant: models.Tenant, found: checking.Checked | None, *, again: int
) -> HttpResponse:
    frame = pages.setup(tenant, timezone.now())
    shown = pages.check_page(tenant, frame.credential, found)
    name = "tenant_forms/halves.html" if again else "tenant_forms/check.html"
    goes_on = bool(frame.credential) and not shown.complete and again < checks.MOST
    context = {"setup": frame, "check": shown, "tab": "check", "again": again, "goes_on": goes_on}
    return render(request, name, context)


@require_http_methods(FORM)
def recipients(request: HttpRequest, slug: str) -> HttpResponse:
    """Choose whom a probe names in each accepted domain."""
    tenant = operated_tenant(request, slug)
    known = pages.recipients(tenant)
    page = Paginator(list((known.domains or {}).items()), A_PAGE).get_page(request.GET.get("page"))
    form = RecipientsForm(request.POST or None, domains=dict(page.object_list))
    if request.method == "POST" and form.is_valid():
        return _name_recipients(request, tenant, form.addresses())
    rows = _rows(form, page, known)
    return _page(request, tenant, "recipients", form=form, rows=rows, page=page, known=known)


def _name_recipients(
    request: HttpRequest, tenant: models.Tenant, addresses: Mapping[str, str]
) -> HttpResponse:
    changed = arranging.name_recipients(tenant, addresses, timezone.now(), user=request.user)
    domains = "1 domain" if changed == 1 else f"{changed} domains"
    said = f"{domains} changed. Counts from the next round." if changed else "Nothing was changed."
    messages.info(request, said)
    return redirect(request.get_full_path())


def _rows(form: RecipientsForm, page: Page[Any], known: pages.Recipients) -> list[Any]:
    """Each field with whether its recipient was refused as unknown."""
    return [
        (form[f"to-{n}"], domain in known.refused) for n, (domain, _) in enumerate(page.object_list)
    ]


def _page(request: HttpRequest, tenant: models.Tenant, tab: str, **context: Any) -> HttpResponse:
    frame = pages.setup(tenant, timezone.now())
    return render(request, f"tenant_forms/{tab}.html", {"setup": frame, "tab": tab, **context})
