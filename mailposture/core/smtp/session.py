"""The sans-IO SMTP client: it says what it wants, a driver carries the bytes.

It sends nothing after RCPT but QUIT, so no message ever comes of it. Times are handed in,
in milliseconds since the first connect began. Whatever a server says is recorded and ends
up in the transcript; only our own misuse raises.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from mailposture.core.smtp import states
from mailposture.core.smtp.reply import Reply, goes_on, lines_of, parse, whole
from mailposture.core.smtp.states import Kind, State
from mailposture.core.smtp.transcript import NOT_ASKED, Ended, Line, TlsFacts, Transcript, Who


class Want(StrEnum):
    """What the driver must do next."""

    RECEIVE = "receive"
    SEND = "send"
    TLS = "tls"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds and bytes a server gets; beyond them the conversation ends and says why."""

    connect: float = 10.0
    # For a whole reply, not for each byte: a server that trickles must not hold a probe.
    reply: float = 20.0
    # Its answer decides nothing any more.
    quit: float = 5.0
    session: float = 45.0
    # RFC 5321 section 4.5.3.1.5 asks for 512 octets a line; real refusals are longer.
    line_bytes: int = 4096
    # A whole conversation with Exchange Online has 2 KB. What is kept is written down twice, as
    # lines and as replies, and an odd byte takes five characters: 16 KB may become 160.
    reply_bytes: int = 8 * 1024
    reply_lines: int = 64
    total_bytes: int = 16 * 1024


