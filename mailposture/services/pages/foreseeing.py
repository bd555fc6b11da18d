"""How each vantage point would be answered before and after a change, and why: by the model alone.

Domains that no connector tells apart are answered alike, and are one row.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from mailposture import models
from mailposture.core.attribution import Decision
from mailposture.core.configuration import Configuration
from mailposture.core.contradictions import predicted
from mailposture.core.senders import words
from mailposture.core.states import Access
from mailposture.services import paths, predicting
from mailposture.services.predicting import Oracle

MOST_ROWS: Final = 60
NO_ADDRESS: Final = "From which address it asks is not known, so that nothing is predicted."
SENDERS: Final = ("foreign", "own", "null")


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreseen:
    """One vantage point with one class of sender: its answers for these domains."""

    place: str
    plays: str
    address: str
    sender: str
    domains: tuple[str, ...]
    before: str
    after: str
    why: str
    assumptions: tuple[str, ...]

    @property
    def moves(self) -> bool:
        """Whether it would be answered otherwise than today."""
        return self.before != self.after


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Every vantage point that asks this tenant, those whose answers change first."""

    rows: tuple[Foreseen, ...]
    more: int
    changed: int
    number: int

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the rows rest on."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.assumptions))


def load(
    tenant: models.Tenant, before: Configuration, after: Configuration, domains: Iterable[str]
) -> Places:
    """What every place would be answered on either side, for these domains."""
    held = tenant.paths.filter(retired_at=None, vantage_point__enabled=True)
    asked = set(held.values_list("vantage_point_id", "sender_class").distinct())
    places = models.VantagePoint.objects.in_bulk([place for place, _ in asked])
    sides = predicting.oracle(tenant, before), predicting.oracle(tenant, after)
    rows: list[Foreseen] = []
    if sides[0] and sides[1]:
        every = list(domains)
        for pk, sender_class in sorted(asked, key=lambda one: (_turn(one[1]), one)):
            rows += _of_place(places[pk], sender_class, every, (sides[0], sides[1]))
    rows.sort(key=lambda row: (not row.moves, row.plays != "stranger", row.place))
    return Places(
        rows=tuple(rows[:MOST_ROWS]),
        more=max(0, len(rows) - MOST_ROWS),
        changed=sum(row.moves for row in rows),
        number=len(places),
    )


def _turn(sender_class: str) -> int:
    return SENDERS.index(sender_class) if sender_class in SENDERS else len(SENDERS)


def _of_place(
    place: models.VantagePoint, sender_class: str, domains: list[str], sides: tuple[Oracle, Oracle]
) -> Iterator[Foreseen]:
    """Its rows for one class of sender: one for each way in which domains are answered."""
    alike: dict[Any, list[str]] = {}
    for domain in domains:
        alike.setdefault(_question(sender_class, domain, sides), []).append(domain)
    shown: dict[Any, tuple[list[str], Decision | None]] = {}
    for held in alike.values():
        path = models.Path(vantage_point=place, sender_class=sender_class, domain=held[0])
        was, becomes = (side.of(path) for side in sides)
        key = (_state(place, was), _state(place, becomes), words.why(becomes) if becomes else "")
        shown.setdefault(key, ([], becomes))[0].extend(held)
    for (before, after, why), (held, decision) in shown.items():
        yield Foreseen(
            place=place.name,
            plays=place.plays,
            address=place.seen_as or place.address or "",
            sender=sender_class,
            domains=tuple(sorted(held)),
            before=before,
            after=after,
            why=why or NO_ADDRESS,
            assumptions=decision.assumptions if decision else (),
        )


def _question(sender_class: str, domain: str, sides: tuple[Oracle, Oracle]) -> tuple[Any, ...]:
    """What the connectors of either side make of this sender and recipient."""
    sender = paths.sender(sender_class, domain, sides[0].sender_domain).rpartition("@")[2]
    return tuple(
        (domain in side.rules.accepted, side.names.question(sender, domain)) for side in sides
    )


def _state(place: models.VantagePoint, decision: Decision | None) -> str:
    """How the place would stand; one that plays an approved source gets in or is cut off."""
    believed = predicted(decision)
    stranger = place.plays == models.VantagePoint.Plays.STRANGER
    return str(believed if stranger else Access.of(believed))
