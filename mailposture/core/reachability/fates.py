"""What every client is answered, all at once: the gates of attribution on masks of clients."""

from dataclasses import dataclass, field
from functools import cached_property

from mailposture.core.attribution import assumptions as by
from mailposture.core.attribution.assumptions import Choices
from mailposture.core.attribution.gates import Rule
from mailposture.core.attribution.reading import WILDCARD, Sight, bare
from mailposture.core.reachability.questions import Names, Question
from mailposture.core.reachability.space import Space, bits


@dataclass(frozen=True, slots=True)
class Fate:
    """Which clients meet which end; together they are everyone asked, and no two overlap."""

    own: int
    restriction: int
    tls: int
    direct_send: int
    taken: int

    @property
    def accepted(self) -> int:
        """The clients that are let in."""
        return self.own | self.taken

    def refused(self) -> tuple[tuple[Rule, int], ...]:
        """The ends that are refusals, with their clients."""
        ends = (Rule.RESTRICTION, Rule.TLS, Rule.DIRECT_SEND)
        return tuple(zip(ends, (self.restriction, self.tls, self.direct_send), strict=True))


@dataclass(frozen=True)
class Reader:
    """A space read under some choices: what each connector demands, and of whom it is satisfied."""

    space: Space
    names: Names
    chosen: Choices
    # By what a question takes for an accepted domain besides those that were read.
    _satisfied: dict[str, tuple[int, ...]] = field(default_factory=dict, repr=False)
    _satisfying: dict[str, int] = field(default_factory=dict, repr=False)
    _own: dict[tuple[bool, str], int] = field(default_factory=dict, repr=False)

    @cached_property
    def sights(self) -> tuple[Sight, ...]:
        """The enabled connectors, in their order."""
        return self.space.rules.sights

    @cached_property
    def by_certificate(self) -> int:
        """Partner connectors that refuse by certificate."""
        return sum(1 << i for i, s in enumerate(self.sights) if self._by_certificate(s))

    def _by_certificate(self, sight: Sight) -> bool:
        it = sight.connector
        evaluated = it.require_tls or by.WITHOUT_TLS not in self.chosen
        names = bool(sight.certificate) or by.EMPTY_RESTRICTION not in self.chosen
        return sight.is_partner and it.restrict_domains_to_certificate and evaluated and names

    @cached_property
    def by_address(self) -> int:
        """Partner connectors that refuse by address."""
        keeps_empty = by.EMPTY_RESTRICTION not in self.chosen
        return sum(
            1 << i
            for i, s in enumerate(self.sights)
            if s.is_partner
            and s.connector.restrict_domains_to_ip_addresses
            and (keeps_empty or s.connector.sender_ip_addresses)
        )

    def satisfied(self, asked: Question) -> tuple[int, ...]:
        """Of each connector: the clients that meet one of its restrictions."""
        key = asked.also_accepted
        if key not in self._satisfied:
            accepted = self.accepted(asked)
            found = []
            for place, sight in enumerate(self.sights):
                mask = self.space.listed[place] if self.by_address >> place & 1 else 0
                if self.by_certificate >> place & 1 and self._may_be_named(sight, accepted):
                    mask |= self.space.named[place]
                found.append(mask)
            self._satisfied[key] = tuple(found)
        return self._satisfied[key]

    def _may_be_named(self, sight: Sight, accepted: frozenset[str]) -> bool:
        name = sight.certificate
        free = by.NAME_NOT_ACCEPTED not in self.chosen or name.startswith(WILDCARD)
        return free or name in accepted

    def accepted(self, asked: Question) -> frozenset[str]:
        """The tenant's domains, as far as this question takes them to be its own."""
        known = self.space.rules.accepted
        return known | {asked.also_accepted} if asked.also_accepted else known

    def satisfying(self, asked: Question) -> int:
        """The clients that meet some restriction, wherever it is."""
        key = asked.also_accepted
        if key not in self._satisfying:
            self._satisfying[key] = self.among(self.satisfied(asked), (1 << len(self.sights)) - 1)
        return self._satisfying[key]

    @cached_property
    def identified(self) -> tuple[int, ...]:
        """Of each connector: the clients it names, by address or certificate."""
        pairs = zip(self.space.listed, self.space.named, strict=True)
        return tuple(listed | named for listed, named in pairs)

    @cached_property
    def _identifying(self) -> int:
        return self.among(self.identified, (1 << len(self.sights)) - 1)

    def excused(self, asked: Question) -> int:
        """The clients that RejectDirectSend lets pass."""
        strict = by.UNRESTRICTED_MATCH in self.chosen
        return self.satisfying(asked) if strict else self._identifying

    @cached_property
    def scopeless(self) -> int:
        """Connectors without AssociatedAcceptedDomains."""
        return sum(1 << i for i, s in enumerate(self.sights) if not s.associated)

    @staticmethod
    def among(masks: tuple[int, ...], connectors: int) -> int:
        """The clients of any of these connectors."""
        found = 0
        for place in bits(connectors):
            found |= masks[place]
        return found

    # ---- one question ----------------------------------------------------------------------

    def covering(self, asked: Question) -> int:
        """Partner connectors in whose SenderDomains the sender is."""
        if asked.null_sender and by.NULL_SENDER in self.chosen:
            return 0
        return (asked.exactly | asked.below | asked.any) & self.names.partners

    def scope(self, asked: Question) -> int:
        """Partner connectors that speak for this mail."""
        sender = by.ASSOCIATED in self.chosen
        meant = asked.sender_associated if sender else asked.recipient_associated
        return self.covering(asked) & (self.scopeless | meant)

    def refusing(self, asked: Question, demanding: int) -> int:
        """Connectors whose restriction this mail falls under."""
        scope = self.scope(asked)
        if by.RESTRICTION_WINS in self.chosen:
            scope = _closest(asked, scope)
        return scope & demanding

    def proved(self, asked: Question) -> int:
        """The clients that meet a restriction that counts for this mail."""
        counting = -1
        if by.ANY_PROOF in self.chosen:
            counting = self.covering(asked)
        if by.RESTRICTION_WINS in self.chosen:
            scope = self.scope(asked)
            counting &= ~(scope & ~_closest(asked, scope))
        if counting == -1:
            return self.satisfying(asked)
        return self.among(self.satisfied(asked), counting & ((1 << len(self.sights)) - 1))

    def own(self, asked: Question) -> int:
        """The clients whose mail is the tenant's own."""
        key = (asked.sender_accepted, asked.also_accepted)
        if key not in self._own:
            found = 0
            for mask in (*self.granted_by_name(asked), *self.granted_by_address(asked)):
                found |= mask
            self._own[key] = found
        return self._own[key]

    def granted_by_name(self, asked: Question) -> tuple[int, ...]:
        """Of each connector: those whose mail it takes for the tenant's own by certificate."""
        accepted = self.accepted(asked)
        return tuple(
            named
            if not sight.is_partner
            and (asked.sender_accepted or bare(sight.certificate) in accepted)
            else 0
            for sight, named in zip(self.sights, self.space.named, strict=True)
        )

    def granted_by_address(self, asked: Question) -> tuple[int, ...]:
        """The same by address, which is asked of the tenant's own senders alone."""
        return tuple(
            0 if sight.is_partner or not asked.sender_accepted else listed
            for sight, listed in zip(self.sights, self.space.listed, strict=True)
        )

    def demanding_tls(self, asked: Question) -> tuple[int, ...]:
        """Of each connector: the clients of whom it demands TLS."""
        scope, found = self.scope(asked), []
        for place, sight in enumerate(self.sights):
            by_domain = not sight.identifies or by.TLS_OF_WHOM in self.chosen
            everyone = self.space.everyone if scope >> place & 1 else 0
            meant = everyone if by_domain else self.identified[place]
            found.append(meant if sight.is_partner and sight.connector.require_tls else 0)
        return tuple(found)

    def locked(self, asked: Question) -> int:
        """The clients that a restriction refuses."""
        if not self.refusing(asked, self.by_address | self.by_certificate):
            return 0
        locked = self.space.everyone & ~self.proved(asked)
        if by.IPV6 in self.chosen and not self.refusing(asked, self.by_certificate):
            locked &= ~self.space.v6
        return locked

    def fate(self, asked: Question, *, tls: bool) -> Fate:
        """What becomes of every client; without TLS there are no certificates."""
        everyone = self.space.everyone if tls else self.space.by_address
        own = 0 if by.HYBRID_EXEMPT in self.chosen else self.own(asked) & everyone
        left = everyone & ~own
        direct = left & self._direct(asked)
        locked = left & self.locked(asked)
        clear = 0 if tls else left & ~locked & self._in_clear(asked)
        if by.LOCK_FIRST in self.chosen:
            locked &= ~direct
        direct &= ~(locked | clear)
        taken = everyone & ~(own | locked | clear | direct)
        return Fate(own=own, restriction=locked, tls=clear, direct_send=direct, taken=taken)

    def _in_clear(self, asked: Question) -> int:
        demanding = self.demanding_tls(asked)
        return self.among(demanding, (1 << len(demanding)) - 1)

    def _direct(self, asked: Question) -> int:
        setting = self.space.rules.reject_direct_send
        on = by.DIRECT_SEND in self.chosen if setting is None else setting
        return self.space.everyone & ~self.excused(asked) if on and asked.sender_accepted else 0


def _closest(asked: Question, scope: int) -> int:
    """Of these connectors those that name the sender most closely."""
    ranks = (asked.exactly, asked.below, asked.any)
    return next((scope & rank for rank in ranks if scope & rank), 0)
