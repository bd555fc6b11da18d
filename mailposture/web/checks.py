"""The last check of a tenant's permissions, kept for the visit of whoever asked."""

from django.http import HttpRequest
from django.utils import timezone

from mailposture import models
from mailposture.core import codec
from mailposture.services import checking

# A page that stands open checks again every ten seconds, for five minutes.
MOST: int = 30


def ask(request: HttpRequest, tenant: models.Tenant) -> checking.Checked:
    """Ask anew, and keep what was answered."""
    found = checking.check(tenant, timezone.now)
    request.session[_key(tenant)] = codec.dump(found)
    return found


def found(request: HttpRequest, tenant: models.Tenant) -> checking.Checked | None:
    """The last answer of this visit, if it is still understood."""
    try:
        return codec.load(checking.Checked, request.session.get(_key(tenant)))
    except codec.CodecError:
        return None


def forget(request: HttpRequest, tenant: models.Tenant) -> None:
    """Another credential was given: what was answered before is about the old one."""
    request.session.pop(_key(tenant), None)


def again(request: HttpRequest) -> int:
    """How often the page that asks has asked by itself, this time included."""
    text = request.POST.get("n", "")
    return (int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0) + 1


def live(request: HttpRequest) -> bool:
    """Whether a page that stands open asks, and not a person who pressed the button."""
    return request.headers.get("HX-Request") == "true"


def _key(tenant: models.Tenant) -> str:
    return f"checked-{tenant.pk}"
