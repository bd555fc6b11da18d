"""Know an answer again by its bytes, so that what did not move need not be read again.

What is read of an answer follows from three things alone, and the mark covers them: what was
asked, what was answered, and the program that reads it. The server that happened to hold an
object is left out: it is another at every call, and nothing reads it.
"""

import hashlib
import re
import secrets
import sys
from functools import cache
from pathlib import Path
from typing import Final

import idna

# A colon after a quote that is not escaped ends a name in JSON: no text can hold this.
_HELD_BY: Final = b'"OriginatingServer":'
_ITS_NAME: Final = re.compile(rb'\s*"[^"\\]*"')
_HOME: Final = Path(__file__).parents[2]
_READ_BY: Final = ("adapters", "core")


def mark(call: str, body: bytes) -> str:
    """What tells this answer to this call from every other that would be read differently."""
    first, *others = body.split(_HELD_BY)
    pieces = [_begun(call), first]
    for piece in others:
        name = _ITS_NAME.match(piece)
        pieces.append(piece[name.end() :] if name else piece)
    return hashlib.sha256(_HELD_BY.join(pieces)).hexdigest()


@cache
def _begun(call: str) -> bytes:
    return hashlib.sha256(_program() + call.encode()).digest()


@cache
def _program() -> bytes:
    """A digest of the code that reads answers: with every release, all is read anew once."""
    found = sources()
    if not found:  # nothing to go by: only what this process read itself is known again
        return secrets.token_bytes()
    seal = hashlib.sha256(f"{sys.version} {idna.__version__}".encode())
    for path in found:
        seal.update(path.relative_to(_HOME).as_posix().encode() + b"\0" + path.read_bytes())
    return seal.digest()


def sources() -> list[Path]:
    """The files of that code, as far as they are at hand."""
    return sorted(path for part in _READ_BY for path in (_HOME / part).rglob("*.py"))
