"""Who may deliver, exactly: for each accepted domain and sender class, sets instead of samples."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from mailposture.core.addresses import NOWHERE, AddressSet
from mailposture.core.attribution import Rules, read
from mailposture.core.attribution.gates import CODES, Rule
from mailposture.core.attribution.reading import WILDCARD
from mailposture.core.configuration import ANY_DOMAIN, Configuration
from mailposture.core.hosts import plain
from mailposture.core.reachability.fates import Fate
from mailposture.core.reachability.leaning import Leaning
from mailposture.core.reachability.questions import (
    OWN,
    Names,
    Question,
    classes_of,
    sender_of,
)
from mailposture.core.reachability.space import Space, bits, space

# Where the accepted domains were not read: whatever they are, but those that a connector names.
ANY_RECIPIENT: Final = "*"


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """Clients that are answered alike, and how.

    `certificate` None: they show none that any connector names. Else they come from these
    addresses and show one of that name, and of no other name that a connector knows.
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
    `certificates` are names that let any address in. `together` are two assumptions that only with
    one another would answer some client otherwise.
    """

    addresses: AddressSet
    in_clear: AddressSet
    certificates: tuple[str, ...]
    assumptions: tuple[str, ...]
    together: tuple[tuple[str, str], ...] = ()


NOBODY_REACHES: Final = Reach(addresses=NOWHERE, in_clear=NOWHERE, certificates=(), assumptions=())


@dataclass(frozen=True)
class Reachability:
    """Who may deliver to a tenant: domain -> sender class -> Reach, each found when asked for."""

    rules: Rules
    domains: tuple[str, ...]
    classes: tuple[str, ...]
    _answers: dict[Question, Reach] = field(default_factory=dict, repr=False)
    _accepted: dict[Question, int] = field(default_factory=dict, repr=False)
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
    def leaning(self) -> Leaning:
        """The space, read under every choice."""
        return Leaning(space=self.space, names=self.names)

    @cached_property
    def paired(self) -> Leaning:
        """The same with every pair of an address and a certificate."""
        return Leaning(space=space(self.rules, paired=True), names=self.names)

    def question(self, domain: str, sender_class: str) -> Question:
        """What the connectors make of this class of sender and this recipient's domain."""
        return self.names.question(sender_of(sender_class, domain), domain)

    def narrowed(self, classes: tuple[str, ...]) -> "Reachability":
        """The same for fewer classes of sender; what was answered is kept by both."""
        return replace(self, classes=classes)

    @cached_property
    def _held(self) -> frozenset[str]:
        return frozenset(self.domains)

    def has(self, domain: str) -> bool:
        """Whether the tenant takes mail for this domain; where that is not known, it does."""
        return domain in self._held or ANY_RECIPIENT in self._held

    def of(self, domain: str, sender_class: str) -> Reach:
        """Who may deliver to this domain as this class of sender."""
        alike = domain if sender_class == OWN else self.alike(domain)
        if (sender_class, alike) not in self._found:
            asked = self.question(domain, sender_class)
            if asked not in self._answers:
                self._answers[asked] = self._reach(asked)
            self._found[sender_class, alike] = self._answers[asked]
        return self._found[sender_class, alike]

    def of_any(self, pairs: Iterable[tuple[str, str]]) -> AddressSet:
        """Who may deliver to some of these domains as that class of sender, over TLS: by one look
        at each question, since nothing is asked of what it rests on.
        """
        found, questions = 0, {self.question(*pair) for pair in pairs}
        for asked in questions:
            found |= self._let_in(asked)
        return self.space.addresses(found)

    def alike(self, domain: str) -> str | int:
        """What of a recipient's domain matters, where it is not the sender's too: the connectors
        that are associated with it.
        """
        return self.names.associated.get(domain, 0) if self.rules.knows_domains else domain

    def all(self) -> Iterator[tuple[str, str, Reach]]:
        """Every domain, sender class and what is reached."""
        rows: dict[str | int, list[tuple[str, Reach | None]]] = {}
        for domain in self.domains:
            alike = self.alike(domain)
            if alike not in rows:
                rows[alike] = [(c, None if c == OWN else self.of(domain, c)) for c in self.classes]
            for sender_class, reach in rows[alike]:
                yield domain, sender_class, reach or self.of(domain, OWN)

    def _let_in(self, asked: Question) -> int:
        """The clients that are let in over TLS."""
        if asked not in self._accepted:
            self._accepted[asked] = self.leaning.fate(asked, tls=True).accepted
        return self._accepted[asked]

    def _reach(self, asked: Question) -> Reach:
        accepted = self._let_in(asked)
        clear = self.leaning.fate(asked, tls=False)
        turning = self.leaning.turning(asked, tls=True)
        alone = (name for name, clients in turning.items() if clients)
        return Reach(
            addresses=self.space.addresses(accepted),
            in_clear=self.space.addresses(clear.accepted),
            certificates=self.space.names(accepted),
            assumptions=(*alone, *self.rules.not_known),
            together=self.leaning.together(asked, turning, tls=True),
        )

    # ---- regions ---------------------------------------------------------------------------

    def regions(self, domain: str, sender_class: str) -> tuple[Region, ...]:
        """Everyone, cut by how they are answered: they cover all and do not overlap."""
        asked = self.question(domain, sender_class)
        return tuple(region for tls in (True, False) for region in self._regions(asked, tls=tls))

    def _regions(self, asked: Question, *, tls: bool) -> Iterator[Region]:
        alone = self.paired.alone(asked, tls=tls)
        for rule, connector, clients in self._ends(asked, self.paired.fate(asked, tls=tls)):
            for leans, alike in _cut(clients, alone):
                yield from self._written(rule, connector, alike, leans, tls=tls)

    def _ends(self, asked: Question, fate: Fate) -> Iterator[tuple[Rule, str | None, int]]:
        """Each end, the connector that brought it about, and its clients."""
        reader = self.paired.reader()
        yield from self._own(asked, fate.own)
        refusing = reader.refusing(asked, reader.by_address | reader.by_certificate)
        partners = list(bits(self.names.partners))
        first = self.rules.sights[next(bits(refusing))].name if refusing else None
        yield Rule.RESTRICTION, first, fate.restriction
        yield from self._shared(Rule.TLS, fate.tls, partners, reader.demanding_tls(asked))
        yield Rule.DIRECT_SEND, None, fate.direct_send
        left = fate.taken
        if refusing:
            yield from self._shared(Rule.PROOF, left, partners, reader.satisfied(asked))
            left = 0
        elif asked.sender_accepted and self.rules.reject_direct_send:
            every = list(range(len(self.rules.sights)))
            yield from self._shared(Rule.EXCUSED, left, every, reader.identified)
            left = 0
        yield Rule.NOTHING, None, left

    def _own(self, asked: Question, clients: int) -> Iterator[tuple[Rule, str | None, int]]:
        """The tenant's own mail by the connector that takes it: by certificate before address."""
        reader, every = self.paired.reader(), range(len(self.rules.sights))
        by_name, by_address = reader.granted_by_name(asked), reader.granted_by_address(asked)
        left = clients
        for mask in by_name:
            left &= ~mask
        yield from self._shared(Rule.OWN_MAIL, clients & ~left, every, by_name)
        yield from self._shared(Rule.OWN_MAIL, left, every, by_address)

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
        """The regions of some clients: those without a certificate, and those with each name."""
        for certificate, addresses in self.paired.space.pairs(clients):
            yield Region(
                addresses=addresses,
                tls=tls,
                certificate=certificate,
                accepted=rule not in CODES,
                code=CODES.get(rule),
                rule=rule,
                connector=connector,
                assumptions=(*leans, *self.rules.not_known),
            )