# Neither a control character nor a space nor a bracket may come into a command: it would
# be a second command or another path (RFC 5321 section 4.1.2, without quoted strings).
_WORD: Final = re.compile(r"[!-;=?-~]+\Z")
# RFC 5321 section 4.5.3.1: what every server must take; what is longer SHOULD be avoided. The 256
# of a path count its brackets, so that an address has 254 at most whatever its parts may have:
# a domain of more than 243 characters has no postmaster that can be named in a command.
_LONGEST_LOCAL_PART: Final = 64
_LONGEST_DOMAIN: Final = 255
_LONGEST_ADDRESS: Final = 256 - len("<>")
_SHOWN: Final = 80
_MOST_LOOSE_LINES: Final = 20
# A server that leaves in one of these ways without answering QUIT has said all that counts.
_NO_GOOD_BYE: Final = frozenset({Ended.REPLY_TIMEOUT, Ended.RESET, Ended.CLOSED, Ended.TLS_ERROR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one session shall say; an empty ``mail_from`` is the null sender."""

    ehlo: str
    mail_from: str
    rcpt_to: str
    starttls: bool = True

    def __post_init__(self) -> None:
        for name in ("ehlo", "mail_from", "rcpt_to"):
            value = getattr(self, name)
            if value == "" and name == "mail_from":
                continue
            if why_not := _why_not(name, value):
                raise ValueError(f"{name} {why_not}: {value[:_SHOWN]!a}")

    def command(self, state: State) -> bytes:
        """The command whose answer is awaited in a state."""
        return _command(state, self.ehlo, self.mail_from, self.rcpt_to)


@lru_cache(maxsize=4096)  # a path says the same at each of its front ends
def _command(state: State, ehlo: str, mail_from: str, rcpt_to: str) -> bytes:
    match state:
        case State.EHLO | State.HELO:
            words = f"{state} {ehlo}"
        case State.MAIL:
            words = f"MAIL FROM:<{mail_from}>"
        case State.RCPT:
            words = f"RCPT TO:<{rcpt_to}>"
        case _:
            words = str(state)
    return f"{words}\r\n".encode("ascii")


def _why_not(name: str, value: str) -> str:
    """Why a value cannot be said in its command, or nothing if it can."""
    if not _WORD.match(value):
        return "cannot be sent in an SMTP command"
    if len(value.rpartition("@")[0]) > _LONGEST_LOCAL_PART:
        return f"has more than {_LONGEST_LOCAL_PART} characters before its @"
    longest = _LONGEST_DOMAIN if name == "ehlo" else _LONGEST_ADDRESS
    return f"is longer than {longest} characters" if len(value) > longest else ""


class Session:
    """One connection's worth of SMTP."""

    def __init__(self, plan: Plan, limits: Limits, *, address: str, port: int) -> None:
        self.want = Want.RECEIVE
        self.answered_in_tls = False
        self._plan, self._limits = plan, limits
        self._address, self._port, self._local = address, port, ""
        self._lines: list[Line] = []
        self._replies: list[Reply] = []
        self._awaited: list[State] = [State.BANNER]
        self._flight: tuple[State, ...] = ()
        self._buffer = bytearray()
        self._part = bytearray()  # lines of a reply that is not whole yet
        self._received = 0
        self._since = 0.0
        self._offers: frozenset[str] = frozenset()
        self._asked_for_tls = False
        self._tls: TlsFacts | None = None
        self._broken: TlsFacts | None = None
        self._hello_ip: str | None = None
        self._ended: Ended | None = None

    @property
    def state(self) -> State:
        """What is awaited now."""
        if self._ended is not None:
            return State.OVER
        if self.want is Want.TLS:
            return State.HANDSHAKE
        return next(iter(self._awaited or self._flight), State.OVER)

    @property
    def due(self) -> float:
        """When, in ms, the reply now awaited is overdue."""
        patience = self._limits.quit if self.state is State.QUIT else self._limits.reply
        return self._since + patience * 1000

    @property
    def clear_instead(self) -> bool:
        """Whether STARTTLS came to nothing, so that a fresh connection in clear is called for."""
        return self._asked_for_tls and not self.answered_in_tls and self.want is Want.CLOSE

    def connected(self, local: str, ms: float) -> None:
        """The connection stands; the banner is awaited."""
        self._local = local
        self._since = ms
        self.note(f"connected to {self._address} port {self._port} from {local}", ms)

    def note(self, words: str, ms: float) -> None:
        """Write a remark of ours between the lines."""
        self._lines.append(Line(ms, Who.NOTE, words.encode("ascii", "backslashreplace")))

    def outgoing(self, ms: float) -> bytes:
        """The flight that is wanted on the wire; empty if the server spoke out of turn."""
        if self._buffer:
            # What came before its command cannot be the answer to it, and if it were taken
            # for one, every later reply would be credited to the wrong command.
            self._keep(bytes(self._buffer), ms)
            self.end(Ended.OUT_OF_TURN, ms)
            return b""
        commands = [self._plan.command(state) for state in self._flight]
        self._lines += [Line(ms, Who.CLIENT, command) for command in commands]
        self._awaited, self._flight = [*self._flight], ()
        self._since, self.want = ms, Want.RECEIVE
        return b"".join(commands)

    def receive(self, data: bytes, ms: float) -> None:
        """Take what the server sent; empty bytes mean that it closed the connection."""
        if self.want is Want.CLOSE:
            return
        if not data:
            self._closed(ms)
            return
        room = self._limits.total_bytes - self._received
        self._received += len(data)
        self._buffer += data[:room]
        self._read_lines(ms)
        if len(data) > room and not self._ended:
            self._keep(bytes(self._buffer), ms)
            self.end(Ended.TOO_MUCH, ms)

    def tls_starting(self, ms: float) -> None:
        """The handshake begins; throw away what came in clear behind the 220.

        RFC 3207 section 4.2: it was never protected, so it must not count (CVE-2011-0411).
        """
        self._since = ms
        if self._buffer:
            self._keep(bytes(self._buffer), ms)
            self.note(f"{len(self._buffer)} bytes in clear after STARTTLS discarded", ms)
            self._buffer.clear()

    def tls_started(self, facts: TlsFacts, ms: float) -> None:
        """The handshake is done: forget what was offered in clear and greet again."""
        self._tls, self._offers = facts, frozenset()
        proof = "verified" if facts.verified else f"not verified: {facts.error}"
        self.note(f"{facts.version} {facts.cipher}, server certificate {proof}", ms)
        self.note(f"client certificate {facts.client_certificate}", ms)
        self._ask(State.EHLO)

    def tls_broken(self, facts: TlsFacts, ms: float) -> None:
        """The handshake came to nothing; what it showed until then is evidence, too."""
        said = facts.client_certificate
        if facts.fingerprint_sha256 or said != NOT_ASKED:
            self._broken = facts
        if said != (self._tls.client_certificate if self._tls else NOT_ASKED):
            self.note(f"client certificate {said}", ms)

    def end(self, why: Ended, ms: float, detail: str = "") -> None:
        """Be done, for this reason. The first reason given is the one that stays."""
        if self._ended is not None:
            return
        if self.state is State.QUIT and why in _NO_GOOD_BYE:
            self.note(f"no answer to QUIT: {why}", ms)
            why = Ended.DONE
        if self._asked_for_tls and self._tls is None and why is Ended.DONE:
            why = Ended.STARTTLS_REFUSED
        if why is not Ended.DONE:
            self.note(f"ended: {why}{': ' if detail else ''}{detail}", ms)
        self._ended, self.want = why, Want.CLOSE

    def transcript(self) -> Transcript:
        """The conversation so far, or all of it once the session wants to close."""
        # Out of step, some command got an answer that was not its own, and we cannot say
        # which: the lines stay as evidence, but no reply may decide anything.
        doubtful = {"mail", "rcpt"} if self._ended is Ended.OUT_OF_STEP else frozenset[str]()
        return Transcript(
            address=self._address,
            port=self._port,
            local=self._local,
            lines=tuple(self._lines),
            replies=tuple(r for r in self._replies if r.stage not in doubtful),
            tls=self._tls,
            ended=self._ended or Ended.CLOSED,
            hello_ip=self._hello_ip,
            broken=self._broken,
        )

    def _ask(self, *flight: State) -> None:
        self._flight, self._awaited, self.want = flight, [], Want.SEND
        self._asked_for_tls |= State.STARTTLS in flight

    def _read_lines(self, ms: float) -> None:
        while self.want is Want.RECEIVE:
            if not self._part and (raw := self._whole_reply()):
                del self._buffer[: len(raw)]
                self._lines += [Line(ms, Who.SERVER, line) for line in lines_of(raw)]
                self._take_reply(raw, ms)
                continue
            end = self._buffer.find(b"\n", 0, self._limits.line_bytes) + 1
            if not end:
                if len(self._buffer) >= self._limits.line_bytes:
                    self._keep(bytes(self._buffer[: self._limits.line_bytes]), ms)
                    self.end(Ended.LINE_TOO_LONG, ms)
                return
            line = bytes(self._buffer[:end])
            del self._buffer[:end]
            self._take_line(line, ms)

    def _whole_reply(self) -> bytes:
        """The usual case in one step: a reply in good order, and too short for any cap."""
        raw, limits = whole(self._buffer), self._limits
        size = len(raw)
        fits = size <= limits.line_bytes and size <= limits.reply_bytes
        return raw if fits and len(lines_of(raw)) <= limits.reply_lines else b""

    def _take_line(self, line: bytes, ms: float) -> None:
        first = not self._part
        self._lines.append(Line(ms, Who.SERVER, line))
        self._part += line
        lines = self._part.count(b"\n")
        if len(self._part) > self._limits.reply_bytes or lines > self._limits.reply_lines:
            self.end(Ended.REPLY_TOO_LONG, ms)
        elif not goes_on(line, first=first):
            raw = bytes(self._part)
            self._part.clear()
            self._take_reply(raw, ms)

    def _take_reply(self, raw: bytes, ms: float) -> None:
        state = self._awaited.pop(0)
        reply = parse(raw, states.STAGES[state], ms)
        self._replies.append(reply)
        self._since = ms
        self.answered_in_tls = self._tls is not None
        kind = states.kind_of(state, reply)
        if kind is Kind.YES and (state is State.EHLO or state is State.HELO):
            self._offers, self._hello_ip = offers(reply.text), hello_ip(reply.text)
        if kind is Kind.ODD:
            self.end(states.why_odd(reply), ms)
        elif not self._awaited:
            self._go_to(states.after(state, kind), ms)

    def _go_to(self, state: State, ms: float) -> None:
        if state is State.OVER:
            self.end(Ended.DONE, ms)
        elif state is State.HANDSHAKE:
            self.want = Want.TLS
        elif state is State.MAIL:
            wants_tls, secure = self._plan.starttls, self._tls is not None
            flight = states.after_hello(wants_tls=wants_tls, secure=secure, offers=self._offers)
            self._ask(*flight)
        else:
            self._ask(state)

    def _closed(self, ms: float) -> None:
        self._keep(bytes(self._buffer), ms)
        self.end(Ended.CLOSED, ms)

    def _keep(self, data: bytes, ms: float) -> None:
        """Record bytes that are no reply's, so that the evidence is whole."""
        *lines, rest = data.split(b"\n", _MOST_LOOSE_LINES)
        pieces = [line + b"\n" for line in lines] + [rest]
        self._lines += [Line(ms, Who.SERVER, piece) for piece in pieces if piece]


@lru_cache(maxsize=256)  # like the replies themselves
def offers(text: str) -> frozenset[str]:
    """The extension keywords of an EHLO answer (RFC 5321 section 4.1.1.1)."""
    return frozenset(line.split(" ", 1)[0].upper() for line in text.split("\n")[1:])


_HELLO: Final = re.compile(r"Hello \[(?:IPv6:)?([0-9A-Fa-f.:]{2,45})\]")


@lru_cache(maxsize=256)
def hello_ip(text: str) -> str | None:
    """The address the server says it sees, from the first line of its EHLO answer."""
    match = _HELLO.search(text.split("\n", 1)[0])
    try:
        return str(ip_address(match[1])) if match else None
    except ValueError:
        return None
