"""What Exchange Online answers to one session, gate by gate (attribution.md, 2.3 and 17).

Every gate is a function of the look (what each connector makes of the session) and of the chosen
alternatives; the first that answers has decided.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from mailposture.core.attribution import assumptions as by
from mailposture.core.attribution.assumptions import Choices
from mailposture.core.attribution.reading import (
    WILDCARD,
    Rules,
    Sight,
    bare,
    specificity,
    takes,
    within,
)
from mailposture.core.attribution.sessions import Certificate, Session, plain_source


class Rule(StrEnum):
    """What decided."""

    OWN_MAIL = "own mail"  # originating: an OnPremises connector matched
    RELAY = "relay"  # originating, and on its way to somebody else
    NOT_OURS = "not ours"
    RESTRICTION = "restriction"
    TLS = "tls"
    DIRECT_SEND = "direct send"
    DIRECTORY = "directory"
    PROOF = "proof"  # a restriction in scope, and one that is satisfied
    EXCUSED = "excused"  # from RejectDirectSend, by a connector that names the source
    NOTHING = "nothing"  # nothing in the configuration stands in the way


CODES: Final = {
    Rule.NOT_OURS: "5.7.64",
    Rule.RESTRICTION: "5.7.51",
    Rule.TLS: "TLS",
    Rule.DIRECT_SEND: "5.7.68",
    Rule.DIRECTORY: "5.4.1",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What decided, and the connector that did, if one did."""

    rule: Rule
    connector: str | None = None

    @property
    def code(self) -> str | None:
        """The refusal expected: an enhanced status code, or TLS whose code no source gives."""
        return CODES.get(self.rule)

    @property
    def accepted(self) -> bool:
        """Whether the recipient is taken."""
        return self.rule not in CODES


@dataclass(frozen=True, slots=True)
class Met:
    """One enabled connector, as this session meets it."""

    sight: Sight
    listed: bool
    named: bool
    named_by_common_name: bool
    sender: int  # how closely its SenderDomains names the sender's domain
    recipient_associated: bool
    sender_associated: bool


@dataclass(frozen=True)
class Look:
    """One session, and all that the tenant's rules see of it."""

    rules: Rules
    session: Session
    met: tuple[Met, ...]
    accepted: frozenset[str]

    @cached_property
    def partners(self) -> tuple[Met, ...]:
        """The connectors that can refuse."""
        return tuple(m for m in self.met if m.sight.is_partner)

    @cached_property
    def hybrid(self) -> tuple[Met, ...]:
        """The connectors that can grant."""
        return tuple(m for m in self.met if not m.sight.is_partner)

    @cached_property
    def sender_accepted(self) -> bool:
        """Whether the envelope sender's domain is the tenant's own."""
        return self.session.sender_domain in self.accepted


def shown(session: Session) -> Certificate | None:
    """The certificate that proves something: over TLS, by an authority the service trusts."""
    certificate = session.certificate if session.tls else None
    return certificate if certificate and certificate.trusted else None


def look(rules: Rules, session: Session) -> Look:
    """Put a session before every enabled connector."""
    accepted = rules.accepted
    if not rules.knows_domains:
        accepted |= {session.recipient_domain}
    source = plain_source(session.source)
    met = tuple(_meet(sight, session, source) for sight in rules.sights)
    return Look(rules=rules, session=session, met=met, accepted=accepted)


def _meet(sight: Sight, session: Session, source: str) -> Met:
    certificate, pattern = shown(session), sight.certificate
    names = certificate.names if certificate and pattern else ()
    return Met(
        sight=sight,
        listed=bool(sight.listed) and source in sight.listed,
        named=any(within(name, pattern) for name in names),
        named_by_common_name=any(within(name, pattern) for name in names[:1]),
        sender=specificity(session.sender_domain, sight.sender_domains),
        recipient_associated=session.recipient_domain in sight.associated,
        sender_associated=session.sender_domain in sight.associated,
    )


