"""The service's own words. Wording and order follow replies that real hosts logged."""

import secrets
from datetime import UTC, datetime

from mailposture.lab.decide import Outcome
from mailposture.lab.world import FrontEnd

# Business tenants announce this size; consumer hosts 49283072.
SIZE = 157286400

CAPABILITIES = (
    f"SIZE {SIZE}",
    "PIPELINING",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "STARTTLS",
    "8BITMIME",
    "BINARYMIME",
    "CHUNKING",
    "SMTPUTF8",
)

LOCKED = (
    "550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched "
    "the message's recipient domain. The connector had either the RestrictDomainsToIPAddresses "
    "or RestrictDomainsToCertificate set"
)
RECIPIENT: dict[Outcome, str] = {
    Outcome.ACCEPTED: "250 2.1.5 Recipient OK",
    Outcome.RELAYED: "250 2.1.5 Recipient OK",
    Outcome.LOCKED: LOCKED,
    # No inbound host was ever logged refusing clear text; this is the product's own constant.
    Outcome.TLS_REQUIRED: "451 5.7.3 STARTTLS is required to send mail",
    Outcome.DIRECT_SEND: (
        "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from "
        "unauthorized sources"
    ),
    Outcome.NO_SUCH_RECIPIENT: (
        "550 5.4.1 Recipient address rejected: Access denied. "
        "For more information see https://aka.ms/EXOSmtpErrors"
    ),
    Outcome.NO_SUCH_TENANT: "550 5.7.64 TenantAttribution; Relay Access Denied SMTP",
}

TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients"
# Both blanks before http are the service's own.
WRONG_REGION = (
    "451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35. For more information please go "
    "to  https://go.microsoft.com/fwlink/?linkid=865268"
)
SENDER_OK = "250 2.1.0 Sender OK"
START_INPUT = "354 Start mail input; end with <CRLF>.<CRLF>"
GOODBYE = "221 2.0.0 Service closing transmission channel"
TLS_READY = "220 2.0.0 SMTP server ready"
TLS_REFUSED = "454 4.7.0 TLS not available due to temporary reason"
ONE_STARTTLS = "503 5.5.2 Only one STARTTLS command can be issued per session"
RESET = "250 2.0.0 Resetting"
OK = "250 2.0.0 OK"
VRFY = "252 2.1.5 Cannot VRFY user"
HELP = (
    "214-This server supports the following commands:\r\n"
    "214 HELO EHLO STARTTLS RCPT DATA RSET MAIL QUIT HELP BDAT"
)
UNKNOWN = "500 5.3.3 Unrecognized command"
TOO_LONG = "500 5.3.3 Line too long"
BAD_ARGUMENTS = "501 5.5.4 Invalid arguments"
BAD_ADDRESS = "501 5.1.7 Invalid address"
BAD_NAME = "501 5.5.4 Invalid domain name"
HELLO_FIRST = "503 5.5.2 Send hello first"
MAIL_FIRST = "503 5.5.2 Need mail command"
RCPT_FIRST = "503 5.5.2 Need rcpt command"
ONE_SENDER = "503 5.5.2 Sender already specified"
TOO_MANY_ERRORS = "421 4.7.0 Too many errors on this connection, closing transmission channel"
IDLE = "451 4.7.0 Timeout waiting for client input"


def new_session_id() -> str:
    """Give sixteen hexadecimal digits, as they end a banner and return in a refusal."""
    return "08DF" + secrets.token_hex(6).upper()


def banner(front: FrontEnd, session_id: str, now: datetime) -> str:
    at = now.astimezone(UTC)
    when = f"{at:%a}, {at.day} {at:%b %Y %H:%M:%S} +0000"
    return f"220 {front.host} Microsoft ESMTP MAIL Service ready at {when} [{session_id}]"


def greeting(front: FrontEnd, address: str, *, starttls: bool) -> str:
    """Answer EHLO; the first line tells the client from which address it is seen."""
    offered = [word for word in CAPABILITIES if starttls or word != "STARTTLS"]
    lines = [f"{front.host} Hello [{address}]", *offered]
    return "\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"])


def short_greeting(front: FrontEnd, address: str) -> str:
    return f"250 {front.host} Hello [{address}]"


def suffix(front: FrontEnd, session_id: str, now: datetime) -> str:
    at = now.astimezone(UTC)
    moment = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
    return f" [{front.inner} {moment} {session_id}]"


def banned(address: str) -> str:
    """Refuse an address of bad reputation; both blanks before http are the service's own."""
    return (
        f"550 5.7.606 Access denied, banned sending IP [{address}]. To request removal from this "
        "list please visit https://sender.office.com/ and follow the directions. For more "
        "information please go to  http://go.microsoft.com/fwlink/?LinkID=526655 (AS16012609)"
    )


def busy(address: str) -> str:
    return f"451 4.7.500 Server busy. Please try again later from [{address}]. (S77714)"


def queued(front: FrontEnd, size: int) -> str:
    """Confirm a message. Nothing is queued and nothing is delivered: this is the lab."""
    ident = f"<{secrets.token_hex(16)}@{front.inner}>"
    where = f"[InternalId={secrets.randbelow(10**14)}, Hostname={front.inner}]"
    return (
        f"250 2.6.0 {ident} {where} {size} bytes in 0.160, 43.503 KB/sec Queued mail for delivery"
    )
