"""Conversations gone wrong: recorded replies, broken in every way that a seed can choose.

All of it follows from the seed, so that one number is enough to see a conversation again.
"""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

RECORDED: Final[tuple[bytes, ...]] = tuple(
    json.loads(line)["reply"].encode("utf-8", "replace")
    for line in (Path(__file__).parents[1] / "core/replies.jsonl").read_text().splitlines()
)
GREETING: Final = b"220 AM1.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready\r\n"
HELLO: Final = b"250-AM1.mail.protection.outlook.com Hello [192.0.2.7]\r\n250 SIZE 157286400\r\n"
PIPELINING: Final = b"250-AM1 Hello [192.0.2.7]\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
READY: Final = b"220 2.0.0 SMTP server ready\r\n"
OK: Final = b"250 2.1.0 Sender OK\r\n"
TAKEN: Final = b"250 2.1.5 Recipient OK\r\n"
BYE: Final = b"221 2.0.0 Service closing transmission channel\r\n"
# Pieces that mean something to a reader of lines.
SPICES: Final = (
    b"\r\n", b"\n", b"\r", b"\x00", b"\xff", b"250-", b"250 ", b"550 5.7.51 ", b"5.7.051",
    b"\x1b[2J", b"\r\n.\r\n", b"220 ", b"Hello [", b"STARTTLS\r\n", b" " * 200,
    b"2" * 5000, b"-\r\n" * 70,
)  # fmt: skip

type Turns = list[bytes]


def conversation(chance: Random) -> Turns:
    """What a server would say in good order, its answer to RCPT taken from the record."""
    answer = chance.choice((TAKEN, chance.choice(RECORDED) + b"\r\n", chance.choice(RECORDED)))
    if chance.random() < 0.5:
        return [GREETING, HELLO, OK, answer, BYE]
    return [GREETING, PIPELINING, READY, PIPELINING, OK + answer + BYE]


def _at(chance: Random, data: bytes) -> int:
    return chance.randrange(len(data) + 1)


def flipped(chance: Random, data: bytes) -> bytes:
    at = _at(chance, data)
    return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


def shortened(chance: Random, data: bytes) -> bytes:
    first, last = sorted((_at(chance, data), _at(chance, data)))
    return data[:first] + data[last:]


def spiced(chance: Random, data: bytes) -> bytes:
    at = _at(chance, data)
    return data[:at] + chance.choice(SPICES) + data[at:]


def repeated(chance: Random, data: bytes) -> bytes:
    first, last = sorted((_at(chance, data), _at(chance, data)))
    return data[:last] + data[first:last] * chance.choice((1, 3, 100)) + data[last:]


def crossed(chance: Random, data: bytes) -> bytes:
    other = chance.choice(RECORDED)
    return data[: _at(chance, data)] + other[_at(chance, other) :]


def recoded(chance: Random, data: bytes) -> bytes:
    return str(chance.randrange(600)).encode() + data[3:]


MUTATIONS: Final[tuple[Callable[[Random, bytes], bytes], ...]] = (
    flipped, shortened, spiced, repeated, crossed, recoded,
)  # fmt: skip


def mutant(chance: Random) -> Turns:
    """A conversation with some of its turns broken, doubled, lost, joined or in another order."""
    turns = conversation(chance)
    for _ in range(chance.choice((0, 1, 1, 2, 3, 8))):
        at = chance.randrange(len(turns))
        turns[at] = chance.choice(MUTATIONS)(chance, turns[at])
    while chance.random() < 0.2:
        at = chance.randrange(len(turns))
        disorder = chance.randrange(4)
        if disorder == 0:
            turns.insert(at, turns[at])
        elif disorder == 1 and len(turns) > 1:
            del turns[at]
        elif disorder == 2:
            turns[at : at + 2] = [b"".join(turns[at : at + 2])]
        else:
            chance.shuffle(turns)
    return turns


def pieces(chance: Random, turn: bytes) -> list[bytes]:
    """A turn as it may arrive: whole, in a few pieces, or byte by byte."""
    if len(turn) < 400 and chance.random() < 0.1:
        return [bytes([byte]) for byte in turn]
    places = sorted(_at(chance, turn) for _ in range(chance.choice((0, 0, 1, 3))))
    cut = [turn[a:b] for a, b in zip([0, *places], [*places, len(turn)], strict=True)]
    return [piece for piece in cut if piece]
