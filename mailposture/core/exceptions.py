"""Exceptions: what a person asks to accept, for how long it holds, and what goes beyond it.

An exception is a justified, approved, expiring acceptance of one finding: a rule and its subject
at a tenant. What was accepted is kept as a scope (how grave, which addresses, which certificate
names, which domains); whatever goes beyond that is outside the exception.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from mailposture.core import addresses
from mailposture.core.addresses import AddressSet
from mailposture.core.posture.findings import cidrs, listed, many
from mailposture.core.posture.scopes import Scope

DAY: Final = timedelta(days=1)
# A year is the longest that anything is accepted for; a quarter where nobody says otherwise.
LONGEST: Final = timedelta(days=365)
USUAL: Final = timedelta(days=90)
# It is told so long before it ends, and listed as ending soon a little earlier.
NOTICE: Final = timedelta(days=14)
SOON: Final = timedelta(days=30)
# What judges exceptions cannot be excepted.
NEVER: Final = frozenset({"MP-13"})


class State(StrEnum):
    """What an exception is. *Expired* is the clock's doing, all others are people's."""

    REQUESTED = "requested"
    APPROVED = "approved"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"
    RENEWED = "renewed"

    @property
    def word(self) -> str:
        """As pages say it."""
        return _WORDS[self]


_WORDS: Final[Mapping[State, str]] = {
    State.REQUESTED: "Pending",
    State.APPROVED: "In force",
    State.EXPIRED: "Expired",
    State.WITHDRAWN: "Withdrawn",
    State.REFUSED: "Refused",
    State.RENEWED: "Renewed",
}


# ---- time ----------------------------------------------------------------------------------


class NotADayError(ValueError):
    """A day on which no exception may end, or be reviewed; says which may."""


def state(kept: str, expires_at: datetime, now: datetime) -> State:
    """What people made of it, until its end; then it has expired, approved or not."""
    found = State(kept)
    standing = found in (State.REQUESTED, State.APPROVED)
    return State.EXPIRED if standing and expires_at <= now else found


def expiry(last_day: date) -> datetime:
    """The moment at which an exception ends that holds through this UTC day."""
    return datetime.combine(last_day + DAY, time.min, UTC)


def last_day(expires_at: datetime) -> date:
    """The last UTC day on which it holds."""
    return (expires_at.astimezone(UTC) - timedelta(microseconds=1)).date()


def usual_last_day(now: datetime) -> date:
    """Until when, where nobody says otherwise."""
    return now.astimezone(UTC).date() + USUAL


def checked_last_day(chosen: date, now: datetime) -> date:
    """The day, if an exception may end on it. Raises NotADayError."""
    today = now.astimezone(UTC).date()
    if chosen < today:
        raise NotADayError("This day is over. Choose today or a later one.")
    if chosen > today + LONGEST:
        longest = today + LONGEST
        raise NotADayError(f"At most a year: {longest.day} {longest:%b %Y} is the last day.")
    return chosen


def checked_review(chosen: date, last: date, now: datetime) -> date:
    """The day of the next review, if it comes before the end. Raises NotADayError."""
    if not now.astimezone(UTC).date() <= chosen <= last:
        raise NotADayError(f"Choose a day from today to its last, {last.day} {last:%b %Y}.")
    return chosen


def usual_review(last: date, now: datetime) -> date:
    """Halfway, where nobody says otherwise."""
    today = now.astimezone(UTC).date()
    return today + (last - today) // 2


def until(expires_at: datetime) -> str:
    """The last day with its year, since an exception outlives one: 23 Feb 2027."""
    day = last_day(expires_at)
    return f"{day.day} {day:%b %Y}"


# ---- what was accepted, and what goes beyond it --------------------------------------------


def beyond(accepted: Scope, found: Scope) -> tuple[str, ...]:
    """What of a finding goes beyond what was accepted, in words; nothing where it is covered.

    Less than was accepted is covered. What cannot be compared, since it is not known now or was
    not known then, is said by its severity alone.
    """
    return tuple(_beyond(accepted, found))


def _beyond(accepted: Scope, found: Scope) -> Iterator[str]:
    if found.severity.rank < accepted.severity.rank:
        yield f"It is {found.severity} now, and {accepted.severity} was accepted."
    before, now = accepted.set, found.set
    if before is not None and now is not None and (more := now - before):
        yield f"{many(more)} more than were accepted: {cidrs(more)}."
    for what, old, new in (
        ("Certificate name", accepted.names, found.names),
        ("Domain", accepted.domains, found.domains),
        ("Evidence", accepted.lines, found.lines),
    ):
        if fresh := _fresh(old, new):
            plural = "" if len(fresh) == 1 or what == "Evidence" else "s"
            yield f"{what}{plural} not among what was accepted: {listed(fresh)}."


def _fresh(old: Iterable[str] | None, new: Sequence[str] | None) -> list[str]:
    if old is None or new is None:
        return []
    known = set(old)
    return [one for one in new if one not in known]


def described(scope: Scope) -> tuple[str, ...]:
    """What was accepted, in words for a page."""
    said = [f"At most {scope.severity}."]
    if (found := scope.set) is not None:
        said.append(f"{many(found) or 'No address'}{f': {cidrs(found)}' if found else ''}.")
    for what, values in (("Certificate names", scope.names), ("Domains", scope.domains)):
        if values:
            said.append(f"{what}: {listed(values)}.")
    said.extend(scope.lines or ())
    return tuple(said)


# ---- what it does to its finding -----------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An exception that people made: what it accepts, and for whom if that was said."""

    name: str
    rule: str
    subject: str
    accepted: Scope
    hosts: tuple[str, ...] = ()
    key: int = 0

    @property
    def about(self) -> tuple[str, str]:
        """What finding it is about, at its tenant."""
        return self.rule, self.subject


