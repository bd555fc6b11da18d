"""What the service answers to RCPT: the lab's own reading of how Exchange Online attributes mail.

A pure function of the tenants' rules and one session. It asks, in this order: is this a tenant's
own mail on its way out (an OnPremises connector grants); whose recipient is it; does a Partner
connector lock the sender out; does one demand TLS; is Direct Send refused; is there such a
mailbox. Where public sources leave a choice, the answer carries the name of the assumption that
it rests on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from mailposture.lab.reading import Connector, Rules


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """What the service knows of a client when it names a recipient.

    `certificate` holds CN and SANs of a certificate whose chain the service trusts. One that it
    does not trust proves nothing and is left out.
    """

    address: str
    tls: bool
    mail_from: str
    rcpt_to: str
    certificate: frozenset[str] = frozenset()

    @property
    def sender_domain(self) -> str:
        return self.mail_from.rpartition("@")[2].lower()

    @property
    def recipient_domain(self) -> str:
        return self.rcpt_to.rpartition("@")[2].lower()


class Outcome(StrEnum):
    """What the service has decided; `replies.py` has the words for it."""

    ACCEPTED = "accepted"
    RELAYED = "relayed"
    LOCKED = "locked"
    TLS_REQUIRED = "tls-required"
    DIRECT_SEND = "direct-send"
    NO_SUCH_RECIPIENT = "no-such-recipient"
    NO_SUCH_TENANT = "no-such-tenant"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The outcome, whose tenant decided, by which connector, on which assumptions."""

    outcome: Outcome
    tenant: str | None = None
    connector: str | None = None
    assumes: tuple[str, ...] = ()


def decide(everyone: Sequence[Rules], session: Session) -> Answer:
    """Answer one recipient of one session."""
    if granted := originating(everyone, session):
        rules, connector = granted
        return leaving(rules, connector, session)
    owner = next((rules for rules in everyone if rules.takes(session.recipient_domain)), None)
    if owner is None:
        return Answer(outcome=Outcome.NO_SUCH_TENANT)
    refused = None if owner.contradicted else refusal(owner, session)
    return refused or taken(owner, session)


def originating(everyone: Iterable[Rules], session: Session) -> tuple[Rules, Connector] | None:
    """Find the tenant whose own mail this is: certificate before address (hybrid_exempt)."""
    granting = [(rules, c) for rules in everyone for c in rules.connectors if c.on_premises]
    for rules, connector in granting:
        bare = connector.certificate_name.removeprefix("*.")
        known = session.sender_domain in rules.accepted or bare in rules.accepted
        if connector.names(session.certificate) and known:
            return rules, connector
    for rules, connector in granting:
        if connector.lists(session.address) and session.sender_domain in rules.accepted:
            return rules, connector
    return None


def leaving(rules: Rules, connector: Connector, session: Session) -> Answer:
    """A tenant's own mail may go anywhere; within the tenant its directory is still asked."""
    if rules.takes(session.recipient_domain):
        answer = directory(rules, session)
        return Answer(
            outcome=answer.outcome,
            tenant=rules.slug,
            connector=connector.name,
            assumes=("hybrid_exempt",),
        )
    return Answer(outcome=Outcome.RELAYED, tenant=rules.slug, connector=connector.name)


def refusal(owner: Rules, session: Session) -> Answer | None:
    """Ask the tenant's connectors, then RejectDirectSend (lock_before_direct_send)."""
    partner = [connector for connector in owner.connectors if not connector.on_premises]
    scope = [connector for connector in partner if in_scope(connector, session)]
    return (
        locked_out(owner, partner, scope, session)
        or in_clear(owner, partner, session)
        or direct_send(owner, session)
    )


def in_scope(connector: Connector, session: Session) -> bool:
    return connector.covers_sender(session.sender_domain) and connector.covers_recipient(
        session.recipient_domain
    )


def restricts(connector: Connector) -> bool:
    return connector.restricts_addresses or connector.restricts_certificate


def satisfied(connector: Connector, session: Session) -> bool:
    """A restriction is met by address or certificate, with RequireTls on or off."""
    by_address = connector.restricts_addresses and connector.lists(session.address)
    by_certificate = connector.restricts_certificate and connector.names(session.certificate)
    return by_address or by_certificate


