"""The central Celery app: reads tenants, judges results, plans what is next.

`celery -A mailposture.celery worker` and `... beat`. Vantage points run mailposture.vantage.
"""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, celeryd_init

from mailposture import broker, unsafe

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailposture.settings")

from django.conf import settings

LONGEST = settings.FETCH_LEASE.total_seconds()


@celeryd_init.connect(weak=False)
@beat_init.connect(weak=False)
def _refuse_what_is_unsafe(**_: Any) -> None:
    """Of a worker and of the clock; who only sends a message has asked before."""
    unsafe.refuse(settings)


app = Celery("mailposture")
broker.guard(app)
app.conf.update(broker.COMMON)
app.conf.update(
    broker_url=settings.BROKER_URL and broker.verified(settings.BROKER_URL),
    task_queues=[broker.queue(name) for name in (broker.CENTRAL, broker.READING, broker.ERRANDS)],
    task_default_queue=broker.CENTRAL,
    task_default_exchange=broker.CENTRAL,
    task_default_routing_key=broker.CENTRAL,
    # A tick that waited longer than until the next one would only repeat it.
    beat_schedule={
        "tick": {
            "task": "mailposture.tasks.tick",
            "schedule": settings.TICK_EVERY,
            "options": {"expires": settings.TICK_EVERY * 2, "queue": broker.CENTRAL},
        }
    },
    imports=["mailposture.tasks"],
    # A peer that drips must not hold a slot for longer than the claim it was taken under.
    task_soft_time_limit=LONGEST - 5,
    task_time_limit=LONGEST,
)
