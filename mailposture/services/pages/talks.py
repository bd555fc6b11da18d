"""Conversations made fit for a page: cut to a sane size, counted, their session named."""

import re
from dataclasses import replace
from itertools import groupby
from typing import Final

from mailposture.core.smtp.transcript import Line, Transcript, Who, whole_replies

# A line, a reply and a conversation longer than this are cut for reading; the file has them whole.
LINE_BYTES: Final = 1000
REPLY_LINES: Final = 40
LINES: Final = 240
SESSION: Final = re.compile(rb"\[([0-9A-F]{16})\]|\b([0-9A-F]{16})\]")


def sane(said: Transcript) -> tuple[Transcript, str]:
    """The conversation as a page shows it, and in words what was cut, or nothing."""
    lines: list[Line] = []
    for who, run in groupby(said.lines, key=lambda line: line.who):
        found = list(run)
        if who is Who.SERVER:
            for reply in whole_replies(found):
                lines += _shorter(reply)
        else:
            lines += [_cut(line) for line in found]
    kept = lines if len(lines) <= LINES else [*lines[: LINES // 2], *lines[-LINES // 2 :]]
    if tuple(kept) == said.lines:
        return said, ""
    replies = tuple(r._replace(raw=_shorter_raw(r.raw)) for r in said.replies)
    missing = len(said.lines) - len(kept)
    long = sum(1 for line in said.lines if len(line.data) > LINE_BYTES)
    words = [f"{missing:,} lines are left out"] if missing > 0 else []
    words += [f"{long:,} long lines are cut"] if long else []
    return replace(said, lines=tuple(kept), replies=replies), " and ".join(words)


def _shorter(reply: list[Line]) -> list[Line]:
    """A long reply keeps its beginning, and its last line, which ends it."""
    kept = reply if len(reply) <= REPLY_LINES else [*reply[: REPLY_LINES - 1], reply[-1]]
    return [_cut(line) for line in kept]


def _cut(line: Line) -> Line:
    return line if len(line.data) <= LINE_BYTES else line._replace(data=_cut_bytes(line.data))


def _cut_bytes(data: bytes) -> bytes:
    return data if len(data) <= LINE_BYTES else data[:LINE_BYTES] + b"...\r\n"


def _shorter_raw(raw: bytes) -> bytes:
    """The same cut for the bytes of a reply, so that it is found again among the lines."""
    lines = raw.splitlines(keepends=True) if b"\n" not in raw else _lines(raw)
    kept = lines if len(lines) <= REPLY_LINES else [*lines[: REPLY_LINES - 1], lines[-1]]
    return b"".join(map(_cut_bytes, kept))


def _lines(raw: bytes) -> list[bytes]:
    pieces = raw.split(b"\n")
    whole = [piece + b"\n" for piece in pieces[:-1]]
    return whole + ([pieces[-1]] if pieces[-1] else [])


def round_trips(said: Transcript) -> int:
    """How often we waited for the server: connecting, the handshake, and every turn of theirs."""
    turns = sum(1 for who, _ in groupby(said.lines, key=lambda line: line.who) if who is Who.SERVER)
    return turns + (1 if said.lines else 0) + (1 if said.tls else 0)


def session_id(said: Transcript) -> str:
    """The session's number, as Exchange Online's banner or refusal gives it."""
    for line in said.lines:
        if line.who is Who.SERVER and (match := SESSION.search(line.data)):
            return (match[1] or match[2]).decode("ascii")
    return ""
