"""Who may deliver, exactly: for each accepted domain and sender class, sets instead of samples."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from mailposture.core.addresses import NOWHERE, AddressSet
from mailposture.core.attribution import ASSUMPTIONS, DEFAULTS, Rules, read
from mailposture.core.attribution import assumptions as by
from mailposture.core.attribution.gates import CODES, Rule
from mailposture.core.configuration import Configuration
from mailposture.core.hosts import plain
from mailposture.core.reachability.fates import Fate, Reader
from mailposture.core.reachability.questions import (
    CLASSES,
    OWN,
    Names,
    Question,
    scoped_domains,
    sender_of,
)
from mailposture.core.reachability.space import Space, bits, space

# Where the accepted domains were not read: whatever they are.
ANY_RECIPIENT: Final = "*"
# What a question to a single session alone can lean on: a set speaks of neither.
_OF_ONE_SESSION: Final = frozenset(
    {by.NAMES, by.USAGE, by.LOCK_BEFORE_DIRECTORY, by.SUBDOMAINS, by.SUBDOMAINS_UNKNOWN}
)
FLIPS: Final = tuple(a.name for a in ASSUMPTIONS if a.name not in _OF_ONE_SESSION)


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """Clients that are answered alike, and how.

    `certificate` None: they show none that any connector names. With one, and `accepted`, any
    address is let in by it.
    """

    addresses: AddressSet
    tls: bool
    certificate: str | None
    accepted: bool
    code: str | None
    rule: Rule
    connector: str | None
    assumptions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """Who may deliver to one domain as one class of sender.

    `addresses` deliver over TLS without a client certificate, `in_clear` without TLS;
    `certificates` are names that let any address in.
    """

    addresses: AddressSet
    in_clear: AddressSet
    certificates: tuple[str, ...]
    assumptions: tuple[str, ...]


NOBODY_REACHES: Final = Reach(addresses=NOWHERE, in_clear=NOWHERE, certificates=(), assumptions=())


@dataclass(frozen=True)
class Reachability:
    """Who may deliver to a tenant: domain -> sender class -> Reach, each found when asked for."""

    rules: Rules
    domains: tuple[str, ...]
    classes: tuple[str, ...]
    _answers: dict[Question, Reach] = field(default_factory=dict, repr=False)
    _found: dict[tuple[str, str | int], Reach] = field(default_factory=dict, repr=False)

    @cached_property
    def space(self) -> Space:
        """The kinds of client that the configuration can tell apart."""
        return space(self.rules)

    @cached_property
    def names(self) -> Names:
        """The names that its connectors know."""
        return Names(self.rules)

    @cached_property
    def readers(self) -> Mapping[str, Reader]:
        """The space under each single alternative; under "" by the defaults."""
        alone = {name: frozenset({name}) for name in FLIPS}
        return {
            name: Reader(space=self.space, names=self.names, chosen=chosen)
            for name, chosen in {"": DEFAULTS, **alone}.items()
        }

    def question(self, domain: str, sender_class: str) -> Question:
        """What the connectors make of this class of sender and this recipient's domain."""
        return self.names.question(sender_of(sender_class, domain), domain)

    @cached_property
    def _held(self) -> frozenset[str]:
        return frozenset(self.domains)

    def has(self, domain: str) -> bool:
        """Whether the tenant takes mail for this domain; where that is not known, it does."""
        return domain in self._held or ANY_RECIPIENT in self._held

    def of(self, domain: str, sender_class: str) -> Reach:
        """Who may deliver to this domain as this class of sender."""
        # Of a recipient's domain only its connectors matter, but where it is the sender's too.
        alike: str | int = domain
        if sender_class != OWN and self.rules.knows_domains:
            alike = self.names.associated.get(domain, 0)
        if (sender_class, alike) not in self._found:
            asked = self.question(domain, sender_class)
            if asked not in self._answers:
                self._answers[asked] = self._reach(asked)
            self._found[sender_class, alike] = self._answers[asked]
        return self._found[sender_class, alike]

    def all(self) -> Iterator[tuple[str, str, Reach]]:
        """Every domain, sender class and what is reached."""
        for domain in self.domains:
            for sender_class in self.classes:
                yield domain, sender_class, self.of(domain, sender_class)

    def _reach(self, asked: Question) -> Reach:
        fate = self.readers[""].fate(asked, tls=True)
        clear = self.readers[""].fate(asked, tls=False)
        leans = (n for n in FLIPS if self._over_tls(n, asked).accepted != fate.accepted)
        return Reach(
            addresses=self.space.addresses(fate.accepted),
            in_clear=self.space.addresses(clear.accepted),
            certificates=self.space.names(fate.accepted),
            assumptions=(*leans, *self.rules.not_known),
        )

    def _over_tls(self, name: str, asked: Question) -> Fate:
        return self.readers[name].fate(asked, tls=True)

    # ---- regions ---------------------------------------------------------------------------

    def regions(self, domain: str, sender_class: str) -> tuple[Region, ...]:
        """Everyone, cut by how they are answered: they cover all and do not overlap."""
        asked = self.question(domain, sender_class)
        return tuple(region for tls in (True, False) for region in self._regions(asked, tls=tls))

    def _regions(self, asked: Question, *, tls: bool) -> Iterator[Region]:
        fates = {name: reader.fate(asked, tls=tls) for name, reader in self.readers.items()}
        for rule, connector, clients in self._ends(asked, fates[""]):
            for leans, alike in _by_assumptions(clients, fates):
                yield from self._written(rule, connector, alike, leans, tls=tls)

    def _ends(self, asked: Question, fate: Fate) -> Iterator[tuple[Rule, str | None, int]]:
        """Each end, the connector that brought it about, and its clients."""
        reader = self.readers[""]
        sights = enumerate(self.rules.sights)
        hybrid = [i for i, s in sights if not s.is_partner]
        yield from self._shared(Rule.OWN_MAIL, fate.own, hybrid, reader.identified)
        refusing = reader.refusing(asked, reader.by_address | reader.by_certificate)
        partners = list(bits(self.names.partners))
        first = self.rules.sights[next(bits(refusing))].name if refusing else None
        yield Rule.RESTRICTION, first, fate.restriction
        yield from self._shared(Rule.TLS, fate.tls, partners, reader.demanding_tls(asked))
        yield Rule.DIRECT_SEND, None, fate.direct_send
        left = fate.taken
        if refusing:
            yield from self._shared(Rule.PROOF, left, partners, reader.satisfied)
            left = 0
        elif asked.sender_accepted and self.rules.reject_direct_send:
            every = list(range(len(self.rules.sights)))
            yield from self._shared(Rule.EXCUSED, left, every, reader.identified)
            left = 0
        yield Rule.NOTHING, None, left

    def _shared(
        self, rule: Rule, clients: int, among: Iterable[int], masks: tuple[int, ...]
    ) -> Iterator[tuple[Rule, str | None, int]]:
        """Clients by the first connector that took them."""
        for place in among:
            if found := clients & masks[place]:
                yield rule, self.rules.sights[place].name, found
                clients &= ~found
        yield rule, None, clients

    def _written(
        self, rule: Rule, connector: str | None, clients: int, leans: tuple[str, ...], *, tls: bool
    ) -> Iterator[Region]:
        """The regions of some clients: one of addresses, and one for each certificate name."""

        def region(addresses: AddressSet, certificate: str | None) -> Region:
            return Region(
                addresses=addresses,
                tls=tls,
                certificate=certificate,
                accepted=rule not in CODES,
                code=CODES.get(rule),
                rule=rule,
                connector=connector,
                assumptions=(*leans, *self.rules.not_known),
            )

        if addresses := self.space.addresses(clients):
            yield region(addresses, None)
        for name in self.space.names(clients):
            yield region(self.space.kinds[0] | self.space.kinds[1], name)


