"""What was said on the wire: byte-exact, timed, and safe to store."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self

from mailposture.core.smtp.reply import Reply, escape, goes_on, parse, unescape


class Who(StrEnum):
    """Who speaks in a line of a transcript."""

    SERVER = "S"
    CLIENT = "C"
    NOTE = "-"


class Ended(StrEnum):
    """Why a conversation came to its end. Only ``DONE`` is the ordinary one."""

    DONE = "done"
    CONNECT_TIMEOUT = "connect timeout"
    REFUSED = "connection refused"
    NOT_REACHED = "not reached"
    SOURCE_NOT_USABLE = "source address not usable"
    CLOSED = "closed by the server"
    RESET = "connection reset"
    REPLY_TIMEOUT = "reply timeout"
    SESSION_TIMEOUT = "session timeout"
    STARTTLS_REFUSED = "STARTTLS refused"
    TLS_BROKEN = "TLS handshake broken"
    TLS_ERROR = "TLS error"
    LINE_TOO_LONG = "line too long"
    REPLY_TOO_LONG = "reply too long"
    TOO_MUCH = "too much said"
    NOT_SMTP = "not SMTP"
    OUT_OF_TURN = "reply out of turn"
    OUT_OF_STEP = "replies out of step with commands"


NOT_ASKED: Final = "not asked for"
NONE_SHOWN: Final = "asked for, none shown"
SHOWN: Final = "shown"


class Line(NamedTuple):
    """One line of the conversation with its line end as sent, or a note of ours."""

    ms: float
    who: Who
    data: bytes


def whole_replies(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Cut what a server said in one go into replies, by the rule the session reads them with."""
    part: list[Line] = []
    for line in lines:
        first = not part
        part.append(line)
        if not goes_on(line.data, first=first):
            yield part
            part = []
    if part:
        yield part


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFacts:
    """What the handshake showed; all foreign text in it is escaped."""

    version: str
    cipher: str
    names: tuple[str, ...] = ()
    issuer: str = ""
    not_after: str = ""
    fingerprint_sha256: str = ""
    verified: bool = False
    error: str = ""
    client_certificate: str = NOT_ASKED


@dataclass(frozen=True, slots=True)
class Transcript:
    """One conversation. ``ms`` counts from the moment the first connect began."""

    address: str
    port: int
    local: str = ""
    lines: tuple[Line, ...] = ()
    replies: tuple[Reply, ...] = ()
    tls: TlsFacts | None = None
    ended: str = Ended.DONE
    hello_ip: str | None = None

    def reply_to(self, stage: str) -> Reply | None:
        """The last reply at a stage; EHLO is asked twice where there is TLS."""
        return next((r for r in reversed(self.replies) if r.stage == stage), None)

    def text(self) -> str:
        """The conversation for people and terminals, one escaped line each."""
        return "\n".join(
            f"{line.ms:9.1f} {line.who} {escape(line.data.rstrip(b'\r\n'))}" for line in self.lines
        )

    def followed_by(self, later: Self) -> Self:
        """This failed attempt and the one made after it, as one conversation.

        The later one decides. Of this one only the answer to STARTTLS stays a reply: a
        banner or an EHLO answer of another connection must not stand in for a missing one.
        """
        refusals = tuple(r for r in self.replies if r.stage == "starttls")
        return replace(later, lines=self.lines + later.lines, replies=refusals + later.replies)

    def to_document(self) -> dict[str, Any]:
        """Everything as JSON-safe values; ``from_document`` gives back an equal transcript."""
        return {
            "address": self.address,
            "port": self.port,
            "local": self.local,
            "lines": [[line.ms, str(line.who), escape(line.data)] for line in self.lines],
            "replies": [[r.stage, r.ms, escape(r.raw)] for r in self.replies],
            "tls": None if self.tls is None else asdict(self.tls) | {"names": [*self.tls.names]},
            "ended": str(self.ended),
            "hello_ip": self.hello_ip,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read what ``to_document`` wrote; ValueError for anything else."""
        try:
            return cls(
                address=_text(document["address"]),
                port=int(document["port"]),
                local=_text(document["local"]),
                lines=tuple(Line(float(ms), Who(w), unescape(d)) for ms, w, d in document["lines"]),
                replies=tuple(
                    parse(unescape(raw), _text(stage), float(ms))
                    for stage, ms, raw in document["replies"]
                ),
                tls=_tls(document["tls"]),
                ended=_text(document["ended"]),
                hello_ip=None if document["hello_ip"] is None else _text(document["hello_ip"]),
            )
        except (KeyError, TypeError, AttributeError) as odd:
            raise ValueError(f"not a transcript: {odd!r}") from odd


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _tls(document: Mapping[str, Any] | None) -> TlsFacts | None:
    if document is None:
        return None
    names = tuple(_text(name) for name in document["names"])
    return TlsFacts(**{**document, "names": names})
