"""What travels between the centre and a vantage point: an order, and what came of it.

Plain values in, plain values out (codec); each travels signed for its purpose (seals.py). An
order names its place, shard and attempt, expires, and has a number that is used once, so that a
late, copied or doubled one does no harm; its result names them again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

# What a message is for; it is signed with it.
ORDER: Final = "order"
RESULT: Final = "result"
HELLO: Final = "hello"
HELLO_BACK: Final = "hello back"


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One path to probe: whom to name, and at which doors to knock."""

    path: int
    domain: str
    sender_class: str
    mail_from: str
    rcpt_to: str
    endpoints: tuple[str, ...]
    port: int = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How fast a place goes about an order."""

    # Conversations with one address: held at once, and begun in a minute.
    at_once: int = 20
    a_minute: float = 600.0
    # What the whole order may take: others wait behind it.
    seconds: float = 75.0
    # After so many answers in a row that ask for less, no further path is begun.
    patience: int = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """The one argument of the shard task.

    `expires` is the end of the claim on the shard: a vantage worker that gets it later drops it,
    and ends its conversations before then.
    """

    vantage_point: str
    shard: int
    attempt: int
    ehlo: str
    targets: tuple[Target, ...]
    issued: datetime
    expires: datetime
    nonce: str
    pace: Pace = Pace()


@dataclass(frozen=True, kw_only=True, slots=True)
class Try:
    """One conversation with one front end; `transcript` is core.smtp's document of it."""

    host: str
    address: str
    transcript: Mapping[str, Any]


class PutOff(StrEnum):
    """Why a path that could have been asked was left for the next round."""

    SLOW_DOWN = "slow-down"
    NO_TIME = "no-time"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came of one target: conversations, or why there were none.

    A path that was put off was not asked, which says nothing about it: what was known before
    stands.
    """

    path: int
    front_ends: int = 0
    tries: tuple[Try, ...] = ()
    refused: str = ""
    put_off: PutOff | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What a vantage point reports of one attempt at a shard."""

    vantage_point: str
    shard: int
    attempt: int
    nonce: str
    began: datetime
    ended: datetime
    answers: tuple[Answer, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SelfTest:
    """What a place is to find out about itself: of the address under which servers see it, of
    these block lists, and whether one of these doors of the user's own tenant answers.
    """

    address: str
    lists: tuple[str, ...] = ()
    canary: tuple[str, ...] = ()
    port: int = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class Hello:
    """The centre asks a vantage point whether it is there, and at times what it finds of itself."""

    vantage_point: str
    nonce: str
    expires: datetime
    test: SelfTest | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class HelloBack:
    """A vantage point's word that it is there: its version, its clock, of the certificate that it
    shows what adapters/shown tells, and what adapters/selftest found if that was asked.
    """

    vantage_point: str
    nonce: str
    version: str
    clock: datetime
    certificate: Mapping[str, Any] | None = None
    selftest: Mapping[str, Any] | None = None