# ---- what a connector makes of a session ---------------------------------------------------


def named(it: Look, met: Met, chosen: Choices) -> bool:
    """Whether the certificate bears the connector's name."""
    certificate = it.session.certificate
    if by.USAGE in chosen and certificate and not certificate.client_auth:
        return False
    return met.named_by_common_name if by.NAMES in chosen else met.named


def identified(it: Look, met: Met, chosen: Choices) -> bool:
    """Whether the connector names this source, by address or certificate."""
    return met.listed or named(it, met, chosen)


def covers_sender(it: Look, met: Met, chosen: Choices) -> bool:
    """Whether the sender is in its SenderDomains."""
    if by.NULL_SENDER in chosen and not it.session.sender_domain:
        return False
    return met.sender > 0


def in_scope(it: Look, met: Met, chosen: Choices) -> bool:
    """Whether the connector speaks for this mail at all."""
    if not covers_sender(it, met, chosen):
        return False
    if not met.sight.associated:
        return True
    return met.sender_associated if by.ASSOCIATED in chosen else met.recipient_associated


def by_address(it: Look, met: Met, chosen: Choices) -> bool:
    """Whether it refuses by address."""
    sight = met.sight
    if not sight.connector.restrict_domains_to_ip_addresses:
        return False
    if by.IPV6 in chosen and it.session.is_ipv6:
        return False
    return bool(sight.connector.sender_ip_addresses) or by.EMPTY_RESTRICTION not in chosen


def by_certificate(met: Met, chosen: Choices) -> bool:
    """Whether it refuses by certificate."""
    connector = met.sight.connector
    if not connector.restrict_domains_to_certificate:
        return False
    if by.WITHOUT_TLS in chosen and not connector.require_tls:
        return False
    return bool(met.sight.certificate) or by.EMPTY_RESTRICTION not in chosen


def satisfied(it: Look, met: Met, chosen: Choices) -> bool:
    """Whether one of its restrictions is met."""
    if by_address(it, met, chosen) and met.listed:
        return True
    if not (by_certificate(met, chosen) and named(it, met, chosen)):
        return False
    name = met.sight.certificate
    return by.NAME_NOT_ACCEPTED not in chosen or name.startswith(WILDCARD) or name in it.accepted


def refusing(it: Look, chosen: Choices) -> tuple[Met, ...]:
    """The restrictions that this mail falls under, met or not."""
    scope = [m for m in it.partners if in_scope(it, m, chosen)]
    if by.RESTRICTION_WINS in chosen:
        closest = closeness(it, chosen)
        scope = [m for m in scope if m.sender == closest]
    return tuple(m for m in scope if by_address(it, m, chosen) or by_certificate(m, chosen))


def closeness(it: Look, chosen: Choices) -> int:
    """How closely SenderDomains names the sender where it does so best, of those in scope."""
    return max((m.sender for m in it.partners if in_scope(it, m, chosen)), default=0)


def proofs(it: Look, chosen: Choices) -> tuple[Met, ...]:
    """The connectors one of whose restrictions lets this session in."""
    found = tuple(m for m in it.partners if satisfied(it, m, chosen))
    if by.ANY_PROOF in chosen:
        found = tuple(m for m in found if covers_sender(it, m, chosen))
    if by.RESTRICTION_WINS in chosen and found:
        closest = closeness(it, chosen)
        found = tuple(m for m in found if m.sender >= closest or not in_scope(it, m, chosen))
    return found


# ---- the gates -----------------------------------------------------------------------------


def originating(it: Look, chosen: Choices) -> Answer | None:
    """The tenant's own mail: an OnPremises connector matches, certificate before address."""
    found = granting(it, chosen)
    if found is None:
        return None
    if not ours(it, chosen):
        return Answer(Rule.RELAY, found.sight.name)
    return None if by.HYBRID_EXEMPT in chosen else Answer(Rule.OWN_MAIL, found.sight.name)


