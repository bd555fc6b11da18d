"""The answer to one session, with its reasons and with what it leans on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from mailposture.core.attribution.assumptions import (
    ASSUMPTIONS,
    DEFAULTS,
    LOCK_BEFORE_DIRECTORY,
    LOCK_FIRST,
    UNDECIDED,
)
from mailposture.core.attribution.dispositions import Disposition, disposing
from mailposture.core.attribution.gates import Answer, Look, Rule, answer, look
from mailposture.core.attribution.reading import Rules, read
from mailposture.core.attribution.relevance import RELEVANT
from mailposture.core.attribution.sessions import Session
from mailposture.core.attribution.trace import trace
from mailposture.core.configuration import Configuration


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What Exchange Online must answer to one session, by its configuration alone.

    `code` is the refusal expected (an enhanced status code, or TLS), None where it is taken.
    `assumptions` names the choices and the unread parts by which the answer could be another;
    those of them in `turning` would turn a yes into a no, or a no into a yes. `together` names
    two at a time that turn it with one another and not alone. `dispositions` are the transport
    rules that act on the message once it was taken: they close no door.
    """

    accepted: bool
    code: str | None
    connector: str | None
    rule: Rule
    assumptions: tuple[str, ...]
    dispositions: tuple[Disposition, ...]
    turning: tuple[str, ...]
    together: tuple[tuple[str, str], ...]
    trace: tuple[str, ...]

    @property
    def is_known(self) -> bool:
        """Whether it can be leaned on: what was not read, or nobody knows, may turn it round."""
        return not UNDECIDED.intersection(self.turning)


NAMES: Final = tuple(a.name for a in ASSUMPTIONS)
# They say which refusal comes first, and turn no door.
ONLY_WORDS: Final = frozenset({LOCK_FIRST, LOCK_BEFORE_DIRECTORY})


def decide(configuration: Configuration, session: Session) -> Decision:
    """What the tenant's door must answer to this session."""
    return decided(read(configuration), session)


def decided(rules: Rules, session: Session) -> Decision:
    """The same, where the configuration was read before: for many sessions."""
    it = look(rules, session)
    found = answer(it)
    leans = dict(_leans_on(it, found))
    pairs = tuple(_together(it, found, leans))
    acting = tuple(disposing(rules.transport_rules or (), session)) if found.accepted else ()
    return Decision(
        accepted=found.accepted,
        code=found.code,
        connector=found.connector,
        rule=found.rule,
        assumptions=(*leans, *rules.not_known),
        turning=(*(name for name, turns in leans.items() if turns), *rules.not_known),
        together=pairs,
        dispositions=acting,
        trace=(
            *trace(it, found, pairs),
            *(one.sentence for one in acting),
            *_unread(rules, found),
        ),
    )


def _unread(rules: Rules, found: Answer) -> Iterator[str]:
    if found.accepted and rules.transport_rules is None:
        yield "The transport rules were not read: what becomes of it then is not known."


def _leans_on(it: Look, found: Answer) -> Iterator[tuple[str, bool]]:
    """The choices whose alternative would answer otherwise, and whether it would turn the door."""
    for name in NAMES:
        if not RELEVANT[name](it):
            continue
        other = answer(it, DEFAULTS | {name})
        if (other.accepted, other.code) != (found.accepted, found.code):
            yield name, other.accepted != found.accepted


def _together(it: Look, found: Answer, alone: Mapping[str, bool]) -> Iterator[tuple[str, str]]:
    """Two choices by whose alternatives together the door would turn, and by neither alone.

    Only those that bear on the session are tried: of all of them, few.
    """
    bearing = [n for n in NAMES if n not in ONLY_WORDS and not alone.get(n) and RELEVANT[n](it)]
    for one, other in combinations(bearing, 2):
        if answer(it, frozenset({one, other})).accepted != found.accepted:
            yield one, other
