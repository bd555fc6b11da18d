"""Whose turn it is: which waiting shards a place is given next.

A place works on few shards at a time. Of the tenants that wait for it the one that holds fewest
goes first, then the one that waits longest; and as long as a place has several turns, one tenant
never holds all of them. So whoever comes new finds a turn, however much another one has to do and
however long its servers take.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from mailposture import models
from mailposture.services import leases

# A claim's time runs while its message waits in the queue, so a worker is handed no more than it
# can do within one; the next is claimed when a result comes in.
OUT_AT_ONCE: Final = 4
OF_ONE_TENANT: Final = OUT_AT_ONCE - 1
# Read at a time, longest waiting first. Most often the first lot is enough.
LOT: Final = 200

type Waiting = tuple[int, int, int]


@dataclass(slots=True)
class Turns:
    """The turns of every place, as far as they are taken."""

    out: Counter[int] = field(default_factory=Counter)
    held: Counter[tuple[int, int]] = field(default_factory=Counter)
    # Places to which nothing is given any more this time.
    shut: set[int] = field(default_factory=set)
    stopped: bool = False

    @classmethod
    def of(cls, unfinished: QuerySet[models.Shard], now: datetime) -> "Turns":
        """What is out now."""
        turns = cls()
        working = unfinished.filter(lease_until__gt=now)
        for place, tenant in working.values_list("vantage_point_id", "tenant_id"):
            turns.take(place, tenant)
        return turns

    def take(self, place: int, tenant: int) -> None:
        """One turn of this place is this tenant's."""
        self.out[place] += 1
        self.held[place, tenant] += 1

    def free(self, place: int) -> int:
        """How many turns this place has left."""
        if self.stopped or place in self.shut:
            return 0
        return max(OUT_AT_ONCE - self.out[place], 0)


def choose(
    unfinished: QuerySet[models.Shard], turns: Turns, places: Collection[int], now: datetime
) -> list[int]:
    """The shards that are next, as many as these places have turns left; fairest first."""
    lacking = {place: free for place in places if (free := turns.free(place))}
    due = unfinished.filter(leases.free(now), due_at__lte=now).order_by("due_at", "pk")
    chosen: list[int] = []
    waiting: dict[tuple[int, int], list[int]] = {}
    for pk, place, tenant in _read(due, lacking):
        held = turns.held[place, tenant]
        mine = waiting.setdefault((place, tenant), [])
        if len(mine) + held >= OF_ONE_TENANT:
            continue
        mine.append(pk)
        if lacking[place] and len(mine) + held == 1:
            chosen.append(pk)
            lacking[place] -= 1
    return [*chosen, *_further(turns, lacking, waiting)]


def _further(
    turns: Turns, lacking: dict[int, int], waiting: dict[tuple[int, int], list[int]]
) -> Iterator[int]:
    """What is left goes to tenants that hold a turn already, evenly. (Where a tenant's first turn
    was not given, its place has none left.)
    """
    queue = [
        (held, order, place, pk)
        for order, ((place, tenant), mine) in enumerate(waiting.items())
        for held, pk in enumerate(mine, turns.held[place, tenant])
        if held
    ]
    for _, _, place, pk in sorted(queue):
        if lacking[place]:
            lacking[place] -= 1
            yield pk


def _read(due: QuerySet[models.Shard], lacking: dict[int, int]) -> Iterator[Waiting]:
    """The waiting shards of places that lack some, in lots; what was asked is long, and not read.

    A place that has enough drops out with the next lot.
    """
    after: tuple[datetime, int] | None = None
    while wanting := [place for place, number in lacking.items() if number]:
        lot = due.filter(vantage_point_id__in=wanting)
        if after is not None:
            at, last = after
            lot = lot.filter(due_at__gte=at).exclude(due_at=at, pk__lte=last)
        rows = list(lot.values_list("pk", "vantage_point_id", "tenant_id", "due_at")[:LOT])
        yield from (row[:3] for row in rows)
        if len(rows) < LOT:
            return
        after = rows[-1][3], rows[-1][0]
