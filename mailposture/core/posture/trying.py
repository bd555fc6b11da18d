"""Near misses that are tried: the rule is asked again of a tenant that differs in one thing.

A trial that does not satisfy the rule is not told, and one that cuts off an approved source is told
only where no other satisfies it, with whom it cuts off.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from mailposture.core.addresses import NOWHERE, AddressSet, union
from mailposture.core.attribution import Certificate, Rules, Session, read
from mailposture.core.attribution.gates import answer, look
from mailposture.core.attribution.reading import bare
from mailposture.core.configuration import Configuration, InboundConnector
from mailposture.core.posture.facts import Facts, Source, ipv4
from mailposture.core.posture.findings import Judge, NearMiss, Result, Said, listed
from mailposture.core.posture.near import CONNECTORS, MOST_EDITS, with_connector, with_values
from mailposture.core.words import joined

# So many trials of one finding, the smallest first.
MOST_TRIALS: Final = 6
SENDERS: Final = ("someone@example.net", "")  # a foreign one; an own one is made of the domain
ANYWHERE: Final = "255.255.255.255"  # an address that nobody lists: limited broadcast (RFC 8190)


@dataclass(frozen=True, slots=True)
class Trial:
    """A change in words that follow "if", and the tenant after it.

    `asked` is what the rule is asked of: the whole tenant, or the one connector that moved.
    `makes` is the configuration after it, where that is another.
    """

    words: str
    asked: Facts
    makes: Configuration | None = None


type Trials = Callable[[Facts, Said], Iterable[Trial]]


def by_trying(judge: Judge, trials: Trials) -> NearMiss:
    """The first trial after which this rule no longer objects to the subject, in a sentence."""

    def near(facts: Facts, said: Said) -> str | None:
        costly = None
        for trial in islice(trials(facts, said), MOST_TRIALS):
            if not _satisfies(judge, trial, said):
                continue
            lost = _cut_off(facts, trial.makes) if trial.makes else ""
            words = f"Would be satisfied if {trial.words}."
            if not lost:
                return words
            costly = costly or f"{words}{lost}"
        return costly

    return near


def first_of(*ways: NearMiss) -> NearMiss:
    """What the first of these ways finds that finds anything."""

    def near(facts: Facts, said: Said) -> str | None:
        return next(filter(None, (way(facts, said) for way in ways)), None)

    return near


def _satisfies(judge: Judge, trial: Trial, said: Said) -> bool:
    """Whether nothing is left of the subject, and nothing became unknown by it."""
    left = judge(trial.asked)
    objects = any(s.result is Result.NOT_SATISFIED and s.subject == said.subject for s in left)
    unsure = any(s.result is Result.UNKNOWN and s.subject in ("", said.subject) for s in left)
    return not objects and not unsure


# ---- whom it would cut off -----------------------------------------------------------------


def _cut_off(facts: Facts, after: Configuration) -> str:
    """Approved sources that get in now, and would not, in a sentence; empty where that is nobody.

    The model is asked, session by session.
    """
    domain = next(iter(facts.configuration.domains), None)
    if domain is None:
        return ""
    before, then = facts.reach.rules, read(after)
    gone = _listed(before) - _listed(then)
    every = (*SENDERS, f"someone@{domain}")
    lost = [s for s in facts.sources if _loses(s, (before, then), gone, domain, every)]
    if not lost:
        return ""
    own = not any(_loses(s, (before, then), gone, domain, SENDERS) for s in lost)
    where = " with own-domain senders" * own
    return f" That would cut off {joined([s.name for s in lost])}{where}."


def _listed(rules: Rules) -> AddressSet:
    return union([sight.listed for sight in rules.sights] or [NOWHERE])


def _loses(
    source: Source, ways: tuple[Rules, Rules], gone: AddressSet, domain: str, senders: Iterable[str]
) -> bool:
    """Whether a source is taken by the first of these rules, and not by the second."""
    before, then = ways
    names = [Certificate.of(bare(name)) for name in source.names[:1]]
    held = AddressSet(v4=source.set.v4)
    places = [a for a in dict.fromkeys((held.first(), (held & gone).first())) if a]
    sessions = [
        Session(
            source=place,
            mail_from=sender,
            recipient=f"someone@{domain}",
            tls=True,
            certificate=names[0] if names else None,
        )
        for place in places or ([ANYWHERE] if names else [])
        for sender in senders
    ]
    return any(not _taken(then, s) and _taken(before, s) for s in sessions)


def _taken(rules: Rules, session: Session) -> bool:
    """Whether it is taken: the door alone, without what the answer rests on."""
    return answer(look(rules, session)).accepted


# ---- one connector that differs ------------------------------------------------------------


def about(facts: Facts, said: Said) -> InboundConnector | None:
    """The connector that is turned on and that a finding is about, by its subject."""
    guid = said.subject
    return next((c for c in facts.enabled if guid == c.guid or guid.startswith(f"{c.guid} ")), None)


def edited(facts: Facts, connector: InboundConnector, words: str, **fields: Any) -> Trial:
    """The connector with these fields. The rule is asked of it alone: it judges each by itself."""
    changed = replace(connector, **fields)
    alone = with_values(facts.configuration, CONNECTORS, (changed,))
    return Trial(
        f"{connector.name} {words}",
        replace(facts, configuration=alone),
        with_connector(facts.configuration, changed),
    )


def edited_in_place(facts: Facts, connector: InboundConnector, words: str, **fields: Any) -> Trial:
    """The same, where the rule has to be asked of all connectors together."""
    made = with_connector(facts.configuration, replace(connector, **fields))
    return Trial(f"{connector.name} {words}", replace(facts, configuration=made), made)


def setting(words: str, **fields: Any) -> Trials:
    """Fields of the connector that the finding is about, set so."""

    def trials(facts: Facts, said: Said) -> Iterator[Trial]:
        if connector := about(facts, said):
            yield edited(facts, connector, words, **fields)

    return trials


# ---- entries that are too many -------------------------------------------------------------


def lists_without(connector: InboundConnector, unwanted: AddressSet) -> tuple[str, Any] | None:
    """What it lists without these addresses, in words and as a value; entry by entry.

    None where that takes more than a few entries, or would leave nobody.
    """
    held = [(entry, ipv4([entry])) for entry in connector.sender_ip_addresses]
    odd = [entry for entry, own in held if own & unwanted]
    if not odd or len(odd) > MOST_EDITS:
        return None
    kept: list[str] = []
    gone: list[str] = []
    put: list[str] = []
    for entry, own in held:
        left = (own - unwanted).cidrs() if own & unwanted else (entry,)
        kept += left
        if own & unwanted:
            (put if left else gone).append(f"{listed(left)} in the place of {entry}" if left
                                           else entry)  # fmt: skip
    if not ipv4(kept):
        return None
    said = [f"listed {joined(put)}"] * bool(put) + [f"did not list {joined(gone)}"] * bool(gone)
    return joined(said), tuple(kept)
