"""When strangers looked at each path: looks in a row as one stretch, an outage as none.

A span of one answer goes on over an outage where the answers before and after are the same. What
was seen of it is read here from Coverage: an outage longer than an answer counts stays a gap.
"""

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from mailposture import models
from mailposture.core.spans import Span, union

# Rows that are read at most, the latest: of what is before them nothing is taken as seen.
MOST: Final = 200_000
AT_ONCE: Final = 2_000

type Part = tuple[int, int]


@dataclass(slots=True)
class Looks:
    """The looks at one part of the paths from one place."""

    within: timedelta
    # From when to when, and the paths that were left out.
    runs: list[tuple[datetime, datetime, frozenset[int]]] = field(default_factory=list)
    stretches: dict[int | None, list[Span]] = field(default_factory=dict)

    def at(self, path: int) -> list[Span]:
        """When this path was looked at; paths that were never left out share one list."""
        key = path if any(path in left_out for _, _, left_out in self.runs if left_out) else None
        if key not in self.stretches:
            seen = ((a, b) for a, b, left_out in self.runs if path not in left_out)
            self.stretches[key] = union(seen, self.within)
        return self.stretches[key]


@dataclass(slots=True)
class Stretches:
    """The looks at a tenant's paths by (vantage point, part)."""

    within: timedelta
    parts: dict[Part, Looks] = field(default_factory=dict)
    paths: dict[int, list[Span]] = field(default_factory=dict)

    def cut(self, path: models.Path, first: datetime, last: datetime) -> list[Span]:
        """An answer's span, cut where nobody looked. What begins and ends it are looks."""
        if path.pk not in self.paths:
            part = self.parts.get((path.vantage_point_id, path.part), Looks(self.within))
            self.paths[path.pk] = part.at(path.pk)
        stretches = self.paths[path.pk]
        found = [(first, first), (last, last)]
        for a, b in stretches[bisect_left(stretches, first, key=lambda span: span[1]) :]:
            if a > last:
                break
            found.append((max(a, first), min(b, last)))
        return union(found, self.within)


def of_strangers(
    tenant: models.Tenant, since: datetime, until: datetime, within: timedelta
) -> Stretches:
    """The looks that reach into this time; those no more than `within` apart are in a row."""
    rows = tenant.coverage.filter(
        vantage_point__plays=models.VantagePoint.Plays.STRANGER, until__gte=since, since__lt=until
    ).order_by("-until", "-pk")
    columns = rows.values_list("vantage_point_id", "part", "since", "until", "missing")
    found = Stretches(within)
    for place, part, a, b, left_out in columns[:MOST].iterator(chunk_size=AT_ONCE):
        looks = found.parts.setdefault((place, part), Looks(within))
        looks.runs.append((a, b, frozenset(left_out)))
    return found
