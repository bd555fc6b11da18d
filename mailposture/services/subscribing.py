"""Who is told: one address about one tenant, or about all."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from mailposture import models
from mailposture.services import audit

User = AbstractBaseUser | AnonymousUser | None


class NotAnAddressError(ValueError):
    """What was given cannot be mailed to; says what is wrong in one sentence."""


def valid_address(address: str) -> str:
    """The address without blanks around it; raises NotAnAddressError."""
    given = address.strip()
    try:
        validate_email(given)
    except ValidationError:
        raise NotAnAddressError(f"{given or 'Nothing'} is not a mail address.") from None
    if not given.isascii():
        raise NotAnAddressError(f"{given} needs SMTPUTF8, which is not sent: use an ASCII address.")
    return given


@transaction.atomic
def subscribe(
    address: str, tenant: models.Tenant | None, now: datetime, *, user: User = None
) -> models.Subscription:
    """Tell this address from now on; asking twice changes nothing."""
    given = valid_address(address)
    row, fresh = models.Subscription.objects.get_or_create(
        address=given, tenant=tenant, defaults={"created_at": now}
    )
    if fresh:
        audit.record("subscribed", given, now, user=user, about=_about(row))
    return row


@transaction.atomic
def unsubscribe(row: models.Subscription, now: datetime, *, user: User = None) -> None:
    """Tell this address no more; mails that already wait for it are still sent."""
    audit.record("unsubscribed", row.address, now, user=user, about=_about(row))
    row.delete()


def _about(row: models.Subscription) -> str:
    return row.tenant.slug if row.tenant else "all tenants"
