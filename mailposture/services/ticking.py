"""One process end to end: fetch, probe, judge and save what is due, with the clock passed in.

What the Celery tasks do with a broker between them, `manage.py tick` does in a row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mailposture.adapters import shards
from mailposture.services import (
    blindness,
    delivering,
    expiring,
    fetches,
    incidents,
    judging,
    planning,
    reading,
    reporting,
    traffic,
)


@dataclass(slots=True)
class Ticked:
    """What one tick did."""

    read: list[reading.Read] = field(default_factory=list)
    shards: int = 0
    rounds: int = 0
    mails: int = 0


def tick(clock: Callable[[], datetime], places: Mapping[str, shards.Place]) -> Ticked:
    """Do all that is due now, from the places this process can play; others are left alone."""
    done = Ticked()
    planning.schedule_rounds(clock())
    # As many are claimed as readers would be at work; here one does them all.
    while due := fetches.claim(clock()):
        for tenant_id, attempt in due:
            if read := reading.fetch(tenant_id, attempt, clock):
                done.read.append(read)
    planning.plan_rounds(clock())
    while claimed := list(planning.claim_shards(clock(), only=places.keys())):
        for envelope in claimed:
            result = shards.run(envelope, places[envelope.vantage_point], clock)
            done.rounds += judging.take(result, clock()).round_finished
            done.shards += 1
    done.mails = _tell(clock)
    for pk, attempt in reporting.claim(clock()):
        reporting.make(pk, attempt, clock)
    planning.tidy(clock())
    traffic.tidy(clock())
    return done


def _tell(clock: Callable[[], datetime]) -> int:
    """Tell what is due to be told and send the mails."""
    now = clock()
    blindness.assess(now)
    expiring.assess(now)
    incidents.tell_due(now)
    sent = 0
    while claimed := delivering.claim(clock()):
        for pk, attempt in claimed:
            delivering.send(pk, attempt, clock)
            sent += 1
    return sent
