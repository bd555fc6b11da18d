"""What may be probed now: budgets for each door, tenant, place and all together.

They are kept in the queue, for all processes; where there is none, this process counts for itself
(adapters/buckets). What is counted is conversations: two for each path.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import redis
from django.conf import settings

from mailposture import models
from mailposture.adapters.buckets import HERE, Bucket, Buckets, Shared, Standing, Take, Wait
from mailposture.core.verdict import FRONT_ENDS
from mailposture.core.work import Pace
from mailposture.services import turns

log = logging.getLogger(__name__)

WHOLE: Final = "whole"


def pace() -> Pace:
    """How fast a place goes about one order."""
    a_minute, at_once = settings.BUDGET_ADDRESS
    seconds = settings.LEASE.total_seconds() / turns.OUT_AT_ONCE
    return Pace(at_once=int(at_once), a_minute=a_minute, seconds=seconds)


def ask(shards: Sequence[models.Shard]) -> list[Wait | None]:
    """For each shard, in this order: None where it may go out, and is counted; else how long its
    budgets have to wait. One round trip, however many there are.
    """
    takes = [_takes(shard) for shard in shards]
    return _with(lambda buckets: buckets.take(takes))


def holds_all(wait: Wait) -> bool:
    """Whether nobody gets anything until then."""
    return wait.key == WHOLE


def holds_place(wait: Wait) -> bool:
    """Whether this place gets nothing until then."""
    return wait.key.startswith("place.")


def slow_down(shard: models.Shard, hosts: Iterable[str]) -> None:
    """A server asked for less: its doors and the tenant get half of it for a while."""
    asked = {host for target in shard.targets for host in target["endpoints"]}
    doors = [door(host) for host in sorted(asked.intersection(hosts))]
    _with(lambda buckets: buckets.slow([tenant(shard.tenant_id), *doors]))


def standing(buckets: Sequence[Bucket]) -> list[Standing] | None:
    """How these stand in the queue; None where they are not known: each process counts by itself
    then. A page does not wait long for a queue that is away.
    """
    if not settings.BROKER_URL:
        return None
    try:
        return Shared(settings.BROKER_URL, seconds=1.0).look(buckets)
    except redis.RedisError:
        return None


def _takes(shard: models.Shard) -> list[Take]:
    cost = len(shard.targets) * FRONT_ENDS
    doors = Counter(host for target in shard.targets if (host := _first_door(target)))
    return [
        Take(whole(), cost),
        Take(place(shard.vantage_point.slug), cost),
        Take(tenant(shard.tenant_id), cost),
        *(Take(door(host), paths * FRONT_ENDS) for host, paths in sorted(doors.items())),
    ]


def _first_door(target: Mapping[str, Any]) -> str:
    """The endpoint that a path is most likely asked at; empty where none is known."""
    return next(iter(target["endpoints"]), "")


def _bucket(key: str, rate: tuple[float, float]) -> Bucket:
    a_minute, at_once = rate
    return Bucket(key, a_minute / 60, at_once)


def whole() -> Bucket:
    """All together."""
    return _bucket(WHOLE, settings.BUDGET_WHOLE)


def place(slug: str) -> Bucket:
    """One vantage point."""
    return _bucket(f"place.{slug}", settings.BUDGET_PLACE)


def tenant(pk: int) -> Bucket:
    """One tenant."""
    return _bucket(f"tenant.{pk}", settings.BUDGET_TENANT)


def door(host: str) -> Bucket:
    """One endpoint, by its name."""
    return _bucket(f"door.{host}", settings.BUDGET_TARGET)


def _with[T](act: Callable[[Buckets], T]) -> T:
    """In the queue, if there is one that can be reached; else in this process."""
    if settings.BROKER_URL:
        try:
            return act(Shared(settings.BROKER_URL))
        except redis.RedisError as error:
            log.warning("budgets are counted here, not in the queue: %s", type(error).__name__)
    return act(HERE)
