"""A tenant's timeline: changes, worst answers over time, exposure windows, as one figure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.urls import reverse

from mailposture import models
from mailposture.adapters import bands, charts
from mailposture.core.states import State, domain_state, worst
from mailposture.core.verdict import Verdict
from mailposture.services.pages import answers, windows
from mailposture.services.pages.answers import Run, Span
from mailposture.services.pages.windows import Exposure

DEFAULT_DAYS: Final = 18


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """How far back one may look, what that is called, and how long a bucket of probes then is."""

    word: str
    length: timedelta
    bucket: timedelta


# By the `days` of the address; 0 is the last hour.
REACHES: Final = {
    0: Reach(word="Hour", length=timedelta(hours=1), bucket=timedelta(minutes=1)),
    1: Reach(word="Day", length=timedelta(days=1), bucket=timedelta(minutes=30)),
    18: Reach(word="18 d", length=timedelta(days=18), bucket=timedelta(hours=6)),
    90: Reach(word="90 d", length=timedelta(days=90), bucket=timedelta(days=1)),
    365: Reach(word="Year", length=timedelta(days=365), bucket=timedelta(days=5)),
}
MOST_CHANGES: Final = 200
EFFECTS: Final = frozenset({"opens", "closes"})


def load(of: models.Tenant, days: int, now: datetime) -> charts.TenantTimeline:
    """The figure by itself, behind its own address."""
    runs = answers.runs(of)
    loaded = answers.load(of, runs, start(days, now), now)
    return build(
        days=days,
        now=now,
        changes=changes(of),
        exposures=windows.load(of, runs, now),
        buckets=buckets(runs, loaded.spans, days, now),
    )


def start(days: int, now: datetime) -> datetime:
    """Where the figure begins."""
    return now - REACHES[days].length


def reach(of: models.Tenant, now: datetime) -> int:
    """The reach to begin with: the shortest that holds all that was watched, up to the usual."""
    watched = now - of.created_at
    fits = (d for d, one in REACHES.items() if watched <= one.length and d < DEFAULT_DAYS)
    return next(fits, DEFAULT_DAYS)


def changes(of: models.Tenant) -> list[models.Change]:
    """The latest changes, as many as a figure can show."""
    return list(of.changes.order_by("-at", "-pk")[:MOST_CHANGES])


def build(
    *,
    days: int,
    now: datetime,
    changes: Iterable[models.Change],
    exposures: Iterable[Exposure],
    buckets: Sequence[charts.Bucket],
) -> charts.TenantTimeline:
    """Put the three lanes together."""
    begin = start(days, now)
    return charts.TenantTimeline(
        start=begin,
        now=now,
        changes=tuple(
            charts.Change(
                at=change.at,
                effect=change.effect if change.effect in EFFECTS else "neutral",
                label=change.sentence,
                href=change.get_absolute_url(),
            )
            for change in changes
            if change.at >= begin
        ),
        buckets=tuple(buckets),
        windows=tuple(
            _window(one, now) for one in exposures if (one.window.first_closed or now) >= begin
        ),
    )


def _window(one: Exposure, now: datetime) -> bands.Window:
    return bands.Window(
        last_closed=one.window.last_closed,
        first_open=one.window.first_open,
        last_open=one.window.last_open,
        first_closed=one.window.first_closed,
        doubt_until=now if one.unproved else None,
        unseen=tuple(gap for gap in one.unseen if gap[1] <= one.window.last_open),
        label=f"any host, {one.who}",
        href=f"#{one.anchor}",
    )


# ---- the lane of probes ------------------------------------------------------------------


# Domains that fared alike -> sender -> what strangers were told.
type Groups = dict[int, dict[str, set[Verdict]]]


def buckets(
    runs: Iterable[Run], found: Iterable[Span], days: int, now: datetime
) -> list[charts.Bucket]:
    """The worst answer of each bucket in which somebody looked; the others are left out."""
    length = REACHES[days].bucket
    count = REACHES[days].length // length
    begin = now - count * length
    looked: dict[tuple[int, int], set[int]] = {}
    for run in runs:
        held = looked.setdefault((run.place, run.part), set())
        held.update(_touched(run.since, run.until, begin, length, count))
    seen: list[Groups] = [{} for _ in range(count)]
    paths = [0] * count
    for span in found:
        held = looked.get((span.place, span.part), set())
        for n in _touched(span.first, span.last, begin, length, count):
            if n in held:
                classes = seen[n].setdefault(span.group, {})
                classes.setdefault(span.sender, set()).add(span.verdict)
                paths[n] += span.paths
    return [
        charts.Bucket(
            start=begin + n * length,
            end=begin + (n + 1) * length,
            worst=_worst(groups),
            answers=paths[n],
        )
        for n, groups in enumerate(seen)
        if groups
    ]


def _touched(
    first: datetime, last: datetime, start: datetime, length: timedelta, count: int
) -> range:
    """The numbers of the buckets that a time touches."""
    return range(max(0, (first - start) // length), min(count - 1, (last - start) // length) + 1)


def _worst(groups: Groups) -> str:
    """The worst domain's state; each is judged as it is now, by the worst of its strangers."""
    states = {
        domain_state({name: worst(said) for name, said in classes.items()})
        for classes in groups.values()
    }
    return str(next(state for state in _WORST_STATES if state in states))


# Across domains nothing stands in for the one that nothing is known of.
_WORST_STATES: Final = (State.OPEN, State.PARTLY_OPEN, State.UNKNOWN, State.CLOSED)


# ---- the list for narrow rooms -----------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that happened, for the list that takes the figure's place where room is short."""

    at: datetime
    state: str
    icon: str
    text: str
    href: str
    link: str


def events(
    changes: Iterable[models.Change], exposures: Iterable[Exposure], begin: datetime
) -> list[Event]:
    """Changes and bounds of windows since the start, newest first."""
    found = [_changed(change) for change in changes]
    for one in exposures:
        found.append(_event(one.window.first_open, "open", f"First seen open, {one.who}."))
        if one.window.first_closed:
            found.append(_event(one.window.first_closed, "closed", f"Seen closed, {one.who}."))
    return sorted((e for e in found if e.at >= begin), key=lambda e: e.at, reverse=True)


def _changed(change: models.Change) -> Event:
    return Event(
        at=change.at,
        state=change.effect if change.effect in EFFECTS else "",
        icon="history",
        text=change.sentence,
        href=change.get_absolute_url(),
        link="Change",
    )


def _event(at: datetime, state: str, text: str) -> Event:
    return Event(at=at, state=state, icon="", text=text, href="", link="")


def address(of: models.Tenant, days: int) -> str:
    """Where the figure is."""
    return f"{reverse('timeline', args=[of.slug])}?days={days}"
