"""What an answer that somebody shows us proves of the door, if a stranger got it.

A pasted reply comes without its conversation: whether the server was proven and who was asked is
not known. So this says "if", where `verdict` judges.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mailposture.core.signs import Name, Sign
from mailposture.core.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Proof:
    """What such an answer proves, and the same in a sentence."""

    state: Verdict
    says: str


# Only these three decide anything; every other answer leaves the door unknown.
_PROOFS: Final[Mapping[Name, Proof]] = {
    Name.ACCEPTED: Proof(
        Verdict.OPEN, "If a stranger was told this after RCPT TO, the door is open."
    ),
    Name.RESTRICTED_CONNECTOR: Proof(
        Verdict.CLOSED, "If a stranger was told this, the door is closed."
    ),
    Name.RESTRICTED_DIRECT_SEND: Proof(
        Verdict.CLOSED,
        "Closed for senders in the tenant's own domains only; it says nothing of others.",
    ),
}
NOTHING: Final = Proof(
    Verdict.UNKNOWN, "Whether the door is open or closed, this answer does not show."
)


def proof(sign: Sign) -> Proof:
    """What a stranger's being answered so would prove."""
    return _PROOFS.get(sign.name, NOTHING)
