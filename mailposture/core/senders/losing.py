"""Who would lose access: known senders held against the rules before and after a change.

Exact for a range: the sets of reachability say which of its addresses get in. Of all envelopes
that a sender uses, a row shows the one that loses most.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Final

from mailposture.core.addresses import NOWHERE, AddressSet
from mailposture.core.attribution import Certificate, Decision, Rules, Session, decided
from mailposture.core.reachability import FOREIGN, NULL, OWN, Comparison, Reachability
from mailposture.core.reachability.questions import NOBODY, Question, sender_of
from mailposture.core.senders import words
from mailposture.core.senders.known import Envelope, How, KnownSender
from mailposture.core.senders.strangers import Strangers, strangers, unlisted
from mailposture.core.senders.words import Sure
from mailposture.core.states import Access

# A foreign domain that people can read; where a connector tells it from others, NOBODY stands.
ELSEWHERE: Final = "elsewhere.invalid"


class Turn(IntEnum):
    """What becomes of a sender; in the order in which people should look at them."""

    LOST = 0
    KEPT = 1
    GAINED = 2
    STILL_OUT = 3


@dataclass(frozen=True, kw_only=True)
class Fare:
    """How a sender fares on one side: which of its addresses get in, and one session of them."""

    gets_in: AddressSet
    of: AddressSet
    rules: Rules = field(repr=False)
    session: Session

    @cached_property
    def decision(self) -> Decision:
        """What that session is answered, with its trace: worked out for whom it is shown."""
        return decided(self.rules, self.session)

    @property
    def access(self) -> Access:
        """All of it gets in, some, or none."""
        if not self.gets_in:
            return Access.CUT_OFF
        return Access.GETS_IN if self.gets_in == self.of else Access.PARTLY_CUT_OFF


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One sender, before and after."""

    sender: KnownSender
    turn: Turn
    before: Fare
    after: Fare
    shown: str  # the address whose answers are shown
    envelope: Envelope
    only: str  # whom the loss is confined to; empty: all its mail, or there is none
    first: str
    sure: Sure

    @property
    def is_known(self) -> bool:
        """Whether it is a sender, and not a kind of which there may be none."""
        return self.sender.how is not How.UNLISTED

    @property
    def why(self) -> str:
        """The sentence that decides, after the change."""
        return words.why(self.after.decision, "" if self.sender.addresses else self.shown)

    @property
    def lost(self) -> AddressSet:
        """The addresses that get in no longer."""
        return self.before.gets_in - self.after.gets_in


@dataclass(frozen=True, kw_only=True, slots=True)
class Losses:
    """Every known sender, those that are cut off first; strangers stand beside them."""

    rows: tuple[Row, ...]
    strangers: Strangers

    @property
    def lost(self) -> int:
        """How many known senders lose access, in whole or in part."""
        return sum(
            row.turn is Turn.LOST and row.sender.how is not How.UNLISTED for row in self.rows
        )

    @property
    def kinds_lost(self) -> int:
        """How many kinds of host lose it of which nobody can say whether there are any."""
        return sum(row.turn is Turn.LOST and not row.is_known for row in self.rows)


def losing(comparison: Comparison, senders: Iterable[KnownSender]) -> Losses:
    """Hold senders against both sides of a change, with the kinds that nobody can list."""
    judge = _Judge(comparison)
    known = list(senders)
    rows = [judge.row(sender) for sender in (*known, *words.UNLISTED)]
    rows.sort(key=_rank)
    return Losses(rows=tuple(rows), strangers=strangers(comparison, known))


