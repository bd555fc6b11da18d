"""The vantage worker: does the shards of its places and sends the conversations back.

`MAILPOSTURE_VANTAGE=vantage.toml BROKER_URL=... celery -A mailposture.vantage worker`. No Django,
no database, no tenant secret: what it
needs beyond an order stands in its own file (adapters/vantage_file.py).
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from celery import Celery

from mailposture import VERSION, broker
from mailposture.adapters import shards, shown
from mailposture.adapters.vantage_file import places
from mailposture.core import codec
from mailposture.core.work import Envelope

log = logging.getLogger(__name__)


def _configured() -> dict[str, shards.Place]:
    file = os.environ.get("MAILPOSTURE_VANTAGE")
    return places(Path(file)) if file else {}


PLACES = _configured()

# Celery loads Django's fix-up wherever it inherits this variable; a vantage point has no Django.
os.environ.pop("DJANGO_SETTINGS_MODULE", None)
app = Celery("vantage")
broker.guard(app)
app.conf.update(broker.COMMON)
app.conf.update(
    broker_url=os.environ.get("BROKER_URL", "redis://127.0.0.1:6379/0"),
    # Only its own: a vantage point never reads the centre's queue, it writes to it.
    task_queues=[broker.vantage_queue(slug) for slug in PLACES],
    worker_pool="prefork",
    # Orders end by themselves before their claim does; this is for what none foresaw.
    task_time_limit=900,
    worker_concurrency=1,
)


@app.task(name=broker.RUN_SHARD)
def run_shard(order: Mapping[str, Any]) -> None:
    """Do one shard and send its result; the message is acknowledged only after that."""
    envelope = codec.load(Envelope, order)
    place = PLACES.get(envelope.vantage_point)
    if place is None or envelope.purpose != "shard" or shards.now() >= envelope.expires:
        log.warning("order %s/%s dropped: not ours or too late", envelope.shard, envelope.attempt)
        return
    result = shards.run(envelope, place, shards.now)
    broker.send(app, broker.TAKE_RESULT, codec.dump(result), broker.queue(broker.CENTRAL))


@app.task(name=broker.SAY_HELLO)
def say_hello(slug: str) -> None:
    """Tell the centre that this place is served, by which version, at what time here, and what
    the certificate that it shows says of itself.
    """
    if place := PLACES.get(slug):
        facts = {
            "slug": slug,
            "version": VERSION,
            "clock": shards.now().isoformat(),
            "certificate": shown.about(place.certificate) if place.certificate else None,
        }
        broker.send(app, broker.TAKE_HELLO, facts, broker.queue(broker.CENTRAL))
