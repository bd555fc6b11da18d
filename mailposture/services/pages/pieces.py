"""Pieces of a sentence that leads to what it speaks of."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A piece of the sentence; a number that matters is strong and leads to its list."""

    text: str
    href: str = ""
    strong: bool = False
    since: datetime | None = None
