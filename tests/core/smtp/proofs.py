"""What a conversation can prove at most, read from its lines alone, by other rules than ours.

The product credits each reply to its command while it comes in, and names it by a table. Here the
bytes of the finished conversation are read once more, the simple way. Whatever is *open* or
*closed* must be so by this reading too; nothing is asked of *unknown*, which claims nothing.
"""

import re
from collections.abc import Iterator

from mailposture.core.smtp.transcript import Transcript, Who
from mailposture.core.verdict import Cause, Judgement, SenderClass, Trust, Verdict, judge

REPLY = re.compile(rb"((?:[2-5]\d\d-[^\n]*\n)*)([2-5]\d\d)(?: [^\n]*)?\r*\n")
# 5.7.51 with nothing behind it that makes it 5.7.511; or the words of the tenant's connector.
CONNECTOR = re.compile(
    rb"5\.7\.51(?![0-9.])|tenantinboundattribution|partner connector|restrictdomainsto",
    re.IGNORECASE,
)
DIRECT_SEND = re.compile(rb"5\.7\.68(?![0-9.])|direct ?send", re.IGNORECASE)
LAST_HOPE = Trust(lab=True, any_server=True)


def proved(sender: SenderClass, found: Transcript, trust: Trust = LAST_HOPE) -> Judgement:
    """Judge a conversation, and fail where its verdict is more than its bytes bear out."""
    judged = judge(sender, found, trust)
    if judged.verdict is Verdict.OPEN:
        mail, rcpt, *_ = *answers(found), b"", b""
        assert mail[:3] == b"250", "open without a yes to MAIL"
        assert rcpt[:3] in (b"250", b"251", b"252"), "open without a yes to RCPT"
    if judged.verdict is Verdict.CLOSED:
        sign = CONNECTOR if judged.cause is Cause.INBOUND_CONNECTOR else DIRECT_SEND
        assert judged.cause in (Cause.INBOUND_CONNECTOR, Cause.REJECT_DIRECT_SEND)
        assert sign is CONNECTOR or sender is SenderClass.OWN, "Direct Send closes own senders only"
        said = [reply for reply in refusals(found) if sign.search(reply)]
        assert said, "closed without the tenant's own refusal"
    return judged


def answers(found: Transcript) -> list[bytes]:
    """The replies that came after our last MAIL: the first is its answer, the second RCPT's."""
    said: list[bytes] = []
    for line in found.lines:
        if line.who is Who.CLIENT and line.data.startswith(b"MAIL"):
            said = []
        elif line.who is Who.SERVER:
            said.append(line.data)
    return [match[0] for match in REPLY.finditer(b"".join(said))]


def refusals(found: Transcript) -> Iterator[bytes]:
    """Every reply that refuses for good, wherever it was said."""
    said = b"".join(line.data for line in found.lines if line.who is Who.SERVER)
    return (match[0] for match in REPLY.finditer(said) if match[2].startswith(b"5"))
