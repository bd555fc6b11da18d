"""What was said on the wire: byte-exact, timed, and safe to store."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
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


# What became of the server's question for our certificate. The last two it says by an alert, with
# which it breaks the handshake off.
NOT_ASKED: Final = "not asked for"
NONE_SHOWN: Final = "asked for, none shown"
SHOWN: Final = "shown"
REQUIRED: Final = "required, none shown"
REFUSED: Final = "shown and refused"


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
class Certificate:
    """One certificate that a server sent; all foreign text in it is escaped."""

    subject: str = ""
    names: tuple[str, ...] = ()
    issuer: str = ""
    not_before: str = ""
    not_after: str = ""
    fingerprint_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFacts(Certificate):
    """What the handshake showed: the channel, the server's certificate, and those above it, in
    the order in which they were sent.
    """

    version: str
    cipher: str
    group: str = ""  # of the key exchange
    above: tuple[Certificate, ...] = ()
    verified: bool = False
    error: str = ""
    client_certificate: str = NOT_ASKED


@dataclass(frozen=True, slots=True)
class Transcript:
    """One conversation. ``ms`` counts from the moment the first connect began.

    ``tls`` is the channel in which the server answered, ``broken`` a handshake that came to
    nothing, with what it showed until then.
    """

    address: str
    port: int
    local: str = ""
    lines: tuple[Line, ...] = ()
    replies: tuple[Reply, ...] = ()
    tls: TlsFacts | None = None
    ended: str = Ended.DONE
    hello_ip: str | None = None
    broken: TlsFacts | None = None

    @property
    def client_certificate(self) -> str:
        """What became of the question for our certificate, also where the answer is in clear."""
        facts = self.broken or self.tls
        return facts.client_certificate if facts else NOT_ASKED

    @property
    def clear_because(self) -> str:
        """Why what was said was said in clear text; empty if it was not."""
        if self.tls is not None:
            return ""
        answer, hello = self.reply_to("starttls"), self.reply_to("ehlo")
        if answer is None:
            if hello is None:
                return "It ended before TLS could be asked for."
            offered = "STARTTLS" in hello.text.upper().split()
            return "STARTTLS was not asked for." if offered else "STARTTLS was not offered."
        if answer.first_digit != 2:
            return "The server refused STARTTLS."
        return _WHY_BROKEN.get(self.client_certificate, "The TLS handshake came to nothing.")

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
        return replace(
            later,
            lines=self.lines + later.lines,
            replies=refusals + later.replies,
            broken=self.broken,
        )

    def to_document(self) -> dict[str, Any]:
        """Everything as JSON-safe values; ``from_document`` gives back an equal transcript."""
        return {
            "address": self.address,
            "port": self.port,
            "local": self.local,
            "lines": [[line.ms, str(line.who), escape(line.data)] for line in self.lines],
            "replies": [[r.stage, r.ms, escape(r.raw)] for r in self.replies],
            "tls": _tls_document(self.tls),
            "ended": str(self.ended),
            "hello_ip": self.hello_ip,
        } | ({"broken": _tls_document(self.broken)} if self.broken else {})

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
                broken=_tls(document.get("broken")),
            )
        except (KeyError, TypeError, AttributeError) as odd:
            raise ValueError(f"not a transcript: {odd!r}") from odd


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


_WHY_BROKEN: Final[Mapping[str, str]] = {
    REQUIRED: "The server requires a client certificate, and none was shown.",
    REFUSED: "The server refused the client certificate that was shown.",
}


_CERTIFICATE: Final = (
    "subject",
    "issuer",
    "not_before",
    "not_after",
    "fingerprint_sha256",
)
_CHANNEL: Final = ("version", "cipher", "group", "error", "client_certificate")
# Longer chains are no server's (adapters/tls.py keeps as many).
MOST_CERTIFICATES: Final = 10


def _tls_document(facts: TlsFacts | None) -> dict[str, Any] | None:
    if facts is None:
        return None
    return {
        **{name: getattr(facts, name) for name in _CHANNEL},
        "verified": facts.verified,
        **_certificate_document(facts),
        "above": [_certificate_document(one) for one in facts.above],
    }


def _certificate_document(one: Certificate) -> dict[str, Any]:
    return {"names": [*one.names], **{name: getattr(one, name) for name in _CERTIFICATE}}


def _tls(document: Mapping[str, Any] | None) -> TlsFacts | None:
    """The facts; what older documents did not say yet is left empty."""
    if document is None:
        return None
    above = document.get("above", [])
    if len(above) > MOST_CERTIFICATES:
        raise ValueError(f"{len(above)} certificates are no chain")
    said: dict[str, Any] = {n: _text(document[n]) for n in _CHANNEL if n in document}
    return TlsFacts(
        **said,
        **_certificate(document),
        above=tuple(Certificate(**_certificate(one)) for one in above),
        verified=document.get("verified") is True,
    )


def _certificate(document: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: _text(document[name]) for name in _CERTIFICATE if name in document}
    return {**said, "names": tuple(_text(name) for name in document["names"])}
