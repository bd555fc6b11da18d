"""All clients of the Internet at once, as a few kinds that no connector can tell apart.

Two addresses that the same connectors list are answered alike, so that the whole address space
falls into a few *kinds*, found by one sweep. A client is a kind of address and, over TLS, perhaps
a certificate name of some connector; each such client is one bit, and what a connector says of
every client on Earth is one whole number.

Who is let in needs no pairs, because a proof never hurts: what an address and a certificate get
together, one of them gets alone. How each client is answered, by whom and resting on what, does:
a *paired* space has a bit for every kind with every name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from mailposture.core.addresses import EVERYWHERE, AddressSet, Interval, of_intervals, union
from mailposture.core.attribution import Rules, within
from mailposture.core.attribution.reading import Sight

V6: Final = 1  # the kind of every IPv6 address: none is ever listed


@dataclass(frozen=True)
class Space:
    """The kinds of client that one configuration can tell apart.

    `kinds[i]` are the addresses of bit i; after them come the bits of the certificate names: of
    each a client from an address that no connector lists or, paired, as many bits as kinds.
    """

    rules: Rules
    kinds: tuple[AddressSet, ...]
    certificates: tuple[str, ...]
    listed: tuple[int, ...]  # of each connector: the clients it names by address
    named: tuple[int, ...]  # of each connector: the clients it names by certificate
    paired: bool = False
    _sets: dict[int, AddressSet] = field(default_factory=dict, repr=False)

    @cached_property
    def by_address(self) -> int:
        """Every client without a certificate."""
        return (1 << len(self.kinds)) - 1

    @cached_property
    def everyone(self) -> int:
        """Every client."""
        width = len(self.kinds) if self.paired else 1
        return (1 << (len(self.kinds) + width * len(self.certificates))) - 1

    @cached_property
    def v6(self) -> int:
        """Every client that comes over IPv6."""
        return _in_each_block(V6, len(self.kinds), len(self.certificates)) if self.paired else V6

    def addresses(self, clients: int) -> AddressSet:
        """The addresses of these clients; those that show a certificate are left aside."""
        clients &= self.by_address
        if clients not in self._sets:
            self._sets[clients] = self._gather(clients)
        return self._sets[clients]

    def _gather(self, clients: int) -> AddressSet:
        """By the shorter way: nearly all addresses are of the kind that nobody lists."""
        if clients == self.by_address:
            return EVERYWHERE
        if clients >> 1 & 1:
            rest = self.by_address & ~clients
            return union([self.kinds[i] for i in bits(rest)]).complement()
        return union([self.kinds[i] for i in bits(clients)])

    def names(self, clients: int) -> tuple[str, ...]:
        """The certificate names among these clients."""
        return tuple(self.certificates[i] for i in bits(clients >> len(self.kinds)))

    def pairs(self, clients: int) -> Iterator[tuple[str | None, AddressSet]]:
        """The addresses of these clients without a certificate, then with each (paired)."""
        for name in (None, *self.certificates):
            if clients & self.by_address:
                yield name, self.addresses(clients)
            clients >>= len(self.kinds)


def bits(mask: int) -> Iterator[int]:
    """The places of the ones of a mask, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def space(rules: Rules, *, paired: bool = False) -> Space:
    """Find the kinds of address, and the certificate names, of a configuration."""
    kinds, listed = _kinds(rules.sights)
    certificates = tuple(dict.fromkeys(s.certificate for s in rules.sights if s.certificate))
    width = len(kinds) if paired else 1
    if paired:
        listed = tuple(_in_each_block(mask, width, len(certificates)) for mask in listed)
    return Space(
        rules=rules,
        kinds=kinds,
        certificates=certificates,
        listed=listed,
        named=tuple(_named(s, certificates, len(kinds), width) for s in rules.sights),
        paired=paired,
    )


def _in_each_block(kinds: int, width: int, names: int) -> int:
    """The same kinds of address without a certificate, and with each."""
    return sum(kinds << (width * block) for block in range(names + 1))


def _named(sight: Sight, certificates: Sequence[str], shift: int, width: int) -> int:
    """The certificates that a connector's name means: *.contoso.com means mail.contoso.com too."""
    if not sight.certificate:
        return 0
    meant = (i for i, name in enumerate(certificates) if within(name, sight.certificate))
    return sum(((1 << width) - 1) << (shift + width * i) for i in meant)


def _kinds(sights: Sequence[Sight]) -> tuple[tuple[AddressSet, ...], tuple[int, ...]]:
    """The address sets that the same connectors list, and for each connector its sets' bits."""
    pieces = _pieces(sights)
    unlisted = union([s.listed for s in sights]).complement()
    found = [AddressSet(v6=EVERYWHERE.v6), AddressSet(v4=unlisted.v4)]
    listed = [0] * len(sights)
    for connectors, intervals in pieces.items():
        for connector in bits(connectors):
            listed[connector] |= 1 << len(found)
        found.append(of_intervals(v4=intervals))
    return tuple(found), tuple(listed)


def _pieces(sights: Sequence[Sight]) -> dict[int, list[Interval]]:
    """Which connectors list which stretches: one sweep over all their edges."""
    edges = [
        edge
        for connector, sight in enumerate(sights)
        for first, last in sight.listed.v4
        for edge in ((first, connector), (last + 1, connector))
    ]
    edges.sort()
    pieces: dict[int, list[Interval]] = {}
    within_now = start = 0
    for place, connector in edges:
        if within_now and place > start:
            pieces.setdefault(within_now, []).append((start, place - 1))
        within_now ^= 1 << connector
        start = place
    return pieces