def _by_assumptions(
    clients: int, fates: Mapping[str, Fate]
) -> Iterator[tuple[tuple[str, ...], int]]:
    """Clients, cut by the assumptions under whose alternative they would fare otherwise."""
    found: list[tuple[tuple[str, ...], int]] = [((), clients)] if clients else []
    for name in FLIPS:
        moved = _moved(fates[""], fates[name])
        halves = ((moved, (name,)), (~moved, ()))
        cut = ((leans + more, part & half) for leans, part in found for half, more in halves)
        found = [(leans, part) for leans, part in cut if part]
    yield from found


def _moved(one: Fate, other: Fate) -> int:
    """The clients whose answer differs: let in or not, or refused in other words."""
    moved = one.accepted ^ other.accepted
    for (_rule, here), (_same, there) in zip(one.refused(), other.refused(), strict=True):
        moved |= here ^ there
    return moved


def reachability(configuration: Configuration, also: Iterable[str] = ()) -> Reachability:
    """Who may deliver, by this configuration; `also` names further classes (SenderDomains).

    Where the accepted domains were not read at all, one domain `*` stands for whatever they are.
    """
    rules = read(configuration)
    domains = tuple(sorted(plain(d) for d in configuration.domains)) or (
        () if rules.knows_domains else (ANY_RECIPIENT,)
    )
    scoped = sorted({*scoped_domains(configuration), *also} - set(CLASSES))
    return Reachability(rules=rules, domains=domains, classes=(*CLASSES, *scoped))