def _cut(clients: int, alone: Mapping[str, int]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Clients, cut by the assumptions under whose alternative they would be answered otherwise."""
    found: list[tuple[tuple[str, ...], int]] = [((), clients)] if clients else []
    for name, moved in alone.items():
        halves = ((moved, (name,)), (~moved, ()))
        cut = ((leans + more, part & half) for leans, part in found for half, more in halves)
        found = [(leans, part) for leans, part in cut if part]
    yield from found


def reachability(configuration: Configuration, also: Iterable[str] = ()) -> Reachability:
    """Who may deliver, by this configuration; `also` names further classes (SenderDomains).

    Where the accepted domains were not read whole, one domain `*` stands for those that no
    connector names. Those that one names are answered for besides: for them it may be otherwise.
    """
    rules = read(configuration)
    domains = {plain(d) for d in configuration.domains}
    if not rules.knows_domains:
        domains |= {ANY_RECIPIENT, *_named(rules)}
    classes = classes_of(configuration, also)
    return Reachability(rules=rules, domains=tuple(sorted(domains)), classes=classes)


def _named(rules: Rules) -> Iterator[str]:
    """The domains that connectors name, as recipients' or as senders'."""
    for sight in rules.sights:
        yield from sight.associated
        yield from (name.removeprefix(WILDCARD) for name in sight.sender_domains - {ANY_DOMAIN})
