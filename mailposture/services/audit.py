"""The audit trail: who did what that changes what is watched, and on whose word."""

import getpass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from mailposture import models


def record(
    action: str,
    subject: str,
    now: datetime,
    *,
    user: AbstractBaseUser | AnonymousUser | None = None,
    database: str = "default",
    **detail: Any,
) -> models.AuditEvent:
    """Keep one act. Without a user it is the operating system's, from the command line."""
    known = user if user is not None and user.is_authenticated else None
    return models.AuditEvent.objects.using(database).create(
        at=now,
        actor_id=known.pk if known else None,
        who=known.get_username() if known else _operator(),
        action=action,
        subject=subject[:253],
        detail=detail,
    )


def _operator() -> str:
    try:
        return f"{getpass.getuser()} (command line)"
    except OSError:  # no such user: a container with an arbitrary id
        return "command line"
