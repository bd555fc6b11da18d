"""What mail servers of others may answer, by the address that asks, and what each answer proves.

One table for Postfix (tests/postfix.py) and Exim (tests/exim.py): every address of loopback is a
host of its own, and has a policy of its own. The refusals of a tenant are in Exchange Online's
exact words (tests/core/replies.jsonl); all others must prove nothing, however final they sound.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

OPEN: Final = ("open", "accepted")
LOCKED: Final = ("closed", "inbound-connector")
NOT_LET: Final = ("closed", "reject-direct-send")
GREETED: Final = "at the greeting"

WELCOME, TARPIT, OWN_SENDER, NULL_SENDER, SECRET, KNOWN = (
    "127.0.20.1", "127.0.20.2", "127.0.20.3", "127.0.20.4", "127.0.20.5", "127.0.20.6",
)  # fmt: skip

CONNECTOR: Final = (
    "550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched the"
    " message's recipient domain. The connector had either the RestrictDomainsToIPAddresses or"
    " RestrictDomainsToCertificate set"
)
DIRECT_SEND: Final = (
    "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from"
    " unauthorized sources"
)
NO_NULL: Final = "550 5.7.1 Mail without a sender is not taken here"


def unknown(cause: str) -> tuple[str, str]:
    return "unknown", cause


type Proves = tuple[str, str]


@dataclass(frozen=True)
class Refused:
    """An address that is answered so at RCPT, or at the greeting; for each class the same."""

    name: str
    address: str
    answer: str
    foreign: Proves
    own: Proves
    null: Proves
    at: str = "rcpt"

    @property
    def proves(self) -> Mapping[str, Proves]:
        return {"foreign": self.foreign, "own": self.own, "null": self.null}


def _refused(number: int, name: str, answer: str, proves: Proves, at: str = "rcpt") -> Refused:
    where = 30 if at == GREETED else 21
    return Refused(name, f"127.0.{where}.{number}", answer, proves, proves, proves, at)


REFUSED: Final = (
    _refused(1, "the tenant's connector", CONNECTOR, LOCKED),
    _refused(
        2,
        "the tenant's connector, in short",
        "550 5.7.51 TenantInboundAttribution; Rejecting",
        LOCKED,
    ),
    Refused(
        "Direct Send, whoever sends",
        "127.0.21.3",
        DIRECT_SEND,
        unknown("reject-direct-send"),
        NOT_LET,
        unknown("reject-direct-send"),
    ),
    _refused(
        4,
        "relay denied",
        "550 5.7.64 TenantAttribution; Relay Access Denied",
        unknown("relay-denied"),
    ),
    _refused(
        5, "banned address", "550 5.7.606 Access denied, banned sending IP", unknown("reputation")
    ),
    _refused(
        6,
        "a number that begins like the connector's",
        "550 5.7.511 Access denied, banned sender",
        unknown("reputation"),
    ),
    _refused(
        7,
        "block list",
        "554 5.7.1 Service unavailable; Client host blocked using zen.spamhaus.org",
        unknown("reputation"),
    ),
    _refused(
        8, "greylisted", "450 4.2.0 Greylisted, see the postmaster's page", unknown("greylisted")
    ),
    _refused(
        9, "server busy", "451 4.7.500 Server busy. Please try again later", unknown("throttled")
    ),
    _refused(
        10,
        "the connector's words, but for now",
        "450 4.7.51 TenantInboundAttribution; Rejecting",
        unknown("temporary"),
    ),
    _refused(
        11,
        "no such mailbox",
        "550 5.4.1 Recipient address rejected: Access denied",
        unknown("recipient-unknown"),
    ),
    _refused(
        12,
        "members only",
        "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; not let",
        unknown("recipient-restricted"),
    ),
    _refused(
        13,
        "a mail-flow rule",
        "550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by organization policy",
        unknown("other-refusal"),
    ),
    _refused(14, "no", "554 5.7.1 Access denied", unknown("other-refusal")),
    _refused(
        15,
        "wrong entrance",
        "451 4.4.62 Mail sent to the wrong Office 365 region",
        unknown("wrong-entrance"),
    ),
    _refused(
        16,
        "sender not proven",
        "550 5.7.515 Access denied, sending domain does not meet the required authentication level",
        unknown("sender-authentication"),
    ),
    _refused(
        1, "421 at the greeting", "421 4.3.2 Service not active", unknown("temporary"), GREETED
    ),
    _refused(
        2, "554 at the greeting", "554 5.7.1 No mail from you", unknown("other-refusal"), GREETED
    ),
)


@dataclass(frozen=True)
class Case:
    """One address, what is asked from it, and what the answers to the three classes prove."""

    name: str
    address: str
    proves: Mapping[str, Proves]
    recipient: str = "postmaster@contoso.example"
    greeting: bool = False

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def always(proves: Proves) -> Mapping[str, Proves]:
    return dict.fromkeys(("foreign", "own", "null"), proves)


def _cases() -> Iterator[Case]:
    yield Case("whoever is welcome", WELCOME, always(OPEN))
    yield Case("a tarpit that lets in", TARPIT, always(OPEN))
    yield Case("Direct Send", OWN_SENDER, {"foreign": OPEN, "own": NOT_LET, "null": OPEN})
    yield Case(
        "no null sender", NULL_SENDER,
        {"foreign": OPEN, "own": OPEN, "null": unknown("other-refusal")},
    )  # fmt: skip
    nobody = always(unknown("recipient-unknown"))
    yield Case("nobody there", WELCOME, nobody, recipient="nobody@contoso.example")
    elsewhere = always(unknown("relay-denied"))
    yield Case("another's domain", WELCOME, elsewhere, recipient="postmaster@fabrikam.example")
    for refused in REFUSED:
        yield Case(refused.name, refused.address, refused.proves, greeting=refused.at == GREETED)


CASES: Final = tuple(_cases())


def answers(at: str, *, separator: str) -> str:
    """The addresses that are refused at one place, a line each, with their answers."""
    return "".join(f"{r.address}{separator}{r.answer}\n" for r in REFUSED if r.at == at)
