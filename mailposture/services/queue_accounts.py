"""How a vantage point reaches the queue, and that the queue knows it.

The rows say which accounts there are; the queue is told, at once where something changed and with
every tick, since it keeps them in memory alone.
"""

import ipaddress
import logging
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from django.conf import settings

from mailposture import broker, models
from mailposture.adapters import accounts
from mailposture.adapters.accounts import Account, AccountError

log = logging.getLogger(__name__)


class NoQueueError(Exception):
    """No address can be given by which a place could reach the queue; the sentence says why."""


def address(place: models.VantagePoint, password: str = "") -> str:
    """The queue's address for this place, with its own account in it. Raises NoQueueError.

    What an operator wrote for one place is taken as it is written. Otherwise it must be an
    address that the place can reach, and one that nobody can listen to in between.
    """
    given = place.queue_url or settings.QUEUE_ELSEWHERE or settings.BROKER_URL
    if not given:
        raise NoQueueError("There is no queue: start make run, or set BROKER_URL.")
    parts = urlsplit(given)
    host = parts.hostname or ""
    if not place.queue_url:
        _judge(parts.scheme, host)
    port = f":{parts.port}" if parts.port else ""
    literal = f"[{host}]" if ":" in host else host
    account = f"{quote(accounts.name(place.slug))}:{quote(password, safe='')}"
    return broker.verified(urlunsplit(parts._replace(netloc=f"{account}@{literal}{port}")))


def _judge(scheme: str, host: str) -> None:
    if not is_here(host):
        if scheme == "rediss":
            return
        raise NoQueueError(
            f"The queue on {host} is reached without TLS, so its password would go in clear text."
            " Set MAILPOSTURE_QUEUE_ELSEWHERE to its rediss:// address."
        )
    if not is_here(urlsplit(settings.PUBLIC_URL).hostname or ""):
        raise NoQueueError(
            "The queue is known by an address of this machine alone. Set"
            " MAILPOSTURE_QUEUE_ELSEWHERE to the rediss:// address by which others reach it."
        )


def is_here(host: str) -> bool:
    """Whether this name means the machine on which it is said."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def authority() -> str:
    """The certificate from which the queue's own stems, as PEM; empty for a public one."""
    if not settings.QUEUE_AUTHORITY:
        return ""
    try:
        return Path(settings.QUEUE_AUTHORITY).read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        raise NoQueueError(
            f"MAILPOSTURE_QUEUE_AUTHORITY cannot be read: {type(error).__name__}."
        ) from None


def account(place: models.VantagePoint) -> Account | None:
    """Its account; None where it has none of its own."""
    return Account(place.slug, place.queue_digest) if place.queue_digest else None


def renew(place: models.VantagePoint) -> str:
    """Tell the queue of a place that joined now; say what is in the way, or nothing."""
    made = account(place)
    if made is None or not settings.BROKER_URL:
        return ""
    try:
        accounts.replace(settings.BROKER_URL, made)
    except AccountError as error:
        return _note([place.pk], str(error))
    return _note([place.pk], "")


def settle() -> bool:
    """Tell the queue every account that stands, and those that were revoked; say whether it knows
    them now.
    """
    if not settings.BROKER_URL:
        return False
    places = list(models.VantagePoint.objects.exclude(queue_digest="", revoked_at=None))
    standing = [made for place in places if (made := account(place))]
    gone = [place.slug for place in places if not place.queue_digest]
    if not (standing or gone):
        return True
    problem = ""
    try:
        accounts.settle(settings.BROKER_URL, standing, gone)
    except AccountError as error:
        problem = str(error)
    _note([place.pk for place in places if place.queue_problem != problem], problem)
    return not problem


def _note(places: list[int], problem: str) -> str:
    if problem:
        log.warning("accounts of vantage points: %s", problem)
    if places:
        models.VantagePoint.objects.filter(pk__in=places).update(queue_problem=problem)
    return problem
