"""What is said of one thing that was looked at."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

# How far a clock may be off before what is written with it misleads, in seconds.
SKEW: Final = 10.0


class Level(StrEnum):
    """How it stands: well, to be looked at, or in the way."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at: what was found, and how to mend it."""

    level: Level
    what: str
    says: str
    mend: str = ""


def ok(what: str, says: str) -> Line:
    """It is as it should be."""
    return Line(Level.OK, what, says)


def warning(what: str, says: str, mend: str) -> Line:
    """It works, and somebody should look at it."""
    return Line(Level.WARNING, what, says, mend)


def problem(what: str, says: str, mend: str) -> Line:
    """It is in the way."""
    return Line(Level.PROBLEM, what, says, mend)


def one_line(error: Exception) -> str:
    """An error's own words, in one line."""
    return " ".join(str(error).split())


def clock(whose: str, there: datetime, here: datetime) -> Line:
    """How far another machine's clock and ours are apart."""
    off = (there - here).total_seconds()
    if abs(off) > SKEW:
        says = f"The clock of the {whose} is {abs(off):.0f} s {'ahead' if off > 0 else 'behind'}."
        return warning("clock", says, "Let both machines follow NTP.")
    return ok("clock", f"The clock of the {whose} agrees with ours.")
