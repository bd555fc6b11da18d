"""The times that an incident lasted, where it came and went: kept with its row, oldest first."""

from datetime import datetime, timedelta
from typing import Any, Final

from mailposture import models
from mailposture.core import alerting
from mailposture.core.spans import Span

# Of a door that flips for days the last times are kept one by one, the earlier ones as a sum.
MOST: Final = 100


def ended(row: models.Incident, until: datetime) -> dict[str, Any]:
    """The facts of an open incident once it has ended at this time."""
    lasted = [*past(row), (began(row), until)]
    earlier, kept = lasted[:-MOST], lasted[-MOST:]
    folded = row.facts.get("folded", {"times": 0, "seconds": 0})
    return {
        **row.facts,
        "spells": [[begin.isoformat(), end.isoformat()] for begin, end in kept],
        "folded": {
            "times": folded["times"] + len(earlier),
            "seconds": folded["seconds"] + int(alerting.in_all(earlier).total_seconds()),
        },
    }


def began(row: models.Incident) -> datetime:
    """When the time began that an open incident lasts now."""
    return row.moved_at if row.facts.get("spells") else row.opened_at


def past(row: models.Incident) -> list[Span]:
    """The times that are over."""
    kept = row.facts.get("spells", [])
    return [(datetime.fromisoformat(begin), datetime.fromisoformat(end)) for begin, end in kept]


def known(row: models.Incident, now: datetime) -> list[Span]:
    """All times that are kept one by one, the one that lasts included."""
    spans = past(row)
    if row.resolved_at is None:
        return [*spans, (began(row), max(now, began(row)))]
    return spans or [(row.opened_at, row.resolved_at)]


def times(row: models.Incident) -> int:
    """How often it was there, counting the time that lasts."""
    earlier = int(row.facts.get("folded", {}).get("times", 0))
    return earlier + max(len(past(row)) + (row.resolved_at is None), 1)


def lasted(row: models.Incident, now: datetime) -> timedelta:
    """How long it was there in all, up to now or to its end."""
    earlier = timedelta(seconds=row.facts.get("folded", {}).get("seconds", 0))
    return earlier + alerting.in_all(known(row, now))
