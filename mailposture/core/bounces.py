"""Find the replies in what people paste: a line, a conversation, a log, a whole bounce message.

What a mail system says about itself (RFC 3464) is heard before what it quotes, and that before
loose lines. The message that came back is not looked into: anything may stand in it.
"""

import binascii
import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

# Longer texts are read at both ends and around whatever looks like a status, so that any text
# takes a fraction of a second. A bounce says why it came long before the message it returns.
WHOLE: Final = 200_000
AROUND: Final = 1_500
MOST_PLACES: Final = 120
LONGEST: Final = 2_000
MOST_PIECES: Final = 5

_PAIR: Final = r"[2-5]\d\d(?:[ \t]{1,2}|-)[#<(]{0,2}[245]\.\d{1,3}\.\d{1,3}(?![.\d])"
_INLINE: Final = re.compile(rf"(?<![\w.]){_PAIR}")
_SEEN: Final = re.compile(r"[45]\d\d[ -]#?[45]\.\d{1,3}\.\d")
_LANDMARKS: Final = ("diagnostic-code:", "returned", " said: ", "led=", "tenantinboundattribution")
_BASE64: Final = re.compile(
    r"^content-transfer-encoding:[ \t]{0,9}base64[^\n]{0,99}\n(?:[^\n]{1,300}\n){0,9}\r?\n"
    r"((?:[a-z0-9+/=]{4,100}\r?\n?){1,4000})",
    re.IGNORECASE | re.MULTILINE,
)
_TAG: Final = re.compile(
    r"</?(?:p|br|b|i|u|a|hr|span|div|t[drh]|table|tbody|font|ul|ol|li|h[1-6]|strong|em|code|pre)"
    r"(?:\s[^<>]{0,500})?/?>"
)
_CITED: Final = re.compile(r"^(?:> ?){1,6}", re.MULTILINE)
_HEXED: Final = re.compile(r"=([0-9a-f]{2})")
_RETURNED: Final = re.compile(
    r"^content-type:[ \t]{0,9}(?:message/(?:rfc822|global)|text/rfc822-headers)\b"
    r"|^(?:original message headers|-{2,20} ?original message ?-{2,20})",
    re.MULTILINE,
)
_DIAGNOSTIC: Final = re.compile(
    r"^diagnostic-code:[ \t]{0,9}((?:[^\n]{0,998}\n?)(?:[ \t][^\n]{0,998}\n?){0,12})", re.MULTILINE
)
_QUOTING: Final = re.compile(
    r"\b(?:returned|responded|response(?: was)?|rejected(?: by)?|reported)\b[^'\"<\n]{0,60}['\"<]"
    r"|\bsaid:|\bled=|^[ \t]{0,8}<{3}(?!<)|\bmail (?:server|host)\b[^\n]{0,200}?: (?=[245]\d\d)"
    r"|\breported error:|\bhost \S{1,300} ?\[[^\]\n]{1,60}\]: (?=[245]\d\d)|\bsmtp; ?(?=[245])",
    re.MULTILINE,
)
_QUOTE_ENDS: Final = re.compile(r"\};|\n[ \t]{0,99}\n|['\"][ \t]{0,99}\n")
_REPLY_LINE: Final = re.compile(
    r"[ \t>|*=~<'\"(-]{0,16}(?:\d{1,7}\.\d{1,3}[ \t]{1,4})?(?:s(?:erver)?:?[ \t]{1,4})?"
    r"[<>*~ \t#-]{0,8}"
    r"(?P<text>(?:(?P<code>[2-5]\d\d)(?P<mark>[ \t-]|$)|[245]\.\d{1,3}\.\d{1,3}(?![.\d])).*)"
)
_COMMAND: Final = re.compile(
    r"[ \t>|*=~-]{0,16}(?:\d{1,7}\.\d{1,3}[ \t]{1,4})?(?:c(?:lient)?:?[ \t]{1,4})?[>~ \t-]{0,8}"
    r"(?P<verb>ehlo|helo|starttls|mail from|rcpt to|data|quit|rset|noop)\b"
)
_HEADER: Final = re.compile(r"[a-z][a-z0-9-]{1,60}:[ \t]")
_IN_REPLY: Final = re.compile(
    r"\bin reply to (?:the )?(?P<verb>mail from|rcpt to|data|end of data|ehlo|helo|starttls)\b"
    r"|\bafter (?P<late>mail from|rcpt to|data|end of data|initial connection)\b"
)
_STAGE: Final = {
    "ehlo": "ehlo", "helo": "ehlo", "starttls": "starttls", "mail from": "mail",
    "rcpt to": "rcpt", "data": "data", "end of data": "eod", "initial connection": "connect",
}  # fmt: skip
_STATUS_FIELD: Final = re.compile(r"^status:[ \t]{0,9}([245]\.\d{1,3}\.\d{1,3})", re.MULTILINE)
_CODED: Final = re.compile(r"\W{0,9}[2-5]\d\d(?![\w.])")
_SAID_BY: Final = re.compile(r"^\s{0,9}(?:smtp|x-[a-z0-9-]{1,30}); ?")
_AFTERWORD: Final = re.compile(r"\(?\bin reply to\b|\};\{")
_TOLD: Final = re.compile(
    r"\btenantinboundattribution\b|\bpartner connector configured\b|\bdirect send not allowed\b"
)
_ALONE: Final = re.compile(r"(?<![\w.=-])[45]\.\d{1,2}\.\d{1,3}(?![.\d])[^\n]{0,400}")


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may be a reply: its own words, then each reply quoted inside it, and its stage."""

    pieces: tuple[str, ...]
    stage: str | None = None


def found_in(text: str) -> Iterator[list[Candidate]]:
    """The replies in a text, in groups: what tells most surely comes first."""
    plain = _plain(text)
    ours = plain[: _start_of_returned(plain)]
    sure = [
        [_candidate(m[1]) for m in _some(_DIAGNOSTIC, plain)],
        [_candidate(_quoted(ours, m)) for m in _some(_QUOTING, ours)],
        _few([_candidate(words, stage) for words, stage in _replies(ours)]),
        [_candidate(ours[m.start() : m.start() + LONGEST]) for m in _some(_INLINE, ours)],
    ]
    yield from sure
    if not any(_CODED.match(c.pieces[-1]) for group in sure for c in group):
        body = _body(ours)
        yield [_candidate(m[1]) for m in _some(_STATUS_FIELD, plain)]
        yield [_candidate(m[0]) for m in _some(_ALONE, body)]
        yield [_candidate(body[max(0, m.start() - 100) :]) for m in _some(_TOLD, body)]
        yield [_candidate(body)]


def _few(found: list[Candidate]) -> list[Candidate]:
    """The same reply once, and of very many the first and the last."""
    once = list(dict.fromkeys(found))
    return once if len(once) <= 2 * MOST_PLACES else once[:MOST_PLACES] + once[-MOST_PLACES:]


def _some(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    for _, match in zip(range(MOST_PLACES), pattern.finditer(text), strict=False):
        yield match


def _plain(text: str) -> str:
    """The text as plain lower-case lines: parts decoded, tags gone, apostrophes straight."""
    shorter = _CITED.sub("", _digest(text))
    plain = _BASE64.sub(_decoded, shorter).lower().replace("\r\n", "\n").replace("\r", "\n")
    if "quoted-printable" in plain:
        plain = _HEXED.sub(_unhexed, plain.replace("=\n", ""))
    plain = html.unescape(_TAG.sub("\n", plain)) if "<" in plain or "&" in plain else plain
    return plain.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").replace("\N{NO-BREAK SPACE}", " ")


def _decoded(match: re.Match[str]) -> str:
    try:
        return "\n" + binascii.a2b_base64(match[1]).decode("utf-8", "replace") + "\n"
    except ValueError:
        return match[0]


def _unhexed(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return chr(code) if 32 <= code < 127 or code in (9, 10) else " "


def _digest(text: str) -> str:
    """A long text cut down to its ends and what lies around anything like a status."""
    if len(text) <= WHOLE:
        return text
    half = WHOLE // 4
    lower = text.lower()
    places = [m.start() for m in _some(_SEEN, lower)]
    for landmark in _LANDMARKS:
        places.extend(_occurrences(lower, landmark))
    pieces = [lower[max(0, p - 200) : p + AROUND] for p in _apart(sorted(places))]
    return "\n".join([text[:half], *pieces, text[-half:]])


def _occurrences(text: str, landmark: str) -> Iterator[int]:
    place = text.find(landmark)
    for _ in range(MOST_PLACES):
        if place < 0:
            return
        yield place
        place = text.find(landmark, place + AROUND)


def _apart(places: Iterable[int]) -> Iterator[int]:
    last = -AROUND
    for place in places:
        if place - last >= AROUND // 2:
            yield (last := place)


def _start_of_returned(plain: str) -> int:
    """Where the returned message begins, if a mail system said why before it."""
    match = _RETURNED.search(plain)
    said = match and (
        _DIAGNOSTIC.search(plain, 0, match.start()) or _INLINE.search(plain[: match.start()])
    )
    return match.start() if match and said else len(plain)


def _quoted(plain: str, match: re.Match[str]) -> str:
    piece = plain[match.end() : match.end() + LONGEST]
    end = _QUOTE_ENDS.search(piece)
    return piece[: end.start()] if end else piece


def _candidate(text: str, stage: str | None = None) -> Candidate:
    text = _SAID_BY.sub("", text[:LONGEST])
    starts = [0, *(m.start() for m in _some(_INLINE, text) if m.start() > 3)][:MOST_PIECES]
    ends = [*starts[1:], len(text)]
    told = _IN_REPLY.search(text)
    stage = _STAGE[told["verb"] or told["late"]] if told else stage
    pieces = (_AFTERWORD.split(text[a:b], maxsplit=1)[0] for a, b in zip(starts, ends, strict=True))
    return Candidate(tuple(pieces), stage)


def _replies(plain: str) -> Iterator[tuple[str, str | None]]:
    """Lines that begin as replies do, joined with the lines that go on from them."""
    stage: str | None = None
    parts: list[str] = []
    for line in plain.split("\n", 20_000)[:20_000]:
        command = _COMMAND.match(line[:200])
        match = _REPLY_LINE.match(line[:LONGEST])
        if parts and not _continues(parts, line, match, ended=command is not None):
            yield "\n".join(parts), stage
            parts, stage = [], None
        if match and not command:
            parts.append(match["text"])
        elif command:
            stage = _STAGE.get(command["verb"])
        elif parts:
            parts.append(line[:LONGEST])
    if parts:
        yield "\n".join(parts), stage


def _continues(parts: list[str], line: str, match: re.Match[str] | None, *, ended: bool) -> bool:
    """Whether a line belongs to the reply before it: marked so by its code, or wrapped."""
    if ended or not line.strip() or len(parts) > 60:
        return False
    if match:
        return parts[-1][3:4] == "-" and match["code"] == parts[0][:3]
    return _HEADER.match(line) is None


def _body(plain: str) -> str:
    """The text without header fields and the lines they are folded over."""
    kept: list[str] = []
    in_header = False
    for line in plain.split("\n", 2_000)[:2_000]:
        in_header = bool(_HEADER.match(line)) or (in_header and line[:1] in (" ", "\t"))
        if not in_header:
            kept.append(line)
    return "\n".join(kept)
