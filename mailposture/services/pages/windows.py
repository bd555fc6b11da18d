"""Exposure windows for reading: the union over paths, by sender class, with its four bounds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final

from django.db.models import Case, DateTimeField, OuterRef, Q, Subquery, When
from django.db.models.functions import Coalesce

from mailposture import models
from mailposture.core.exposure import Window, total
from mailposture.core.states import answer_age, counted
from mailposture.core.verdict import ASKED, SenderClass, Verdict

# Windows of paths that a page adds up, the newest first; those of one shard count once.
MOST: Final = 3000
SHOWN: Final = 20
A_MINUTE: Final = timedelta(minutes=1)


class Stand(IntEnum):
    """What is known of the end of an exposure; of several paths the greatest counts."""

    OVER = 0  # seen closed, or nobody looks any more
    UNPROVED = 1  # nothing has proved it closed, and the latest looks prove nothing
    OPEN = 2  # open at the latest look


type Held = tuple[Window, Stand]


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposure:
    """A time in which strangers got in with the same sender classes, over all their paths."""

    senders: tuple[SenderClass, ...]
    window: Window
    stand: Stand

    @property
    def open(self) -> bool:
        """Whether it stands open, as far as the latest look tells."""
        return self.stand is Stand.OPEN

    @property
    def unproved(self) -> bool:
        """Whether it may stand open: it was not seen closed."""
        return self.stand is Stand.UNPROVED

    @property
    def who(self) -> str:
        """Any sender, or those that got in."""
        if set(ASKED) <= set(self.senders):
            return "any sender"
        return f"{' and '.join(s.value for s in self.senders)} sender"

    @property
    def anchor(self) -> str:
        """Its row in the table of the page."""
        return f"window-{'-'.join(self.senders)}-{self.window.first_open:%Y%m%dT%H%M%S}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One exposure with its lengths: until when it counts, how long surely, how long at most."""

    exposure: Exposure
    until: datetime
    since_first_look: bool
    most_from: datetime
    most_until: datetime

    @property
    def once(self) -> bool:
        """Whether it was seen open in a single look."""
        return self.until == self.exposure.window.first_open

    @property
    def at_most(self) -> bool:
        """Whether it may have lasted longer than was seen, as far as the words for it tell."""
        surely = self.until - self.exposure.window.first_open
        return _told(self.most_until - self.most_from) > _told(surely)

    @property
    def short(self) -> bool:
        """Whether its bounds need seconds to be told apart."""
        return self.most_until - self.most_from < timedelta(hours=1)


def _told(length: timedelta) -> timedelta:
    """As much of a length as is said: hours from a day on, minutes from a minute on."""
    for over, unit in ((timedelta(days=1), timedelta(hours=1)), (A_MINUTE, A_MINUTE)):
        if length >= over:
            return length // unit * unit
    return length


type Ends = Mapping[tuple[int, int], datetime]


_OPEN_BEFORE: Final = models.Observation.objects.filter(
    path=OuterRef("path"), verdict=str(Verdict.OPEN), last_at__isnull=False
).order_by("-first_at")

# Until when a window that stands was seen open, where the present answer of its path proves
# nothing: the end of the last open answer before it.
SEEN_BEFORE: Final = Case(
    When(
        ~Q(path__verdict=str(Verdict.OPEN)),
        last_open_at=None,
        then=Coalesce(Subquery(_OPEN_BEFORE.values("last_at")[:1]), "first_open_at"),
    ),
    output_field=DateTimeField(),
)


def load(of: models.Tenant, ends: Ends, now: datetime) -> list[Exposure]:
    """All windows of the tenant's strangers, united and put together, the newest first."""
    rows = (
        of.windows.order_by("-first_open_at")
        .annotate(seen_before=SEEN_BEFORE)
        .values_list(
            "path__sender_class",
            "last_closed_at",
            "first_open_at",
            "last_open_at",
            "first_closed_at",
            "path__vantage_point_id",
            "path__part",
            "path__seen_until",
            "path__retired_at",
            "path__vantage_point__enabled",
            "path__verdict",
            "seen_before",
        )
        .distinct()[:MOST]
    )
    every = timedelta(seconds=of.probe_every)
    found: dict[SenderClass, list[Held]] = {}
    for row in rows:
        name, closed, opened, last, ended, place, part, left_out, retired, enabled, *said = row
        verdict, before = said
        looked = left_out or ends.get((place, part)) or opened
        seen = last or before or looked
        window = Window(
            last_closed=closed,
            first_open=opened,
            last_open=max(opened, min(seen, retired or seen)),
            first_closed=ended,
        )
        # A path that nobody looks at any more neither stands open nor was seen closed.
        watched = ended is None and retired is None and enabled
        answer = counted(Verdict(verdict), answer_age(looked, now, every))
        stand = Stand.OPEN if answer is Verdict.OPEN else Stand.UNPROVED
        found.setdefault(SenderClass(name), []).append((window, stand if watched else Stand.OVER))
    return together({name: unite(held) for name, held in found.items()})


def unite(held: Sequence[Held]) -> list[Held]:
    """Windows of several paths as one where they overlap, with the bounds of the whole."""
    united: list[Held] = []
    for window, stand in sorted(held, key=lambda h: (h[0].first_open, _known(h[0].last_closed))):
        if united and (united[-1][1] is Stand.OPEN or window.first_open <= united[-1][0].last_open):
            last, stood = united[-1]
            both = max(stood, stand)
            united[-1] = (_joined(last, window, stands=bool(both)), both)
        else:
            united.append((window, stand))
    return united


def _known(moment: datetime | None) -> float:
    """An unknown bound is the widest: it comes first."""
    return moment.timestamp() if moment else 0.0


def _joined(first: Window, other: Window, *, stands: bool) -> Window:
    """The union may have begun when any of its paths was last seen closed, and ended only when
    all were seen closed. A path that was first looked at later says nothing of the beginning.
    """
    begins = [w.last_closed for w in (first, other) if w.last_closed]
    ends = [w.first_closed for w in (first, other) if w.first_closed]
    latest = max(first, other, key=lambda w: w.last_open)
    return Window(
        last_closed=min(begins) if first.last_closed else None,
        first_open=first.first_open,
        last_open=latest.last_open,
        first_closed=max(ends) if latest.first_closed and not stands else None,
    )


def together(found: Mapping[SenderClass, list[Held]]) -> list[Exposure]:
    """Sender classes with the very same bounds are one line."""
    alike: dict[Held, list[SenderClass]] = {}
    for name in SenderClass:
        for window, stand in found.get(name, ()):
            alike.setdefault((window, stand), []).append(name)
    exposures = (
        Exposure(senders=tuple(names), window=window, stand=stand)
        for (window, stand), names in alike.items()
    )
    return sorted(exposures, key=lambda e: (e.window.first_open, e.stand), reverse=True)


def rows(found: Iterable[Exposure], now: datetime) -> list[Row]:
    """The lines of the table, with the spans their lengths are counted over."""
    return [
        Row(
            exposure=one,
            until=now if one.open else one.window.last_open,
            since_first_look=one.window.last_closed is None,
            most_from=one.window.last_closed or one.window.first_open,
            most_until=one.window.first_closed or (now if one.stand else one.window.last_open),
        )
        for one in found
    ]


def added_up(found: Iterable[Row], now: datetime) -> float:
    """Seconds in which strangers got in, whoever they were."""
    surely, _ = total([replace(row.exposure.window, last_open=row.until) for row in found], now)
    return surely.total_seconds()
