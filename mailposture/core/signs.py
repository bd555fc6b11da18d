"""What each kind of answer means: its name, the control behind it, and what to do about it.

The words for people stand here; which replies bear which sign stands in `marks`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Name(StrEnum):
    """The fifteen names of what can answer."""

    ACCEPTED = "accepted"
    RESTRICTED_CONNECTOR = "restricted_connector"
    RESTRICTED_DIRECT_SEND = "restricted_direct_send"
    RELAY_DENIED = "relay_denied"
    RECIPIENT_UNKNOWN = "recipient_unknown"
    RECIPIENT_RESTRICTED = "recipient_restricted"
    SENDER_BLOCKED_REPUTATION = "sender_blocked_reputation"
    SENDER_AUTH_FAILED = "sender_auth_failed"
    THROTTLED = "throttled"
    GREYLISTED = "greylisted"
    TENANT_PROBLEM = "tenant_problem"
    TLS_REQUIRED = "tls_required"
    CONTENT_REJECTED = "content_rejected"
    TEMPORARY = "temporary"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Sign:
    """What answered (`control`, where one did), what that means, and what to do next."""

    name: Name
    control: str | None
    meaning: str
    next: str


ACCEPTED: Final = Sign(
    Name.ACCEPTED,
    None,
    "The server took the recipient, or the message. No connector stopped this host; filters and "
    "mail-flow rules may still act on the message later.",
    "If the host is not one of yours, the tenant is open to it: restrict a Partner inbound "
    "connector with SenderDomains * to your gateway's addresses or certificate.",
)
CONNECTOR: Final = Sign(
    Name.RESTRICTED_CONNECTOR,
    "inbound connector",
    "The tenant's Partner inbound connector refused: this host has neither an allowed address nor "
    "an allowed certificate. The direct way in is closed to it, for this sender and recipient "
    "domain.",
    "For a stranger nothing: this is the answer you want. If it is your gateway or hybrid server, "
    "it is cut off: add its address or certificate name to the connector.",
)
DIRECT_SEND: Final = Sign(
    Name.RESTRICTED_DIRECT_SEND,
    "RejectDirectSend",
    "The tenant refuses envelope senders in its own domains from hosts that no connector names. "
    "Every other sender may still get in by the same way.",
    "Try a foreign and a null sender too: RejectDirectSend does not close direct delivery. Give "
    "devices of yours that must send so a connector by address or certificate.",
)
RELAY: Final = Sign(
    Name.RELAY_DENIED,
    "tenant attribution",
    "The service takes no mail for this recipient from here: the recipient's domain belongs to no "
    "tenant it serves, or the sender was not recognised as one of its tenants. It says nothing "
    "about a lock-down.",
    "Check that the domain is an accepted domain of the tenant in this cloud; for your own relay, "
    "that its OnPremises connector matches and the sender or certificate domain is accepted.",
)
RECIPIENT: Final = Sign(
    Name.RECIPIENT_UNKNOWN,
    "recipient filter",
    "There is no such recipient, or its address is malformed. Whether the door itself is open "
    "remains unknown.",
    "Repeat the test with the address of a mailbox that exists.",
)
RECIPIENT_RESTRICTED: Final = Sign(
    Name.RECIPIENT_RESTRICTED,
    "recipient restriction",
    "The recipient exists but takes mail only from named, internal or authenticated senders. The "
    "mail had already passed the connectors.",
    "Choose a recipient that takes mail from anyone, or have its owner allow the sender.",
)
REPUTATION: Final = Sign(
    Name.SENDER_BLOCKED_REPUTATION,
    "address block list",
    "The sending address or sender is on a block list. That is about the sender, not about the "
    "tenant's connectors.",
    "Test from another address. To clear this one, ask the list that is named for removal.",
)
TENANT_LIST: Final = Sign(
    Name.SENDER_BLOCKED_REPUTATION,
    "tenant's block list",
    "The recipient's organisation has put this sender or address on its own block list. Others may "
    "still get in.",
    "Test from another address; look at the tenant's connection filter and its allow/block list.",
)
SENDER_AUTH: Final = Sign(
    Name.SENDER_AUTH_FAILED,
    "sender authentication",
    "The sender did not prove who it is: SPF, DKIM, DMARC or the reverse name of its address "
    "failed. It says nothing about the connectors.",
    "Send as a domain whose SPF and DKIM cover this host, and from an address with a reverse name.",
)
THROTTLED: Final = Sign(
    Name.THROTTLED,
    "rate limit",
    "A limit on rate, count or connections was reached. The answer is about how much comes from "
    "here, not about who may deliver.",
    "Wait, slow down and try again later, or test from another address.",
)
OLD_EXCHANGE: Final = Sign(
    Name.THROTTLED,
    "old Exchange server ramp",
    "Exchange Online slows down or blocks an on-premises Exchange server that is too old to be "
    "supported, on the tenant's own OnPremises connector.",
    "Update the Exchange server; until then the pause in the Exchange admin centre buys time.",
)
GREYLISTED: Final = Sign(
    Name.GREYLISTED,
    "greylisting",
    "The server asks an unfamiliar sender to come back later. Often it is a gateway that speaks, "
    "not Exchange Online.",
    "Try again in a few minutes from the same address, and check which host was asked.",
)
TENANT: Final = Sign(
    Name.TENANT_PROBLEM,
    "tenant state",
    "The state of a tenant stands in the way: its licences or subscription, a block on its "
    "sending, or a connector of its own.",
    "Look at the tenant's subscriptions, service health and outbound restrictions.",
)
LOOP: Final = Sign(
    Name.TENANT_PROBLEM,
    "loop detection",
    "The message went round in a circle between servers until the service gave it up.",
    "Follow the Received lines; check the accepted domain's type and the outbound connectors.",
)
TLS: Final = Sign(
    Name.TLS_REQUIRED,
    "TLS requirement",
    "The server demands TLS, or the encrypted channel could not be set up as it wants it.",
    "Use STARTTLS with TLS 1.2 or later; a client certificate must come from a public CA, with "
    "its chain.",
)
CONTENT: Final = Sign(
    Name.CONTENT_REJECTED,
    "content check",
    "The message itself was refused: its format, its size or what is in it. The connectors had "
    "already let it pass.",
    "Mend or shorten the message. For a test of the door, stop at RCPT TO.",
)
TEMPORARY: Final = Sign(
    Name.TEMPORARY,
    None,
    "The service had a passing trouble and decided nothing.",
    "Try again later, best against another front end.",
)
WRONG_REGION: Final = Sign(
    Name.TEMPORARY,
    None,
    "The connection went to a region that does not serve this recipient's tenant. This is a wrong "
    "entry point, not a lock-down.",
    "Connect to the host that the domain's MX, or its dash form, names.",
)
OTHER: Final = Sign(
    Name.OTHER,
    None,
    "No control that we know answers like this; it proves nothing about the door.",
    "Read the line in its place in the whole conversation, and check which host said it.",
)
BANNER: Final = Sign(
    Name.OTHER,
    None,
    "A greeting: the server introduces itself. Nothing has been asked of it yet.",
    "Go on to RCPT TO: only the answer to that decides.",
)
EHLO: Final = Sign(
    Name.OTHER,
    None,
    "An answer to EHLO, the list of what the server can do. Exchange Online also says here from "
    "which address it sees the client.",
    "Go on to RCPT TO: only the answer to that decides.",
)
MASKED: Final = Sign(
    Name.OTHER,
    None,
    "A device on the way rewrites the conversation, such as a firewall that inspects SMTP: the "
    "real server cannot be seen.",
    "Turn SMTP inspection off for this host, or test from a network without it.",
)
SENDER_OK: Final = Sign(
    Name.OTHER,
    None,
    "The server took the command. No recipient has been decided by it.",
    "Go on to RCPT TO: only the answer to that decides.",
)
SUBMISSION: Final = Sign(
    Name.OTHER,
    None,
    "The door where people's own programs hand in mail after signing in answered, not the tenant's "
    "door for incoming mail.",
    "Test the tenant's own endpoint on port 25, such as contoso-com.mail.protection.outlook.com.",
)
PROTOCOL: Final = Sign(
    Name.OTHER,
    None,
    "The server did not understand a command, or not at this point of the conversation. That is "
    "no decision about a sender or recipient.",
    "Look at the line before it in the conversation: the real answer stands there.",
)
MIDDLEBOX: Final = Sign(
    Name.OTHER,
    None,
    "Something on the sending side speaks, such as a proxy, a firewall or a name lookup. The "
    "tenant's server was not reached.",
    "Check that port 25 is open from here, that no security software stands in between, and the "
    "name of the host.",
)
RULE: Final = Sign(
    Name.OTHER,
    "mail-flow rule",
    "A mail-flow rule of the tenant, or a policy of its own, refused the message after the service "
    "had taken it. What it refuses depends on its conditions.",
    "Look for the rule in the Exchange admin centre; a rule is no lock-down, for it acts only on "
    "what it matches.",
)
MAILBOX_FULL: Final = Sign(
    Name.OTHER,
    None,
    "The recipient exists, but its mailbox takes no more mail.",
    "Repeat the test with another existing mailbox.",
)


def named(control: str) -> str:
    """A control inside a sentence: RejectDirectSend is a name, the others are things."""
    return control if control == DIRECT_SEND.control else f"the {control}"
