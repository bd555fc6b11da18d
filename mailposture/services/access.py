"""One-time sign-in links for the first admin."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.db.models import Q

from mailposture import models
from mailposture.services import audit

LIFE = timedelta(minutes=15)
FIRST_ADMIN = "admin"


def new_start_link(now: datetime) -> str:
    """Make a link's token: valid once and for 15 minutes. Only its hash is stored."""
    token = secrets.token_urlsafe(24)
    with transaction.atomic():
        models.StartLink.objects.filter(Q(expires_at__lte=now) | ~Q(used_at=None)).delete()
        models.StartLink.objects.create(
            digest=_digest(token), created_at=now, expires_at=now + LIFE
        )
    return token


@transaction.atomic
def use_start_link(token: str, now: datetime) -> AbstractUser | None:
    """Spend a token and return the admin it signs in; None if it was spent, old or made up.

    The conditional UPDATE lets one of two simultaneous requests through.
    """
    spent = models.StartLink.objects.filter(
        digest=_digest(token), used_at=None, expires_at__gt=now
    ).update(used_at=now)
    if not spent:
        return None
    user = _admin()
    audit.record("signed in by start link", user.get_username(), now, user=user)
    return user


def _admin() -> AbstractUser:
    """The first admin, made on first use without a password: `changepassword` gives one."""
    users = get_user_model().objects
    if found := users.filter(is_superuser=True, is_active=True).order_by("pk").first():
        return found
    user = users.create_superuser(FIRST_ADMIN, password=None)
    user.set_unusable_password()
    user.save(update_fields=["password"])
    return user


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
