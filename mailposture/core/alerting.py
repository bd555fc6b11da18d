"""Who is told what, once: the life of an incident, and which moves of it are news.

An incident opens, may worsen, and ends. Its first opening and its first end are always told. If
its cause comes back within an hour the same incident goes on: that is told once, and then nothing
until it has been quiet for an hour, when it is told how it stands if that is not what was told
last. Whoever keeps the life asks `due` before `observe`, and again when `tell_at` has come.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Final

from mailposture.core.spans import Span, length, union

QUIET: Final = timedelta(hours=1)
# A large tenant's round comes in parts. Its first sight waits for the rest of it, but not long.
PATIENCE: Final = timedelta(seconds=30)


class Kind(StrEnum):
    """What people are told about."""

    BYPASS = "bypass"
    CUT_OFF = "cut_off"
    BLIND = "blind"
    EXCEPTION = "exception"


class Event(StrEnum):
    """What a piece of news is."""

    OPENED = "opened"
    WORSE = "worse"
    BETTER = "better"
    AGAIN = "again"
    RESOLVED = "resolved"


class Level(IntEnum):
    """How bad it stands: nothing wrong, wrong in part, wrong as a whole."""

    GONE = 0
    PARTLY = 1
    WHOLE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Where an incident stands between two looks.

    `told` is the level that people know of, None before the first news. `restless` is one that
    came back within the hour. `tell_at` is when what nobody was told yet must be looked at again.
    """

    opened_at: datetime
    moved_at: datetime
    resolved_at: datetime | None = None
    told: Level | None = None
    restless: bool = False
    tell_at: datetime | None = None

    @property
    def returning(self) -> bool:
        """Whether it came back and nobody was told so yet."""
        return self.restless and self.resolved_at is None and self.told is Level.GONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One look: how bad it is, when that was seen, and whether the look is whole.

    `level` is None where the look proved nothing: neither that it is there nor that it is gone.
    `hold` is set while its cause is being read: an opening or a return then waits for that, as it
    waits for the rest of a round.
    """

    level: Level | None
    at: datetime
    whole: bool = True
    hold: bool = False

    @property
    def tells(self) -> bool:
        """Whether an opening or a return may be told at once."""
        return self.whole and not self.hold


@dataclass(frozen=True, slots=True)
class Step:
    """Where a look leads: the life after it, its news, and whether a new incident began."""

    life: Life | None
    news: tuple[Event, ...] = ()
    began: bool = False


def fingerprint(kind: Kind, *subject: object) -> str:
    """What makes two incidents the same: the kind, and whom it is about. Never a single path."""
    return hashlib.sha256("\x1f".join((kind, *map(str, subject))).encode()).hexdigest()


def severed(refused: Mapping[str, Collection[str]], inside: Mapping[str, Collection[str]]) -> Level:
    """How bad it is for an approved source, by the sender classes of each domain.

    Whole where a domain takes none of its mail, or none of what foreign senders send through it.
    What is refused in a partner's name says nothing of other mail.
    """
    if not any(refused.values()):
        return Level.GONE
    for domain, asked in refused.items():
        classes = set(asked) - {"partner"}
        gets_in = set(inside.get(domain, ()))
        if classes and (not gets_in or ("foreign" in classes and "foreign" not in gets_in)):
            return Level.WHOLE
    return Level.PARTLY


def unseen(reasons: Collection[str]) -> Level:
    """How blind we are: in part while a tenant that is not read may be probed, or the reverse."""
    if not reasons:
        return Level.GONE
    probes = "not_probed" in reasons
    reads = bool(set(reasons) - {"not_probed"})
    return Level.WHOLE if "silent" in reasons or (probes and reads) else Level.PARTLY


def in_all(spells: Iterable[Span]) -> timedelta:
    """How long it lasted in all, where it came and went."""
    return length(union(spells))


def observe(life: Life | None, seen: Seen) -> Step:
    """Take one look into account. What proved nothing moves nothing."""
    if seen.level is None:
        return Step(life)
    if seen.level is Level.GONE:
        standing = life is not None and life.resolved_at is None
        return _gone(life, seen) if life and standing else Step(life)
    if life is None or (life.resolved_at and seen.at - life.resolved_at >= QUIET):
        first = _opening(Life(opened_at=seen.at, moved_at=seen.at), seen, seen.level)
        return replace(first, began=True)
    if life.resolved_at:
        return _back(life, seen, seen.level)
    return _still(life, seen, seen.level)


def due(life: Life, level: Level, now: datetime) -> Step:
    """Tell what was held back, once its time has come; `level` is how it stands."""
    if life.tell_at is None or now < life.tell_at:
        return Step(life)
    if life.told is None:
        return Step(replace(life, told=level, tell_at=None), (Event.OPENED,))
    if life.returning:
        return _again(life, level)
    return _quiet(life, level)


def _opening(life: Life, seen: Seen, level: Level) -> Step:
    """Its first news: at once, or when the rest of the round or its cause has come."""
    if seen.tells:
        return Step(replace(life, told=level, tell_at=None), (Event.OPENED,))
    return Step(replace(life, tell_at=life.tell_at or seen.at + PATIENCE))


def _still(life: Life, seen: Seen, level: Level) -> Step:
    if life.told is None:
        return _opening(life, seen, level)
    if life.returning:
        return _again(life, level) if seen.tells else Step(life)
    if level > life.told and seen.whole and not life.restless:
        return Step(replace(life, told=level), (Event.WORSE,))
    return Step(life)


def _gone(life: Life, seen: Seen) -> Step:
    """It ended. An opening or a return that was held back is told first: none is lost."""
    ended = replace(life, resolved_at=seen.at, moved_at=max(life.moved_at, seen.at))
    if life.restless:
        told = Level.PARTLY if life.returning else life.told
        news = (Event.AGAIN,) if life.returning else ()
        return Step(replace(ended, told=told, tell_at=ended.moved_at + QUIET), news)
    first = (Event.OPENED,) if life.told is None else ()
    over = replace(ended, told=Level.GONE, tell_at=None)
    return Step(over, (*first, Event.RESOLVED))


def _back(life: Life, seen: Seen, level: Level) -> Step:
    """It is there again within the hour: the same incident goes on."""
    moved = max(life.moved_at, seen.at)
    back = replace(life, resolved_at=None, moved_at=moved)
    if life.restless:
        return Step(replace(back, tell_at=moved + QUIET))
    held = replace(back, restless=True, tell_at=seen.at + PATIENCE)
    return _again(held, level) if seen.tells else Step(held)


def _again(life: Life, level: Level) -> Step:
    return Step(replace(life, told=level, tell_at=life.moved_at + QUIET), (Event.AGAIN,))


def _quiet(life: Life, level: Level) -> Step:
    """An hour without a flip: say how it stands, if people believe otherwise."""
    calm = replace(life, restless=False, tell_at=None)
    if life.resolved_at is not None:
        told_so = life.told is Level.GONE
        return Step(replace(calm, told=Level.GONE), () if told_so else (Event.RESOLVED,))
    if life.told is None or level == life.told:
        return Step(calm)
    event = Event.WORSE if level > life.told else Event.BETTER
    return Step(replace(calm, told=level), (event,))
