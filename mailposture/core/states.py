"""How verdicts add up: to a domain, to a tenant, to an approved source; and how long they count.

Only strangers' answers make a domain's state. Approved sources are said beside it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from mailposture.core.verdict import SenderClass, Verdict

ROUNDS: Final = 4
INTERVALS: Final = 2
# From one reading to the next: one that is missed leaves no gap, two in a row do.
READ_WITHIN: Final = 2.5
A_DAY: Final = timedelta(days=1)


class State(StrEnum):
    """How a tenant, a domain or a path stands towards strangers."""

    OPEN = "open"
    PARTLY_OPEN = "partly"
    CLOSED = "closed"
    UNKNOWN = "unknown"

    @property
    def word(self) -> str:
        """The word for people."""
        return "Partly open" if self is State.PARTLY_OPEN else str(self).capitalize()


class Access(StrEnum):
    """How a host of the organisation's own fares; for it, a closed door is the bad news."""

    GETS_IN = "gets_in"
    PARTLY_CUT_OFF = "partly_cut_off"
    CUT_OFF = "cut_off"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, verdict: Verdict) -> "Access":
        """What one answer means for the host that got it."""
        return {Verdict.OPEN: cls.GETS_IN, Verdict.CLOSED: cls.CUT_OFF}.get(verdict, cls.UNKNOWN)

    @property
    def word(self) -> str:
        """The word for people."""
        return str(self).replace("_", " ").capitalize()


class Age(StrEnum):
    """How far an answer or a configuration can still be leaned on."""

    FRESH = "fresh"
    STALE = "stale"
    LAPSED = "lapsed"


# What one stranger can do, strangers can do. A stranger that proved nothing neither opens nor
# closes: where another was refused by the tenant's own control, that refusal stands.
_WORST_FIRST: Final = (Verdict.OPEN, Verdict.CLOSED, Verdict.UNKNOWN)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """What several strangers' answers to one sender class come to."""
    found = set(verdicts)
    return next((v for v in _WORST_FIRST if v in found), Verdict.UNKNOWN)


def domain_state(classes: Mapping[str, Verdict]) -> State:
    """Open by a foreign sender, partly open by only some other, closed where all asked are.

    By sender, each partner by itself (verdict.sender_named): they are different questions.
    """
    if classes.get(SenderClass.FOREIGN) is Verdict.OPEN:
        return State.OPEN
    verdicts = set(classes.values())
    if Verdict.OPEN in verdicts:
        return State.PARTLY_OPEN
    return State.CLOSED if verdicts == {Verdict.CLOSED} else State.UNKNOWN


def domain_states(answers: Iterable[tuple[str, str, Verdict]]) -> dict[str, State]:
    """Domain -> state, from what strangers were answered by domain and sender."""
    found: dict[str, dict[str, set[Verdict]]] = {}
    for domain, sender, verdict in answers:
        found.setdefault(domain, {}).setdefault(sender, set()).add(verdict)
    return {
        domain: domain_state({c: worst(v) for c, v in classes.items()})
        for domain, classes in sorted(found.items())
    }


def tenant_state(domains: Iterable[State]) -> State:
    """Open where every known domain is, closed where every domain is, else partly or unknown."""
    states = set(domains)
    if states - {State.UNKNOWN} == {State.OPEN}:
        return State.OPEN
    if states & {State.OPEN, State.PARTLY_OPEN}:
        return State.PARTLY_OPEN
    return State.CLOSED if states == {State.CLOSED} else State.UNKNOWN


def access(verdicts: Iterable[Verdict]) -> Access:
    """An approved source gets in where every path lets it, and is cut off where any refuses it:
    partly where another lets it in.
    """
    found = set(verdicts)
    if Verdict.CLOSED in found:
        return Access.PARTLY_CUT_OFF if Verdict.OPEN in found else Access.CUT_OFF
    return Access.GETS_IN if found == {Verdict.OPEN} else Access.UNKNOWN


def answer_age(seen_at: datetime | None, now: datetime, every: timedelta) -> Age:
    """The age of an answer where rounds come this often: stale after four of them."""
    return _age(seen_at, now, ROUNDS * every)


def configuration_age(seen_at: datetime | None, now: datetime, every: timedelta) -> Age:
    """The age of a configuration where it is read this often: stale after two intervals."""
    return _age(seen_at, now, INTERVALS * every)


def counted(verdict: Verdict, age: Age) -> Verdict:
    """What an answer still counts as: a stale one as itself, a lapsed one as unknown."""
    return Verdict.UNKNOWN if age is Age.LAPSED else verdict


def _age(seen_at: datetime | None, now: datetime, limit: timedelta) -> Age:
    """Stale beyond its limit, and lapsed once stale and more than a day old."""
    if seen_at is None:
        return Age.LAPSED
    old = now - seen_at
    if old <= limit:
        return Age.FRESH
    return Age.LAPSED if old > A_DAY else Age.STALE
