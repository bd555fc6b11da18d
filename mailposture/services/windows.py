"""Exposure windows: opened and closed by proof only, each with its four bounds."""

from datetime import datetime

from mailposture import models
from mailposture.core.verdict import Verdict


def move(
    path: models.Path,
    current: models.Observation | None,
    last_seen: datetime | None,
    verdict: Verdict,
    at: datetime,
) -> None:
    """Move the window of a stranger's path to a new verdict; *unknown* moves nothing.

    `current` is the span that ends now, `last_seen` how long it was seen.
    """
    standing = path.windows.filter(first_closed_at=None).first()
    if verdict is Verdict.OPEN and standing is None:
        models.ExposureWindow.objects.create(
            path=path,
            tenant_id=path.tenant_id,
            last_closed_at=_last(path, current, last_seen, Verdict.CLOSED),
            first_open_at=at,
        )
    elif verdict is Verdict.CLOSED and standing is not None:
        models.ExposureWindow.objects.filter(pk=standing.pk).update(
            last_open_at=_last(path, current, last_seen, Verdict.OPEN) or standing.first_open_at,
            first_closed_at=at,
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
