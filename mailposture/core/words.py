"""Times, durations, numbers and wire text as people read them. Pure functions, clock passed in."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

# (seconds in it, its sign, the smaller unit said beside it)
UNITS: Final = ((86_400, "d", (3_600, "h")), (3_600, "h", (60, "m")))
# Characters that are invisible, or that turn the text around them, are never shown as themselves.
HIDDEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})


def seconds(length: float | timedelta) -> float:
    """A length in seconds."""
    return length.total_seconds() if isinstance(length, timedelta) else length


def duration(length: float | timedelta) -> str:
    """Two units at most: 6 d 4 h, 21 h 48 m, 4 min, 1.9 s."""
    total = max(0.0, seconds(length))
    for size, sign, (below, small) in UNITS:
        if total >= size:
            rest = int(total % size) // below
            return f"{int(total // size)} {sign}" + (f" {rest} {small}" if rest else "")
    if total >= 60:
        return f"{int(total // 60)} min"
    return f"{total:.1f} s" if total % 1 and total < 10 else f"{int(total)} s"


def ago(moment: datetime, now: datetime) -> str:
    """One unit is enough for how long ago: 4 min ago, 22 h ago; the exact time is in the title."""
    past = (now - moment).total_seconds()
    if abs(past) < 1:
        return "just now"
    length = abs(past)
    for size, sign in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if length >= size:
            said = f"{int(length // size)} {sign}"
            return f"{said} ago" if past > 0 else f"in {said}"
    return "just now"


def day(moment: datetime, now: datetime) -> str:
    """24 Nov, and the year where it is not this one."""
    year = "" if moment.year == now.year else f" {moment.year}"
    return f"{moment.day} {moment:%b}{year}"


def minute(moment: datetime, now: datetime) -> str:
    """24 Nov 10:14, and the year where it is not this one."""
    return f"{day(moment, now)} {moment:%H:%M}"


def long_day(moment: datetime) -> str:
    """Wednesday 25 November."""
    return f"{moment:%A} {moment.day} {moment:%B}"


def exact(moment: datetime) -> str:
    """As in tooltips and exports: 2026-11-25 07:58:11 UTC, milliseconds where there are some."""
    tail = f".{moment.microsecond // 1000:03d}" if moment.microsecond else ""
    return f"{moment:%Y-%m-%d %H:%M:%S}{tail} UTC"


def number(value: float | str | None) -> str:
    """4,294,967,296; what is not a whole number stays as it is, nothing is nothing."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)


def joined(names: Sequence[str]) -> str:
    """A list in a sentence: foreign, own and null."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def wire(value: bytes | str) -> str:
    """What a server said, without what could act: control characters are shown as \\x0D.

    Bytes are taken as ASCII and a backslash is doubled, so that the text can be read back.
    """
    if isinstance(value, bytes):
        line = value.removesuffix(b"\n").removesuffix(b"\r")
        return "".join(_byte(b) for b in line)
    text = str(value)
    if text.isascii() and text.isprintable():  # most texts by far: nothing in them is hidden
        return text
    return "".join(_character(c) for c in text)


def _byte(value: int) -> str:
    if value == 0x5C:
        return "\\\\"
    return chr(value) if 0x20 <= value < 0x7F else f"\\x{value:02X}"


def _character(value: str) -> str:
    if value == "\n" or unicodedata.category(value) not in HIDDEN:
        return value
    code = ord(value)
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}"


def pieces(text: str) -> list[str]:
    """Long host names may wrap after a dot, and only there."""
    return re.split(r"(?<=\.)(?=[A-Za-z])", text)
