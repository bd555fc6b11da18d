"""Whether mail can leave here: one connection to a mail server, its greeting, and goodbye."""

import socket
from dataclasses import dataclass
from typing import Final

from mailposture.core.smtp.reply import printable

MOST: Final = 4_096
LONGEST: Final = 120


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it. `silent` is a connection that nobody answered in time; `why` is empty where
    a greeting came.
    """

    greeting: str
    why: str
    silent: bool = False


def greeting(address: str, port: int, seconds: float) -> Tried:
    """Connect, wait for the greeting, say QUIT and leave. No sender and no recipient is named."""
    try:
        with socket.create_connection((address, port), timeout=seconds) as connection:
            return _greeted(connection)
    except TimeoutError:
        return Tried("", f"no answer within {seconds:.0f} s", silent=True)
    except OSError as error:
        return Tried("", (error.strerror or type(error).__name__).lower())


def _greeted(connection: socket.socket) -> Tried:
    try:
        said = _reply(connection)
        if said:
            connection.sendall(b"QUIT\r\n")
            _reply(connection)
    except TimeoutError:
        said = b""
    line = printable(said.split(b"\r\n")[0].decode("latin-1"))
    line = line if len(line) <= LONGEST else f"{line[: LONGEST - 3]}..."
    if not said:
        return Tried("", "a connection was made, and no greeting came")
    if not said.startswith(b"220"):
        return Tried("", f"a connection was made, and what came was no greeting: {line}")
    return Tried(line, "")


def _reply(connection: socket.socket) -> bytes:
    """One whole reply (RFC 5321 section 4.2.1), or as much as came before the other end left."""
    said = b""
    while len(said) < MOST:
        more = connection.recv(MOST)
        said += more
        last = said.rstrip(b"\r\n").rsplit(b"\n", 1)[-1]
        if not more or (said.endswith(b"\n") and last[3:4] != b"-"):
            break
    return said
