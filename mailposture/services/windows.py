"""Exposure windows: opened and closed by proof only, each with its four bounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from mailposture import models
from mailposture.core import exposure
from mailposture.core.verdict import Verdict
from mailposture.services import rows

type Known = dict[tuple[int, str], datetime]


@dataclass(frozen=True, slots=True)
class Turn:
    """A stranger's path whose answer is another than before: `path.current`, the span that ends
    now, was seen until `last_seen`.
    """

    path: models.Path
    last_seen: datetime | None
    verdict: Verdict


def move(turns: Sequence[Turn], at: datetime) -> None:
    """Move the windows of these paths to their new verdicts, however many in as many queries."""
    found = models.ExposureWindow.objects.filter(
        path__in=[turn.path.pk for turn in turns], first_closed_at=None
    )
    standing = {row.path_id: row for row in found}
    earlier = _earlier(turns)
    opened, ended = [], []
    for turn in turns:
        row = standing.get(turn.path.pk)
        step = exposure.move(_position(turn, row, earlier), turn.verdict, at)
        if step.opened:
            opened.append(_row(turn.path, step.opened))
        if row and step.ended:
            row.last_open_at, row.first_closed_at = step.ended.last_open, step.ended.first_closed
            ended.append(row)
    models.ExposureWindow.objects.bulk_create(opened)
    rows.save(ended, ("last_open_at", "first_closed_at"))


def _row(path: models.Path, window: exposure.Window) -> models.ExposureWindow:
    return models.ExposureWindow(
        path=path,
        tenant_id=path.tenant_id,
        last_closed_at=window.last_closed,
        first_open_at=window.first_open,
    )


def _position(turn: Turn, row: models.ExposureWindow | None, earlier: Known) -> exposure.Position:
    window = None
    if row:
        window = exposure.Window(
            last_closed=row.last_closed_at,
            first_open=row.first_open_at,
            last_open=_last(turn, earlier, Verdict.OPEN) or row.first_open_at,
        )
    return exposure.Position(window=window, last_closed=_last(turn, earlier, Verdict.CLOSED))


def _last(turn: Turn, earlier: Known, verdict: Verdict) -> datetime | None:
    """When this verdict was last seen on this path, whatever unknown came after it."""
    current = turn.path.current
    if current is not None and current.verdict == verdict:
        return turn.last_seen or current.first_at
    return earlier.get((turn.path.pk, str(verdict)))


def _earlier(turns: Sequence[Turn]) -> Known:
    """Until when each verdict was seen in the spans before the latest; new paths have none."""
    old = [turn.path.pk for turn in turns if turn.path.current is not None]
    if not old:
        return {}
    spans = models.Observation.objects.filter(path__in=old, last_at__isnull=False)
    found = spans.order_by().values_list("path_id", "verdict").annotate(Max("last_at"))
    return {(path, verdict): last for path, verdict, last in found}
