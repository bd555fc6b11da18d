"""Signing in: by the one-time link that the demo prints, or by name and password."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from mailposture.services import access, guessing

WRONG = "This name and password do not belong together."


class SignInForm(AuthenticationForm):
    """Name and password; after ten wrong ones for a name from an address, ten minutes of rest."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.error_messages = {"invalid_login": WRONG, "inactive": WRONG}
        self.fields["username"].label = "Name"

    def clean(self) -> dict[str, Any]:
        """Count the try first, then look at the password."""
        name = str(self.cleaned_data.get("username") or "")
        if not name or not self.cleaned_data.get("password"):
            return super().clean()
        address = str(self.request.META.get("REMOTE_ADDR", "")) if self.request else ""
        attempt = guessing.begin(name, address, timezone.now())
        if attempt.wait:
            raise ValidationError(_rest(attempt.wait), code="throttled")
        given = super().clean()
        user = self.get_user()
        if isinstance(user, User):
            guessing.succeed(attempt, user, timezone.now())
        return given


def _rest(wait: timedelta) -> str:
    minutes = max(1, -(-int(wait.total_seconds()) // 60))
    return (
        f"Too many wrong passwords. Wait {minutes} min, or come in by a link that "
        "manage.py signin_link prints on the server."
    )


class SignIn(LoginView):
    """The page with name and password."""

    template_name = "signin/signin.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Say it, with the status that tells a program as well."""
        answer = super().form_invalid(form)
        throttled = any(e.code == "throttled" for e in form.non_field_errors().as_data())
        answer.status_code = 429 if throttled else 200
        return answer


signin = login_not_required(SignIn.as_view(extra_context={"lab": bool(settings.LAB)}))
signout = LogoutView.as_view(next_page="signin")


@login_not_required
@never_cache
@require_GET
def start(request: HttpRequest, token: str) -> HttpResponse:
    """Sign the first admin in. HEAD is refused, so that a link preview does not spend the token."""
    user = access.use_start_link(token, timezone.now())
    if not isinstance(user, User):
        return render(request, "signin/spent.html", status=410)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect("overview")
