"""When a server asks for less.

A passing refusal that is about how much comes from us is a reason to slow down, whatever else it
is; one about the channel or the sender would be the same at any pace.
"""

from typing import Final

from mailposture.core import replies
from mailposture.core.signs import Name
from mailposture.core.smtp.reply import Reply
from mailposture.core.smtp.transcript import Transcript

_NOT_THE_PACE: Final = (Name.TLS_REQUIRED, Name.SENDER_AUTH_FAILED, Name.GREYLISTED)


def asks_for_less(transcript: Transcript) -> bool:
    """Whether the server said in this conversation that we come too often or too fast."""
    return any(reply.first_digit == 4 and _asks(reply) for reply in transcript.replies)


def _asks(reply: Reply) -> bool:
    if reply.code == 421:
        return True
    name = replies.classify_reply(reply.said, reply.stage).name
    if name is Name.THROTTLED:
        return True
    about_us = (reply.enhanced or "").startswith("4.7.") and reply.stage != "starttls"
    return about_us and name not in _NOT_THE_PACE
