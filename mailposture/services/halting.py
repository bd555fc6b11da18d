"""Stop all probing at once, and let it go on: the row is the truth, the broker passes it on."""

import logging
from datetime import datetime

import redis
from django.conf import settings
from django.db import transaction

from mailposture import keys, models
from mailposture.adapters import halts
from mailposture.services import audit
from mailposture.services.audit import User

log = logging.getLogger(__name__)

LONGEST_REASON = 300


class StoppedError(Exception):
    """Nothing may be probed now; the sentence says since when, by whom and why."""


def standing() -> models.Halt | None:
    """What stops all probing now, if anything does."""
    return models.Halt.objects.filter(until=None).order_by("since").first()


def refuse() -> None:
    """Raise StoppedError where nothing may be probed."""
    if halt := standing():
        raise StoppedError(
            f"All probing was stopped {halt.since:%d %b %H:%M} UTC by {halt.who}: {halt.reason} "
            "`manage.py halt --end` lets it go on."
        )


@transaction.atomic
def stop(reason: str, now: datetime, *, user: User = None) -> models.Halt:
    """Stop all probing: no order goes out from now on, and places leave the shard they are in.

    Whoever stops what is stopped already adds nothing; the first reason stays.
    """
    if halt := standing():
        return halt
    act = audit.record("stopped all probing", "", now, user=user, reason=reason)
    return models.Halt.objects.create(since=now, who=act.who[:150], reason=reason)


@transaction.atomic
def go_on(now: datetime, *, user: User = None) -> bool:
    """Let probing go on; say whether it was stopped.

    What was under way is begun anew, and that it was cut off counts as no attempt.
    """
    ended = models.Halt.objects.filter(until=None).update(until=now)
    if ended:
        audit.record("let probing go on", "", now, user=user)
        models.Shard.objects.filter(done_at=None, aside_at=None).update(
            attempt=0, lease_until=None, claimed_at=None, nonce=""
        )
    return bool(ended)


def announce(now: datetime) -> bool:
    """Pass the word on to the places; say whether the broker took it.

    It is said with every tick, too: a broker that starts anew has forgotten it.
    """
    if not settings.BROKER_URL:
        return False
    word = halts.Word(stopped=standing() is not None, issued=now)
    try:
        halts.say(settings.BROKER_URL, word, keys.orders(settings.KEYS_DIR))
    except redis.RedisError as error:
        log.warning("the queue did not take the word to stop or go on: %s", type(error).__name__)
        return False
    return True
