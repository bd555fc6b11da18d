"""One SMTP conversation with a front end: commands in, replies out, no sockets.

It keeps what a session knows (greeted, secured, the transaction so far), has the table of
commands, and asks `decide` at RCPT. What must happen on the wire besides a reply (start TLS,
take a message, hang up) is named in a Step for the driver to do.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from mailposture.lab import replies
from mailposture.lab.decide import Answer, Outcome, Session
from mailposture.lab.faults import Fault
from mailposture.lab.world import FrontEnd

PATH = re.compile(r"\s*<([^<>]*)>\s*(.*)", re.DOTALL)
ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+")
PARAMETERS = {"SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH", "NOTIFY", "ORCPT"}
MOST_ERRORS = 20

TAKEN = frozenset({Outcome.ACCEPTED, Outcome.RELAYED})
CONTRARY = {
    **dict.fromkeys(TAKEN, Outcome.LOCKED),
    **dict.fromkeys((Outcome.LOCKED, Outcome.DIRECT_SEND), Outcome.ACCEPTED),
}

type Ask = Callable[[Session], Answer]
type Clock = Callable[[], datetime]


class Step(Enum):
    """What the driver does after sending the reply."""

    GO_ON = auto()
    START_TLS = auto()
    BREAK_TLS = auto()
    TAKE_DATA = auto()
    TAKE_CHUNK = auto()
    LAST_CHUNK = auto()
    HANG_UP = auto()


@dataclass(frozen=True, slots=True)
class Reaction:
    """A reply and the step that follows it; `size` counts the bytes of a chunk."""

    text: str
    step: Step = Step.GO_ON
    size: int = 0


class Conversation:
    """What one client has said so far, and what it is answered."""

    def __init__(self, front: FrontEnd, peer: str, ask: Ask, clock: Clock) -> None:
        self.front, self.peer, self.ask, self.clock = front, peer, ask, clock
        self.session_id = replies.new_session_id()
        self.secured = False
        self.certificate: frozenset[str] = frozenset()
        self.greeted = False
        self.errors = 0
        self.forget()

    def forget(self) -> None:
        """Begin a new transaction."""
        self.mail_from: str | None = None
        self.recipients = 0
        self.tenant: str | None = None
        self.received = 0

    def banner(self) -> str:
        return replies.banner(self.front, self.session_id, self.clock())

    def tls_started(self, certificate: frozenset[str]) -> None:
        """Start over, as RFC 3207 section 4.2 asks, but for who the client proved to be."""
        self.secured, self.certificate, self.greeted = True, certificate, False
        self.forget()

    def command(self, line: bytes) -> Reaction:
        """Answer one line."""
        verb, _, rest = line.decode("utf-8", "replace").partition(" ")
        answer = COMMANDS.get(verb.upper())
        reaction = answer(self, rest) if answer else Reaction(replies.UNKNOWN)
        self.errors += reaction.text.startswith("5")
        if self.errors > MOST_ERRORS:
            return Reaction(replies.TOO_MANY_ERRORS, Step.HANG_UP)
        return reaction

    def ehlo(self, rest: str) -> Reaction:
        if not rest.strip():
            return Reaction(replies.BAD_NAME)
        self.greeted = True
        self.forget()
        offered = not self.secured and self.front.fault != Fault.NO_STARTTLS
        return Reaction(replies.greeting(self.front, self.peer, starttls=offered))

    def helo(self, rest: str) -> Reaction:
        if not rest.strip():
            return Reaction(replies.BAD_NAME)
        self.greeted = True
        self.forget()
        return Reaction(replies.short_greeting(self.front, self.peer))

    def starttls(self, rest: str) -> Reaction:
        if self.front.fault == Fault.NO_STARTTLS:
            return Reaction(replies.UNKNOWN)
        if self.secured:
            return Reaction(replies.ONE_STARTTLS)
        if rest.strip():
            return Reaction(replies.BAD_ARGUMENTS)
        if self.front.fault == Fault.REFUSE_TLS:
            return Reaction(replies.TLS_REFUSED)
        broken = self.front.fault == Fault.BREAK_TLS
        return Reaction(replies.TLS_READY, Step.BREAK_TLS if broken else Step.START_TLS)

    def mail(self, rest: str) -> Reaction:
        if not self.greeted:
            return Reaction(replies.HELLO_FIRST)
        if self.mail_from is not None:
            return Reaction(replies.ONE_SENDER)
        path = path_of(rest, "FROM:")
        if path is None:
            return Reaction(replies.BAD_ARGUMENTS)
        if path and not ADDRESS.fullmatch(path):
            return Reaction(replies.BAD_ADDRESS)
        self.mail_from = path
        return Reaction(replies.SENDER_OK)

    def rcpt(self, rest: str) -> Reaction:
        if self.mail_from is None:
            return Reaction(replies.MAIL_FIRST if self.greeted else replies.HELLO_FIRST)
        path = path_of(rest, "TO:")
        if path is None:
            return Reaction(replies.BAD_ARGUMENTS)
        if not ADDRESS.fullmatch(path):
            return Reaction(replies.BAD_ADDRESS)
        if instead := self.instead():
            return self.refuse(instead)
        return self.attribute(path, self.mail_from)

    def instead(self) -> str | None:
        """Give what a faulty front end says to any recipient."""
        match self.front.fault:
            case Fault.REPUTATION:
                return replies.banned(self.peer)
            case Fault.THROTTLE:
                return replies.busy(self.peer)
            case Fault.WRONG_REGION:
                return replies.WRONG_REGION
            case Fault.SECOND_TENANT:
                return replies.TOO_MANY_RECIPIENTS
            case _:
                return None

    def attribute(self, recipient: str, sender: str) -> Reaction:
        """Ask whose mail this is; one transaction belongs to one tenant."""
        answer = self.ask(
            Session(
                address=self.peer,
                tls=self.secured,
                mail_from=sender,
                rcpt_to=recipient,
                certificate=self.certificate,
            )
        )
        if answer.tenant and self.tenant not in {None, answer.tenant}:
            return self.refuse(replies.TOO_MANY_RECIPIENTS)
        self.tenant = self.tenant or answer.tenant
        outcome = answer.outcome
        if self.front.fault == Fault.CONTRARY:
            outcome = CONTRARY.get(outcome, outcome)
        text = replies.RECIPIENT[outcome]
        if outcome not in TAKEN:
            return self.refuse(text)
        self.recipients += 1
        return Reaction(text)

    def refuse(self, text: str) -> Reaction:
        return Reaction(text + replies.suffix(self.front, self.session_id, self.clock()))

    def data(self, rest: str) -> Reaction:
        if rest.strip():
            return Reaction(replies.BAD_ARGUMENTS)
        if missing := self.not_ready():
            return Reaction(missing)
        return Reaction(replies.START_INPUT, Step.TAKE_DATA)

    def bdat(self, rest: str) -> Reaction:
        """Take a chunk (RFC 3030); one that cannot be counted cannot be skipped either."""
        found = re.fullmatch(r"\s*(\d{1,9})(\s+LAST)?\s*", rest, re.IGNORECASE)
        if not found:
            return Reaction(replies.BAD_ARGUMENTS, Step.HANG_UP)
        size, last = int(found[1]), bool(found[2])
        missing = self.not_ready()
        self.received += size
        text = missing or f"250 2.6.0 CHUNK received OK, {size} octets"
        if last and not missing:
            text = replies.queued(self.front, self.received)
        return Reaction(text, Step.LAST_CHUNK if last else Step.TAKE_CHUNK, size)

    def not_ready(self) -> str | None:
        if self.mail_from is None:
            return replies.MAIL_FIRST
        return None if self.recipients else replies.RCPT_FIRST

    def message_taken(self, size: int) -> str:
        """Confirm the end of a message. It goes nowhere."""
        self.forget()
        return replies.queued(self.front, size)

    def rset(self, _rest: str) -> Reaction:
        self.forget()
        return Reaction(replies.RESET)

    def noop(self, _rest: str) -> Reaction:
        return Reaction(replies.OK)

    def vrfy(self, _rest: str) -> Reaction:
        return Reaction(replies.VRFY)

    def help(self, _rest: str) -> Reaction:
        return Reaction(replies.HELP)

    def quit(self, _rest: str) -> Reaction:
        return Reaction(replies.GOODBYE, Step.HANG_UP)


COMMANDS: dict[str, Callable[[Conversation, str], Reaction]] = {
    "EHLO": Conversation.ehlo,
    "HELO": Conversation.helo,
    "STARTTLS": Conversation.starttls,
    "MAIL": Conversation.mail,
    "RCPT": Conversation.rcpt,
    "DATA": Conversation.data,
    "BDAT": Conversation.bdat,
    "RSET": Conversation.rset,
    "NOOP": Conversation.noop,
    "VRFY": Conversation.vrfy,
    "HELP": Conversation.help,
    "QUIT": Conversation.quit,
}


def path_of(rest: str, keyword: str) -> str | None:
    """Give what stands between the angle brackets, None if the arguments make no sense."""
    if not rest.upper().startswith(keyword):
        return None
    found = PATH.fullmatch(rest[len(keyword) :])
    if not found:
        return None
    words = {word.partition("=")[0].upper() for word in found[2].split()}
    return found[1] if words <= PARAMETERS else None
