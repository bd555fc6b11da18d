"""Exposure windows: opened and closed by proof only, each with its four bounds."""

from datetime import datetime

from mailposture import models
from mailposture.core import exposure
from mailposture.core.verdict import Verdict


def move(
    path: models.Path,
    current: models.Observation | None,
    last_seen: datetime | None,
    verdict: Verdict,
    at: datetime,
) -> None:
    """Move the window of a stranger's path to a new verdict.

    `current` is the span that ends now, `last_seen` how long it was seen.
    """
    row = path.windows.filter(first_closed_at=None).first()
    last_open = _last(path, current, last_seen, Verdict.OPEN)
    position = exposure.Position(
        window=_window(row, last_open) if row else None,
        last_closed=_last(path, current, last_seen, Verdict.CLOSED),
    )
    step = exposure.move(position, verdict, at)
    if step.opened:
        path.windows.create(
            tenant_id=path.tenant_id,
            last_closed_at=step.opened.last_closed,
            first_open_at=step.opened.first_open,
        )
    if row and step.ended:
        models.ExposureWindow.objects.filter(pk=row.pk).update(
            last_open_at=step.ended.last_open, first_closed_at=step.ended.first_closed
        )


def _window(row: models.ExposureWindow, last_open: datetime | None) -> exposure.Window:
    return exposure.Window(
        last_closed=row.last_closed_at,
        first_open=row.first_open_at,
        last_open=last_open or row.first_open_at,
    )


def _last(
    path: models.Path,
    current: models.Observation | None,
    last_seen: datetime | None,
    verdict: Verdict,
) -> datetime | None:
    """When this verdict was last seen on this path, whatever unknown came after it."""
    if current is not None and current.verdict == verdict:
        return last_seen or current.first_at
    earlier = path.observations.filter(verdict=verdict, last_at__isnull=False)
    return earlier.order_by("-last_at").values_list("last_at", flat=True).first()
