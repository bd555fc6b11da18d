"""The overview: one sentence, the worst tenants, what changed, where we are blind, ninety days."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Q
from django.urls import reverse

from mailposture.core.states import A_DAY, State
from mailposture.services import idling
from mailposture.services.pages import (
    approved,
    beginning,
    begun,
    blind,
    changes,
    exposure,
    fleet,
    incidents,
)
from mailposture.services.pages.begun import Begun
from mailposture.services.pages.fleet import Counts
from mailposture.services.pages.pieces import Piece

WORST: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """All that the page shows."""

    counts: Counts
    sentence: tuple[Piece, ...]
    rest: tuple[Piece, ...]
    idle: datetime | None
    was_read: bool
    rows: tuple[fleet.Row, ...]
    paths: int
    feed: changes.Feed
    blind: tuple[blind.Blind, ...]
    exposure: exposure.Exposure
    marks: tuple[bool, ...]
    mail: str
    steps: tuple[beginning.Step, ...]
    begun: tuple[Begun, ...]

    @property
    def is_old(self) -> bool:
        """Whether some of what the sentence says rests on stale answers."""
        return bool(self.counts.stale)

    @property
    def left_out(self) -> int:
        """Tenants that the list of the worst does not show."""
        return self.counts.total - len(self.rows)

    @property
    def more_begun(self) -> int:
        """Tenants that are being connected and are not named."""
        return self.counts.connecting - len(self.begun)


def load(now: datetime) -> Overview:
    """Everything in nine queries, however many tenants there are; two more where some are begun."""
    counts = fleet.count(now)
    found, unseen = _tenants(now)
    places = blind.places(now)
    connecting = begun.first() if counts.connecting else ()
    return Overview(
        counts=counts,
        sentence=tuple(sentence(counts)),
        rest=(*rest(counts, approved.count(now)), *judged(counts)),
        idle=idling.since((place.asked_at for place in places), counts.due, now),
        was_read=counts.last_reading is not None and now - counts.last_reading < A_DAY,
        rows=tuple(fleet.rows(found, now, _incidents(found))),
        marks=tuple(place.health.clear for place in places),
        paths=max((place.paths_in_all for place in places), default=0),
        feed=changes.feed(now),
        blind=blind.gather(places, unseen),
        exposure=exposure.overview(found, now),
        mail=_mail(counts),
        steps=beginning.steps(counts, places, connecting),
        begun=connecting,
    )


def _incidents(found: list[Any]) -> dict[int, incidents.Worst]:
    """The worst open incident of each, by its pk."""
    worst = ((tenant.pk, incidents.worst(tenant)) for tenant in found)
    return {pk: one for pk, one in worst if one}


def _mail(counts: fleet.Counts) -> str:
    """Why nobody is told; where nothing is watched there is nothing to tell."""
    if not counts.total:
        return ""
    return incidents.mail(counts.mails, told=counts.somebody_is_told, next_try=counts.next_mail)


def _tenants(now: datetime) -> tuple[list[Any], list[Any]]:
    """The worst tenants in their order, and all that were read with them: one query for both the
    list of the worst and what cannot be seen.
    """
    worst = fleet.worst_first(fleet.watched(now)).values("pk")[:WORST]
    unseen = fleet.watched(now).filter(blind.not_seen()).order_by("name", "pk")
    named = Q(pk__in=worst) | Q(pk__in=unseen.values("pk")[: blind.MOST_READ])
    # What is shown of each is looked up for these few alone.
    found = list(incidents.with_standing(blind.with_parts(fleet.watched(now)).filter(named)))
    return sorted(found, key=fleet.badness)[:WORST], found


# ---- the sentence ------------------------------------------------------------------------


def listed(*states: State) -> str:
    """The list of tenants in these states."""
    return f"{reverse('tenants')}?{'&'.join(f'state={state}' for state in states)}"


def sentence(counts: Counts) -> list[Piece]:
    """What the page says first: the worst, with its number and its longest."""
    total, noun = counts.total, "tenant" if counts.total == 1 else "tenants"
    if not total:
        return [Piece(text="Nothing is watched yet.")]
    if counts.open:
        verb = "accepts" if counts.open == 1 else "accept"
        return [
            Piece(text=f"{counts.open:,} of {total:,}", href=listed(State.OPEN), strong=True),
            Piece(text=f" {noun} {verb} mail from any host; longest "),
            _longest(counts.longest, State.OPEN),
            Piece(text="."),
        ]
    if counts.partly:
        verb = "is" if counts.partly == 1 else "are"
        href = listed(State.PARTLY_OPEN)
        return [
            Piece(text=f"{counts.partly:,} of {total:,}", href=href, strong=True),
            Piece(text=f" {noun} {verb} partly open to any host; longest "),
            _longest(counts.longest_partly, State.PARTLY_OPEN),
            Piece(text="."),
        ]
    return _nothing_open(counts, noun)


def _longest(since: datetime | None, state: State) -> Piece:
    href = f"{listed(state)}&sort=since"
    return Piece(text="not known", href=href, strong=True, since=since)


def _nothing_open(counts: Counts, noun: str) -> list[Piece]:
    """Nobody is open; but a tenant that is unknown does not refuse anybody for all we know."""
    total = counts.total
    if not counts.unknown:
        who = "The one tenant refuses" if total == 1 else f"All {total:,} {noun} refuse"
        return [Piece(text=f"{who} strangers. Last look "), Piece(text="", since=counts.last_look)]
    verb = "is" if counts.unknown == 1 else "are"
    return [
        Piece(text="No tenant is seen open, but "),
        Piece(text=f"{counts.unknown:,} of {total:,}", href=listed(State.UNKNOWN)),
        Piece(text=f" {verb} unknown."),
    ]


def rest(counts: Counts, sources: Counter[str]) -> list[Piece]:
    """The rest in one line: the other states, and how approved sources fare."""
    if not counts.total:
        return []
    others = [
        (counts.partly if counts.open else 0, "partly open", State.PARTLY_OPEN),
        (counts.closed if counts.open or counts.partly or counts.unknown else 0, "closed",
         State.CLOSED),
        (counts.unknown if counts.open or counts.partly else 0, "unknown", State.UNKNOWN),
    ]  # fmt: skip
    pieces: list[Piece] = []
    for count, word, state in others:
        if count:
            more = " more" if state is State.PARTLY_OPEN else ""
            verb = "is" if count == 1 else "are"
            pieces.append(Piece(text=f"{count:,}{more} {verb} {word}", href=listed(state)))
    said = [p for piece in pieces for p in (piece, Piece(text=", "))][:-1]
    return [*said, *([Piece(text=". ")] if said else []), *approved.pieces(sources)]


def judged(counts: Counts) -> list[Piece]:
    """Grave findings, and tenants that answer against their configuration."""
    pieces: list[Piece] = []
    if counts.findings:
        noun = "critical or high finding" if counts.findings == 1 else "critical or high findings"
        href = f"{reverse('findings')}?severity=critical&severity=high"
        pieces += [Piece(text=" "), Piece(text=f"{counts.findings:,} {noun}", href=href)]
        pieces.append(Piece(text=" stands." if counts.findings == 1 else " stand."))
    if counts.apart:
        said = "1 tenant answers against its configuration"
        if counts.apart > 1:
            said = f"{counts.apart:,} tenants answer against their configuration"
        href = reverse("contradictions")
        pieces += [Piece(text=" "), Piece(text=said, href=href, parts=True), Piece(text=".")]
    return pieces
