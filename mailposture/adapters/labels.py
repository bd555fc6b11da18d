"""Where words go beside the marks of one lane, so that none lies on another or is cut off."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

# The width of a drawn lane on a small screen, and of a letter, both in pixels.
LANE: Final = 600
LETTER: Final = 7
# From the middle of a mark to its words, and between words.
BESIDE: Final = 14
LONGEST: Final = 32


@dataclass(frozen=True, slots=True)
class Mark:
    """What a lane shows from one moment to another, which may be the same, and its words."""

    begin: datetime
    end: datetime
    words: str


def short(words: str) -> str:
    """As much as is shown beside a mark; the tooltip has the rest."""
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"


def sides(marks: Sequence[Mark], start: datetime, now: datetime) -> list[str]:
    """For each mark "right", "left" at the right edge, or "" where its words have no room.

    The last of marks that stand close together has its words; those before it have none.
    """
    pixel = (now - start) / LANE
    found = [""] * len(marks)
    taken = [(mark.begin, mark.end) for mark in marks]
    for n in sorted(range(len(marks)), key=lambda n: marks[n].end, reverse=True):
        width = (len(short(marks[n].words)) * LETTER + BESIDE) * pixel
        others = [span for k, span in enumerate(taken) if k != n]
        room = _right(marks[n], width), _left(marks[n], width)
        for side, (begin, end) in zip(("right", "left"), room, strict=True):
            if start <= begin and end <= now:
                if not any(begin < b and a < end for a, b in others):
                    found[n] = side
                    taken.append((begin, end))
                break
    return found


def _right(mark: Mark, width: timedelta) -> tuple[datetime, datetime]:
    return mark.end, mark.end + width


def _left(mark: Mark, width: timedelta) -> tuple[datetime, datetime]:
    return mark.begin - width, mark.begin
