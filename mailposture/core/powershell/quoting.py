"""Texts as PowerShell writes them, so that nothing given can act."""

from typing import Final

# PowerShell takes the typographic quotes for plain ones, inside quoted text as well.
SINGLE_QUOTES: Final = "'\u2018\u2019\u201a\u201b"
DOUBLE_QUOTES: Final = '"\u201c\u201d\u201e'
DASHES: Final = "-\u2013\u2014\u2015"


def quoted(text: str) -> str:
    """A single-quoted PowerShell string: whatever is in it stays text."""
    return "'" + "".join(c * 2 if c in SINGLE_QUOTES else c for c in text) + "'"
