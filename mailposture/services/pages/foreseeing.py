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
from mailposture.core.verdict import sender_named
from mailposture.core.words import joined
from mailposture.services import paths, predicting
from mailposture.services.predicting import Oracle

MOST_ROWS: Final = 60
NO_ADDRESS: Final = "From which address it asks is not known, so that nothing is predicted."
SENDERS: Final = ("foreign", "own", "null")


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreseen:
    """One vantage point: how it is answered with these senders for these domains, and why."""

    place: str
    plays: str
    address: str
    senders: str
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
    tenant: models.Tenant,
    asked: Iterable[models.Path],
    before: Configuration,
    after: Configuration,
    domains: Iterable[str],
) -> Places:
    """What every place that asks on these paths would be answered on either side, at these
    domains.
    """
    places: dict[int, models.VantagePoint] = {}
    classes: dict[int, set[Asker]] = {}
    for path in asked:
        places[path.vantage_point_id] = path.vantage_point
        classes.setdefault(path.vantage_point_id, set()).add(
            (path.sender_class, path.sender_domain)
        )
    sides = predicting.oracle(tenant, before), predicting.oracle(tenant, after)
    rows: list[Foreseen] = []
    if sides[0] and sides[1]:
        both, every = (sides[0], sides[1]), list(domains)
        # What tells domains apart is the same for every place: it is asked once.
        alike = {one: _alike(one, every, both) for one in set().union(*classes.values())}
        for pk, named in classes.items():
            of_classes = {one: alike[one] for one in sorted(named, key=_turn)}
            rows += _of_place(places[pk], of_classes, both)
    rows.sort(key=lambda row: (not row.moves, row.plays != "stranger", row.place))
    return Places(
        rows=tuple(rows[:MOST_ROWS]),
        more=max(0, len(rows) - MOST_ROWS),
        changed=sum(row.moves for row in rows),
        number=len(places),
    )


# A sender class, and of a partner which one.
type Asker = tuple[str, str]


def _turn(asker: Asker) -> tuple[int, str]:
    sender_class, partner = asker
    return SENDERS.index(sender_class) if sender_class in SENDERS else len(SENDERS), partner


def _of_place(
    place: models.VantagePoint, alike: dict[Asker, list[list[str]]], sides: tuple[Oracle, Oracle]
) -> Iterator[Foreseen]:
    """Its rows: one for each way in which it is answered, with the senders that are."""
    ways: dict[tuple[Way, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for asker, groups in alike.items():
        for way, (there, names) in _answers(place, asker, groups, sides).items():
            held_by = ways.setdefault((way, tuple(sorted(there)), names), [])
            held_by.append(sender_named(*asker))
    for ((before, after, why), held, leans), senders in ways.items():
        yield Foreseen(
            place=place.name,
            plays=place.plays,
            address=place.seen_as or place.address or "",
            senders=joined(senders),
            domains=held,
            before=before,
            after=after,
            why=why or NO_ADDRESS,
            assumptions=leans,
        )


type Way = tuple[str, str, str]  # before, after, and why


def _answers(
    place: models.VantagePoint,
    asker: Asker,
    groups: list[list[str]],
    sides: tuple[Oracle, Oracle],
) -> dict[Way, tuple[list[str], tuple[str, ...]]]:
    """How it is answered with one kind of sender: the domains, and what the answer rests on."""
    found: dict[Way, tuple[list[str], tuple[str, ...]]] = {}
    for held in groups:
        path = _path(asker, held[0], place)
        was, becomes = (side.of(path) for side in sides)
        way = (_state(place, was), _state(place, becomes), words.why(becomes) if becomes else "")
        names = becomes.assumptions if becomes else ()
        found.setdefault(way, ([], names))[0].extend(held)
    return found


def _path(asker: Asker, domain: str, place: models.VantagePoint | None = None) -> models.Path:
    sender_class, partner = asker
    return models.Path(
        vantage_point=place, sender_class=sender_class, sender_domain=partner, domain=domain
    )


def _alike(asker: Asker, domains: list[str], sides: tuple[Oracle, Oracle]) -> list[list[str]]:
    """Domains that no connector of either side tells apart, together."""
    found: dict[Any, list[str]] = {}
    for domain in domains:
        found.setdefault(_question(asker, domain, sides), []).append(domain)
    return list(found.values())


def _question(asker: Asker, domain: str, sides: tuple[Oracle, Oracle]) -> tuple[Any, ...]:
    """What the connectors of either side make of this sender and recipient."""
    sender = paths.sender(_path(asker, domain), sides[0].sender_domain).rpartition("@")[2]
    return tuple(
        (domain in side.rules.accepted, side.names.question(sender, domain)) for side in sides
    )


def _state(place: models.VantagePoint, decision: Decision | None) -> str:
    """How the place would stand; one that plays an approved source gets in or is cut off."""
    believed = predicted(decision)
    stranger = place.plays == models.VantagePoint.Plays.STRANGER
    return str(believed if stranger else Access.of(believed))
