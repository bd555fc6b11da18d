"""Pieces of a sentence that leads to what it speaks of."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A piece of the sentence; a number that matters is strong and leads to its list.

    `parts`: it speaks of prediction and observation that part, which has a colour of its own.
    """

    text: str
    href: str = ""
    strong: bool = False
    since: datetime | None = None
    parts: bool = False
