"""Strangers before and after a change: everybody who is not known, and how the door stands."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mailposture.core.addresses import EVERYWHERE, NOWHERE, AddressSet, union
from mailposture.core.attribution import Session, decided
from mailposture.core.reachability import FOREIGN, Comparison, Reachability
from mailposture.core.reachability.questions import sender_of
from mailposture.core.senders import words
from mailposture.core.senders.known import KnownSender
from mailposture.core.states import State


@dataclass(frozen=True, kw_only=True, slots=True)
class Strangers:
    """Everybody who is not known: Open where any host gets in with a foreign sender.

    Partly open where any host does with some other sender alone, or where some do that a
    connector lists.
    """

    before: AddressSet
    after: AddressSet
    was: State
    becomes: State
    why: str
    first: str


def unlisted(*sides: Reachability) -> AddressSet:
    """The addresses that no connector of these lists: any host on the Internet."""
    sights = [sight for side in sides for sight in side.rules.sights]
    return EVERYWHERE - union([sight.listed for sight in sights] or [NOWHERE])


def strangers(comparison: Comparison, known: Iterable[KnownSender]) -> Strangers:
    """All addresses but those of the known, and how the doors stand to them."""
    ours = union([sender.addresses for sender in known] or [NOWHERE])
    before = _reached(comparison, ours, after=False)
    after = _reached(comparison, ours, after=True)
    anyone = unlisted(comparison.after) - ours
    becomes = _state(after, anyone)
    return Strangers(
        before=union(list(before.values())),
        after=union(list(after.values())),
        was=_state(before, unlisted(comparison.before) - ours),
        becomes=becomes,
        why=_why(comparison, after, anyone, becomes),
        first=_first(after, anyone, becomes),
    )


def _reached(comparison: Comparison, ours: AddressSet, *, after: bool) -> Mapping[str, AddressSet]:
    """Class of sender -> the strangers that reach some domain with it."""
    found: dict[str, dict[int, AddressSet]] = {name: {} for name in comparison.classes}
    for one in comparison.ways:
        addresses = (one.moved.after if after else one.moved.before).addresses
        found[one.sender_class][id(addresses)] = addresses
    return {name: union(list(sets.values()) or [NOWHERE]) - ours for name, sets in found.items()}


def _state(reached: Mapping[str, AddressSet], anyone: AddressSet) -> State:
    if reached.get(FOREIGN, NOWHERE) & anyone:
        return State.OPEN
    return State.PARTLY_OPEN if any(reached.values()) else State.CLOSED


def _why(
    comparison: Comparison, reached: Mapping[str, AddressSet], anyone: AddressSet, becomes: State
) -> str:
    if becomes is State.PARTLY_OPEN:
        return " ".join(_let_in(reached, anyone))
    source = (reached.get(FOREIGN, NOWHERE) & anyone or anyone).first()
    domain = _domain(comparison, source) if source else None
    if source is None or domain is None:
        return ""
    return words.why(decided(comparison.after.rules, _session(source, domain)), source)


def _let_in(reached: Mapping[str, AddressSet], anyone: AddressSet) -> Iterable[str]:
    by_class = tuple(name for name, found in reached.items() if found & anyone)
    if by_class:
        yield f"Any host gets in {words.only(by_class)}."
    if listed := union(list(reached.values())) - anyone:
        yield words.let_in(listed)


def _first(reached: Mapping[str, AddressSet], anyone: AddressSet, becomes: State) -> str:
    if becomes is State.CLOSED:
        return words.NOTHING
    if any(found & anyone for found in reached.values()):
        return words.ANY_HOST
    return words.NOT_APPROVED


def _domain(comparison: Comparison, source: str) -> str | None:
    """A domain that this stranger reaches with a foreign sender, else the first of them."""
    for domain in comparison.domains:
        if source in comparison.of(domain, FOREIGN).after.addresses:
            return domain
    return next((d for d in comparison.domains if comparison.after.has(d)), None)


def _session(source: str, domain: str) -> Session:
    return Session(
        source=source,
        mail_from=f"sender@{sender_of(FOREIGN, domain)}",
        recipient=f"postmaster@{domain}",
        tls=True,
        certificate=None,
    )
