"""What transport rules do with mail after the door has taken it (attribution.md, section 11).

SMTP says 250 and the rule acts later: such a tenant is not closed, and not every such mail
arrives. It is *accepted, disposition by rule NAME*.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from mailposture.core import addresses
from mailposture.core.addresses import AddressError
from mailposture.core.attribution.reading import within
from mailposture.core.attribution.sessions import Session, plain_source
from mailposture.core.configuration import TransportRule
from mailposture.core.hosts import plain

SUSPECTS: Final = 5  # SCL from which mail is taken for spam
OUTSIDE: Final = "NotInOrganization"
ENVELOPE: Final = "Envelope"  # SenderAddressLocation; by default it is the header
# Predicates that are read here; any other one may or may not hold for a message.
READ: Final = ("fromscope", "senttoscope", "senderipranges", "senderdomainis", "recipientdomainis")


@dataclass(frozen=True, kw_only=True, slots=True)
class Disposition:
    """A rule that acts on this mail: what it does, and whether that depends on more than we see."""

    rule: str
    does: str
    surely: bool

    @property
    def sentence(self) -> str:
        """As it stands behind an answer."""
        how = "is" if self.surely else "may be"
        return f"Accepted, disposition by rule {self.rule}: the message {how} {self.does}."


def disposition(rule: TransportRule) -> str:
    """What a rule does with mail that was taken; empty where it lets it go on."""
    if not rule.is_enforced:
        return ""
    actions = (
        ("rejected", rule.reject_message_reason_text or rule.reject_message_enhanced_status_code),
        ("deleted", rule.delete_message),
        ("quarantined", rule.quarantine),
        ("redirected", rule.redirect_message_to),
        ("sent elsewhere", rule.route_message_outbound_connector),
        ("taken for spam", (rule.set_scl or 0) >= SUSPECTS),
    )
    return next((word for word, acts in actions if acts), "")


def disposing(rules: Iterable[TransportRule], session: Session) -> Iterator[Disposition]:
    """The rules that act on mail of this session, in their order."""
    ordered = sorted(rules, key=lambda rule: (rule.priority is None, rule.priority or 0))
    for rule in ordered:
        does = disposition(rule)
        if does and _may_hold(rule, session):
            yield Disposition(rule=rule.name, does=does, surely=_is_read(rule))


def _may_hold(rule: TransportRule, session: Session) -> bool:
    """Whether nothing that is read here rules it out. The session comes from outside."""
    if rule.from_scope not in (None, "", OUTSIDE):
        return False
    listed, spared = rule.sender_ip_ranges, rule.except_if_sender_ip_ranges
    if (listed and not _among(session, listed)) or (spared and _among(session, spared)):
        return False
    sender, recipient = session.sender_domain, session.recipient_domain
    envelope = rule.sender_address_location == ENVELOPE
    if envelope and rule.sender_domain_is and not _named(sender, rule.sender_domain_is):
        return False
    if rule.recipient_domain_is and not _named(recipient, rule.recipient_domain_is):
        return False
    return not (envelope and _named(sender, rule.except_if_sender_domain_is))


def _is_read(rule: TransportRule) -> bool:
    """Whether every condition and exception is one that is read here."""
    said = [*rule.conditions, *rule.exceptions]
    by_sender = rule.sender_domain_is or rule.except_if_sender_domain_is
    if by_sender and rule.sender_address_location != ENVELOPE:
        return False  # it looks at the From header, which is not in the envelope
    headers = (
        rule.header_contains_message_header,
        rule.header_matches_message_header,
        rule.except_if_header_contains_message_header,
        rule.except_if_header_matches_message_header,
    )
    return not any(headers) and all(_known(text) for text in said)


def _known(condition: str) -> bool:
    """Exchange names conditions by class: Microsoft...Tasks.FromScopePredicate."""
    name = condition.rpartition(".")[2].casefold().removesuffix("predicate")
    return name in READ


def _among(session: Session, entries: Iterable[str]) -> bool:
    source = plain_source(session.source)
    for entry in entries:
        try:
            if source in addresses.parse([entry]):
                return True
        except AddressError:
            continue
    return False


def _named(domain: str, names: Iterable[str]) -> bool:
    """SenderDomainIs and RecipientDomainIs mean subdomains as well (Get-TransportRule)."""
    return bool(domain) and any(within(domain, f"*.{plain(name)}") for name in names)
