"""Exposure windows for reading: the union over paths, by sender class, with its four bounds.

Between its inner bounds strangers got in, as far as anybody looked: a time in which nobody did for
longer than an answer counts is no part of how long that surely was.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Final, cast

from django.db.models import Case, DateTimeField, OuterRef, Q, Subquery, When
from django.db.models.functions import Coalesce

from mailposture import models
from mailposture.core.exposure import Window
from mailposture.core.spans import Span, cut, length, union
from mailposture.core.states import ROUNDS, answer_age, counted
from mailposture.core.verdict import ASKED, SenderClass, Verdict
from mailposture.services.pages import answers, spans
from mailposture.services.pages.answers import Run
from mailposture.services.pages.looks import Looks

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
    # When nobody looked between its inner bounds.
    unseen: tuple[Span, ...] = ()

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
    """One exposure with its lengths: until when it counts, how long surely, how long at most.

    `surely` are the times that somebody looked and got in, `unseen` is how long nobody looked.
    """

    exposure: Exposure
    until: datetime
    since_first_look: bool
    most_from: datetime
    most_until: datetime
    surely: tuple[Span, ...]
    unseen: timedelta

    @property
    def lasted(self) -> timedelta:
        """How long surely."""
        return length(self.surely)

    @property
    def once(self) -> bool:
        """Whether it was seen open in a single look."""
        return self.until == self.exposure.window.first_open

    @property
    def at_most(self) -> bool:
        """Whether it may have lasted longer than was seen, as far as the words for it tell."""
        return _told(self.most_until - self.most_from) > _told(self.lasted)

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


_COLUMNS: Final = (
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


def load(of: models.Tenant, runs: Sequence[Run], now: datetime) -> list[Exposure]:
    """All windows of the tenant's strangers, united and put together, the newest first; `runs` say
    when somebody looked.
    """
    rows = of.windows.order_by("-first_open_at").annotate(seen_before=SEEN_BEFORE)
    every = timedelta(seconds=of.probe_every)
    many = len(runs) >= answers.MOST_RUNS
    looks = Looks(runs, ROUNDS * every, min(run.until for run in runs) if many else None)
    ends = answers.ends(runs)
    times: dict[SenderClass, list[Span]] = {}
    found: dict[SenderClass, list[Held]] = {}
    for (
        sender,
        *bounds,
        place,
        part,
        left_out,
        retired,
        enabled,
        verdict,
        before,
    ) in rows.values_list(*_COLUMNS).distinct()[:MOST]:
        name, opened = SenderClass(sender), cast("datetime", bounds[1])
        looked = left_out or ends.get((place, part)) or opened
        window = _window(bounds, cast("datetime", before or looked), retired)
        # A path that nobody looks at any more neither stands open nor was seen closed.
        watched = window.first_closed is None and retired is None and enabled
        answer = counted(Verdict(verdict), answer_age(looked, now, every))
        stand = Stand.OPEN if answer is Verdict.OPEN else Stand.UNPROVED
        held = window, stand if watched else Stand.OVER
        found.setdefault(name, []).append(held)
        until = now if held[1] is Stand.OPEN else window.last_open
        times.setdefault(name, []).extend(looks.during((place, part), opened, until))
    exposures = together({name: unite(held) for name, held in found.items()})
    return [replace(one, unseen=tuple(_unseen(one, times, looks.within, now))) for one in exposures]


def _window(bounds: Sequence[Any], looked: datetime, retired: datetime | None) -> Window:
    """A row's four bounds; one that stands was seen open up to the last look, or until it left."""
    closed, opened, last, ended = bounds
    seen = last or looked
    return Window(
        last_closed=closed,
        first_open=opened,
        last_open=max(opened, min(seen, retired or seen)),
        first_closed=ended,
    )


def _unseen(
    one: Exposure, times: Mapping[SenderClass, list[Span]], within: timedelta, now: datetime
) -> list[Span]:
    """When nobody looked for longer than an answer counts, while this stood open."""
    begin, end = one.window.first_open, now if one.open else one.window.last_open
    looks = [span for name in one.senders for span in times.get(name, ())]
    if not one.open:
        looks.append((end, end))
    looked = union(cut(looks, begin - A_MINUTE, end + A_MINUTE), within)
    return [(a, b) for a, b in spans.minus([(begin, end)], looked) if b - a > within]


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
    return [_row(one, now) for one in found]


def _row(one: Exposure, now: datetime) -> Row:
    window, until = one.window, now if one.open else one.window.last_open
    return Row(
        exposure=one,
        until=until,
        since_first_look=window.last_closed is None,
        most_from=window.last_closed or window.first_open,
        most_until=window.first_closed or (now if one.stand else window.last_open),
        surely=tuple(spans.minus([(window.first_open, until)], one.unseen)),
        unseen=length(one.unseen),
    )


def added_up(found: Iterable[Row]) -> float:
    """Seconds in which strangers surely got in, whoever they were."""
    return length(spans.union(span for row in found for span in row.surely)).total_seconds()
