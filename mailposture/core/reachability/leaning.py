"""What the sets lean on: the space read under every alternative, alone and two at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Final

from mailposture.core.attribution import ASSUMPTIONS, DEFAULTS
from mailposture.core.attribution import assumptions as by
from mailposture.core.attribution.assumptions import Choices
from mailposture.core.reachability.fates import Fate, Reader
from mailposture.core.reachability.questions import Names, Question
from mailposture.core.reachability.space import Space

# What a question to a single session alone can lean on: a set speaks of neither.
_OF_ONE_SESSION: Final = frozenset(
    {by.NAMES, by.USAGE, by.LOCK_BEFORE_DIRECTORY, by.SUBDOMAINS, by.SUBDOMAINS_UNKNOWN}
)
FLIPS: Final = tuple(a.name for a in ASSUMPTIONS if a.name not in _OF_ONE_SESSION)


@dataclass(frozen=True)
class Leaning:
    """A space, read under whatever choices are asked about."""

    space: Space
    names: Names
    _readers: dict[Choices, Reader] = field(default_factory=dict, repr=False)

    def reader(self, chosen: Choices = DEFAULTS) -> Reader:
        """The space under these choices."""
        if chosen not in self._readers:
            self._readers[chosen] = Reader(space=self.space, names=self.names, chosen=chosen)
        return self._readers[chosen]

    def fate(self, asked: Question, *chosen: str, tls: bool) -> Fate:
        """What becomes of every client where these alternatives hold."""
        return self.reader(frozenset(chosen)).fate(asked, tls=tls)

    def alone(self, asked: Question, *, tls: bool) -> dict[str, int]:
        """Of each assumption that bears on an answer: the clients who would be answered otherwise,
        let in or not, or refused in other words.
        """
        here = self.fate(asked, tls=tls)
        moved = ((name, _moved(here, self.fate(asked, name, tls=tls))) for name in FLIPS)
        return {name: clients for name, clients in moved if clients}

    def turning(self, asked: Question, *, tls: bool) -> dict[str, int]:
        """Of each assumption: the clients for whom the door would turn."""
        here = self.fate(asked, tls=tls).accepted
        return {
            name: self.fate(asked, name, tls=tls).accepted ^ here
            for name in self.bearing(asked, tls=tls)
        }

    def together(
        self, asked: Question, turning: Mapping[str, int], *, tls: bool
    ) -> tuple[tuple[str, str], ...]:
        """Two assumptions at a time by which together the door would turn for some clients for whom
        neither of the two turns it alone.
        """
        here = self.fate(asked, tls=tls).accepted
        return tuple(
            (one, other)
            for one, other in combinations(turning, 2)
            if (self.fate(asked, one, other, tls=tls).accepted ^ here)
            & ~(turning[one] | turning[other])
        )

    def bearing(self, asked: Question, *, tls: bool) -> Iterator[str]:
        """The assumptions that can turn the door at all for this question: few, so that asking
        them two at a time costs little.
        """
        reader, rules = self.reader(), self.space.rules
        partners, covering = self.names.partners, reader.covering(asked)
        restricting = reader.by_address | reader.by_certificate
        direct = rules.reject_direct_send is not False and asked.sender_accepted
        refuses = bool(covering & restricting)
        bears = {
            by.NULL_SENDER: asked.null_sender and bool(covering),
            by.HYBRID_EXEMPT: bool(reader.own(asked)),
            by.ASSOCIATED: bool(covering & ~reader.scopeless & partners),
            by.IPV6: bool(covering & reader.by_address),
            by.WITHOUT_TLS: reader.by_certificate
            != self.reader(_of(by.WITHOUT_TLS)).by_certificate,
            by.ANY_PROOF: refuses and bool(restricting & ~covering),
            by.NAME_NOT_ACCEPTED: (refuses or direct) and bool(reader.by_certificate),
            by.UNRESTRICTED_MATCH: direct,
            by.TLS_OF_WHOM: not tls,
            by.DIRECT_SEND: direct and rules.reject_direct_send is None,
            by.RESTRICTION_WINS: refuses and _ranks(asked, covering) > 1,
            by.EMPTY_RESTRICTION: self._some_restrict_to_nothing,
        }
        return (name for name in FLIPS if bears.get(name))

    @cached_property
    def _some_restrict_to_nothing(self) -> bool:
        here, other = self.reader(), self.reader(_of(by.EMPTY_RESTRICTION))
        kept = (other.by_address, other.by_certificate)
        return kept != (here.by_address, here.by_certificate)


def _of(name: str) -> Choices:
    return frozenset({name})


def _ranks(asked: Question, covering: int) -> int:
    """In how many ways connectors name the sender: itself, by a wildcard, by *."""
    return sum(bool(covering & rank) for rank in (asked.exactly, asked.below, asked.any))


def _moved(one: Fate, other: Fate) -> int:
    """The clients whose answer differs: let in or not, or refused in other words."""
    moved = one.accepted ^ other.accepted
    for (_rule, here), (_same, there) in zip(one.refused(), other.refused(), strict=True):
        moved |= here ^ there
    return moved
