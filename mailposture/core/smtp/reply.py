"""One SMTP reply: what the server said, whatever it said (RFC 5321 section 4.2, RFC 3463)."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

# Sets and slices, not patterns: this is most of what a probe costs beside TLS.
_CODES: Final = frozenset(str(code).encode() for code in range(200, 600))
_BEHIND_A_CODE: Final = (b" ", b"-", b"")
# A whole reply in good order, at the beginning of what was received.
_WHOLE: Final = re.compile(rb"(?:[2-5][0-9][0-9]-[^\n]*\n)*[2-5][0-9][0-9](?: [^\n]*|\r*)\n")
_ENHANCED: Final = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.])")
_UNSAFE: Final = re.compile(rb"[^\x20-\x5b\x5d-\x7e]")
_LINE_END: Final = r"\x0d\x0a"
_ESCAPED: Final = re.compile(rb"\\(?:\\|x([0-9a-f]{2}))")


def escape(data: bytes) -> str:
    r"""Write bytes as printable ASCII: a backslash as ``\\``, every other odd byte as ``\xNN``.

    Servers say what they like, NUL and terminal controls included; no page, log or
    JSON column may ever carry that as it came.
    """
    # Nearly every line is plain but for its end, and a transcript has thirty.
    bare = data.replace(b"\r\n", b"")
    if bare.isascii() and b"\\" not in bare and bare.decode("ascii").isprintable():
        return data.decode("ascii").replace("\r\n", _LINE_END)
    return _UNSAFE.sub(_escape_one, data).decode("ascii")


def _escape_one(match: re.Match[bytes]) -> bytes:
    byte = match[0][0]
    return rb"\\" if byte == 0x5C else b"\\x%02x" % byte


def unescape(text: str) -> bytes:
    """Give back the bytes that ``escape`` wrote down."""
    # A backslash that was escaped leaves one behind here, and goes the long way.
    bare = text.replace(_LINE_END, "\r\n")
    if "\\" not in bare:
        return bare.encode("ascii")
    return _ESCAPED.sub(_unescape_one, text.encode("ascii"))


def _unescape_one(match: re.Match[bytes]) -> bytes:
    return bytes((int(match[1], 16),)) if match[1] else b"\\"


def printable(text: str) -> str:
    """Make foreign text safe to store and show, in the manner of ``escape``."""
    return escape(text.encode("utf-8", "surrogateescape"))


class Reply(NamedTuple):
    """One whole reply and the command it answered; ``code`` is None where it is no SMTP reply.

    ``text`` is without the basic code and escaped, a line of text for a line of reply.
    """

    stage: str
    code: int | None
    enhanced: str | None
    text: str
    raw: bytes
    ms: float = 0.0

    @property
    def said(self) -> str:
        """The reply in one string, basic code first, its lines joined by newlines."""
        return self.text if self.code is None else f"{self.code} {self.text}".rstrip()

    @property
    def first_digit(self) -> int:
        """2 to 5, or 0 where there is no code."""
        return (self.code or 0) // 100


def goes_on(line: bytes, *, first: bool) -> bool:
    """Whether a reply needs more lines after this one.

    A first line without a code is a reply of its own; inside a reply such a line is
    carried along, for the end of a reply is only ever a code and a space.
    """
    bare = line.rstrip(b"\r\n")
    return bare[3:4] == b"-" if _has_code(bare) else not first


def _has_code(bare: bytes) -> bool:
    return bare[:3] in _CODES and bare[3:4] in _BEHIND_A_CODE


def whole(received: bytearray) -> bytes:
    """The first reply, if it is all here and in good order; else nothing."""
    match = _WHOLE.match(received)
    return match[0] if match else b""


@lru_cache(maxsize=256)
def lines_of(raw: bytes) -> tuple[bytes, ...]:
    """A whole reply's lines, each with its end."""
    return tuple(line + b"\n" for line in raw.split(b"\n")[:-1])


def parse(raw: bytes, stage: str, ms: float = 0.0) -> Reply:
    """Read a reply; lines that carry no code, or disagree on it, leave it without one."""
    code, enhanced, text = _read(raw)
    return Reply(stage, code, enhanced, text, raw, ms)


@lru_cache(maxsize=256)  # front ends say the same things all day
def _read(raw: bytes) -> tuple[int | None, str | None, str]:
    lines = [line.rstrip(b"\r") for line in raw.removesuffix(b"\n").split(b"\n")]
    code = lines[0][:3]
    if not all(_has_code(line) and line[:3] == code for line in lines):
        return None, None, "\n".join(map(escape, lines))
    text = "\n".join([escape(line[4:]) for line in lines])
    enhanced = _ENHANCED.match(text)
    return int(code), enhanced[1] if enhanced else None, text
