"""Who may see and who may act. Everybody signed in sees; staff act. No rights means 404."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from mailposture import models


def seen_tenant(
    request: HttpRequest, slug: str, found: QuerySet[models.Tenant] | None = None
) -> models.Tenant:
    """The tenant, for anyone signed in; `found` are tenants with what a page needs beside them."""
    if not request.user.is_authenticated:
        raise PermissionDenied
    return get_object_or_404(models.Tenant.objects.all() if found is None else found, slug=slug)


def operated_tenant(request: HttpRequest, slug: str) -> models.Tenant:
    """The tenant, for those who may have it read, probed or edited."""
    if not may_operate(request):
        raise Http404
    return get_object_or_404(models.Tenant, slug=slug)


def may_operate(request: HttpRequest) -> bool:
    """Whether this person may set up and start things."""
    return bool(request.user.is_active and request.user.is_staff)


def operators_only[View: Callable[..., HttpResponse]](view: View) -> View:
    """Refuse a whole view to those who may only look."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not may_operate(request):
            raise Http404
        return view(request, *args, **kwargs)

    return cast("View", guarded)
