"""What a vantage point remembers of its orders, so that a copy of one is not done twice.

A file for each order, named after its nonce, locked for as long as the order is being done. The
lock ends with the process that holds it, however that ends; so a second copy can tell an order
that is being done, or was answered, from one whose worker was killed, which the broker rightly
brings back. That one is done once more, and not a third time.
"""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

_NONCE: Final = re.compile(r"[0-9a-f]{2,64}\Z")
_BEGUN, _AGAIN, _DONE = b"begun", b"again", b"done"


class SeenError(Exception):
    """This order was answered already, is being done, or came back once too often."""


@contextlib.contextmanager
def taken(folder: Path, nonce: str) -> Iterator[None]:
    """Hold an order while it is done; raises SeenError. It counts as answered when the block ends
    without an error.
    """
    if not _NONCE.match(nonce):
        raise SeenError("an order without a nonce")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / nonce, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _begin(descriptor)
        yield
        _note(descriptor, _DONE)
    finally:
        os.close(descriptor)


def _begin(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SeenError("an order that is being done") from None
    match os.pread(descriptor, 16, 0):
        case b"":
            _note(descriptor, _BEGUN)
        case b"begun":
            _note(descriptor, _AGAIN)
        case b"done":
            raise SeenError("an order that was answered")
        case _:
            raise SeenError("an order that ended its worker twice")


def _note(descriptor: int, word: bytes) -> None:
    # Before the first packet, and on the disk: the machine may lose its power, too.
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, word, 0)
    os.fsync(descriptor)


def forget(folder: Path, before: datetime) -> None:
    """Drop what expired before this time: an order that late is refused for its age."""
    for file in folder.glob("*") if folder.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):
            if file.stat().st_mtime < before.timestamp():
                file.unlink()
