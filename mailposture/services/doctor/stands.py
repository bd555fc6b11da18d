"""What everything stands on: the database and the queue, each with its clock."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from mailposture import broker
from mailposture.services.doctor import lines
from mailposture.services.doctor.lines import Line, ok, one_line, problem, warning

SECONDS: Final = 5
OLDEST_QUEUE: Final = (6, 2)
# More messages than this come together where nobody takes them, or not as fast as they come.
BACKLOG: Final = 1_000
WORKERS: Final = {
    broker.CENTRAL: "central worker",
    broker.READING: "reader",
    broker.ERRANDS: "errands worker",
}

type Clock = Callable[[], datetime]


# ---- the database ------------------------------------------------------------------------


def database(clock: Clock) -> Iterator[Line]:
    """Whether it answers, has the tables of this version, and tells the same time."""
    if connection.vendor == "sqlite" and not _file_is_there():
        says = "There is none yet in the data folder."
        yield problem("database", says, "manage.py migrate, or start: both make it.")
        return
    try:
        there, pending, kind = _asked()
    except DatabaseError as error:
        mend = "Check DATABASE_URL and that it runs."
        yield problem("database", one_line(error), mend)
        return
    if pending:
        yield problem("database", f"{pending} migrations are not applied.", "manage.py migrate")
        return
    yield ok("database", f"{kind}, migrated.")
    if connection.vendor == "sqlite":
        yield from _journal()
    elif there is not None:
        yield lines.clock("database", there, clock())


def _file_is_there() -> bool:
    name = str(connection.settings_dict["NAME"])
    in_memory = ":memory:" in name or "mode=memory" in name
    return in_memory or Path(name).exists()


def _asked() -> tuple[datetime | None, int, str]:
    """Its time, how many migrations are missing, and what it is. Waits no longer than SECONDS."""
    if connection.vendor == "postgresql" and connection.connection is None:
        connection.settings_dict["OPTIONS"].setdefault("connect_timeout", SECONDS)
    with connection.cursor() as cursor:
        cursor.execute("select current_timestamp")
        (there,) = cursor.fetchone()
        if connection.vendor == "postgresql":
            cursor.execute("show server_version")
            (version,) = cursor.fetchone()
        else:
            version = sqlite3.sqlite_version
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    kind = f"{connection.display_name} {version}"
    return there if isinstance(there, datetime) else None, len(plan), kind


def _journal() -> Iterator[Line]:
    """Without its write-ahead log, readers and writers of SQLite wait for each other."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        (mode,) = cursor.fetchone()
    if mode not in ("wal", "memory"):
        says = f"Its journal is {mode}, not a write-ahead log."
        mend = "Keep the data folder on a local disk: network folders cannot have one."
        yield warning("database", says, mend)


# ---- the queue ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Queue:
    """What the queue says of itself."""

    version: str
    keeps: bool
    at: datetime
    waiting: dict[str, int]


def queue(clock: Clock) -> Iterator[Line]:
    """Whether it answers, is new enough, keeps what it has, and is emptied."""
    if not settings.BROKER_URL:
        says = "None is known: nothing runs on this data folder."
        yield problem("queue", says, "Start make run, or set BROKER_URL.")
        return
    try:
        found = _ask_queue(settings.BROKER_URL)
    except (RedisError, OSError, ValueError) as error:
        says = f"{type(error).__name__}: {one_line(error)}"
        yield problem("queue", says, "Start it, or check BROKER_URL.")
        return
    if _numbers(found.version) < OLDEST_QUEUE:
        says = f"Version {found.version} is too old."
        yield problem("queue", says, "Use Valkey, or Redis 6.2 or newer.")
        return
    yield ok("queue", f"Version {found.version} answers; {sum(found.waiting.values())} wait in it.")
    if not found.keeps:
        says = "It keeps nothing over a restart. Work is not lost, only later."
        yield warning("queue", says, "Turn appendonly on.")
    yield lines.clock("queue", found.at, clock())
    for name, waiting in found.waiting.items():
        if waiting > BACKLOG:
            says = f"{waiting:,} messages wait in its queue, {name}: it is behind, or not there."
            yield warning(WORKERS[name], says, f"Start a worker of the queue {name}, or one more.")


def _ask_queue(url: str) -> _Queue:
    # One try: somebody waits for the answer.
    once = Retry(NoBackoff(), 0)
    with redis.Redis.from_url(
        url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS, retry=once
    ) as server:
        found: Any = server.info()
        seconds, micro = server.time()
        waiting: dict[str, Any] = {name: server.llen(name) for name in WORKERS}
    return _Queue(
        version=str(found.get("valkey_version") or found.get("redis_version") or "0"),
        keeps=bool(found.get("aof_enabled")),
        at=datetime.fromtimestamp(seconds + micro / 1e6, tz=UTC),
        waiting={name: int(count) for name, count in waiting.items()},
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
