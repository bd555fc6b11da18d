"""Who may deliver to a tenant, in the few words that a row of a list has room for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mailposture.core.states import State
from mailposture.core.verdict import ASKED, SenderClass
from mailposture.core.words import joined
from mailposture.services.pages.reasons import OTHER, WHY

CLASSES: Final = tuple(map(str, ASKED))
PARTNER: Final = str(SenderClass.PARTNER)
LETS_IN: Final = frozenset({str(State.OPEN), str(State.PARTLY_OPEN)})
MOST_NAMED: Final = 2


def who(state: State, standing: Mapping[str, Any], reason: str) -> tuple[str, str]:
    """Who may deliver, and a second line that limits it."""
    if state is State.UNKNOWN:
        return "Not known", reason
    if state is State.CLOSED:
        return "No stranger", sources(standing.get("approved") or {})
    domains = standing.get("domains") or {}
    hit = [name for name, found in domains.items() if found in LETS_IN]
    classes = standing.get("classes") or {}
    let_in = [name for name in asked(classes) if classes.get(name) in LETS_IN]
    if len(hit) < len(domains):
        return f"Any host, {len(hit)} of {len(domains)} domains", named(hit)
    if len(let_in) == len(asked(classes)):
        return "Any host", "any sender"
    limit = "; ".join(_limits(classes, let_in))
    return ("Any host" if state is State.OPEN else f"Any host, {joined(let_in)} sender"), limit


def asked(classes: Mapping[str, str]) -> tuple[str, ...]:
    """The sender classes of a tenant: partners only where its connectors name some."""
    return (*CLASSES, PARTNER) if PARTNER in classes else CLASSES


def _limits(classes: Mapping[str, str], let_in: Sequence[str]) -> Iterator[str]:
    """Which sender classes are refused, and of which nothing is known."""
    others = [name for name in asked(classes) if name not in let_in]
    refused = [name for name in others if classes.get(name) == State.CLOSED]
    for names, word in ((refused, "refused"), ([n for n in others if n not in refused], "unknown")):
        if names:
            yield f"{joined(names)} {'sender is' if len(names) == 1 else 'senders are'} {word}"


def sources(approved: Mapping[str, int]) -> str:
    """How many approved sources get in."""
    total = sum(approved.values())
    inside = approved.get("gets_in", 0)
    if not total:
        return "no approved source is probed"
    if inside == total:
        return f"{total} approved source{_gets(total)} in"
    return f"{inside} of {total} approved sources {'gets' if inside == 1 else 'get'} in"


def _gets(count: int) -> str:
    return " gets" if count == 1 else "s get"


def cut_off(approved: Mapping[str, int]) -> str:
    """The bad news about approved sources, or nothing."""
    counts = [(approved.get(k, 0), k.replace("_", " ")) for k in ("cut_off", "partly_cut_off")]
    bad = [(count, word) for count, word in counts if count]
    if not bad:
        return ""
    noun = "approved source" if bad[0][0] == 1 else "approved sources"
    return ", ".join([f"{bad[0][0]} {noun} {bad[0][1]}", *(f"{n} {word}" for n, word in bad[1:])])


def because(cause: str) -> str:
    """The cause of an unknown answer in few words."""
    if not cause:
        return "not every path has answered yet"
    return next((why.short for known, why in WHY.items() if known == cause), OTHER.short)


def named(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - MOST_NAMED
    return joined(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
