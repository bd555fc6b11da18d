"""What runs in the background and what happens next; alone may enqueue a follow-up."""

from collections.abc import Mapping
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.utils import timezone

from mailposture import broker
from mailposture.celery import app
from mailposture.services import (
    blindness,
    delivering,
    expiring,
    fetches,
    halting,
    incidents,
    judging,
    planning,
    queue_accounts,
    reading,
    reporting,
    sealing,
    traffic,
    vantage_points,
)


@app.task
def tick() -> None:
    """Claim what is due or lapsed, and wake whoever does it."""
    now = timezone.now()
    halting.announce(now)
    queue_accounts.settle()
    planning.schedule_rounds(now)
    read_due.delay()
    probe_due.delay()
    for asked in planning.greet(now):
        seconds = (asked.expires - now).total_seconds()
        message = sealing.hello(asked)
        _tell(broker.SAY_HELLO, asked.vantage_point, message, expires=seconds)
    blindness.assess(now)
    expiring.assess(now)
    incidents.tell_due(now)
    errands_due.delay()
    planning.tidy(now)
    traffic.tidy(now)


@app.task
def errands_due() -> None:
    """Claim the mails and reports that are due."""
    now = timezone.now()
    for pk, attempt in delivering.claim(now):
        send_mail.apply_async((pk, attempt), queue=broker.ERRANDS)
    for pk, attempt in reporting.claim(now):
        make_report.apply_async((pk, attempt), queue=broker.ERRANDS)


@app.task
def send_mail(delivery_id: int, attempt: int) -> None:
    """Send one claimed mail; what is due next may be claimed."""
    delivering.send(delivery_id, attempt, timezone.now)
    errands_due.delay()


@app.task
def make_report(report_id: int, attempt: int) -> None:
    """Make one claimed report; then the next."""
    reporting.make(report_id, attempt, timezone.now)
    errands_due.delay()


@app.task
def read_due() -> None:
    """Claim the readings that are due, as many as the readers can do."""
    for tenant_id, attempt in fetches.claim(timezone.now()):
        fetch_tenant.apply_async((tenant_id, attempt), queue=broker.READING)


@app.task
def probe_due() -> None:
    """Cut due rounds into shards and hand them to the vantage points' queues."""
    now = timezone.now()
    planning.plan_rounds(now)
    for envelope in planning.claim_shards(now):
        seconds = (envelope.expires - now).total_seconds()
        message = sealing.order(envelope)
        _tell(broker.RUN_SHARD, envelope.vantage_point, message, expires=seconds)


@app.task
def fetch_tenant(tenant_id: int, attempt: int) -> None:
    """Do one claimed reading; if it brought something to look at, look at once. Then the next."""
    try:
        read = reading.fetch(tenant_id, attempt, timezone.now)
    except SoftTimeLimitExceeded:
        read = reading.gave_up(tenant_id, attempt, timezone.now())
    if read and (read.changes or read.first):
        probe_due.delay()
    if read:
        read_due.delay()


@app.task(name=broker.TAKE_RESULT)
def take_result(message: Mapping[str, Any]) -> None:
    """Judge and store what a vantage point saw and signed; then it may have its next shard."""
    result = sealing.result(message)
    if result and judging.take(result, timezone.now()).tenant_id:
        probe_due.delay()


@app.task(name=broker.TAKE_HELLO)
def take_hello(message: Mapping[str, Any]) -> None:
    """Note that a vantage point is served."""
    if said := sealing.hello_back(message):
        vantage_points.hear(said, timezone.now())


def _tell(task: str, slug: str, argument: Any, *, expires: float) -> None:
    """Put one message into a vantage point's own queue."""
    broker.send(app, task, argument, broker.vantage_queue(slug), expires=expires)
