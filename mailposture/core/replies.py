"""Name what answered: from a reply as said on the wire, or from whatever a person pastes.

`classify_reply` takes one reply for what it is; `classify` first looks for the reply that tells
most in a longer text. Neither ever raises, and both are quick with any text.
"""

import re
from collections.abc import Iterable
from typing import Final

from mailposture.core import marks, signs
from mailposture.core.bounces import Candidate, found_in
from mailposture.core.marks import Refusal, Triple
from mailposture.core.signs import Name, Sign

STAGES: Final = ("connect", "ehlo", "starttls", "mail", "rcpt", "data", "eod")
# The longest reply of the corpus has 600 characters; what follows this much decides nothing.
MOST_WORDS: Final = 4_000
# Real replies end in seven groups at most; a line of nothing else must not cost a pass for each.
MOST_SUFFIXES: Final = 8

_NEXT_LINE: Final = re.compile(
    r"\s{0,20}[\r\n]\s{0,20}(?:[2-5]\d\d[ -])?(?:#?[245]\.\d{1,3}\.\d{1,3}(?![\d.])[: ]?)?\s{0,20}"
)
# RFC 3463 section 2: its numbers have no leading zeros, so that 5.7.051 is not 5.7.51.
_STATUS: Final = r"[245](?:\.(?:0|[1-9]\d{0,2})){2}"
_HEAD: Final = re.compile(
    r"[\s\"'<(#>|*~-]{0,20}"
    r"(?:(?P<code>[2-5]\d\d)(?![\w.])[\s:;#<(-]{0,6})?"
    rf"(?:(?P<status>{_STATUS})(?![.\d])(?:-\d{{1,3}})?[\s:;>)-]{{0,4}})?"
)
_INSIDE: Final = re.compile(rf"(?<![\w.=-])({_STATUS})(?![.\d])")
# attribution.md, section 16: 1 to 3 groups with host, time and session; tags; one sentence.
_SUFFIXES: Final = (
    re.compile(r"(?:(?<=[\s\])])|(?<=[a-z0-9.]))\s{0,4}\[[^\[\]]{0,200}\]\s{0,4}$", re.IGNORECASE),
    re.compile(r"\s{0,4}\(?\b(?:AS|S)\(?\d{2,12}\)?\)?[\s.]{0,4}$"),
    re.compile(
        r"\s{0,4}For more information,?(?: please)? (?:see|go to|visit)\s{1,4}https?://\S{1,200}\s{0,4}$",
        re.IGNORECASE,
    ),
)
# What the reply quotes is nobody's words: addresses, names, links.
_QUOTED: Final = re.compile(
    r"\[[^\[\]]{0,200}\]|<[^<>\s]{0,320}>|\bhttps?://\S{1,400}|[\w.+=-]{1,64}@[\w.-]{1,255}"
)
_TAKEN: Final = re.compile(
    r"\bqueued (?:mail )?for\b|\bqueued as\b|\brecipient ok\b|\baccepted for delivery\b|: queued\b"
)
_SEES: Final = re.compile(r"\bhello \[|\b(?:pipelining|8bitmime|enhancedstatuscodes)\b")


type Heard = tuple[Sign, str]


def classify(text: str, stage: str | None = None) -> Sign:
    """Name what answered, in a reply or in a whole bounce message or conversation."""
    return decided(text, stage)[0]


def decided(text: str, stage: str | None = None) -> Heard:
    """Name what answered, and give the piece of the text that said it; empty if none did."""
    kept: list[Heard] = []
    for group in found_in(text):
        best = _most_telling([_heard(candidate, stage) for candidate in group])
        if _decides(best[0]):
            return best
        kept.append(best)
    return _most_telling(kept)


def _heard(candidate: Candidate, stage: str | None) -> Heard:
    """What a reply says of itself; what it quotes counts only where that decides nothing."""
    named = [
        (_name(_taken_apart(piece, inside=True), stage or candidate.stage), piece)
        for piece in candidate.pieces
    ]
    return next((heard for heard in named if _decides(heard[0])), _most_telling(named))


def classify_reply(text: str, stage: str | None = None) -> Sign:
    """Name what answered in one reply from the wire; what it quotes is not looked into."""
    return _name(_taken_apart(text, inside=False), stage)


def bare(text: str) -> str:
    """The words of a reply without what changes from one session to the next."""
    line = _one_line(text)
    for _ in range(MOST_SUFFIXES):
        shorter = _without_suffix(line)
        if shorter == line:
            break
        line = shorter
    return line


def _one_line(text: str) -> str:
    return _NEXT_LINE.sub(" ", text[:MOST_WORDS]).strip()


def _without_suffix(line: str) -> str:
    for suffix in _SUFFIXES:
        line = suffix.sub("", line)
    return line


def _taken_apart(text: str, *, inside: bool) -> Refusal:
    line = _one_line(text)
    head = _HEAD.match(line)
    code = int(head["code"]) if head and head["code"] else None
    status = head["status"] if head else None
    rest = line[head.end() :] if head else line
    if inside and status is None and (later := _INSIDE.search(rest)) and code not in range(400):
        status = later[1]
    words = _QUOTED.sub(" [] ", rest.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    triple = _triple(status) if status else None
    return Refusal(_kind(code, triple), code, triple, " ".join(words.split()))


def _triple(status: str) -> Triple:
    first, second, third = status.split(".")
    return int(first), int(second), int(third)


def _kind(code: int | None, status: Triple | None) -> str:
    """The more patient of the two classes: `451 5.7.3` and `550 4.4.7` are both passing trouble."""
    if code is not None and code < 400:
        return str(code)[0]
    said = [n for n in (code and code // 100, status and status[0]) if n]
    if 4 in said:
        return "4"
    return str(said[0]) if said else ""


def _name(read: Refusal, stage: str | None) -> Sign:
    if read.kind in ("2", "3"):
        return _success(read, stage)
    return marks.read(read, stage)


def _success(read: Refusal, stage: str | None) -> Sign:
    """Only 2xx to RCPT or to the end of data is a yes; elsewhere it is politeness."""
    if read.kind == "2" and (stage in ("rcpt", "eod") or (stage in (None, "data") and _yes(read))):
        return signs.ACCEPTED
    if read.code == 220 and "****" in read.words:
        return signs.MASKED
    if stage == "ehlo" or _SEES.search(read.words):
        return signs.EHLO
    return signs.BANNER if read.code == 220 and stage != "starttls" else signs.SENDER_OK


def _yes(read: Refusal) -> bool:
    """Whether the words alone tell a yes to RCPT or to a message; 252 is said to VRFY."""
    told = read.status in ((2, 1, 5), (2, 6, 0)) or _TAKEN.search(read.words) is not None
    return told and read.code not in (220, 221, 252)


def _most_telling(named: Iterable[Heard]) -> Heard:
    """Of several the one that tells most; of equals the last, which is the innermost."""
    best: Heard = (signs.OTHER, "")
    for heard in named:
        if _rank(heard[0]) <= _rank(best[0]):
            best = heard
    return best


def _decides(sign: Sign) -> bool:
    return sign.name not in (Name.TEMPORARY, Name.OTHER)


def _rank(sign: Sign) -> int:
    if sign.name in (Name.RESTRICTED_CONNECTOR, Name.RESTRICTED_DIRECT_SEND):
        return 0
    order = {Name.ACCEPTED: 2, Name.TEMPORARY: 3, Name.OTHER: 4 if sign.control else 5}
    return order.get(sign.name, 1)
