"""When each path was last looked at, without a row per look.

One row stands for consecutive complete runs of one part of a tenant's paths from one place. A
span's end is read from it: a path's own `seen_until` only where the latest run left it out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailposture import models

# A run later than this after the one before is a gap in what was seen, not its continuation.
LATE = 1.5


@dataclass(frozen=True, slots=True)
class Ends:
    """The latest coverage of one part, from before the run that is being taken."""

    latest: models.Coverage | None

    def of(self, path: models.Path) -> datetime | None:
        """Until when this path's answer had been seen."""
        if path.seen_until is not None:
            return path.seen_until
        return self.latest.until if self.latest else None


def ends(shard: models.Shard) -> Ends:
    """Read the end of every span of this part once, before it is moved on."""
    return Ends(_latest(shard.tenant_id, shard.vantage_point_id, shard.part))


def _latest(tenant_id: int, place_id: int, part: int) -> models.Coverage | None:
    return (
        models.Coverage.objects.filter(tenant_id=tenant_id, vantage_point_id=place_id, part=part)
        .order_by("-until", "-pk")
        .first()
    )


def extend(shard: models.Shard, missing: Sequence[int], before: Ends, at: datetime) -> None:
    """Count this run in: merged into the row before it, or a row of its own."""
    latest = before.latest
    if missing and latest is not None:
        models.Path.objects.filter(pk__in=missing, seen_until=None).update(seen_until=latest.until)
    if latest is not None and not missing and not latest.missing and _on_time(shard, latest, at):
        models.Coverage.objects.filter(pk=latest.pk).update(
            until=max(at, latest.until), runs=latest.runs + 1
        )
        return
    models.Coverage.objects.create(
        tenant_id=shard.tenant_id,
        vantage_point_id=shard.vantage_point_id,
        part=shard.part,
        since=at,
        until=at,
        missing=list(missing),
    )


def _on_time(shard: models.Shard, latest: models.Coverage, at: datetime) -> bool:
    return at - latest.until <= timedelta(seconds=shard.tenant.probe_every * LATE)


def until(tenant: models.Tenant) -> dict[tuple[int, int], datetime]:
    """The end of what was seen, by (vantage point, part): two columns a place, one query."""
    found: dict[tuple[int, int], datetime] = {}
    rows = models.Coverage.objects.filter(tenant=tenant).order_by("until", "pk")
    for place, part, end in rows.values_list("vantage_point_id", "part", "until"):
        found[place, part] = end
    return found
