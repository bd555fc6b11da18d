"""What one conversation proves about a path: open, closed, or unknown and why.

Only a yes to RCPT, after a yes to MAIL, opens. Only the tenant's own refusal closes. Everything
else is unknown, and says what would have to change for it to be known.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from mailposture.core import hosts, replies
from mailposture.core.signs import WRONG_REGION, Name, Sign
from mailposture.core.smtp.reply import Reply, printable
from mailposture.core.smtp.transcript import Ended, Transcript


class Verdict(StrEnum):
    """What is proved."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class SenderClass(StrEnum):
    """Whose name the envelope sender bears, in the order in which they are shown."""

    FOREIGN = "foreign"
    OWN = "own"
    NULL = "null"
    PARTNER = "partner"


# The classes that are asked of every domain; *partner* is, where a connector names somebody.
ASKED: Final = (SenderClass.FOREIGN, SenderClass.OWN, SenderClass.NULL)


def sender_named(sender_class: str, sender_domain: str = "") -> str:
    """Who asks, as it is told apart and said: foreign, own, null, partner fabrikam.com.

    What one partner was told proves nothing for another.
    """
    return f"{sender_class} {sender_domain}" if sender_domain else str(sender_class)


def class_of(sender: str) -> SenderClass:
    """The sender class of one that is told apart by its domain too."""
    return SenderClass(sender.partition(" ")[0])


