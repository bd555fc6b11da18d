"""What was seen open, beside the model: what that refuses already no setting ends."""

from collections.abc import Mapping
from typing import Final

from mailposture.core.addresses import NOWHERE, AddressSet, union
from mailposture.core.attribution import Decision, Session, decided
from mailposture.core.hosts import plain
from mailposture.core.posture.facts import Facts
from mailposture.core.posture.findings import NearMiss, Said
from mailposture.core.posture.trying import ANYWHERE
from mailposture.core.reachability import FOREIGN, OWN, Reachability

# Rules about what strangers were answered, and with which sender.
SEEN: Final[Mapping[str, str]] = {"MP-03": FOREIGN, "MP-04": OWN}
NO_DOOR: Final = ("5.7.64", "5.4.1")  # refused, whoever asks: no mail for this domain at all


def seen_open(facts: Facts, rule: str) -> tuple[str, ...]:
    """Domains at which strangers were seen to get in; where no answer is at hand, all of them."""
    answers = [a for a in facts.observed.answers or () if a.sender_class == SEEN[rule]]
    opened = [plain(a.domain) for a in answers if a.verdict == "open"]
    return tuple(sorted(set(opened or facts.reach.domains)))


def refused(facts: Facts, rule: str, by: Reachability) -> dict[str, tuple[str, ...]]:
    """Those of them at which a stranger is refused by this model, with what may turn that.

    Domains that no connector tells apart are asked about once.
    """
    alike: dict[object, Decision] = {}
    found = {}
    for domain in seen_open(facts, rule):
        sender = domain if SEEN[rule] == OWN else "example.net"
        key = (domain in by.rules.accepted, by.names.question(sender, domain))
        if key not in alike:
            alike[key] = _stranger(by, sender, domain)
        if not alike[key].accepted and alike[key].code not in NO_DOOR:
            found[domain] = alike[key].turning
    return found


def _stranger(by: Reachability, sender: str, domain: str) -> Decision:
    session = Session(
        source=ANYWHERE, mail_from=f"someone@{sender}", recipient=f"someone@{domain}", tls=True
    )
    return decided(by.rules, session)


def refused_already(facts: Facts, rule: str) -> tuple[str, ...]:
    """Those at which every stranger is refused as the configuration stands, without a doubt."""
    return tuple(d for d, turning in refused(facts, rule, facts.reach).items() if not turning)


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
