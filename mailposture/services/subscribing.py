"""Who is told: one address about one tenant, or about all."""

from datetime import datetime
from email import message_from_bytes
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from mailposture import models
from mailposture.services import audit

User = AbstractBaseUser | AnonymousUser | None

# RFC 5321 section 4.5.3.1.3: a path has 256 octets, its angle brackets among them.
LONGEST: Final = 254


class NotAnAddressError(ValueError):
    """What was given cannot be mailed to; says what is wrong in one sentence."""


def valid_address(address: str) -> str:
    """The address without blanks around it; raises NotAnAddressError."""
    given = address.strip()
    if len(given) > LONGEST:
        raise NotAnAddressError(f"A mail address has at most {LONGEST} characters.")
    try:
        validate_email(given)
    except ValidationError:
        raise NotAnAddressError(f"{given or 'Nothing'} is not a mail address.") from None
    if not given.isascii():
        raise NotAnAddressError(f"{given} needs SMTPUTF8, which is not sent: use an ASCII address.")
    if not _can_be_written(given):
        raise NotAnAddressError(f"{ascii(given)[1:-1]} cannot be written in the header of a mail.")
    return given


def _can_be_written(address: str) -> bool:
    """Whether a mail to it can be made, and names it and nobody else when it is read."""
    mail = EmailMessage(policy=SMTP)
    try:
        mail["To"] = Address(addr_spec=address)
        read = message_from_bytes(mail.as_bytes(), policy=SMTP)
    # Quoted forms of an address that the library cannot write come out as either.
    except (MessageError, ValueError, IndexError):
        return False
    return [one.addr_spec for one in read["To"].addresses] == [address]


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