def granting(it: Look, chosen: Choices) -> Met | None:
    """The OnPremises connector that takes this session for the tenant's own, if one does."""
    for met in it.hybrid:
        known = it.sender_accepted or bare(met.sight.certificate) in it.accepted
        if known and named(it, met, chosen):
            return met
    if not it.sender_accepted:
        return None
    return next((m for m in it.hybrid if m.listed), None)


def not_ours(it: Look, chosen: Choices) -> Answer | None:
    """Neither for the tenant nor from it."""
    return None if ours(it, chosen) else Answer(Rule.NOT_OURS)


def ours(it: Look, chosen: Choices) -> bool:
    """Whether the recipient's domain is the tenant's."""
    return takes(
        it.rules,
        it.session.recipient_domain,
        subdomains=by.SUBDOMAINS not in chosen,
        unread=by.SUBDOMAINS_UNKNOWN in chosen,
    )


def locked_out(it: Look, chosen: Choices) -> Answer | None:
    """A restriction covers this mail, and none is satisfied."""
    refuse = refusing(it, chosen)
    if not refuse or proofs(it, chosen):
        return None
    if by.LOCK_FIRST in chosen and (both := direct_send(it, chosen)):
        return both
    return Answer(Rule.RESTRICTION, refuse[0].sight.name)


def in_clear(it: Look, chosen: Choices) -> Answer | None:
    """A connector that means this session demands TLS, and there is none."""
    if it.session.tls:
        return None
    for met in it.partners:
        by_domain = not met.sight.identifies or by.TLS_OF_WHOM in chosen
        meant = in_scope if by_domain else identified
        if met.sight.connector.require_tls and meant(it, met, chosen):
            return Answer(Rule.TLS, met.sight.name)
    return None


def asks_direct_send(it: Look, chosen: Choices) -> bool:
    """Whether RejectDirectSend is asked of this mail at all."""
    setting = it.rules.reject_direct_send
    on = by.DIRECT_SEND in chosen if setting is None else setting
    return on and it.sender_accepted


def excusing(it: Look, chosen: Choices) -> Met | None:
    """The connector of any kind that names the source, and so excuses it."""
    partner_only = by.UNRESTRICTED_MATCH in chosen
    excuses = satisfied if partner_only else identified
    among = it.partners if partner_only else it.met
    return next((m for m in among if excuses(it, m, chosen)), None)


def direct_send(it: Look, chosen: Choices) -> Answer | None:
    """RejectDirectSend refuses the tenant's own domain from hosts that no connector names."""
    if not asks_direct_send(it, chosen) or excusing(it, chosen):
        return None
    return Answer(Rule.DIRECT_SEND)


def directory(it: Look, chosen: Choices) -> Answer | None:
    """There is no such recipient (directory based edge blocking)."""
    del chosen
    return Answer(Rule.DIRECTORY) if it.session.recipient_exists is False else None


def taken(it: Look, chosen: Choices) -> Answer:
    """Nothing refused: what let it in, if anything had to."""
    if refusing(it, chosen) and (found := proofs(it, chosen)):
        return Answer(Rule.PROOF, found[0].sight.name)
    if asks_direct_send(it, chosen) and (met := excusing(it, chosen)):
        return Answer(Rule.EXCUSED, met.sight.name)
    return Answer(Rule.NOTHING)


type Gate = Callable[[Look, Choices], Answer | None]


def gates(chosen: Choices) -> tuple[Gate, ...]:
    """The gates in the order in which they are asked."""
    lock: tuple[Gate, ...] = (locked_out, in_clear, direct_send)
    if by.LOCK_BEFORE_DIRECTORY in chosen:
        return originating, not_ours, directory, *lock
    return originating, not_ours, *lock, directory


def answer(it: Look, chosen: Choices = by.DEFAULTS) -> Answer:
    """The answer to this session under these choices."""
    for gate in gates(chosen):
        if decided := gate(it, chosen):
            return decided
    return taken(it, chosen)
