"""A connector in plain words: what it does to whom, and the fields that decide it.

Words only: no markup, and Exchange's field names as they are. Strong pieces are the ones a
reader must not miss. Rests on configuration and addresses, beside diff.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields

from mailposture.core import addresses
from mailposture.core.addresses import AddressError, counted
from mailposture.core.configuration import InboundConnector, exchange_name

type Piece = tuple[str, bool]

MOST_LISTED = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectorWords:
    """A connector for people. `pieces` are the sentence, each with whether it is strong."""

    name: str
    about: str
    pieces: tuple[Piece, ...]
    closing: str
    facts: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """The whole sentence without emphasis."""
        return " ".join(filter(None, ("".join(text for text, _ in self.pieces), self.closing)))


SOURCES = {
    "HybridWizard": "made by the Hybrid Wizard",
    "AdminUI": "made in the admin centre",
    "Default": "made by PowerShell",
    "Migrated": "migrated",
}


def connector(value: InboundConnector, *, owner: str = "the tenant") -> ConnectorWords:
    """Say what a connector does; `owner` is how the tenant is called."""
    say = _say(value)
    pieces, closing = say(value, owner)
    return ConnectorWords(
        name=value.name,
        about=_about(value),
        pieces=tuple(pieces),
        closing=closing,
        facts=tuple(_facts(value)),
    )


def _say(value: InboundConnector) -> Callable[[InboundConnector, str], tuple[list[Piece], str]]:
    if not value.enabled:
        return _turned_off
    return _partner if value.is_partner else _on_premises


def _about(value: InboundConnector) -> str:
    state = "enabled" if value.enabled else "turned off"
    source = SOURCES.get(value.connector_source or "")
    return ", ".join(filter(None, (value.connector_type.value, state, source)))


def _turned_off(_value: InboundConnector, _owner: str) -> tuple[list[Piece], str]:
    return [("Turned off. It decides nothing.", False)], ""


# ---- OnPremises: grants, never refuses ---------------------------------------------------


def _on_premises(value: InboundConnector, owner: str) -> tuple[list[Piece], str]:
    possessive = f"{owner}'" if owner.endswith("s") else f"{owner}'s"
    end = (f" is treated as {possessive} own server.", False)
    if value.tls_sender_certificate_name:
        name = value.tls_sender_certificate_name
        start = [("A host that shows a certificate for ", False), (name, True)]
        also = _or_from(value.sender_ip_addresses)
        return [*start, *also, end], "This connector refuses nobody."
    if value.sender_ip_addresses:
        start = [("A host at ", False), *_choice(value.sender_ip_addresses, "or")]
        return [*start, end], "This connector refuses nobody."
    nobody = "It names no certificate and no address, so that no host matches it."
    return [(nobody, False)], "This connector refuses nobody."


def _or_from(entries: tuple[str, ...]) -> list[Piece]:
    return [(", or comes from ", False), *_choice(entries, "or"), (",", False)] if entries else []


# ---- Partner: may refuse -----------------------------------------------------------------


def _partner(value: InboundConnector, _owner: str) -> tuple[list[Piece], str]:
    scope = [("Mail from ", False), *_senders(value), (" to ", False), *_recipients(value)]
    if not value.demands_proof:
        return [*scope, *_without_proof(value)], _nobody_refused(value)
    return [*scope, *_proof(value)], _everybody_else(value)


def _senders(value: InboundConnector) -> list[Piece]:
    if value.covers_any_sender:
        return [("any sender domain", True)]
    if not value.sender_domains:
        return [("no sender domain", True)]
    return _choice([_with_subdomains(d) for d in value.sender_domains], "or")


def _with_subdomains(domain: str) -> str:
    rest = domain.removeprefix("*.")
    return domain if rest == domain else f"{rest} and its subdomains"


def _recipients(value: InboundConnector) -> list[Piece]:
    if not value.associated_accepted_domains:
        return [("any accepted domain", True)]
    return _choice(value.associated_accepted_domains, "or")


def _proof(value: InboundConnector) -> Iterator[Piece]:
    by_address = value.restrict_domains_to_ip_addresses
    by_certificate = value.restrict_domains_to_certificate
    if by_address and not value.sender_ip_addresses:
        yield from ((" is taken from ", False), ("no address at all", True))
    elif by_address:
        yield (" is taken only from ", False)
        yield from _choice(value.sender_ip_addresses, "or")
    if by_certificate:
        yield (", and only" if by_address else " is taken only", False)
        yield (" from a host that shows a certificate for ", False)
        yield (value.tls_sender_certificate_name or "no name at all", True)
    if value.require_tls and not by_certificate:
        yield (", over TLS", False)
    yield (".", False)


def _without_proof(value: InboundConnector) -> list[Piece]:
    if not value.require_tls:
        return [(" is taken from ", False), ("any host", True), (".", False)]
    if value.sender_ip_addresses or value.tls_sender_certificate_name:
        # attribution.md, 17: asked only of the mail it identifies, an assumption.
        named = [("the hosts it names", True), (" only over TLS.", False)]
        return [(" is taken from ", False), *named]
    return [(" is taken from ", False), ("any host", True), (" that uses TLS.", False)]


def _nobody_refused(value: InboundConnector) -> str:
    if value.require_tls:
        return "It asks for no proof of who sends: every other host is let by."
    return "It asks for no proof: every other host is let by, too."


def _everybody_else(value: InboundConnector) -> str:
    beyond = []
    if not value.covers_any_sender:
        beyond.append("mail from other sender domains")
    if value.associated_accepted_domains:
        beyond.append("mail to other accepted domains")
    if not beyond:
        return "Every other host is refused."
    rest, verb = " and ".join(beyond), "is" if len(beyond) == 1 else "are"
    return f"Every other host is refused. {rest[0].upper()}{rest[1:]} {verb} not its concern."


# ---- lists -------------------------------------------------------------------------------


def _choice(items: Iterable[str], word: str) -> list[Piece]:
    """A list in a sentence, its members strong; a long one ends in its count."""
    listed = list(items)
    kept = listed if len(listed) <= MOST_LISTED else listed[: MOST_LISTED - 1]
    pieces: list[Piece] = []
    for n, item in enumerate(kept):
        last = n == len(kept) - 1 == len(listed) - 1
        if n:
            pieces.append((f" {word} " if last else ", ", False))
        pieces.append((item, True))
    if len(kept) < len(listed):
        pieces.append((f" {word} {len(listed) - len(kept)} more{_in_all(listed)}", False))
    return pieces


def _in_all(listed: list[str]) -> str:
    try:
        return f" ({counted(addresses.parse(listed).size)} in all)"
    except AddressError:
        return ""


# ---- the fields that decide --------------------------------------------------------------

SHOWN_IF_SET = (
    "associated_accepted_domains",
    "trusted_organizations",
    "cloud_services_mail_enabled",
    "treat_messages_as_internal",
)


def _deciding(value: InboundConnector) -> set[str]:
    if not value.enabled:
        return {"enabled"}
    names = {"require_tls"} | {name for name in SHOWN_IF_SET if getattr(value, name)}
    if value.is_partner:
        names.add("sender_domains")
    if value.restrict_domains_to_ip_addresses and value.is_partner:
        names |= {"restrict_domains_to_ip_addresses", "sender_ip_addresses"}
    if value.restrict_domains_to_certificate and value.is_partner:
        names |= {"restrict_domains_to_certificate", "tls_sender_certificate_name"}
    named = {"sender_ip_addresses", "tls_sender_certificate_name"}
    return names | {name for name in named if getattr(value, name)}


def _facts(value: InboundConnector) -> Iterator[tuple[str, str]]:
    deciding = _deciding(value)
    for field in fields(value):
        if field.name in deciding:
            said = getattr(value, field.name)
            text = ", ".join(said) if isinstance(said, tuple) else str(said)
            yield exchange_name(field.name), text