def identified(connector: Connector, session: Session) -> bool:
    return connector.lists(session.address) or connector.names(session.certificate)


def locked_out(
    owner: Rules, partner: list[Connector], scope: list[Connector], session: Session
) -> Answer | None:
    """Refuse where a restriction covers this mail and none of the tenant's is satisfied."""
    denying = next((connector for connector in scope if restricts(connector)), None)
    if denying is None or any(satisfied(connector, session) for connector in partner):
        return None
    return Answer(
        outcome=Outcome.LOCKED,
        tenant=owner.slug,
        connector=denying.name,
        assumes=tuple(lock_rests_on(owner, denying, session)),
    )


def lock_rests_on(owner: Rules, connector: Connector, session: Session) -> Iterable[str]:
    yield "lock_before_directory"
    if owner.reject_direct_send and session.sender_domain in owner.accepted:
        yield "lock_before_direct_send"
    if connector.restricts_certificate and not connector.require_tls:
        yield "certificate_without_require_tls"
    if not session.sender_domain:
        yield "null_sender_in_wildcard"
    if connector.associated_domains:
        yield "associated_domains_scope_recipients"
    if ":" in session.address and connector.restricts_addresses:
        yield "ipv6_never_listed"


def in_clear(owner: Rules, partner: list[Connector], session: Session) -> Answer | None:
    """Refuse clear text where a connector that means this session demands TLS."""
    if session.tls:
        return None
    for connector in partner:
        meant = identified if connector.identifies else in_scope
        if connector.require_tls and meant(connector, session):
            return Answer(
                outcome=Outcome.TLS_REQUIRED,
                tenant=owner.slug,
                connector=connector.name,
                assumes=("require_tls_asks_whom_it_identifies",),
            )
    return None


def direct_send(owner: Rules, session: Session) -> Answer | None:
    """Refuse the tenant's own domain from hosts that no connector of any kind identifies."""
    if not owner.reject_direct_send or session.sender_domain not in owner.accepted:
        return None
    if any(identified(connector, session) for connector in owner.connectors):
        return None
    return Answer(
        outcome=Outcome.DIRECT_SEND,
        tenant=owner.slug,
        assumes=("lock_before_directory", "matching_without_restriction"),
    )


def taken(owner: Rules, session: Session) -> Answer:
    """Ask the directory, and say on which assumptions no connector stood in the way."""
    if owner.contradicted:
        return directory(owner, session)
    return replace(directory(owner, session), assumes=tuple(let_in_by(owner, session)))


def let_in_by(owner: Rules, session: Session) -> Iterable[str]:
    partner = [connector for connector in owner.connectors if not connector.on_premises]
    locks = [c for c in partner if restricts(c) and c.covers_sender(session.sender_domain)]
    if any(not connector.covers_recipient(session.recipient_domain) for connector in locks):
        yield "associated_domains_scope_recipients"
    asked = [connector for connector in locks if in_scope(connector, session)]
    proofs = [connector for connector in partner if satisfied(connector, session)]
    if asked and proofs:
        yield from proof_rests_on(owner.accepted, asked, proofs, session)
    own = session.sender_domain in owner.accepted
    if owner.reject_direct_send and own and not any(map(restricts, proofs)):
        yield "matching_without_restriction"


def proof_rests_on(
    accepted: frozenset[str], asked: list[Connector], proofs: list[Connector], session: Session
) -> Iterable[str]:
    if not all(satisfied(connector, session) for connector in asked):
        yield "any_satisfied_restriction_is_proof"
    if any(c.restricts_addresses and c.lists(session.address) for c in proofs):
        return
    yield "certificate_names"
    if not any(connector.require_tls for connector in proofs):
        yield "certificate_without_require_tls"
    names = {connector.certificate_name for connector in proofs}
    if not any(name.startswith("*.") or name in accepted for name in names):
        yield "certificate_name_need_not_be_accepted"


def directory(owner: Rules, session: Session) -> Answer:
    """Take the recipient if the tenant's directory has it (directory based edge blocking)."""
    known = session.rcpt_to.lower() in owner.mailboxes
    outcome = Outcome.ACCEPTED if known else Outcome.NO_SUCH_RECIPIENT
    return Answer(outcome=outcome, tenant=owner.slug)
