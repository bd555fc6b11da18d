"""The sentence a tenant's page opens with, its facts in words, and why an Unknown is unknown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mailposture import models
from mailposture.core.states import Access, State, access
from mailposture.core.verdict import SenderClass
from mailposture.services.pages.answers import UNASKED, Answer, strangers
from mailposture.services.pages.configured import Known
from mailposture.services.pages.reasons import Reason, gather

FOREIGN, OWN, NULL = SenderClass.FOREIGN, SenderClass.OWN, SenderClass.NULL
PARTNER = SenderClass.PARTNER
# Who gets in where strangers do, by the classes that are open somewhere; partners are said beside
# these, where foreign senders do not get in anyhow.
TAKES: Final[Mapping[frozenset[SenderClass], str]] = {
    frozenset({FOREIGN, OWN, NULL}): "mail from any host, for any sender",
    frozenset({FOREIGN, OWN}): "mail from any host, for any sender but the null one",
    frozenset({FOREIGN, NULL}): "mail from any host, for any sender outside its own domains",
    frozenset({FOREIGN}): "mail from any host, for senders of foreign domains",
    frozenset({OWN, NULL}): "own-domain and null-sender mail from any host",
    frozenset({OWN}): "own-domain mail from any host",
    frozenset({NULL}): "null-sender mail from any host",
}
LETS_IN: Final[Mapping[frozenset[SenderClass], str]] = {
    frozenset({FOREIGN, OWN, NULL}): "any host, any sender",
    frozenset({FOREIGN, OWN}): "any host, foreign or own sender",
    frozenset({FOREIGN, NULL}): "any host, foreign or null sender",
    frozenset({FOREIGN}): "any host, foreign sender",
    frozenset({OWN, NULL}): "any host, own or null sender",
    frozenset({OWN}): "any host, own sender",
    frozenset({NULL}): "any host, null sender",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """How the tenant's approved sources fare, by name."""

    named: int
    gets_in: tuple[str, ...]
    cut_off: tuple[str, ...]
    unknown: tuple[str, ...]
    partly: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """As a fact: 2 of 2 get in."""
        if not self.named:
            return "none named"
        if len(self.unknown) == self.named:
            return "unknown"
        said = [f"{len(self.gets_in)} of {self.named} {_verb(len(self.gets_in), 'get')} in"]
        said += [f"{len(self.cut_off)} cut off"] if self.cut_off else []
        said += [f"{len(self.partly)} partly cut off"] if self.partly else []
        said += [f"{len(self.unknown)} unknown"] if self.unknown else []
        return ", ".join(said)


def fare(sources: Iterable[models.ApprovedSource], found: Sequence[Answer]) -> Sources:
    """A source that nobody plays, or that was not asked, is not known."""
    by_access: dict[Access, list[str]] = {state: [] for state in Access}
    for source in sources:
        verdicts = [a.verdict for a in found if a.place.pk == source.vantage_point_id]
        by_access[access(verdicts)].append(source.name)
    return Sources(
        named=sum(map(len, by_access.values())),
        gets_in=tuple(by_access[Access.GETS_IN]),
        cut_off=tuple(by_access[Access.CUT_OFF]),
        unknown=tuple(by_access[Access.UNKNOWN]),
        partly=tuple(by_access[Access.PARTLY_CUT_OFF]),
    )


def sentence(
    name: str, state: State, domains: Mapping[str, State], open_to: frozenset[SenderClass]
) -> str:
    """What the door does, without what is said beside it."""
    if state is State.UNKNOWN:
        return f"Whether {name} takes mail from strangers is unknown"
    if state is State.CLOSED:
        return f"{name} refuses strangers"
    partly = {State.OPEN, State.PARTLY_OPEN}
    hit = sum(1 for s in domains.values() if s in partly)
    where = f" to {hit} of {len(domains)} domains" if hit < len(domains) else ""
    return f"{name} takes {_takes(open_to)}{where}"


def _takes(open_to: frozenset[SenderClass]) -> str:
    """What the door takes, in words."""
    others = open_to - {PARTNER}
    if PARTNER not in open_to or FOREIGN in others:
        return TAKES[others]
    if not others:
        return "mail from any host in a partner's name"
    return f"{TAKES[others]}, and mail in a partner's name"


def _lets_in(open_to: frozenset[SenderClass]) -> str:
    """Who was let in, as a fact."""
    others = open_to - {PARTNER}
    if PARTNER not in open_to or FOREIGN in others:
        return LETS_IN[others]
    said = [*(str(c) for c in (OWN, NULL) if c in others), "partner"]
    return f"any host, {' or '.join(said)} sender"


def beside(state: State, sources: Sources) -> str:
    """How approved sources fare, as the second half of the sentence; cut off comes first."""
    bad = ((sources.cut_off, "cut off"), (sources.partly, "partly cut off"))
    if said := [_cut_off(names, word, sources.named) for names, word in bad if names]:
        return f"; {', '.join(said)}"
    if state is State.CLOSED and sources.gets_in:
        count = len(sources.gets_in)
        plural = "source" if sources.named == 1 else "sources"
        return f"; {count} of {sources.named} approved {plural} {_verb(count, 'get')} in"
    return ""


def _cut_off(names: Sequence[str], word: str, named: int) -> str:
    """Who is refused: one or two by name."""
    if len(names) > 2:
        return f"{len(names)} of {named} approved sources are {word}"
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} {word}"


def _verb(count: int, verb: str) -> str:
    return f"{verb}s" if count == 1 else verb


def answered(found: Sequence[Answer], open_to: frozenset[SenderClass]) -> str:
    """The fact beside the sentence: who was let in, or how many paths refused."""
    asked = strangers(found)
    if open_to:
        return _lets_in(open_to)
    closed = sum(1 for a in asked if a.verdict == "closed")
    if not asked or not any(a.observation for a in asked):
        return "nothing yet"
    if not closed:
        return "nothing that decides"
    return "no stranger" if closed == len(asked) else f"{closed} of {len(asked)} paths refuse"


# ---- because -----------------------------------------------------------------------------


def because(of: models.Tenant, known: Known, found: Sequence[Answer]) -> str:
    """Why the state is Unknown: the first thing in the way."""
    asked = strangers(found)
    if not asked:
        return _nothing_to_ask(of, known, found)
    reasons = gather(asked)
    if all(a.cause == UNASKED and a.place.health.clear for a in asked):
        return "No round has answered yet."
    return _told(reasons, len(asked)) if reasons else ""


def _told(reasons: Sequence[Reason], asked: int) -> str:
    """The reason of most paths, beside it the next one, and how many more there are."""
    first, *others = reasons
    if first.count == asked:
        return f"{first.says[0].upper()}{first.says[1:]}."
    said = [f"Of {asked} paths, {first.count} are unknown: {first.says}"]
    said += [f"{other.count} more: {other.says}" for other in others[:1]]
    if rest := sum(other.count for other in others[1:]):
        said.append(f"{rest} more for other reasons")
    return f"{'; '.join(said)}."


def _nothing_to_ask(of: models.Tenant, known: Known, found: Sequence[Answer]) -> str:
    if found:
        return "No vantage point plays a stranger to it."
    if known.configuration is not None and known.configuration.domains:
        return "Its domains are known, and no round has asked at them yet."
    if lacking := known.lacks("accepted_domains"):
        return f"Its accepted domains could not be read: {lacking.short}. {lacking.says}".strip()
    if of.fetch_error:
        return "Its configuration could not be read, so that its domains are not known."
    return "Its configuration has not been read yet, so that its domains are not known."
