"""Send the mails that are due: claimed by lease, one recipient a transaction, answers kept.

A mail may come twice only where SMTP cannot tell: when the server fell silent after the last
byte, or when the process died between sending and recording. Both are counted in `unsure`: a try
counts from its beginning until its end is written down. A claim is taken up once, since the queue
gives a message of a sender that died to the next one within seconds. A mail that every sender dies
of is given up as well, so that it does not come for ever.
"""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from mailposture import models
from mailposture.adapters import email
from mailposture.services import audit, leases, writing
from mailposture.services.subscribing import valid_address

User = AbstractBaseUser | AnonymousUser | None

log = logging.getLogger(__name__)

AT_ONCE: Final = 2
# Longer than a mail may take, so that a claim lapses only with its process.
LEASE: Final = timedelta(seconds=2 * email.WHOLE)
# Minutes until the next try; the last goes on until a mail was tried for long enough. What waited
# because no server was named, or no sender ran, was not tried meanwhile.
BACKOFF: Final = (1, 2, 5, 10, 30, 60)
OLDEST: Final = timedelta(days=1)
# Tries of which nobody learned the end, until a mail whose sender died is given up: three hours.
MOST_UNSURE: Final = 8
# Written before a try, so that it stands where its sender died.
BEGUN: Final = "A sender took it up and has not said how it went."


class NotSetUpError(Exception):
    """No mail can be sent: SMTP_URL is not set, or cannot be used. Says which."""


def server() -> email.Server:
    """Where mails are handed in; raises NotSetUpError."""
    if not settings.SMTP_URL:
        raise NotSetUpError("SMTP_URL is not set.")
    try:
        return email.read(settings.SMTP_URL)
    except email.AddressError as error:
        raise NotSetUpError(str(error)) from None


def claim(now: datetime) -> list[tuple[int, int]]:
    """Claim mails that are due, as (delivery, attempt); none while mail is not set up."""
    try:
        server()
    except NotSetUpError:
        return []
    _give_up(now)
    waiting = models.Delivery.objects.filter(state=models.Delivery.State.WAITING)
    slots = AT_ONCE - waiting.filter(lease_until__gt=now).count()
    due = waiting.filter(leases.free(now), due_at__lte=now).order_by("due_at", "pk")
    claimed = []
    for row in due[: max(slots, 0)]:
        won = waiting.filter(leases.free(now), pk=row.pk, attempts=row.attempts).update(
            attempts=row.attempts + 1,
            lease_until=now + LEASE,
            message_id=row.message_id or _message_id(row),
        )
        if won:
            claimed.append((row.pk, row.attempts + 1))
    return claimed


def _give_up(now: datetime) -> None:
    """Set aside what its senders died of: where no result is written, nothing else ends it.

    A claim that no sender ever took up, because none ran, is no try and ends nothing.
    """
    died = models.Delivery.objects.filter(
        Q(unsure__gte=MOST_UNSURE) | Q(first_tried_at__lte=now - OLDEST),
        state=models.Delivery.State.WAITING,
        answer=BEGUN,
        lease_until__lte=now,
    )
    for row in died:
        times = "in one try" if row.unsure == 1 else f"in {row.unsure} tries"
        ended = died.filter(pk=row.pk, attempts=row.attempts).update(
            state=models.Delivery.State.GAVE_UP,
            done_at=now,
            lease_until=None,
            answer=f"The sender ended while sending this mail; {times} nobody learned how it went. "
            "It may have come all the same. The log of the errands worker says more.",
        )
        if ended:
            log.error("delivery %s is given up: its sender died of it", row.pk)


def _message_id(row: models.Delivery) -> str:
    """Given once and kept over every try, so that a receiver can tell a doubled mail."""
    return f"delivery.{row.pk}.{secrets.token_hex(8)}@{writing.domain()}"


def send(pk: int, attempt: int, clock: Callable[[], datetime]) -> None:
    """Send one claimed mail and record how it went. A claim that was lost does nothing."""
    row = _begun(pk, attempt, clock())
    if row is None:
        return
    try:
        answer = email.send(server(), _written(row), manner())
    except email.DeliveryError as error:
        _not_sent(row, error, clock())
    except NotSetUpError as error:
        _not_sent(row, email.DeliveryError("us", str(error)), clock())
    except Exception as error:
        log.exception("delivery %s could not be handed in", row.pk)
        says = f"The mail could not be handed in: {type(error).__name__}: {error}"
        _not_sent(row, email.DeliveryError("us", says, maybe=True), clock())
    else:
        _sent(row, answer, clock())


