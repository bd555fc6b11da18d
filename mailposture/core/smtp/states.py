"""The state machine of the SMTP client, all of it, as one table.

Everything that decides what comes next stands in this file; ``session.py`` only keeps
the books. A state is named after what we wait for in it. An answer is sorted into a
kind, and the table says which state follows. Nothing here raises on what a server says:
an answer no row foresees is ``ODD``, and odd ends the conversation, because after it no
reply can be credited to a command any more.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from mailposture.core.smtp.reply import Reply
from mailposture.core.smtp.transcript import Ended


class State(StrEnum):
    """What the client waits for."""

    BANNER = "banner"
    EHLO = "EHLO"
    HELO = "HELO"
    STARTTLS = "STARTTLS"
    HANDSHAKE = "handshake"
    MAIL = "MAIL"
    RCPT = "RCPT"
    QUIT = "QUIT"
    OVER = "over"


class Kind(StrEnum):
    """How a reply counts in the state machine."""

    YES = "2xx"
    GO_ON = "3xx"
    LATER = "4xx"
    NO = "5xx"
    ODD = "odd"


# What the log calls a reply that answered in this state (design.md: stages of a session).
STAGES: Final[Mapping[State, str]] = {
    State.BANNER: "connect",
    State.EHLO: "ehlo",
    State.HELO: "ehlo",
    State.STARTTLS: "starttls",
    State.MAIL: "mail",
    State.RCPT: "rcpt",
    State.QUIT: "quit",
}

# The success codes that each state knows (RFC 5321 section 4.3.2, RFC 3207 section 4). A
# 2xx that cannot be the answer to the command is a sign that replies and commands are out
# of step: a second banner must not pass for an EHLO answer, a RCPT answer not for QUIT's.
SUCCESS: Final[Mapping[State, frozenset[int]]] = {
    State.BANNER: frozenset({220}),
    State.EHLO: frozenset({250}),
    State.HELO: frozenset({250}),
    State.STARTTLS: frozenset({220}),
    State.MAIL: frozenset({250}),
    State.RCPT: frozenset({250, 251, 252}),
    State.QUIT: frozenset({221}),
}

# After a good EHLO the way forks by what was offered; MAIL stands for "the envelope is next".
NEXT: Final[Mapping[State, Mapping[Kind, State]]] = {
    State.BANNER: {Kind.YES: State.EHLO},
    State.EHLO: {Kind.YES: State.MAIL, Kind.NO: State.HELO},
    State.HELO: {Kind.YES: State.MAIL},
    State.STARTTLS: {Kind.YES: State.HANDSHAKE},
    State.MAIL: {Kind.YES: State.RCPT},
    State.RCPT: {},
    State.QUIT: {Kind.YES: State.OVER, Kind.LATER: State.OVER},
}

# Without a row above, a well-formed reply leads to QUIT: we leave politely. After a reply
# to QUIT itself there is nothing more to say.
OTHERWISE: Final[Mapping[Kind, State]] = {
    Kind.YES: State.QUIT,
    Kind.GO_ON: State.QUIT,
    Kind.LATER: State.QUIT,
    Kind.NO: State.QUIT,
    Kind.ODD: State.OVER,
}


_KINDS: Final = {2: Kind.YES, 3: Kind.GO_ON, 4: Kind.LATER, 5: Kind.NO}


def kind_of(state: State, reply: Reply) -> Kind:
    """Sort a reply to what was asked in this state."""
    if reply.code is None:
        return Kind.ODD
    if reply.first_digit == 2 and reply.code not in SUCCESS[state]:
        return Kind.ODD
    # RFC 5321 section 3.8 lets a server say 421 to anything. Any other refusal of QUIT is
    # no answer to QUIT, but most likely one that belongs to a command before it.
    if state is State.QUIT and reply.code not in {221, 421}:
        return Kind.ODD
    return _KINDS[reply.first_digit]


def after(state: State, kind: Kind) -> State:
    """The state that follows an answer of this kind."""
    return NEXT[state].get(kind, OTHERWISE[kind])


def why_odd(reply: Reply) -> Ended:
    """What to call the end that an odd reply brings."""
    return Ended.NOT_SMTP if reply.code is None else Ended.OUT_OF_STEP


def after_hello(*, wants_tls: bool, secure: bool, offers: frozenset[str]) -> tuple[State, ...]:
    """The flight that follows a good EHLO or HELO.

    RFC 2920 section 3.1 lets MAIL, RCPT and a last QUIT travel together where PIPELINING
    is offered; elsewhere each command waits for the answer to the one before.
    """
    if wants_tls and not secure and "STARTTLS" in offers:
        return (State.STARTTLS,)
    if "PIPELINING" in offers:
        return (State.MAIL, State.RCPT, State.QUIT)
    return (State.MAIL,)
