"""What a pasted answer would prove: as the judge has it, and nothing beyond."""

import pytest

from mailposture.core import proofs, replies
from mailposture.core.signs import Name
from mailposture.core.verdict import Verdict

CONNECTOR = (
    "550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched "
    "the message's recipient domain."
)
DIRECT_SEND = (
    "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from "
    "unauthorized sources"
)


@pytest.mark.parametrize(
    ("reply", "stage", "state"),
    [
        ("250 2.1.5 Recipient OK", "rcpt", Verdict.OPEN),
        ("250 2.1.0 Sender OK", "mail", Verdict.UNKNOWN),
        (CONNECTOR, "rcpt", Verdict.CLOSED),
        (DIRECT_SEND, "mail", Verdict.CLOSED),
        ("550 5.4.1 Recipient address rejected: Access denied", "rcpt", Verdict.UNKNOWN),
        ("what no server says", None, Verdict.UNKNOWN),
    ],
)
def test_an_answer_proves_what_a_stranger_could_conclude(
    reply: str, stage: str | None, state: Verdict
) -> None:
    assert proofs.proof(replies.classify(reply, stage)).state is state


def test_a_refusal_of_own_senders_says_that_it_is_no_more() -> None:
    sign = replies.classify(DIRECT_SEND, "mail")
    assert sign.name is Name.RESTRICTED_DIRECT_SEND
    assert "own domains only" in proofs.proof(sign).says
