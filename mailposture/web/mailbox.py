"""The lab's mailbox: what the product mailed in the demo, shown without being trusted."""

from collections.abc import Collection
from typing import cast

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.csp import CSP
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_safe

from mailposture.services import mailbox as service

type Policy = dict[str, Collection[str] | str]

# A mail's HTML may style itself and do nothing else: no script, no request, no way out.
LETTER: Policy = {
    "default-src": [CSP.NONE],
    "style-src": [CSP.UNSAFE_INLINE],
    "img-src": ["data:"],
    "frame-ancestors": [CSP.SELF],
    "sandbox": "",
}
WITH_FRAME: Policy = {**cast("Policy", settings.SECURE_CSP), "frame-src": [CSP.SELF]}


@require_safe
def mailbox(request: HttpRequest) -> HttpResponse:
    """List the mails, newest first."""
    _lab_only()
    return render(request, "mailbox/list.html", {"mails": service.mails(request.GET.get("page"))})


@require_safe
@csp_override(WITH_FRAME)
def message(request: HttpRequest, name: str) -> HttpResponse:
    """Show one mail: headers, the frame with its HTML, its text."""
    _lab_only()
    return render(request, "mailbox/message.html", {"message": _message(name)})


@require_safe
@xframe_options_sameorigin
@csp_override(LETTER)
def html(_request: HttpRequest, name: str) -> HttpResponse:
    """The HTML of one mail, for the frame alone."""
    _lab_only()
    return HttpResponse(_message(name).html)


def _message(name: str) -> service.Message:
    found = service.read(name)
    if found is None:
        raise Http404
    return found


def _lab_only() -> None:
    if not settings.LAB:
        raise Http404