class Touch(StrEnum):
    """What a proposal does to an exception."""

    CONTRADICTED = "contradicted"
    AGAIN = "again"
    WIDER = "wider"
    NEEDLESS = "needless"


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """One exception that a proposal touches, and how."""

    held: Held
    how: Touch
    sentence: str


def touched(
    held: Iterable[Held],
    after: Mapping[tuple[str, str], Scope | None],
    lost: AddressSet,
    lost_names: Iterable[str] = (),
    over: Collection[tuple[str, str]] = (),
) -> tuple[Touched, ...]:
    """What a proposal does to these exceptions, contradictions first. `over` are those of their
    findings that do not stand today.

    `after` are the findings after it, each with its scope, None where it is not known any more
    whether one stands; `lost` and `lost_names` are what gets in now and would not, somewhere.
    """
    names = frozenset(lost_names)
    found = [one for each in held for one in _touched(each, after, lost, names, each.about in over)]
    return tuple(sorted(found, key=lambda one: tuple(Touch).index(one.how)))


def _touched(
    held: Held,
    after: Mapping[tuple[str, str], Scope | None],
    lost: AddressSet,
    lost_names: frozenset[str],
    over: bool,  # noqa: FBT001  one of the facts of the row
) -> Iterator[Touched]:
    if words := _cut_off(held, lost, lost_names):
        yield Touched(held=held, how=Touch.CONTRADICTED, sentence=words)
    if held.about not in after:
        if not over:
            words = "Its finding would be gone: there would be nothing left to accept."
            yield Touched(held=held, how=Touch.NEEDLESS, sentence=words)
        return
    scope = after[held.about]
    if scope is None:
        return
    if more := beyond(held.accepted, scope):
        words = f"Its finding would go beyond it. {' '.join(more)}"
        yield Touched(held=held, how=Touch.WIDER, sentence=words)
    elif over:
        words = "Its finding is over, and would stand again: accepted, without anybody asked anew."
        yield Touched(held=held, how=Touch.AGAIN, sentence=words)


def _cut_off(held: Held, lost: AddressSet, lost_names: frozenset[str]) -> str:
    """Whom it lets deliver and the proposal would not, to some domain with some sender.

    Of an open door that is accepted these are the hosts that it is for, where that was said: to
    shut it on all others contradicts nobody.
    """
    is_door = held.accepted.domains is not None
    whole = None if is_door else held.accepted.set
    meant = addresses.parse(held.hosts) if held.hosts else whole
    hit = meant & lost if meant is not None else None
    named = sorted(lost_names & set(held.accepted.names or ()))
    who = [f"{many(hit)} ({cidrs(hit)})"] if hit else []
    who += [f"certificate {name}" for name in named]
    if not who:
        return ""
    return f"It lets these deliver, and the proposal would not everywhere: {'; '.join(who)}."
