"""Texts as PowerShell writes them, so that nothing given can act: in PowerShell, or on the way.

A quote keeps a text from PowerShell alone. A terminal acts on control characters before any shell
sees them (a pasted Ctrl-C ends the line with the quote that was open), and characters that cannot
be seen or that turn the text around them hide from the person who runs it. So such a character
is never written as itself, but by its number.
"""

import re
import unicodedata
from typing import Final

from mailposture.core.words import HIDDEN

# PowerShell takes the typographic quotes for plain ones, inside quoted text as well.
SINGLE_QUOTES: Final = "'\u2018\u2019\u201a\u201b"
DOUBLE_QUOTES: Final = '"\u201c\u201d\u201e'
DASHES: Final = "-\u2013\u2014\u2015"

_TEXT: Final = rf"[{SINGLE_QUOTES}](?:[^{SINGLE_QUOTES}]|[{SINGLE_QUOTES}]{{2}})*+[{SINGLE_QUOTES}]"
_NUMBER: Final = r"\[char\](?:0x[0-9A-F]{1,4}|\d{1,5})"
_PIECE: Final = re.compile(rf"{_TEXT}|{_NUMBER}", re.IGNORECASE)
_JOINED: Final = re.compile(rf"\(\s*{_TEXT}(?:\s*\+\s*(?:{_TEXT}|{_NUMBER}))++\s*\)", re.IGNORECASE)
_DOUBLED: Final = re.compile(rf"[{SINGLE_QUOTES}]([{SINGLE_QUOTES}])")
_LARGEST: Final = 0xFFFF


def is_hidden(character: str) -> bool:
    """Whether a character is invisible, acts in a terminal, or turns the text around it."""
    return unicodedata.category(character) in HIDDEN


def quoted(text: str) -> str:
    """A PowerShell value that is this text: whatever is in it stays text.

    In single quotes; with hidden characters it is ('a'+[char]3+'b'), which begins with a text so
    that PowerShell joins texts and does not add numbers.
    """
    if text.isprintable() or not any(map(is_hidden, text)):
        return _in_quotes(text)
    pieces: list[str] = []
    start = 0
    for at, character in enumerate(text):
        if is_hidden(character):
            if at > start or not pieces:
                pieces.append(_in_quotes(text[start:at]))
            pieces += [f"[char]{unit}" for unit in _units(character)]
            start = at + 1
    if start < len(text):
        pieces.append(_in_quotes(text[start:]))
    return f"({'+'.join(pieces)})"


def _in_quotes(text: str) -> str:
    return "'" + "".join(c * 2 if c in SINGLE_QUOTES else c for c in text) + "'"


def _units(character: str) -> list[int]:
    """A character as .NET holds it: one number, or two beyond U+FFFF."""
    held = character.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(held[at : at + 2]) for at in range(0, len(held), 2)]


def joined(text: str, at: int) -> tuple[str, int] | None:
    """The text that ('a'+[char]3+'b') at this place is, and where it ends; None for all else."""
    match = _JOINED.match(text, at)
    if not match:
        return None
    pieces = (_plain(piece) for piece in _PIECE.findall(match[0]))
    # Halves of a character that stand side by side are one again.
    whole = "".join(pieces).encode("utf-16-le", "surrogatepass")
    return whole.decode("utf-16-le", "surrogatepass"), match.end()


def _plain(piece: str) -> str:
    if piece[0] != "[":
        return _DOUBLED.sub(r"\1", piece[1:-1])
    number = int(piece.partition("]")[2], 0) if "x" in piece.lower() else int(piece[6:])
    return chr(min(number, _LARGEST))
