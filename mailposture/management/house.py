"""Starts the whole product in one data folder, and says in one line where to find it."""

import asyncio
import contextlib
import errno
import os
import socket
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connections
from django.utils import timezone

from mailposture import keys, runtime
from mailposture.management.programs import HOST, Plan, programs, queue_configuration
from mailposture.management.supervisor import StartError, Supervisor
from mailposture.services import access

MANAGE: Final = settings.BASE_DIR / "manage.py"
IN_THE_LAB: Final = {"MAILPOSTURE_LAB_NETWORKS": "127.0.0.0/8"}
# Valkey says 7.2 here, for those who ask for Redis.
OLDEST_QUEUE: Final = (6, 2)


def say(line: str) -> None:
    """Tell the person at the terminal, if there still is one."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def start(*, with_lab: bool) -> int:
    """Run everything until a signal; return the exit status."""
    data = settings.DATA_DIR
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        data.chmod(0o700)  # also one that somebody made before, for all to read
        with runtime.holding(data / "supervisor.lock"):
            asyncio.run(_keep_house(_plan(data, with_lab=with_lab)))
    except KeyboardInterrupt:
        say("Stopped before it was up.")
        return 130
    except runtime.AlreadyRunningError:
        say(f"Mailposture already runs on {data}: stop it, or set DATA_DIR to another folder.")
        return 1
    except StartError as error:
        say(str(error))
        return 1
    return 0


def _plan(data: Path, *, with_lab: bool) -> Plan:
    port = free_port(settings.PORT)
    queue_port = None if os.environ.get("BROKER_URL") else free_port(0)
    return Plan(data=data, port=port, queue_port=queue_port, with_lab=with_lab, manage=MANAGE)


def free_port(wanted: int) -> int:
    """This port if it can be had on loopback (0: any), else StartError."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError as error:
            why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error})"
            raise StartError(f"Port {wanted} {why}: set PORT to another one.") from None
        return int(probe.getsockname()[1])


async def _keep_house(plan: Plan) -> None:
    broker_url = await asyncio.to_thread(_prepare_queue, plan)
    await asyncio.to_thread(_prepare_database)
    facts = {
        "pid": os.getpid(),
        "port": plan.port,
        "broker_url": broker_url,
        "database_url": os.environ.get("DATABASE_URL") or None,
    }
    runtime.write(plan.data / "runtime.json", facts)
    house = Supervisor(
        logs=plan.data / "log",
        folder=settings.BASE_DIR,
        environment=_environment(plan, broker_url),
        say=say,
    )
    await house.run(programs(plan), lambda: _welcome(plan))


def _prepare_queue(plan: Plan) -> str:
    """Write the embedded queue's settings, or try the one that the environment names."""
    if plan.queue_port is None:
        url = os.environ["BROKER_URL"]
        try_queue(url)
        return url
    folder = plan.data / "valkey"
    folder.mkdir(mode=0o700, exist_ok=True)
    password = keys.queue_password(settings.KEYS_DIR)
    configuration = folder / "valkey.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(queue_configuration(folder, plan.queue_port, password))
    return f"redis://:{password}@{HOST}:{plan.queue_port}/0"


def try_queue(url: str, oldest: tuple[int, ...] = OLDEST_QUEUE) -> None:
    """Refuse a queue that does not answer or is too old, as StartError."""
    where = urlsplit(url).hostname
    try:
        with redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5) as client:
            version = str(client.info("server")["redis_version"])
    except (redis.RedisError, OSError, ValueError) as error:
        raise StartError(f"The queue at {where} does not answer: {_one_line(error)}") from None
    if tuple(int(part) for part in version.split(".")[:2]) < oldest:
        wanted = ".".join(map(str, oldest))
        raise StartError(f"The queue at {where} is version {version}: {wanted} or newer is needed.")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _prepare_database() -> None:
    try:
        call_command("migrate", interactive=False, verbosity=0)
    except DatabaseError as error:
        raise StartError(f"The database cannot be used: {_one_line(error)}") from None
    finally:
        connections.close_all()


def _environment(plan: Plan, broker_url: str) -> dict[str, str]:
    """What every child is told, over what this process was told itself."""
    inherited = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    return {
        **inherited,
        **(IN_THE_LAB if plan.with_lab else {}),
        "PORT": str(plan.port),
        "DATA_DIR": str(plan.data),
        "BROKER_URL": broker_url,
        "PYTHONUNBUFFERED": "1",
    }


async def _welcome(plan: Plan) -> None:
    token = await asyncio.to_thread(_new_token)
    say(f"Logs are in {plan.data / 'log'}. Ctrl-C stops everything.")
    say(f"Open http://{HOST}:{plan.port}/start/{token}")


def _new_token() -> str:
    try:
        return access.new_start_link(timezone.now())
    finally:
        connections.close_all()
