"""What was seen open, beside the model: what that refuses already no setting ends."""

from collections.abc import Mapping
from typing import Final

from mailposture.core.addresses import NOWHERE, AddressSet, union
from mailposture.core.hosts import plain
from mailposture.core.posture.facts import Facts, named
from mailposture.core.posture.findings import NearMiss, Said
from mailposture.core.reachability import FOREIGN, OWN

# Rules about what strangers were answered, and with which sender.
SEEN: Final[Mapping[str, str]] = {"MP-03": FOREIGN, "MP-04": OWN}


def seen_open(facts: Facts, rule: str) -> tuple[str, ...]:
    """Domains at which strangers were seen to get in; where no answer is at hand, all of them."""
    answers = [a for a in facts.observed.answers or () if a.sender_class == SEEN[rule]]
    opened = [plain(a.domain) for a in answers if a.verdict == "open"]
    return tuple(sorted(set(opened or facts.reach.domains)))


def refused_already(facts: Facts, rule: str) -> tuple[str, ...]:
    """Those of them at which the model refuses every stranger as the configuration stands."""
    if rule not in SEEN:
        return ()
    listed = named(facts.reach)
    return tuple(d for d in seen_open(facts, rule) if _refuses(facts, d, SEEN[rule], listed))


def _refuses(facts: Facts, domain: str, sender_class: str, listed: AddressSet) -> bool:
    reach = facts.reach
    return reach.has(domain) and not reach.of(domain, sender_class).addresses - listed


def unapproved(facts: Facts, rule: str) -> AddressSet:
    """Whom connectors let in there although nobody approved them."""
    there = [facts.reach.of(d, SEEN[rule]).addresses for d in refused_already(facts, rule)]
    return union(there or [NOWHERE]) - facts.everyone_approved


def where_open(rule: str, look: NearMiss) -> NearMiss:
    """A near miss of what the model takes for open: what it refuses already needs no change."""

    def near(facts: Facts, said: Said) -> str | None:
        seen = seen_open(facts, rule)
        return look(facts, said) if len(refused_already(facts, rule)) < len(seen) else None

    return near