def _begun(pk: int, attempt: int, now: datetime) -> models.Delivery | None:
    """Take a claim up, once: counted and put off beforehand, as if this sender died of it."""
    held = models.Delivery.objects.filter(
        pk=pk, attempts=attempt, state=models.Delivery.State.WAITING
    ).exclude(lease_until=None)
    if not held.filter(begun__lt=attempt).update(
        begun=attempt,
        first_tried_at=Coalesce(F("first_tried_at"), now),
        unsure=F("unsure") + 1,
        code=None,
        answer=BEGUN,
        due_at=now + _pause(attempt),
    ):
        return None
    return held.select_related("alert").first()


def _pause(attempts: int) -> timedelta:
    return timedelta(minutes=BACKOFF[min(attempts, len(BACKOFF)) - 1])


def _written(row: models.Delivery) -> email.Mail:
    """The mail of this row. One that cannot be written costs nobody else's mail its turn."""
    try:
        content = writing.message(row).as_bytes()
    except Exception as error:
        log.exception("delivery %s cannot be written", row.pk)
        says = f"The mail could not be written: {type(error).__name__}: {error}"
        raise email.DeliveryError("message", says) from error
    return email.Mail(sender=settings.MAIL_FROM, recipient=row.recipient, content=content)


def manner() -> email.Manner:
    """What we call ourselves when handing a mail in."""
    return email.Manner(hello=settings.EHLO_NAME or writing.domain())


def _sent(row: models.Delivery, answer: email.Answer, now: datetime) -> None:
    """It was taken. That stands, also where another sender took the claim over meanwhile."""
    models.Delivery.objects.filter(pk=row.pk).exclude(state=models.Delivery.State.SENT).update(
        state=models.Delivery.State.SENT,
        done_at=now,
        lease_until=None,
        code=answer.code,
        answer=str(answer),
        unsure=F("unsure") - 1,
    )


def _not_sent(row: models.Delivery, error: email.DeliveryError, now: datetime) -> None:
    """It was not taken, or that is not known: when to try again, or that this is the end."""
    states = models.Delivery.State
    state, due_at = states.WAITING, row.due_at
    if error.permanent and error.about == "recipient":
        state = states.REFUSED
    elif row.first_tried_at and now - row.first_tried_at >= OLDEST:
        state = states.GAVE_UP
    else:
        due_at = now + _pause(row.attempts)
    kept = models.Delivery.objects.filter(pk=row.pk)
    kept.filter(attempts=row.attempts, state=states.WAITING).update(
        state=state,
        due_at=due_at,
        done_at=None if state == states.WAITING else now,
        lease_until=None,
        code=error.code,
        answer=error.says,
    )
    if not error.maybe:
        # Also where another sender took the claim over: of this try the end is known.
        kept.update(unsure=F("unsure") - 1)


@transaction.atomic
def test(address: str, user: User, now: datetime) -> models.Delivery:
    """Ask for a test mail: a delivery without an alert, due now. Raises NotAnAddressError."""
    given = valid_address(address)
    audit.record("asked for a test mail", given, now, user=user)
    return models.Delivery.objects.create(recipient=given, created_at=now, due_at=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """How mail stands. `problem` is why none can be sent, empty where it can."""

    problem: str
    waiting: int
    given_up: int
    oldest: datetime | None
    last: models.Delivery | None


def waiting() -> int:
    """How many mails wait, whether or not they are due."""
    return models.Delivery.objects.filter(state=models.Delivery.State.WAITING).count()


def given_up() -> QuerySet[models.Delivery]:
    """Mails that came to nobody and are not tried any more, the latest first."""
    states = models.Delivery.State
    found = models.Delivery.objects.filter(state__in=(states.GAVE_UP, states.REFUSED))
    return found.order_by("-done_at", "-pk")


def outbox() -> Outbox:
    """What waits, since when, and what a server said last."""
    try:
        server()
        problem = ""
    except NotSetUpError as error:
        problem = str(error)
    unsent: QuerySet[models.Delivery] = models.Delivery.objects.filter(
        state=models.Delivery.State.WAITING
    )
    oldest = unsent.order_by("created_at").values_list("created_at", flat=True).first()
    tried = models.Delivery.objects.exclude(answer="").order_by("-created_at", "-pk")
    return Outbox(
        problem=problem,
        waiting=unsent.count(),
        given_up=given_up().count(),
        oldest=oldest,
        last=tried.first(),
    )
