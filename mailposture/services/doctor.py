"""What works here and what does not, in words, each with how to mend it. Bounded in time."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import redis
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from redis.exceptions import RedisError

from mailposture import models
from mailposture.adapters import dns, email
from mailposture.services import checking, clouds, delivering, secrets, vantage_points

SECONDS: Final = 5
OLDEST_QUEUE: Final = (6, 2)
LEAST_FREE: Final = 1_000_000_000
SKEW: Final = 10.0


class Level(StrEnum):
    """How it stands: well, to be looked at, or in the way."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at: what was found, and how to mend it."""

    level: Level
    what: str
    says: str
    mend: str = ""


type Clock = Callable[[], datetime]


def examine(clock: Clock, *, tenant: str = "", offline: bool = False) -> Iterator[Line]:
    """Look at everything, or without the network; `tenant` names the one whose grants are asked."""
    yield from _keys()
    yield _disk()
    well = True
    for line in _database(clock):
        well = well and line.level is not Level.PROBLEM
        yield line
    if not offline:
        yield from _queue()
        yield from _mail(tables=well)
        yield _names()
    if not well:
        return
    yield from _places(clock())
    yield from _credentials()
    if not offline:
        yield from _tenants(clock, tenant)


# ---- this machine ------------------------------------------------------------------------


def _keys() -> Iterator[Line]:
    folder = settings.KEYS_DIR
    if not folder.exists():
        yield Line(Level.OK, "keys", "None yet: they are made on first need.")
        return
    loose = [p.name for p in folder.iterdir() if p.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]
    if folder.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) or loose:
        says = f"Others on this machine may read {folder}."
        yield Line(Level.PROBLEM, "keys", says, f"chmod -R go-rwx {folder}")
        return
    yield Line(Level.OK, "keys", f"{len(list(folder.iterdir()))} keys, for this user alone.")


def _disk() -> Line:
    place = settings.DATA_DIR if settings.DATA_DIR.exists() else settings.DATA_DIR.parent
    free = shutil.disk_usage(place).free
    says = f"{free / 1e9:,.1f} GB are free."
    if not os.access(place, os.W_OK):
        return Line(Level.PROBLEM, "data folder", f"{place} cannot be written.", "Give it to us.")
    if free < LEAST_FREE:
        return Line(Level.WARNING, "data folder", says, "Make room before evidence is lost.")
    return Line(Level.OK, "data folder", says)


# ---- what it stands on -------------------------------------------------------------------


def _database(clock: Clock) -> Iterator[Line]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select current_timestamp")
            (there,) = cursor.fetchone()
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        says = " ".join(str(error).split())
        yield Line(Level.PROBLEM, "database", says, "Check DATABASE_URL and that it runs.")
        return
    if plan:
        says = f"{len(plan)} migrations are not applied."
        yield Line(Level.PROBLEM, "database", says, "manage.py migrate")
        return
    yield Line(Level.OK, "database", f"{connection.display_name}, migrated.")
    if isinstance(there, datetime):
        off = abs((there - clock()).total_seconds())
        if off > SKEW:
            says = f"The database's clock and ours are {off:.0f} s apart."
            yield Line(Level.WARNING, "clock", says, "Let both follow NTP.")
        else:
            yield Line(Level.OK, "clock", "The database's clock agrees with ours.")


def _queue() -> Iterator[Line]:
    if not settings.BROKER_URL:
        says = "None is known: nothing runs on this data folder."
        yield Line(Level.PROBLEM, "queue", says, "Start make run, or set BROKER_URL.")
        return
    try:
        with redis.Redis.from_url(
            settings.BROKER_URL, socket_timeout=SECONDS, socket_connect_timeout=SECONDS
        ) as queue:
            found = queue.info()
            kept = queue.config_get("appendonly") if isinstance(found, dict) else {}
    except (RedisError, OSError, ValueError) as error:
        says = f"{type(error).__name__}: {' '.join(str(error).split())}"
        yield Line(Level.PROBLEM, "queue", says, "Start it, or check BROKER_URL.")
        return
    version = str(found.get("valkey_version") or found.get("redis_version") or "0")
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_QUEUE:
        says = f"Version {version} is too old."
        yield Line(Level.PROBLEM, "queue", says, "Use Valkey, or Redis 6.2 or newer.")
        return
    yield Line(Level.OK, "queue", f"Version {version} answers.")
    if isinstance(kept, dict) and kept.get("appendonly") == "no":
        says = "It keeps nothing over a restart. Work is not lost, only later."
        yield Line(Level.WARNING, "queue", says, "Turn appendonly on.")


def _mail(*, tables: bool) -> Iterator[Line]:
    try:
        server = delivering.server()
        answer = email.greet(server, delivering.manner())
    except delivering.NotSetUpError as error:
        waiting = delivering.waiting() if tables else 0
        says = f"{error} {waiting:,} mails wait." if waiting else str(error)
        yield Line(Level.WARNING, "mail", says, "Set SMTP_URL: nobody is told otherwise.")
        return
    except email.DeliveryError as error:
        yield Line(Level.PROBLEM, "mail", error.says, "Check SMTP_URL, and that port from here.")
        return
    yield Line(Level.OK, "mail", f"{server} answers: {answer}")


def _names() -> Line:
    resolver = clouds.resolver("lab" if settings.LAB else "worldwide")
    name = "outlook.com"
    try:
        resolver.mx(name)
    except dns.DnsError as error:
        mend = "Check the resolver of this machine, or MAILPOSTURE_RESOLVER."
        return Line(Level.PROBLEM, "names", f"Asked for the MX of {name}: {error}", mend)
    return Line(Level.OK, "names", "The resolver answers.")


# ---- what is watched ---------------------------------------------------------------------


def _places(now: datetime) -> Iterator[Line]:
    places = list(vantage_points.seen().filter(enabled=True))
    if not places:
        yield Line(Level.WARNING, "vantage points", "There is none.", "Add one, start its worker.")
    for place in places:
        health = vantage_points.health(place, now)
        level = Level.OK if health.clear else Level.WARNING
        mend = "" if health.clear else "Start its worker, or see docs/operations.md."
        yield Line(level, f"vantage point {place.slug}", health.says, mend)


def _credentials() -> Iterator[Line]:
    lost = []
    for row in models.Credential.objects.select_related("tenant"):
        try:
            secrets.credential_of(row.tenant)
        except InvalidToken:
            lost.append(row.tenant.slug)
    if lost:
        says = f"Sealed with a key that is not here: {', '.join(lost)}."
        yield Line(Level.PROBLEM, "credentials", says, "Bring keys/ring back, or give them again.")


def _tenants(clock: Clock, only: str) -> Iterator[Line]:
    rows = models.Tenant.objects.filter(credential__isnull=False)
    for tenant in rows.filter(slug=only) if only else rows:
        found = checking.check(tenant, clock)
        steps = (found.token, found.app_role, found.directory_role)
        failed = next((step for step in steps if not step.ok), None)
        name = f"tenant {tenant.slug}"
        if failed is None:
            yield Line(Level.OK, name, "Both halves of its grant are there.")
        else:
            yield Line(Level.PROBLEM, name, failed.says, failed.fix)
