"""The whole product as its user starts it: `manage.py demo` in a folder of its own, and in a
run on PostgreSQL on a database of its own.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from mailposture import runtime
from tests.servers import RUNS_ON, free_port, own_database, until

ROOT = Path(__file__).parents[1]


@dataclass
class Demo:
    """A running demo: its terminal, its processes, its rows."""

    data: Path
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and wait for its link."""
        kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        self.lines.clear()
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "demo"],
            env={**kept, "DATA_DIR": str(self.data), "PORT": str(self.port), **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._listen, args=(self.process,), daemon=True).start()
        until(lambda: self.links, 90)

    def _listen(self, process: subprocess.Popen[str]) -> None:
        with process.stdout or nullcontext(()) as said:
            for line in said:
                self.lines.append(line.rstrip("\n"))

    @property
    def links(self) -> list[str]:
        """The sign-in links that it printed."""
        return [line.removeprefix("Open ") for line in self.lines if line.startswith("Open ")]

    def stop(self) -> float:
        """Press Ctrl-C; return how long it took to end."""
        began = time.monotonic()
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(20)
        return time.monotonic() - began

    def processes(self, *words: str) -> list[psutil.Process]:
        """Its processes whose command line bears all these words, parents first."""
        if self.process is None:
            return []
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                line = " ".join(child.cmdline())
            except psutil.Error:
                continue
            if all(word in line for word in words) and "guardian" not in line:
                found.append(child)
        return sorted(found, key=lambda p: p.create_time())

    def rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Ask its database, from outside; a ? stands for each argument."""
        if url := self.environment.get("DATABASE_URL"):
            with psycopg.connect(url) as server:
                # The queries are the tests' own words.
                asked = query.replace("%", "%%").replace("?", "%s").encode()
                return server.execute(asked, arguments).fetchall()
        address = f"file:{self.data / 'mailposture.sqlite3'}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=20)) as connection:
            return connection.execute(query, arguments).fetchall()

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command with the same DATA_DIR and nothing else set."""
        kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env={**kept, "DATA_DIR": str(self.data)},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    @property
    def broker_url(self) -> str:
        """Where its queue is."""
        return str(runtime.broker_url(self.data, {}))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One demo for the tests of a module, with a short lease."""
    port = free_port()
    environment = {"MAILPOSTURE_LEASE": "14", "MAILPOSTURE_PROBE_EVERY": "8"}
    if RUNS_ON:
        environment["DATABASE_URL"] = own_database(RUNS_ON, f"demo_{port}_{os.getpid()}")
    running = Demo(tmp_path_factory.mktemp("data"), port, environment)
    running.start()
    yield running
    running.stop()
