"""The settings page: mail, who is told, and a test with the server's answer."""

from functools import partial

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from mailposture import models
from mailposture.services import delivering, subscribing
from mailposture.services.pages import telling as pages
from mailposture.web.access import may_operate, operators_only
from mailposture.web.live import wake

ALL = ""
NO_TENANT = "No tenant has this name. Leave it empty for all tenants."


@require_safe
def settings(request: HttpRequest) -> HttpResponse:
    """Show how mail stands, who is told, and the last tests."""
    return _page(request)


@require_safe
def tests(request: HttpRequest) -> HttpResponse:
    """The last tests alone, for a page that waits for an answer."""
    return render(request, "settings/tests.html", pages.progress())


@require_POST
@operators_only
def send_test(request: HttpRequest) -> HttpResponse:
    """Ask for a test mail; its answer shows on the page as it comes."""
    address = request.POST.get("address", "")
    try:
        delivering.test(address, request.user, timezone.now())
    except subscribing.NotAnAddressError as error:
        return _page(request, test_problem=str(error), test_address=address, status=422)
    transaction.on_commit(partial(wake, request))
    return redirect(f"{reverse('settings')}#test")


@require_POST
@operators_only
def subscribe(request: HttpRequest) -> HttpResponse:
    """Put an address on the list, for one tenant or for all."""
    address = request.POST.get("address", "")
    said = request.POST.get("tenant", ALL).replace("\0", "").strip()
    tenant = pages.named(said) if said else None
    if said and tenant is None:
        return _page(request, about_problem=NO_TENANT, about=said, address=address, status=422)
    listed = pages.is_told(address, tenant)
    try:
        row = subscribing.subscribe(address, tenant, timezone.now(), user=request.user)
    except subscribing.NotAnAddressError as error:
        return _page(request, problem=str(error), address=address, status=422)
    about = tenant.name if tenant else "all tenants"
    already = "on the list already: it is told" if listed else "told"
    messages.info(request, f"{row.address} is {already} about {about}.")
    return redirect("settings")


@require_POST
@operators_only
def unsubscribe(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an address off the list."""
    row = get_object_or_404(models.Subscription.objects.select_related("tenant"), pk=pk)
    subscribing.unsubscribe(row, timezone.now(), user=request.user)
    messages.info(request, f"{row.address} is told no more about {row.tenant or 'all tenants'}.")
    return redirect("settings")


SAID = ("problem", "address", "about", "about_problem", "test_problem", "test_address")


def _page(request: HttpRequest, *, status: int = 200, **said: str) -> HttpResponse:
    page = pages.load()
    given = dict.fromkeys(SAID, "") | said
    context = {
        "page": page,
        "tests": page.tests,
        "problem_of_mail": page.box.problem,
        "may": may_operate(request),
        **given,
    }
    return render(request, "settings/settings.html", context, status=status)