def _rank(row: Row) -> tuple[int, bool, bool, int, str]:
    whole = row.after.access is Access.CUT_OFF
    return (
        row.turn,
        not row.is_known,
        not whole,
        -(row.sender.messages or 0),
        row.sender.name.lower(),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """One envelope, and what the connectors of either side make of it; None: not its tenant's."""

    envelope: Envelope
    label: str
    before: Question | None
    after: Question | None


# A tenant that takes mail for no domain at all.
NO_DOMAIN: Final = _Asked(Envelope("", "none.invalid"), NULL, None, None)


@dataclass(frozen=True, slots=True)
class _Answer:
    asked: _Asked
    before: AddressSet
    after: AddressSet
    by_name: bool = False  # some of it gets in after the change by its certificate alone

    @property
    def lost(self) -> AddressSet:
        return self.before - self.after

    @property
    def gained(self) -> AddressSet:
        return self.after - self.before


@dataclass(frozen=True)
class _Judge:
    comparison: Comparison
    _inside: dict[tuple[int, Question, bool], AddressSet] = field(default_factory=dict)

    def row(self, sender: KnownSender) -> Row:
        """One sender's row: the envelope that loses most, else gains most, else fares worst."""
        whole = sender.addresses or self.unlisted
        asked_of = self.asked(sender) or (NO_DOMAIN,)
        answers = [self.answer(sender, whole, asked) for asked in asked_of]
        turn, chosen = _worst(answers)
        picked = chosen.lost or chosen.gained or chosen.after or whole
        shown = picked.first() or "0.0.0.0"  # noqa: S104 - an address to name, nothing is bound
        session = _session(sender, shown, chosen.asked.envelope)
        before = self.fare(self.comparison.before, chosen.before, whole, session)
        after = self.fare(self.comparison.after, chosen.after, whole, session)
        return Row(
            sender=sender,
            turn=turn,
            before=before,
            after=after,
            shown=shown,
            envelope=chosen.asked.envelope,
            only=_only(answers) if turn is Turn.LOST else "",
            first=words.first(
                sender,
                whole,
                loses=turn is Turn.LOST,
                gets_in=bool(chosen.after),
                by_name=any(answer.by_name for answer in answers),
            ),
            sure=words.sure(sender),
        )

    @staticmethod
    def fare(side: Reachability, gets_in: AddressSet, whole: AddressSet, session: Session) -> Fare:
        """What is known of one side."""
        return Fare(gets_in=gets_in, of=whole, rules=side.rules, session=session)

    # ---- addresses -------------------------------------------------------------------------

    @cached_property
    def unlisted(self) -> AddressSet:
        """The addresses that no connector of either side lists."""
        return unlisted(self.comparison.before, self.comparison.after)

    def answer(self, sender: KnownSender, whole: AddressSet, asked: _Asked) -> _Answer:
        """Which of its addresses get in with this envelope, before and after."""
        before = self.inside(self.comparison.before, asked.before, sender, whole, asked)
        after = self.inside(self.comparison.after, asked.after, sender, whole, asked)
        plain = self.without_name(self.comparison.after, asked.after, sender, whole)
        return _Answer(asked, before, after, by_name=after != plain)

    def inside(
        self,
        side: Reachability,
        question: Question | None,
        sender: KnownSender,
        whole: AddressSet,
        asked: _Asked,
    ) -> AddressSet:
        """Which of these addresses one side lets in; a certificate lets in all or none more."""
        found = self.without_name(side, question, sender, whole)
        if question is None:
            return found
        left = (whole - found).first() if sender.certificate and sender.tls else None
        if left is None:
            return found
        by_name = decided(side.rules, _session(sender, left, asked.envelope))
        return whole if by_name.accepted else found

    def without_name(
        self, side: Reachability, question: Question | None, sender: KnownSender, whole: AddressSet
    ) -> AddressSet:
        """Which of these addresses one side lets in where no certificate is shown."""
        if question is None:
            return NOWHERE
        key = (id(side), question, sender.tls)
        if key not in self._inside:
            fate = side.leaning.fate(question, tls=sender.tls)
            self._inside[key] = side.space.addresses(fate.accepted)
        return _both(self._inside[key], whole)

    # ---- envelopes -------------------------------------------------------------------------

    def asked(self, sender: KnownSender) -> tuple[_Asked, ...]:
        """Its envelopes, each kind once; where none is known, every class to every domain."""
        if not sender.envelopes:
            as_class = sender.writes_as
            return self.of_class(as_class) if as_class else self.any_envelope
        told_apart = (self.ask(envelope, self.label(envelope)) for envelope in sender.envelopes)
        return _distinct(told_apart)

    @cached_property
    def any_envelope(self) -> tuple[_Asked, ...]:
        """Every class of sender to every domain."""
        found = (a for sender_class in self.comparison.classes for a in self.of_class(sender_class))
        return _distinct(found)

    def of_class(self, sender_class: str) -> tuple[_Asked, ...]:
        """One class of sender to every domain, those told apart by no connector once."""
        return _distinct(
            self.ask(Envelope(sender_of(sender_class, domain), domain), sender_class)
            for domain in self.comparison.domains
        )

    def ask(self, envelope: Envelope, label: str) -> _Asked:
        """What both sides make of an envelope."""
        sides = (self.comparison.before, self.comparison.after)
        before, after = (self.question(side, envelope) for side in sides)
        if envelope.sender == NOBODY:
            readable = Envelope(ELSEWHERE, envelope.recipient)
            if all(
                self.question(side, readable) == self.question(side, envelope) for side in sides
            ):
                envelope = readable
        return _Asked(envelope, label, before, after)

    @staticmethod
    def question(side: Reachability, envelope: Envelope) -> Question | None:
        """What one side's connectors make of it; None where the domain is not its tenant's."""
        if not side.has(envelope.recipient):
            return None
        return side.names.question(envelope.sender, envelope.recipient)

    def label(self, envelope: Envelope) -> str:
        """What kind of sender an envelope bears."""
        if not envelope.sender:
            return NULL
        if envelope.sender == envelope.recipient:
            return OWN
        ours = self.comparison.before.rules.accepted | self.comparison.after.rules.accepted
        named = envelope.sender in self.comparison.classes or envelope.sender in ours
        return envelope.sender if named else FOREIGN


def _both(many: AddressSet, whole: AddressSet) -> AddressSet:
    """What is in both; for a single address, as most senders are, by one look."""
    only = whole.first() if whole.size == 1 else None
    if only is None:
        return many & whole
    return whole if only in many else NOWHERE


def _distinct(asked: Iterable[_Asked]) -> tuple[_Asked, ...]:
    """Envelopes that no connector tells apart, once; the first of them stands for all."""
    found: dict[tuple[str, Question | None, Question | None], _Asked] = {}
    for one in asked:
        found.setdefault((one.label, one.before, one.after), one)
    return tuple(found.values())


def _worst(answers: list[_Answer]) -> tuple[Turn, _Answer]:
    losses = max(answers, key=lambda answer: answer.lost.size)
    if losses.lost:
        return Turn.LOST, losses
    gains = max(answers, key=lambda answer: answer.gained.size)
    if gains.gained:
        return Turn.GAINED, gains
    best = max(answers, key=lambda answer: answer.after.size)
    return (Turn.KEPT if best.after else Turn.STILL_OUT), best


def _only(answers: list[_Answer]) -> str:
    """Whom a loss is confined to, where not all its mail loses."""
    by_label: dict[bool, dict[str, None]] = defaultdict(dict)
    for answer in answers:
        by_label[bool(answer.lost)][answer.asked.label] = None
    return words.only(tuple(by_label[True])) if by_label[False] else ""


def _session(sender: KnownSender, source: str, envelope: Envelope) -> Session:
    shows = sender.certificate if sender.tls else ""
    return Session(
        source=source,
        mail_from=f"sender@{envelope.sender}" if envelope.sender else "",
        recipient=f"postmaster@{envelope.recipient}",
        tls=sender.tls,
        certificate=Certificate.of(shows) if shows else None,
    )
