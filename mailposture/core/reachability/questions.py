"""From whom to whom: what the names in an envelope mean to each connector, as masks of connectors.

Domains that no connector tells apart are one question, asked once: 900 accepted domains are
usually two or three.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from mailposture.core.attribution import Rules
from mailposture.core.attribution.reading import ANY, BELOW, EXACT, WILDCARD, Sight, patterns
from mailposture.core.configuration import ANY_DOMAIN, Configuration

FOREIGN: Final = "foreign"
OWN: Final = "own"
NULL: Final = "null"
CLASSES: Final = (FOREIGN, OWN, NULL)
# Stands for every domain below a wildcard that nobody names; no host may bear it (RFC 1123).
NOBODY: Final = "_"


@dataclass(frozen=True, slots=True)
class Question:
    """One sender and one recipient, by what the connectors make of them."""

    exactly: int  # connectors whose SenderDomains name the sender's domain
    below: int  # by a wildcard
    any: int  # by *
    sender_associated: int
    recipient_associated: int
    sender_accepted: bool
    null_sender: bool
    also_accepted: str = ""  # where the accepted domains were not read: the recipient's


@dataclass(frozen=True)
class Names:
    """Every name that some connector knows, with the mask of the connectors that do."""

    rules: Rules

    @cached_property
    def partners(self) -> int:
        """The connectors that can refuse."""
        return _mask(self.rules.sights, lambda s: s.is_partner)

    @cached_property
    def any(self) -> int:
        """The connectors whose SenderDomains is *."""
        return _mask(self.rules.sights, lambda s: ANY_DOMAIN in s.sender_domains)

    @cached_property
    def scoped(self) -> dict[str, int]:
        """SenderDomains but for *: name or wildcard -> connectors."""
        return _inverted((s.sender_domains - {ANY_DOMAIN}) for s in self.rules.sights)

    @cached_property
    def associated(self) -> dict[str, int]:
        """AssociatedAcceptedDomains: name -> connectors."""
        return _inverted(s.associated for s in self.rules.sights)

    def senders(self, domain: str) -> dict[int, int]:
        """How closely the connectors name this domain: specificity -> connectors."""
        exactly, below = self.scoped.get(domain, 0), 0
        for wildcard in _above(domain):
            below |= self.scoped.get(wildcard, 0)
        return {EXACT: exactly, BELOW: below & ~exactly, ANY: self.any & ~exactly & ~below}

    def question(self, sender: str, recipient: str) -> Question:
        """What the connectors make of mail from one domain (empty: the null sender) to another."""
        named = self.senders(sender) if sender else {EXACT: 0, BELOW: 0, ANY: self.any}
        known = self.rules.knows_domains
        own = sender in self.rules.accepted or (not known and bool(sender) and sender == recipient)
        return Question(
            exactly=named[EXACT],
            below=named[BELOW],
            any=named[ANY],
            sender_associated=self.associated.get(sender, 0),
            recipient_associated=self.associated.get(recipient, 0),
            sender_accepted=own,
            null_sender=not sender,
            also_accepted="" if known else recipient,
        )


def scoped_domains(configuration: Configuration) -> tuple[str, ...]:
    """Domains that some connector names in SenderDomains; a wildcard is two: apex and below."""
    found: set[str] = set()
    for connector in configuration.inbound_connectors or ():
        for name in patterns(connector):
            found.add(name)
            found.add(name.removeprefix(WILDCARD))
    return tuple(sorted(found - {ANY_DOMAIN}))


def partner_domains(configuration: Configuration) -> tuple[str, ...]:
    """Domains that a connector which is turned on names in SenderDomains, in whose name a probe
    can write: of a wildcard the domain itself, which it holds too.
    """
    names = {
        name.removeprefix(WILDCARD)
        for connector in configuration.inbound_connectors or ()
        if connector.enabled
        for name in patterns(connector)
    }
    return tuple(sorted(names - {ANY_DOMAIN}))


def classes_of(configuration: Configuration, also: Iterable[str] = ()) -> tuple[str, ...]:
    """The classes of sender that a configuration can tell apart, and further ones."""
    return (*CLASSES, *sorted({*scoped_domains(configuration), *also} - set(CLASSES)))


def sender_of(sender_class: str, recipient: str) -> str:
    """The envelope sender's domain that stands for a class; empty for the null sender."""
    if sender_class == NULL:
        return ""
    if sender_class == OWN:
        return recipient
    if sender_class == FOREIGN:
        return NOBODY
    if sender_class.startswith(WILDCARD):
        return f"{NOBODY}.{sender_class.removeprefix(WILDCARD)}"
    return sender_class


def _above(domain: str) -> Iterator[str]:
    """The wildcards that hold a domain: *.mail.contoso.com, *.contoso.com, *.com."""
    rest = domain
    while rest:
        yield WILDCARD + rest
        rest = rest.partition(".")[2]


def _mask(sights: Iterable[Sight], holds: Callable[[Sight], bool]) -> int:
    return sum(1 << i for i, sight in enumerate(sights) if holds(sight))


def _inverted(names: Iterable[Iterable[str]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for place, held in enumerate(names):
        for name in held:
            found[name] = found.get(name, 0) | 1 << place
    return found
