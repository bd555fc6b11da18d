"""What a timeline draws over a time: solid where something was seen, hatched where it was not."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """An exposure window with its four bounds; what is not known is hatched."""

    last_closed: datetime | None
    first_open: datetime
    last_open: datetime
    first_closed: datetime | None
    label: str
    href: str = ""
    # Up to when it may have stood open, where the latest looks prove nothing.
    doubt_until: datetime | None = None
    # When nobody looked between its inner bounds, in order.
    unseen: tuple[tuple[datetime, datetime], ...] = ()

    @property
    def solid(self) -> list[tuple[datetime, datetime]]:
        """When it was surely open."""
        ends = [moment for gap in self.unseen for moment in gap]
        bounds = [self.first_open, *ends, self.last_open]
        return list(zip(bounds[::2], bounds[1::2], strict=True))

    @property
    def doubted_until(self) -> datetime | None:
        """Its outer bound: seen closed, or as far as nothing was proved."""
        return self.first_closed or self.doubt_until
