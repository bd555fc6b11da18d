"""Keep guessing passwords slow: failures are counted in the audit trail, by name and by address.

A try is written down before the password is looked at, so that a hundred tries at once are
counted like a hundred in a row. Right tries are taken off again.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from mailposture import models
from mailposture.services import audit

WITHIN: Final = timedelta(minutes=10)
FAILED: Final = "sign-in failed"
# What is counted, and how many failures of it are borne. The two wide ones are against guessing
# from many addresses, or at many names; a person who mistypes meets the first alone.
LIMITS: Final = (("pair", 10), ("name", 100), ("address", 100))


@dataclass(frozen=True, slots=True)
class Try:
    """One try at a name from an address. `wait` is set where it may not be made now."""

    event: int = 0
    wait: timedelta | None = None


def begin(name: str, address: str, now: datetime) -> Try:
    """Write a try down; refuse it where too many failed within the last minutes.

    No transaction: the row must be seen by the tries beside it before they are counted.
    """
    keys = _keys(name, address)
    event = models.AuditEvent.objects.create(
        at=now, who=_who(name), action=FAILED, subject=_who(name), detail={"from": address, **keys}
    )
    for kind, limit in LIMITS:
        tries = models.AuditEvent.objects.filter(
            action=FAILED, at__gt=now - WITHIN, **{f"detail__{kind}": keys[kind]}
        ).order_by("at")
        if tries.count() > limit:
            event.delete()
            oldest = tries.values_list("at", flat=True)[0]
            return Try(wait=max(oldest + WITHIN - now, timedelta(seconds=1)))
    return Try(event.pk)


@transaction.atomic
def succeed(attempt: Try, user: AbstractBaseUser, now: datetime) -> None:
    """It was the right password: nothing failed. Earlier failures stay, and stay counted."""
    models.AuditEvent.objects.filter(pk=attempt.event).delete()
    audit.record("signed in by password", user.get_username(), now, user=user)


def _keys(name: str, address: str) -> dict[str, str]:
    """What is counted. Hashed, since people type passwords where the name belongs."""
    folded = name.strip().casefold()
    return {
        "pair": _digest("pair", folded, address),
        "name": _digest("name", folded),
        "address": _digest("address", address),
    }


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _who(name: str) -> str:
    """The name where somebody bears it; what else was typed is nobody's to keep."""
    known = get_user_model().objects.filter(username=name.strip()).exists()
    return name.strip() if known else "someone"
