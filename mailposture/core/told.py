"""Foreign facts as words: one printable line, a time as a letter says it, few names of many.

Every fact may come from a hostile server or a hostile tenant; escaping is the template's.
"""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from mailposture.core.words import HIDDEN, joined

LONGEST_LINE: Final = 200
MOST_NAMED: Final = 3


def plain(value: object, longest: int = LONGEST_LINE) -> str:
    """Foreign text as one printable line: no control, no line end, nothing that turns text."""
    shown = "".join(c if _is_shown(c) else " " for c in str(value or ""))
    line = " ".join(shown.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _is_shown(character: str) -> bool:
    """Neither control, format, private, unassigned nor a line or paragraph separator."""
    return unicodedata.category(character) not in HIDDEN


def moment(value: object) -> datetime | None:
    """A time of the facts, where it is one."""
    return datetime.fromisoformat(value) if isinstance(value, str) and value else None


def clock(value: object, today: object, *, seconds: bool = False) -> str:
    """After *since*: 10:14 UTC, with its day where that is not the day of the letter."""
    day, time = _parts(value, today, seconds=seconds)
    return f"{day} {time}" if day else time


def at_clock(value: object, today: object, *, seconds: bool = False) -> str:
    """After a verb: at 10:14 UTC, or on 24 Nov at 10:14 UTC."""
    day, time = _parts(value, today, seconds=seconds)
    return f"on {day} at {time}" if day else f"at {time}"


def _parts(value: object, today: object, *, seconds: bool) -> tuple[str, str]:
    found, letter = moment(value), moment(today)
    if found is None:
        return "", "an unknown time"
    time = f"{found:%H:%M:%S} UTC" if seconds else f"{found:%H:%M} UTC"
    same = letter is not None and found.date() == letter.date()
    return ("" if same else f"{found.day} {found:%b}"), time


def few(names: Sequence[str], *, most: int = MOST_NAMED, count: int = 0) -> str:
    """a, b and c; what is beyond the first few is counted. `count`: there are more than these."""
    count = max(count, len(names))
    if count > most:
        shown = names[:most]
        return f"{', '.join(shown)} and {count - len(shown):,} more"
    return joined(names)
