"""How a change moves who may deliver: gained and lost, per domain and class of sender."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from mailposture.core.addresses import EVERYWHERE, NOWHERE, AddressSet, union
from mailposture.core.attribution import within
from mailposture.core.configuration import Configuration
from mailposture.core.reachability.questions import CLASSES, OWN, scoped_domains
from mailposture.core.reachability.regions import (
    NOBODY_REACHES,
    Reach,
    Reachability,
    reachability,
)


@dataclass(frozen=True, slots=True)
class Moved:
    """Who may deliver before and after, and the difference both ways (over TLS)."""

    before: Reach
    after: Reach
    gained: AddressSet
    lost: AddressSet

    @property
    def certificates_gained(self) -> tuple[str, ...]:
        """Names that let any address in now, and did not."""
        return _beyond(self.after.certificates, self.before)

    @property
    def certificates_lost(self) -> tuple[str, ...]:
        """Names that let any address in before, and do no longer."""
        return _beyond(self.before.certificates, self.after)

    def __bool__(self) -> bool:
        return bool(self.gained or self.lost or self.certificates_gained or self.certificates_lost)


def _beyond(names: tuple[str, ...], other: Reach) -> tuple[str, ...]:
    """Names whose holders the other side does not let in: where everybody gets in they do too, and
    mail.contoso.com is meant by *.contoso.com.
    """
    if other.addresses == EVERYWHERE:
        return ()
    known = other.certificates
    return tuple(n for n in names if not any(n == o or within(n, o) for o in known))


@dataclass(frozen=True, kw_only=True, slots=True)
class Together:
    """Domains that move alike with one class of sender."""

    domains: tuple[str, ...]
    sender_class: str
    moved: Moved


@dataclass(frozen=True)
class Comparison:
    """Two configurations of one tenant. A domain that one of them lacks is reached by nobody."""

    before: Reachability
    after: Reachability
    # By identity: a Reachability answers equal questions with one and the same Reach.
    _moves: dict[tuple[int, int], Moved] = field(default_factory=dict, repr=False)
    _parted: dict[tuple[int, int], tuple[AddressSet, AddressSet]] = field(
        default_factory=dict, repr=False
    )

    @cached_property
    def domains(self) -> tuple[str, ...]:
        """The domains of either."""
        return tuple(sorted({*self.before.domains, *self.after.domains}))

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The classes of sender, which both were asked for."""
        return self.after.classes

    def of(self, domain: str, sender_class: str) -> Moved:
        """What became of this domain and class of sender."""
        before = _reach(self.before, domain, sender_class)
        after = _reach(self.after, domain, sender_class)
        key = (id(before), id(after))
        if key not in self._moves:
            gained, lost = self._part(before.addresses, after.addresses)
            self._moves[key] = Moved(before=before, after=after, gained=gained, lost=lost)
        return self._moves[key]

    def _part(self, before: AddressSet, after: AddressSet) -> tuple[AddressSet, AddressSet]:
        """Gained and lost, once for each pair of sets: a Space hands out few, and the same ones."""
        key = (id(before), id(after))
        if key not in self._parted:
            self._parted[key] = (after - before, before - after)
        return self._parted[key]

    def all(self) -> Iterator[tuple[str, str, Moved]]:
        """Every domain, class of sender and what became of it."""
        rows: dict[object, list[tuple[str, Moved | None]]] = {}
        for domain in self.domains:
            alike = self._alike(domain)
            if alike not in rows:
                rows[alike] = [(c, None if c == OWN else self.of(domain, c)) for c in self.classes]
            for sender_class, moved in rows[alike]:
                found = self.of(domain, OWN) if moved is None else moved
                yield domain, sender_class, found

    def _alike(self, domain: str) -> object:
        """What of a recipient's domain matters to either side, but where the sender's is its."""
        sides = (self.before, self.after)
        return tuple(side.alike(domain) if side.has(domain) else None for side in sides)

    @cached_property
    def questions(self) -> int:
        """How many questions `all` puts to a side at most; to count them costs nothing."""
        kinds = len({self._alike(domain) for domain in self.domains})
        return kinds * (len(self.classes) - 1) + len(self.domains)

    @cached_property
    def ways(self) -> tuple[Together, ...]:
        """Everything in the order of `all`: domains of which the same became are one."""
        domains: dict[tuple[int, str], list[str]] = {}
        moves: dict[int, Moved] = {}
        for domain, sender_class, moved in self.all():
            moves[id(moved)] = moved
            domains.setdefault((id(moved), sender_class), []).append(domain)
        return tuple(
            Together(domains=tuple(held), sender_class=sender_class, moved=moves[which])
            for (which, sender_class), held in domains.items()
        )

    @cached_property
    def together(self) -> tuple[Together, ...]:
        """What moves of it. Each way of moving is weighed once, whatever number shares it."""
        moving = {which for which, moved in self._distinct().items() if moved}
        return tuple(one for one in self.ways if id(one.moved) in moving)

    @property
    def still(self) -> int:
        """For how many domains and classes of sender nothing moves."""
        moving = sum(len(one.domains) for one in self.together)
        return len(self.domains) * len(self.classes) - moving

    @property
    def certificates_lost(self) -> frozenset[str]:
        """Names that some domain no longer lets in."""
        return frozenset(name for one in self.together for name in one.moved.certificates_lost)

    @cached_property
    def gained(self) -> AddressSet:
        """Addresses that may deliver to some domain, and could not."""
        return union([moved.gained for moved in self._distinct().values()] or [NOWHERE])

    @cached_property
    def lost(self) -> AddressSet:
        """Addresses that may no longer deliver to some domain."""
        return union([moved.lost for moved in self._distinct().values()] or [NOWHERE])

    def _distinct(self) -> dict[int, Moved]:
        return {id(one.moved): one.moved for one in self.ways}


def _reach(within: Reachability, domain: str, sender_class: str) -> Reach:
    return within.of(domain, sender_class) if within.has(domain) else NOBODY_REACHES


def compare(before: Configuration, after: Configuration) -> Comparison:
    """Who may deliver before and after, asked for the classes of sender that either names."""
    named = {*scoped_domains(before), *scoped_domains(after)} - set(CLASSES)
    return Comparison(before=reachability(before, named), after=reachability(after, named))
