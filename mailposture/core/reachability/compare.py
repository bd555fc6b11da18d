"""How a change moves who may deliver: gained and lost, per domain and class of sender."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from mailposture.core.addresses import EVERYWHERE, NOWHERE, AddressSet, union
from mailposture.core.attribution import within
from mailposture.core.configuration import Configuration
from mailposture.core.reachability.questions import CLASSES, scoped_domains
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
        for domain in self.domains:
            for sender_class in self.classes:
                yield domain, sender_class, self.of(domain, sender_class)

    @cached_property
    def gained(self) -> AddressSet:
        """Addresses that may deliver to some domain, and could not."""
        return union([moved.gained for moved in self._distinct()] or [NOWHERE])

    @cached_property
    def lost(self) -> AddressSet:
        """Addresses that may no longer deliver to some domain."""
        return union([moved.lost for moved in self._distinct()] or [NOWHERE])

    def _distinct(self) -> list[Moved]:
        for _each in self.all():
            pass
        return list(self._moves.values())


def _reach(within: Reachability, domain: str, sender_class: str) -> Reach:
    return within.of(domain, sender_class) if within.has(domain) else NOBODY_REACHES


def compare(before: Configuration, after: Configuration) -> Comparison:
    """Who may deliver before and after, asked for the classes of sender that either names."""
    named = {*scoped_domains(before), *scoped_domains(after)} - set(CLASSES)
    return Comparison(before=reachability(before, named), after=reachability(after, named))
