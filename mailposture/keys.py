"""The keys of one installation, each made on first need, once, whoever asks first.

A key is a file of its own in the keys folder. It is written beside its place and linked into it, so
that of several processes that start together all read the same key and none reads half of one.
"""

import fcntl
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet

from mailposture import seals


def django_secret(folder: Path) -> str:
    """The key that signs sessions and forms."""
    return _key(folder, "secret", lambda: secrets.token_urlsafe(48))


def instance(folder: Path) -> bytes:
    """The key by which this installation proves that a domain's owner meant it."""
    return _key(folder, "instance", lambda: secrets.token_hex(32)).encode()


def queue_password(folder: Path) -> str:
    """The password of the embedded queue."""
    return _key(folder, "queue", lambda: secrets.token_urlsafe(24))


def orders(folder: Path) -> str:
    """The private key that signs what vantage points are told to do (seals.py)."""
    return _key(folder, "orders", seals.fresh_key)


def encrypt(folder: Path, plain: str) -> str:
    """Seal a secret for the database, under the newest key."""
    return _ring(folder).encrypt(plain.encode()).decode()


def decrypt(folder: Path, sealed: str) -> str:
    """Open a sealed secret; raises cryptography's InvalidToken for what no key here sealed."""
    return _ring(folder).decrypt(sealed.encode()).decode()


def seal_anew(folder: Path, sealed: str) -> str:
    """The same secret under the newest key."""
    return _ring(folder).rotate(sealed.encode()).decode()


def add_ring_key(folder: Path) -> int:
    """Put a new key in front of the ring; return how many it holds. The older ones still open."""
    _ring_lines(folder)
    return len(_change_ring(folder, lambda lines: [_fernet_key(), *lines]))


def trim_ring(folder: Path, keep: int) -> int:
    """Keep the newest keys alone; return how many are left."""
    _ring_lines(folder)
    return len(_change_ring(folder, lambda lines: lines[:keep]))


def _ring(folder: Path) -> MultiFernet:
    # Read each time: a worker that started before a rotation must open what was sealed after it.
    return MultiFernet([Fernet(line) for line in _ring_lines(folder)])


def _ring_lines(folder: Path) -> list[str]:
    return _key(folder, "ring", _fernet_key).split()


def _fernet_key() -> str:
    return Fernet.generate_key().decode()


def _change_ring(folder: Path, change: Callable[[list[str]], list[str]]) -> list[str]:
    lock = os.open(folder / "ring.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lines = change(_ring_lines(folder))
        _write_beside(folder, "ring", "\n".join(lines)).replace(folder / "ring")
    finally:
        os.close(lock)
    return lines


def _key(folder: Path, name: str, make: Callable[[], str]) -> str:
    place = folder / name
    try:
        return place.read_text().strip()
    except FileNotFoundError:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = _write_beside(folder, name, make())
    try:
        place.hardlink_to(fresh)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return place.read_text().strip()


def _write_beside(folder: Path, name: str, text: str) -> Path:
    fresh = folder / f".{name}.{secrets.token_hex(8)}"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    return fresh
