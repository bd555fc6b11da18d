"""A transcript laid out for reading: whole replies as one row, waiting as bars, offers folded.

Nothing is left out and nothing is tidied; every line is shown as it went over the wire.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from mailposture.adapters.drawings import states
from mailposture.core.smtp.reply import Reply
from mailposture.core.smtp.transcript import Line, Transcript, Who, whole_replies

LANE: Final = 72.0
THINNEST: Final = 1.6
# Longer than this, the words "Decides: Closed" stand under the line instead of beside it.
LONG: Final = 46


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: a whole reply, one command, or a remark of ours. x and width lie in the lane."""

    kind: str  # server, client, note, band
    ms: float
    lines: tuple[bytes, ...]
    folded: tuple[bytes, ...] = ()
    fold: str = ""
    x: float = 0.0
    width: float = THINNEST
    decides: states.State | None = None
    icon: str = ""

    @property
    def long(self) -> bool:
        return sum(map(len, self.lines)) > LONG

    @property
    def decides_words(self) -> str:
        return f"Decides: {self.decides.word}" if self.decides else ""

    @property
    def size(self) -> int:
        """Bytes as sent."""
        return sum(map(len, (*self.lines, *self.folded)))


def rows(
    transcript: Transcript, decides: str = "", verdict: object = "", *, short: bool = False
) -> list[Row]:
    """The rows of a conversation. decides: the stage whose reply decides, `verdict` its state.

    short: only from MAIL on, for comparing conversations side by side.
    """
    found = _lay_out(list(_rows(transcript)), transcript)
    reply = transcript.reply_to(decides) if decides else None
    if reply is not None:
        found = _mark(found, reply, states.state(verdict))
    return _from_mail_on(found) if short else found


def _rows(transcript: Transcript) -> Iterator[Row]:
    for who, run in groupby(transcript.lines, key=lambda line: line.who):
        lines = list(run)
        if who is Who.SERVER:
            yield from (_reply_row(part) for part in whole_replies(lines))
        elif who is Who.CLIENT:
            yield from (Row(kind="client", ms=line.ms, lines=(line.data,)) for line in lines)
        else:
            yield from _notes(lines, transcript)


def _reply_row(lines: Sequence[Line]) -> Row:
    return Row(kind="server", ms=lines[-1].ms, lines=tuple(line.data for line in lines))


def _notes(lines: Sequence[Line], transcript: Transcript) -> Iterator[Row]:
    """TLS is a band of its own, our ending it another; the rest are remarks."""
    handshake = transcript.tls.version.encode() if transcript.tls else None
    secure = [n for n, line in enumerate(lines) if handshake and line.data.startswith(handshake)]
    if secure:
        start = secure[0]
        yield from (_note(line) for line in lines[:start])
        said = tuple(line.data for line in lines[start:])
        yield Row(kind="band", ms=lines[start].ms, lines=said, icon="lock")
    else:
        yield from (_note(line) for line in lines)


def _note(line: Line) -> Row:
    ended = line.data.startswith(b"ended:")
    icon = "link" if line.data.startswith(b"connected") else "clock"
    return Row(kind="band" if ended else "note", ms=line.ms, lines=(line.data,), icon=icon)


def _lay_out(found: list[Row], transcript: Transcript) -> list[Row]:
    """Give each row its bar in the lane, and fold the offers from the second EHLO answer on."""
    whole = max((line.ms for line in transcript.lines), default=0.0) or 1.0
    offered: tuple[bytes, ...] | None = None
    before, placed = 0.0, []
    for row in found:
        waited = row.ms - before if row.kind != "client" else 0.0
        width = max(THINNEST, LANE * waited / whole)
        x = min(LANE - width, max(0.0, LANE * row.ms / whole - width))
        row = replace(row, x=round(x, 1), width=round(width, 1))  # noqa: PLW2901 # one row, one step
        if _is_offer(row):
            placed.append(row if offered is None else _fold(row, offered))
            offered = row.lines
        else:
            placed.append(row)
        before = row.ms
    return placed


def _is_offer(row: Row) -> bool:
    return row.kind == "server" and len(row.lines) > 2 and row.lines[0].startswith(b"250-")


def _fold(row: Row, offered: tuple[bytes, ...]) -> Row:
    then, now = ({line[4:].strip() for line in lines[1:]} for lines in (offered, row.lines))
    if then == now:
        same = ", same offers"
    elif then - now == {b"STARTTLS"} and not now - then:
        same = ", same offers without STARTTLS"
    else:
        same = ""
    more = len(row.lines) - 1
    return replace(row, lines=row.lines[:1], folded=row.lines[1:], fold=f"{more} more lines{same}")


def _mark(found: list[Row], reply: Reply, verdict: states.State) -> list[Row]:
    """Mark the one row that is the deciding reply: the same bytes, nearest in time."""
    same = [
        (abs(row.ms - reply.ms), n)
        for n, row in enumerate(found)
        if row.kind == "server" and b"".join((*row.lines, *row.folded)) == reply.raw
    ]
    if not same:
        return found
    deciding = min(same)[1]
    return [replace(r, decides=verdict) if n == deciding else r for n, r in enumerate(found)]


def _from_mail_on(found: list[Row]) -> list[Row]:
    starts = [n for n, r in enumerate(found) if r.kind == "client" and r.lines[0][:5] == b"MAIL "]
    if not starts:
        return found
    return [r for r in found[starts[0] :] if r.decides or not _is_farewell(r)]


def _is_farewell(row: Row) -> bool:
    return row.lines[0].startswith((b"QUIT", b"221"))