class Cause(StrEnum):
    """Why a verdict is what it is, for programs; `Judgement.reason` says it to people."""

    ACCEPTED = "accepted"
    INBOUND_CONNECTOR = "inbound-connector"
    REJECT_DIRECT_SEND = "reject-direct-send"
    RELAY_DENIED = "relay-denied"
    RECIPIENT_UNKNOWN = "recipient-unknown"
    RECIPIENT_RESTRICTED = "recipient-restricted"
    REPUTATION = "reputation"
    SENDER_AUTHENTICATION = "sender-authentication"
    THROTTLED = "throttled"
    GREYLISTED = "greylisted"
    TENANT_PROBLEM = "tenant-problem"
    TLS_REQUIRED = "tls-required"
    CONTENT_REJECTED = "content-rejected"
    TEMPORARY = "temporary"
    WRONG_ENTRANCE = "wrong-entrance"
    REFUSED_MAIL = "refused-mail"
    OTHER_REFUSAL = "other-refusal"
    ODD_REPLY = "odd-reply"
    NO_ANSWER = "no-answer"
    SERVER_NOT_PROVEN = "server-not-proven"
    ONE_FRONT_END = "one-front-end"
    FRONT_ENDS_DISAGREE = "front-ends-disagree"
    NOT_TRIED = "not-tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What is taken on trust: lab networks need no certificate; any server counts, if asked."""

    lab: bool = False
    any_server: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict with its reasons and the line it rests on; all foreign text in it is escaped."""

    verdict: Verdict
    reason: str
    cause: Cause
    control: str | None = None
    name: str | None = None
    code: str | None = None
    reply: str | None = None
    stage: str | None = None
    source: str | None = None
    front_end: str | None = None
    front_ends: int = 1


_BANNER: Final = re.compile(r"(?P<host>[\w.-]{1,253}) Microsoft ESMTP MAIL Service\b")
_HELLO: Final = re.compile(r"\S{1,253} Hello \[")

_WHY: Final[Mapping[Name, tuple[Cause, str]]] = {
    Name.RELAY_DENIED: (
        Cause.RELAY_DENIED,
        "The service takes no mail for this domain from here, whoever sends it.",
    ),
    Name.RECIPIENT_UNKNOWN: (
        Cause.RECIPIENT_UNKNOWN,
        "The recipient is unknown to the tenant: name an existing mailbox as probe recipient.",
    ),
    Name.RECIPIENT_RESTRICTED: (
        Cause.RECIPIENT_RESTRICTED,
        "The recipient takes mail only from certain senders: name another mailbox.",
    ),
    Name.SENDER_BLOCKED_REPUTATION: (
        Cause.REPUTATION,
        "The probing address or sender is on a block list, which would have met any path.",
    ),
    Name.SENDER_AUTH_FAILED: (
        Cause.SENDER_AUTHENTICATION,
        "The sender did not prove itself by SPF, DKIM, DMARC or a reverse name.",
    ),
    Name.THROTTLED: (Cause.THROTTLED, "The server limits how much it takes from here."),
    Name.GREYLISTED: (Cause.GREYLISTED, "The server asks newcomers to come back later."),
    Name.TENANT_PROBLEM: (
        Cause.TENANT_PROBLEM,
        "The state of a tenant stands in the way: licences, sending state, a loop or a connector.",
    ),
    Name.TLS_REQUIRED: (
        Cause.TLS_REQUIRED,
        "The server demands TLS, or the channel could not be set up as it wants it.",
    ),
    Name.CONTENT_REJECTED: (
        Cause.CONTENT_REJECTED,
        "The server refused a message, not a sender or recipient.",
    ),
    Name.TEMPORARY: (Cause.TEMPORARY, "The service had a passing trouble and decided nothing."),
}
_ENDED: Final[Mapping[str, str]] = {
    Ended.CONNECT_TIMEOUT: (
        "Nothing answered on this port in time; port 25 may be blocked here. To tell: connect from"
        " here to another mail server that answers elsewhere; if that one is silent too, it is."
    ),
    Ended.REFUSED: "The connection was refused.",
    Ended.NOT_REACHED: "The server could not be reached.",
    Ended.SOURCE_NOT_USABLE: "The source address cannot be used on this host.",
    Ended.CLOSED: "The server hung up before it decided.",
    Ended.RESET: "The connection was reset before the server decided.",
    Ended.REPLY_TIMEOUT: "The server did not reply in time.",
    Ended.SESSION_TIMEOUT: "The conversation took too long and was ended.",
}


def judge(sender_class: SenderClass, transcript: Transcript, trust: Trust) -> Judgement:
    """Say what the conversation proves about the path, and no more."""
    reply = _deciding(transcript)
    if reply is None:
        return _silence(transcript)
    judged = _weigh(sender_class, reply, transcript)
    doubt = _doubt(transcript, trust)
    if doubt:
        return replace(judged, verdict=Verdict.UNKNOWN, cause=Cause.SERVER_NOT_PROVEN, reason=doubt)
    judged = _in_clear(judged, transcript)
    if not _is_exchange_online(transcript):
        said = f"{judged.reason} The server did not prove to be Exchange Online; any server counts."
        return replace(judged, reason=said)
    return judged


def unseen(reason: str) -> Judgement:
    """The judgement where no conversation took place."""
    return Judgement(verdict=Verdict.UNKNOWN, reason=reason, cause=Cause.NOT_TRIED, front_ends=0)


# Two sessions on different front ends decide (attribution.md section 4.1: during a roll-out they
# differ); more would only load the service.
FRONT_ENDS: Final = 2


def agree(judgements: Sequence[Judgement], *, addresses: int) -> Judgement:
    """What the front ends of one endpoint prove together; `addresses` is how many it has.

    Two must say the same where there are two. With a single address its answer decides.
    """
    if not judgements:
        return unseen("No front end was asked.")
    decided = [j for j in judgements if j.verdict is not Verdict.UNKNOWN]
    heard = _hosts([j for j in judgements if j.cause not in _UNHEARD])
    if not decided:
        return replace(_first_heard(judgements), front_ends=heard)
    first = decided[0]
    if any(j.verdict is not first.verdict for j in decided):
        return _undecided(first, Cause.FRONT_ENDS_DISAGREE, _against(decided), heard)
    if addresses >= 2 and _hosts(decided) < 2:
        others = [j for j in judgements if j.verdict is Verdict.UNKNOWN]
        return _undecided(first, Cause.ONE_FRONT_END, _alone(first, others), heard)
    return replace(first, front_ends=_hosts(decided))


def whole(judgements: Mapping[SenderClass, Judgement]) -> Verdict:
    """Open if any class is, closed if all that were asked are, else unknown."""
    verdicts = {j.verdict for j in judgements.values()}
    if Verdict.OPEN in verdicts:
        return Verdict.OPEN
    return Verdict.CLOSED if verdicts == {Verdict.CLOSED} else Verdict.UNKNOWN


_UNHEARD: Final = (Cause.NO_ANSWER, Cause.NOT_TRIED)


def _deciding(transcript: Transcript) -> Reply | None:
    """The reply that decides: to RCPT after a yes to MAIL, else the last thing in its way.

    What follows a refused MAIL decides nothing, though it may well be a yes.
    """
    mail = transcript.reply_to("mail")
    if mail is not None:
        return transcript.reply_to("rcpt") if mail.first_digit == 2 else mail
    before = (transcript.reply_to(stage) for stage in ("starttls", "ehlo", "connect"))
    return next((r for r in before if r is not None and r.first_digit != 2), None)


def _weigh(sender_class: SenderClass, reply: Reply, transcript: Transcript) -> Judgement:
    sign = replies.classify_reply(reply.said, reply.stage)
    verdict, cause, reason = _meaning(sender_class, reply, sign)
    return Judgement(
        verdict=verdict,
        reason=reason,
        cause=cause,
        control=sign.control,
        name=str(sign.name),
        code=_code(reply),
        reply=_escaped(reply),
        stage=reply.stage,
        source=None if transcript.hello_ip is None else printable(transcript.hello_ip),
        front_end=transcript.address or None,
    )


def _meaning(sender_class: SenderClass, reply: Reply, sign: Sign) -> tuple[Verdict, Cause, str]:
    """What one reply proves. RCPT is the only stage at which a yes is one.

    Any 2xx counts, 251 and 252 too: a client that went on to DATA would be let (RFC 5321 4.3.2).
    """
    if reply.stage == "rcpt" and reply.first_digit == 2:
        return Verdict.OPEN, Cause.ACCEPTED, "The server took the recipient from this host."
    if reply.first_digit == 5:
        if sign.name is Name.RESTRICTED_CONNECTOR:
            said = "The tenant's inbound connector refused this host."
            return Verdict.CLOSED, Cause.INBOUND_CONNECTOR, said
        if sign.name is Name.RESTRICTED_DIRECT_SEND:
            return _direct_send(sender_class)
    if sign == WRONG_REGION:
        said = "This entrance serves another region: the tenant has to be asked at another one."
        return Verdict.UNKNOWN, Cause.WRONG_ENTRANCE, said
    if sign.name in _WHY:
        return Verdict.UNKNOWN, *_WHY[sign.name]
    return Verdict.UNKNOWN, *_left_over(reply)


def _direct_send(sender_class: SenderClass) -> tuple[Verdict, Cause, str]:
    if sender_class is SenderClass.OWN:
        said = "RejectDirectSend refused a sender in the tenant's own domain."
        return Verdict.CLOSED, Cause.REJECT_DIRECT_SEND, said
    said = "RejectDirectSend refused, which closes only the tenant's own sender domains."
    return Verdict.UNKNOWN, Cause.REJECT_DIRECT_SEND, said


def _left_over(reply: Reply) -> tuple[Cause, str]:
    if reply.code is None or reply.first_digit in (2, 3):
        return Cause.ODD_REPLY, f"The server's words at {reply.stage} are no answer that decides."
    if reply.stage == "mail":
        return Cause.REFUSED_MAIL, "The server refused the sender before it heard the recipient."
    return Cause.OTHER_REFUSAL, "The server refused for a reason that is not known to close a path."


def _silence(transcript: Transcript) -> Judgement:
    default = f"The conversation ended before the server decided ({printable(transcript.ended)})."
    return Judgement(
        verdict=Verdict.UNKNOWN,
        reason=_ENDED.get(transcript.ended, default),
        cause=Cause.NO_ANSWER,
        source=None if transcript.hello_ip is None else printable(transcript.hello_ip),
        front_end=transcript.address or None,
    )


def _in_clear(judged: Judgement, transcript: Transcript) -> Judgement:
    """What was said in clear text says so; where TLS was offered, it decides nothing."""
    why = transcript.clear_because
    if judged.verdict is Verdict.UNKNOWN or not why:
        return judged
    if transcript.reply_to("starttls") is None:
        return replace(judged, reason=f"{judged.reason} In clear text: {why}")
    said = f"In clear text it says {judged.verdict}, which proves nothing of TLS: {why}"
    return replace(judged, verdict=Verdict.UNKNOWN, cause=Cause.SERVER_NOT_PROVEN, reason=said)


def _doubt(transcript: Transcript, trust: Trust) -> str:
    """Why the server is not taken for Exchange Online, or nothing if it is."""
    if not trust.any_server and not _is_exchange_online(transcript):
        return "Server not proven: it does not introduce itself as Exchange Online does."
    if trust.lab:
        return ""
    if transcript.tls is None:
        return f"Server not proven: the conversation was in clear text. {transcript.clear_because}"
    if not transcript.tls.verified:
        return "Server not proven: its certificate does not verify for a Microsoft mail name."
    return ""


def entrance(transcript: Transcript, trust: Trust) -> dict[str, str] | None:
    """What shows that this host is an entrance of Exchange Online; None where it is not proved."""
    if _doubt(transcript, replace(trust, any_server=False)):
        return None
    banner = transcript.reply_to("connect")
    match = _BANNER.match(banner.text) if banner else None
    names = transcript.tls.names if transcript.tls else ()
    return {
        "banner": match["host"].lower() if match else "",
        "hello": printable(transcript.hello_ip or ""),
        "certificate": names[0] if names else "",
    }


def _is_exchange_online(transcript: Transcript) -> bool:
    banner, hello = transcript.reply_to("connect"), transcript.reply_to("ehlo")
    if banner is None or banner.code != 220 or hello is None or hello.code != 250:
        return False
    match = _BANNER.match(banner.text)
    return bool(match and _is_microsofts(match["host"]) and _HELLO.match(hello.text))


def _is_microsofts(host: str) -> bool:
    return any(host.lower().endswith(f".{suffix}") for suffix in hosts.MAIL_NAMES)


def _code(reply: Reply) -> str | None:
    said = [str(reply.code)] if reply.code else []
    return " ".join([*said, reply.enhanced] if reply.enhanced else said) or None


def _escaped(reply: Reply) -> str:
    """A reply of several lines in one, the line ends visible: it may land in a mail header."""
    return reply.said.replace("\n", r"\x0d\x0a")


def _hosts(judgements: Sequence[Judgement]) -> int:
    return len({j.front_end for j in judgements})


def _first_heard(judgements: Sequence[Judgement]) -> Judgement:
    return next((j for j in judgements if j.cause not in _UNHEARD), judgements[0])


def _undecided(first: Judgement, cause: Cause, reason: str, heard: int) -> Judgement:
    return replace(first, verdict=Verdict.UNKNOWN, cause=cause, reason=reason, front_ends=heard)


def _against(decided: Sequence[Judgement]) -> str:
    said = dict.fromkeys(f"{j.front_end} says {j.verdict}" for j in decided)
    return f"Front ends disagree: {', '.join(said)}."


def _alone(first: Judgement, others: Sequence[Judgement]) -> str:
    said = f"One front end says {first.verdict}; two must say the same."
    return f"{said} The other: {others[0].reason}" if others else said
