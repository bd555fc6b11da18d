"""The vantage worker: does the shards of its places and sends the conversations back.

`MAILPOSTURE_VANTAGE=vantage.toml celery -A mailposture.vantage worker` (vantage_point.py starts it
so). No Django, no database, no tenant secret: what it needs beyond an order stands in its own file
(adapters/vantage_file.py). It takes orders that its centre signed for it, each once, and signs
what it reports: the queue between them is believed nothing.
"""

import logging
import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from celery import Celery

from mailposture import VERSION, broker, seals
from mailposture.adapters import halts, nonces, selftest, shards, shown
from mailposture.adapters.vantage_file import NotJoinedError, joined, queue
from mailposture.core import codec, work
from mailposture.core.work import Envelope, Hello, HelloBack, Result

log = logging.getLogger(__name__)

# No order of the centre is good for longer, whatever it says: what was seen is kept as long.
LONGEST: Final = timedelta(hours=1)


def _configured() -> tuple[dict[str, shards.Place], str]:
    """The places of the file, and where their orders come in."""
    named, told = os.environ.get("MAILPOSTURE_VANTAGE"), os.environ.get("BROKER_URL")
    try:
        places = joined(Path(named)) if named else {}
        own = queue(Path(named)) if named else None
    except (OSError, NotJoinedError) as reason:
        sys.stderr.write(f"{reason}\n")
        raise SystemExit(2) from None
    return places, broker.verified(own or told or "redis://127.0.0.1:6379/0")


PLACES, QUEUE = _configured()
# Each remembers the latest word that it believed.
WATCHES: dict[str, halts.Watch] = {}

# Celery loads Django's fix-up wherever it inherits this variable; a vantage point has no Django.
os.environ.pop("DJANGO_SETTINGS_MODULE", None)
app = Celery("vantage")
broker.guard(app)
app.conf.update(broker.COMMON)
app.conf.update(
    broker_url=QUEUE,
    # Only its own: a vantage point never reads the centre's queue, it writes to it.
    task_queues=[broker.vantage_queue(slug) for slug in PLACES],
    worker_pool="prefork",
    # Orders end by themselves before their claim does; this is for what none foresaw.
    task_time_limit=900,
    worker_concurrency=1,
)
if PLACES:
    broker.stand_alone(app, min(PLACES))


class NotOursError(Exception):
    """An order that this place does not take; the sentence says why."""


@app.task(name=broker.RUN_SHARD)
def run_shard(message: Mapping[str, Any]) -> None:
    """Do one shard and send its result; the message is acknowledged only after that."""
    try:
        place, envelope = _order(message)
        with nonces.taken(place.memory, envelope.nonce):
            nonces.forget(place.memory, shards.now() - LONGEST)
            _report(place, shards.run(envelope, place, shards.now, _watch(place)))
    except (seals.SealError, codec.CodecError, nonces.SeenError, NotOursError) as reason:
        log.warning("dropped %s", reason)
    except halts.HaltedError as reason:
        log.warning("left a shard: %s", reason)


def _order(message: object) -> tuple[shards.Place, Envelope]:
    """The order and whose it is, if the centre gave it to a place of ours, and it is in time."""
    place = _place(work.ORDER, message)
    envelope = codec.load(Envelope, seals.unseal(work.ORDER, message, place.centre))
    now = shards.now()
    if now >= envelope.expires:
        raise NotOursError(f"an order that came too late: {envelope.shard}/{envelope.attempt}")
    if envelope.expires - now > LONGEST:
        raise NotOursError(f"an order that is good for too long: {envelope.expires:%d %b %H:%M}")
    return place, envelope


def _watch(place: shards.Place) -> halts.Watch:
    if place.slug not in WATCHES:
        WATCHES[place.slug] = halts.Watch(url=QUEUE, centre=place.centre)
    return WATCHES[place.slug]


def _place(purpose: str, message: object) -> shards.Place:
    name = seals.said_by(purpose, message)
    if name not in PLACES:
        raise NotOursError(f"a message ({purpose}) for another place")
    return PLACES[name]


def _report(place: shards.Place, result: Result) -> None:
    message = seals.seal(work.RESULT, codec.dump(result), place.key)
    broker.send(app, broker.TAKE_RESULT, message, broker.queue(broker.CENTRAL))


@app.task(name=broker.SAY_HELLO)
def say_hello(message: Mapping[str, Any]) -> None:
    """Tell the centre that this place is served, by which version, at what time here, and what
    the certificate that it shows says of itself, and what it finds of itself where it is asked.
    """
    try:
        place = _place(work.HELLO, message)
        hello = codec.load(Hello, seals.unseal(work.HELLO, message, place.centre))
    except (seals.SealError, codec.CodecError, NotOursError) as reason:
        log.warning("dropped %s", reason)
        return
    said = HelloBack(
        vantage_point=place.slug,
        nonce=hello.nonce,
        version=VERSION,
        clock=shards.now(),
        certificate=shown.about(place.certificate, place.authority) if place.certificate else None,
        selftest=selftest.run(hello.test, place) if hello.test else None,
    )
    back = seals.seal(work.HELLO_BACK, codec.dump(said), place.key)
    broker.send(app, broker.TAKE_HELLO, back, broker.queue(broker.CENTRAL))
