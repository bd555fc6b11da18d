"""How a contender takes a turn: a Python client in a process that stays, or a program in C."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from peers.server import HOST, many_files

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Cost:
    """What one turn cost: CPU and wall seconds, and the KB that the process grew by."""

    cpu: float
    wall: float
    kb: int


class Contender(Protocol):
    """Whoever holds so many conversations with the server at a port, so many at once."""

    def turn(self, port: int, count: int, at_once: int) -> Cost:
        """Take a turn; RuntimeError if the conversations were not had."""

    def leave(self) -> None:
        """Be done."""


class Python:
    """A client of clients.py. Its process stays, so that what it learned stays as in a worker."""

    def __init__(self, name: str) -> None:
        self._name = name
        command = [sys.executable, str(HERE / "clients.py"), name]
        self._process = subprocess.Popen(  # noqa: S603 - of our own
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def turn(self, port: int, count: int, at_once: int) -> Cost:
        """See Contender."""
        asked, told = self._process.stdin, self._process.stdout
        if asked is None or told is None:
            raise RuntimeError(f"{self._name} has no pipes")
        asked.write(json.dumps([port, count, at_once]) + "\n")
        asked.flush()
        line = told.readline()
        if not line:
            raise RuntimeError(f"{self._name} gave up")
        return Cost(**json.loads(line))

    def leave(self) -> None:
        """See Contender."""
        self._process.communicate()


class Native:
    """The probe in C; a process for each turn, of which nothing but its sessions costs much."""

    def __init__(self, program: Path) -> None:
        self._program = program

    @classmethod
    def built(cls, folder: Path) -> Self | None:
        """Compile it against this machine's OpenSSL; None where that cannot be done."""
        compiler = shutil.which("cc")
        if compiler is None or sys.platform == "win32":
            return None
        program = folder / "probe"
        flags = ["-O2", "-o", str(program), str(HERE / "probe.c"), "-lssl", "-lcrypto", "-pthread"]
        made = subprocess.run([compiler, *flags], capture_output=True, check=False)  # noqa: S603
        return cls(program) if made.returncode == 0 else None

    def turn(self, port: int, count: int, at_once: int) -> Cost:
        """See Contender. What it held before the first session is below a megabyte or two."""
        command = [str(self._program), str(port), str(count), str(at_once), HOST]
        began = time.perf_counter()
        process = subprocess.Popen(command, preexec_fn=_prepared)  # noqa: S603, PLW1509 - one thread
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"the probe in C ended with {process.returncode}")
        return Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss)

    def leave(self) -> None:
        """See Contender: nothing stays."""


def _prepared() -> None:
    many_files()
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
