"""Commands to copy: with their effect and their undo, quoted so that nothing given can act.

We show them; people run them.
"""

import re
import shlex
from dataclasses import dataclass
from typing import Final

from mailposture.core.powershell import quoted

PARTS: Final = re.compile(
    r"(?P<comment>^[ ]*#.*$)"
    r"|(?P<text>'(?:[^']|'')*')"
    r"|(?P<command>\b[A-Z][A-Za-z]+-[A-Z]\w+)"
    r"|(?P<parameter>(?<=\s)-[A-Z]\w+)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a command: comment, text, command, parameter, or nothing of these."""

    kind: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """One block: what it does in a few words, what to run, and how to take it back."""

    key: str
    title: str
    effect: str
    command: str
    undo: str = ""

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The command, taken apart for showing."""
        return pieces(self.command)

    @property
    def undo_pieces(self) -> tuple[Piece, ...]:
        """The undo, taken apart for showing."""
        return pieces(self.undo)


# By the side of `posix`: what is shown for either shell is quoted here.
powershell = quoted


def posix(text: str) -> str:
    """A word of a POSIX shell."""
    return shlex.quote(text)


def pieces(command: str) -> tuple[Piece, ...]:
    """Cut a command at what is shown differently; joined again it is the command."""
    found, end = [], 0
    for match in PARTS.finditer(command):
        if match.start() > end:
            found.append(Piece("", command[end : match.start()]))
        found.append(Piece(match.lastgroup or "", match.group()))
        end = match.end()
    return (*found, Piece("", command[end:])) if end < len(command) else tuple(found)
