"""Where a running demo is to be found: the facts beside a data folder's locks.

The supervisor holds a lock on `supervisor.lock` and leaves its facts in `runtime.json`; the lab
does the same in its own folder. A file counts only while its lock is held, so that a killed
process leaves nothing behind that anyone believes. Standard library only: the supervisor, the
settings and the vantage worker all read it.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

type Facts = dict[str, Any]


class AlreadyRunningError(Exception):
    """Another process holds this lock."""


def data_dir(environment: Mapping[str, str]) -> Path:
    """The data folder: `DATA_DIR`, else `data` in the working directory."""
    return Path(environment.get("DATA_DIR") or "data").absolute()


@contextlib.contextmanager
def holding(lock: Path, *, patience: float = 1.0) -> Iterator[None]:
    """Hold a lock file for as long as the block runs.

    A reader that asks `is_held` takes the lock for an instant, hence the patience.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(descriptor, lock, time.monotonic() + patience)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, lock: Path, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise AlreadyRunningError(f"{lock} is held by another process") from None
            time.sleep(0.05)
        else:
            return


def is_held(lock: Path) -> bool:
    """Whether some living process holds this lock; creates nothing."""
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def write(path: Path, facts: Mapping[str, Any]) -> None:
    """Leave facts for others, whole or not at all, readable by this user alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(facts, file, indent=2)
    fresh.replace(path)


def read(path: Path) -> Facts | None:
    """What a file says, or None where it is absent or no JSON object."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def supervisor(data: Path) -> Facts | None:
    """The facts of the supervisor that runs on this data folder, if one does."""
    return read(data / "runtime.json") if is_held(data / "supervisor.lock") else None


def lab(data: Path) -> Facts | None:
    """The facts of the lab that runs on this data folder, if one does."""
    folder = data / "lab"
    return read(folder / "lab.json") if is_held(folder / "lab.lock") else None


def broker_url(data: Path, environment: Mapping[str, str]) -> str | None:
    """The queue's address: `BROKER_URL` wins, else the running supervisor's."""
    return environment.get("BROKER_URL") or (supervisor(data) or {}).get("broker_url")


def database_url(data: Path, environment: Mapping[str, str]) -> str | None:
    """The database's address, or None for the file in the data folder."""
    return environment.get("DATABASE_URL") or (supervisor(data) or {}).get("database_url")
