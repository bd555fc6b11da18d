"""Signing in: by the one-time link that the demo prints, or by name and password."""

from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from mailposture.services import access

signin = login_not_required(
    LoginView.as_view(template_name="signin/signin.html", redirect_authenticated_user=True)
)
signout = LogoutView.as_view(next_page="signin")


@login_not_required
@never_cache
@require_GET
def start(request: HttpRequest, token: str) -> HttpResponse:
    """Sign the first admin in. HEAD is refused, so that a link preview does not spend the token."""
    user = access.use_start_link(token, timezone.now())
    if user is None:
        return render(request, "signin/spent.html", status=410)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect("overview")
