"""What is said of a sender: why it is let in or not, what to do first, and how sure we are."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from mailposture.core.addresses import AddressSet
from mailposture.core.attribution import Decision, Rule
from mailposture.core.reachability import FOREIGN, NULL, OWN
from mailposture.core.senders.known import How, KnownSender
from mailposture.core.words import joined

# Exchange takes networks down to /24; of more than that, one asks first whether it is one's own.
LISTABLE: Final = 256


class Sure(StrEnum):
    """On what a row rests."""

    SEEN = "seen"
    DECLARED = "declared"
    AUTHORISED = "authorised"
    NO_ADDRESS = "no address"
    UNLISTED = "unlisted"


SURE: Final[Mapping[Sure, str]] = {
    Sure.SEEN: "Mail from this address was seen.",
    Sure.DECLARED: "A person declared it as an approved source.",
    Sure.AUTHORISED: "SPF lets it send to the world; whether it delivers here is not known.",
    Sure.NO_ADDRESS: "Mail was seen, but the report names no address: an unlisted one is assumed.",
    Sure.UNLISTED: "Hosts of this kind cannot be listed: whether there are any is not known.",
}

FORWARDERS: Final = "Forwarders without SRS"
PRINTERS: Final = "Printers and scanners"
SERVICES: Final = "Shared services that write in your name"

# `writes_as` is the class of sender that such hosts write as.
UNLISTED: Final = (
    KnownSender(name=FORWARDERS, how=How.UNLISTED, writes_as=FOREIGN),
    KnownSender(name=PRINTERS, how=How.UNLISTED, writes_as=OWN, tls=False),
    KnownSender(name=SERVICES, how=How.UNLISTED, writes_as=OWN),
)
ADVICE: Final[Mapping[str, str]] = {
    FORWARDERS: "Tell their owners to forward to the MX.",
    PRINTERS: "Let them send through a relay that gets in, or sign in to submit.",
    SERVICES: "Let them deliver to the MX, as they do unless told otherwise.",
}
NOTHING: Final = "Nothing to do."
NOT_THERE: Final = "(a host that nobody lists is not there)"
WHILE_NAMED: Final = "Nothing to do while the certificate keeps this name."
STILL_OUT: Final = "Nothing changes for it: it is refused today."
SHARED: Final = "Route it through the gateway: listing it admits the service's other customers."
IPV6: Final = "Let it send over IPv4 or through the gateway: no connector lists IPv6."
MAYBE: Final = "Find out whether it delivers here; if so, route it through the gateway."
WIDE: Final = "Route it through the gateway: it is too wide to be listed."
UNKNOWN_ADDRESS: Final = "Find its address in a message trace, then look again."
# An open door lets in whoever comes: that a host was seen says nothing about whose it is.
WHOSE: Final = "Find out whose it is. If it is yours, "


def why(decision: Decision, stands_for: str = "") -> str:
    """The sentence of the trace that decides.

    `stands_for`: an address that stands for any host nobody lists, and is not to be named.
    """
    said = _decides(decision)
    return said.replace(f"({stands_for} is not there)", NOT_THERE) if stands_for else said


def _decides(decision: Decision) -> str:
    if decision.connector:
        own = [s for s in decision.trace if s.startswith(f"{decision.connector} (")]
        return own[-1] if own else decision.trace[-1]
    if decision.rule is Rule.DIRECT_SEND:
        own = [s for s in decision.trace if s.startswith("RejectDirectSend is on")]
        return own[-1] if own else decision.trace[-1]
    return decision.trace[-1]


def sure(sender: KnownSender) -> Sure:
    """How sure we are of a sender."""
    if sender.how is How.SEEN:
        return Sure.SEEN if sender.addresses else Sure.NO_ADDRESS
    known = {How.APPROVED: Sure.DECLARED, How.SPF: Sure.AUTHORISED, How.UNLISTED: Sure.UNLISTED}
    return known[sender.how]


def first(
    sender: KnownSender, whole: AddressSet, *, loses: bool, gets_in: bool, by_name: bool
) -> str:
    """What to do before the change is made; `by_name`: its certificate alone gets it in then."""
    if not loses:
        if not gets_in:
            return STILL_OUT
        return WHILE_NAMED if by_name else NOTHING
    if sender.how is How.UNLISTED:
        return ADVICE[sender.name]
    if not sender.addresses:
        return UNKNOWN_ADDRESS if sender.how is How.SEEN else _by_certificate(sender)
    advice = _of_address(sender, whole)
    if sender.how is not How.SEEN:
        return advice
    return WHOSE + advice[0].lower() + advice[1:]


def _by_certificate(sender: KnownSender) -> str:
    return f"Name its certificate, {sender.certificate}, in a connector."


def _of_address(sender: KnownSender, whole: AddressSet) -> str:
    if sender.is_shared:
        return SHARED
    if sender.how is How.SPF:
        return MAYBE
    if not whole.v4:
        return IPV6
    if whole.size > LISTABLE:
        return WIDE
    listed = joined(AddressSet(v4=whole.v4).cidrs())
    return f"Add {listed} to the connector, or send through the gateway."


CLASSES: Final[Mapping[str, str]] = {
    FOREIGN: "senders of other domains",
    OWN: "senders of the recipient's own domain",
    NULL: "the null sender",
}


def only(classes: tuple[str, ...]) -> str:
    """To which senders a loss is confined, to be said after "only"."""
    said = [CLASSES.get(name, f"senders of {name}") for name in classes]
    return f"with {joined(said)}"


# ---- strangers -----------------------------------------------------------------------------

NOT_APPROVED: Final = "Find out whose: approve them as sources, or take them out of the connector."
ANY_HOST: Final = "Let a connector restrict who may deliver."


def let_in(listed: AddressSet) -> str:
    """Strangers that get in because a connector lists them."""
    first_few = listed.cidrs()[:3]
    more = "" if len(listed.cidrs()) <= len(first_few) else " and others"
    verb = "is listed and gets" if listed.size == 1 else "are listed and get"
    named = ", ".join(first_few) if more else joined(first_few)
    return f"{named}{more} {verb} in, and nobody approved {'it' if listed.size == 1 else 'them'}."
