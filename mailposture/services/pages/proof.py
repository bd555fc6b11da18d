"""What an observation proves, what it does not, and for an Unknown what would help."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mailposture.core.replies import classify
from mailposture.core.signs import named
from mailposture.core.smtp.transcript import Certificate, TlsFacts, Transcript
from mailposture.core.verdict import Cause
from mailposture.core.words import joined

SENDERS: Final = {"foreign": "a foreign sender", "own": "an own-domain sender",
                  "null": "a null sender"}  # fmt: skip
PARTNER: Final = "partner "


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """The facts of one observation that words rest on."""

    stranger: bool
    place: str
    address: str
    certificate_name: str
    tenant: str
    domain: str
    sender: str
    verdict: str
    state: str
    cause: str
    reason: str
    control: str
    code: str
    reply: str
    endpoint: str
    source: str
    front_end: str
    agreeing: tuple[str, ...]
    front_ends: int
    at: datetime
    tls: bool
    others: tuple[tuple[str, str], ...]

    @property
    def with_sender(self) -> str:
        """The envelope sender in words."""
        if self.sender.startswith(PARTNER):
            return f"a sender of the partner {self.sender.removeprefix(PARTNER)}"
        return SENDERS.get(self.sender, f"a {self.sender} sender")

    @property
    def answered_by(self) -> str:
        """The control that answered, as a fact."""
        if self.verdict == "open":
            return "None: nothing stopped it"
        return self.control[:1].upper() + self.control[1:] if self.control else "None is named"


def sentence(seen: Seen) -> str:
    """The observation in one sentence."""
    if seen.stranger:
        return _of_stranger(seen)
    match seen.verdict:
        case "open":
            return f"{seen.place} gets in to {seen.domain} with {seen.with_sender}."
        case "closed":
            return f"{seen.place} is cut off from {seen.domain} with {seen.with_sender}."
        case _:
            return (
                f"Whether {seen.place} gets in to {seen.domain} with {seen.with_sender} is unknown."
            )


def _of_stranger(seen: Seen) -> str:
    match seen.verdict:
        case "open":
            return f"A stranger may hand {seen.domain} a message with {seen.with_sender}."
        case "closed":
            return f"{seen.domain} refuses a stranger's message with {seen.with_sender}."
        case _:
            return (
                f"Whether a stranger may hand {seen.domain} a message with {seen.with_sender} "
                "is unknown."
            )


# ---- it proves ---------------------------------------------------------------------------


def proves(seen: Seen) -> Iterator[str]:
    """What stands, whatever else is true."""
    at = f"{seen.at:%H:%M:%S} UTC on {seen.at.day} {seen.at:%B}"
    match seen.verdict:
        case "open":
            yield (
                f"At {at} this host could address {seen.domain} with {seen.with_sender}, and no "
                "connector refused it."
            )
        case "closed":
            by = named(seen.control or "tenant")
            yield f"At {at} this host was refused by {by}: {seen.code}."
        case _:
            yield f"Nothing about who gets in. {seen.reason}"
    if seen.verdict != "unknown":
        yield from _front_ends(seen)
    if seen.source:
        yield _source(seen)


def _front_ends(seen: Seen) -> Iterator[str]:
    if seen.agreeing:
        yield f"A second front end, {seen.agreeing[0]}, said the same in the same round."
    elif seen.front_ends == 1:
        yield "The endpoint has a single address, so that its answer decides alone."


def _source(seen: Seen) -> str:
    if seen.address and seen.source != seen.address:
        return f"The server saw this host as {seen.source}, not as {seen.address} as declared."
    return f"The server saw this host as {seen.source}."


# ---- it does not prove -------------------------------------------------------------------


def limits(seen: Seen) -> Iterator[str]:
    """What a reader might take for proved and is not."""
    match seen.verdict:
        case "open":
            yield (
                "That the message would reach a mailbox. No DATA was sent; mail-flow rules, DMARC "
                "and filtering act after it. Recipient OK is not delivery."
            )
        case "closed" if seen.stranger:
            yield (
                "That every other host is refused: a host with an address or certificate that the "
                "connector names gets in."
            )
        case "closed":
            yield "That the connector is wrong: the host may have come from another address."
        case _:
            yield "That the door is closed, nor that it is open."
    if words := _other_senders(seen):
        yield words
    if not seen.tls and seen.verdict != "unknown":
        yield "Who the server is: the conversation was in clear text."


def _other_senders(seen: Seen) -> str:
    """How the other sender classes of the same door were answered."""
    if not seen.others:
        return "How other senders fare: none was asked with this one."
    by_verdict: dict[str, list[str]] = {}
    for name, verdict in seen.others:
        by_verdict.setdefault(verdict, []).append(name)
    said = {"open": "got in", "closed": "refused", "unknown": "not known"}
    verb = {"open": "", "closed": " were", "unknown": " were"}
    parts = [f"{joined(names)}{_was(names, verb[v])} {said[v]}" for v, names in by_verdict.items()]
    others = joined(parts)
    return f"How other senders fare. Their own answers at the same door: {others}."


def _was(names: list[str], verb: str) -> str:
    return " was" if verb and len(names) == 1 else verb


# ---- what would help ---------------------------------------------------------------------

HELP: Final[Mapping[str, str]] = {
    Cause.RECIPIENT_UNKNOWN: "Name an existing mailbox of this domain as probe recipient.",
    Cause.RECIPIENT_RESTRICTED: "Name a mailbox that takes mail from anyone as probe recipient.",
    Cause.REPUTATION: "Probe from another address, or have this one taken off the list it is on.",
    Cause.SENDER_AUTHENTICATION: (
        "Give the probing address a reverse name, and the sender's domain an SPF record with it."
    ),
    Cause.THROTTLED: "Wait for the next round, or probe less often.",
    Cause.GREYLISTED: "Wait: the next round comes back by itself.",
    Cause.WRONG_ENTRANCE: (
        "Wait for the next round: the tenant's other endpoints come first then. If it has no other,"
        " look up the MX that Microsoft expects of its domains."
    ),
    Cause.TEMPORARY: "Wait for the next round. If it stays, look at the service's health.",
    Cause.NO_ANSWER: (
        "Check that port 25 is open from this vantage point: many networks block it. Whether any "
        "other mail server answers on port 25 tells."
    ),
    Cause.SERVER_NOT_PROVEN: (
        "Check that the endpoint's name leads to Exchange Online and that nothing between answers "
        "in its place."
    ),
    Cause.ONE_FRONT_END: "Wait for the next round: two front ends must say the same.",
    Cause.FRONT_ENDS_DISAGREE: (
        "Wait: after a change, front ends take it on within an hour. If it stays, ask the service."
    ),
    Cause.TENANT_PROBLEM: "Look at the tenant: licences, sending state, loops, its connectors.",
    Cause.TLS_REQUIRED: "Check that this vantage point can speak TLS to the endpoint.",
    Cause.RELAY_DENIED: "Check that the domain is still an accepted domain, in this cloud.",
    Cause.NOT_TRIED: "Check that DNS names an endpoint for the domain, and its vantage point.",
}


def helps(seen: Seen) -> Iterator[str]:
    """The way out of an Unknown."""
    if seen.verdict != "unknown":
        return
    if seen.cause in HELP:
        yield next(words for cause, words in HELP.items() if cause == seen.cause)
    elif seen.reply:
        yield classify(seen.reply).next
    else:
        yield "Wait for the next round."


# ---- the channel -------------------------------------------------------------------------


def _verified(tls: TlsFacts, *, in_lab: bool) -> str:
    """Whether the certificate proves the server, and if not, why not."""
    if tls.verified:
        return "yes, for a Microsoft mail name"
    if in_lab:
        return "no: the lab's own CA is not the system's. In the lab this proves nothing less."
    return f"no: {tls.error}" if tls.error else "no"


def certificate(said: Transcript, *, in_lab: bool = False) -> Iterator[tuple[str, str]]:
    """What the handshake showed, as facts; also one that came to nothing."""
    if said.tls is None:
        yield "TLS", f"none: in clear text. {said.clear_because}"
    facts = said.tls or said.broken
    if facts is None:
        return
    channel = ", ".join(filter(None, (facts.version, facts.cipher, facts.group)))
    yield "TLS" if said.tls else "TLS that was tried", channel
    yield from _leaf(facts, in_lab=in_lab)
    for number, one in enumerate(facts.above, 1):
        yield f"Above it, {number}", _in_a_line(one)
    yield "Our certificate", said.client_certificate


def _leaf(facts: TlsFacts, *, in_lab: bool) -> Iterator[tuple[str, str]]:
    if facts.names:
        more = f" and {len(facts.names) - 3} more" if len(facts.names) > 3 else ""
        yield "Server showed", ", ".join(facts.names[:3]) + more
    if facts.subject:
        yield "Issued to", facts.subject
    if facts.issuer:
        yield "Issued by", facts.issuer
    if facts.not_before:
        yield "Valid from", _moment(facts.not_before)
    if facts.not_after:
        yield "Valid until", _moment(facts.not_after)
    yield "Verified", _verified(facts, in_lab=in_lab)
    if facts.fingerprint_sha256:
        yield "SHA-256", facts.fingerprint_sha256


def _in_a_line(one: Certificate) -> str:
    """A certificate above the server's own: who, by whom, from when to when, which."""
    return (
        f"{one.subject or 'no name'}, issued by {one.issuer or 'nobody named'}, valid from"
        f" {_moment(one.not_before)} until {_moment(one.not_after)},"
        f" SHA-256 {one.fingerprint_sha256}"
    )


def _moment(text: str) -> str:
    return text.replace("T", " ").replace("+00:00", " UTC")
