"""The audit trail: who did what that changes what is watched, and on whose word."""

import getpass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from mailposture import models

type User = AbstractBaseUser | AnonymousUser | None


def record(
    action: str,
    subject: str,
    now: datetime,
    *,
    user: User = None,
    **detail: Any,
) -> models.AuditEvent:
    """Keep one act. Without a user it is the operating system's, from the command line."""
    row = act(action, subject, now, user=user, **detail)
    row.save()
    return row


def act(
    action: str,
    subject: str,
    now: datetime,
    *,
    user: User = None,
    **detail: Any,
) -> models.AuditEvent:
    """One act as a row that is not kept yet, for whoever keeps it elsewhere."""
    known = user if user is not None and user.is_authenticated else None
    return models.AuditEvent(
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
