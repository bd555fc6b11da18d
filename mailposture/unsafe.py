"""What must not be started: settings by which others could come in. Each says how to mend it.

Asked by the site, the workers and the clock before they do anything.
"""

import ipaddress
import os
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

REFUSED: Final = 2
SHORTEST_SECRET: Final = 32
HERE: Final = "127.0.0.1"
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104  what is judged here, and nothing listens
# How ASGI servers are told where to listen: an address with or without a port, or a file.
_ADDRESSES: Final = ("--host", "--bind", "-b")
_FILES: Final = ("--uds", "--fd")
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a start goes by."""

    debug: bool
    names: Sequence[str]
    https: bool
    keys: Path
    database: Mapping[str, Any]
    broker_url: str | None
    listener: str = HERE
    proxies: str = ""


def listener(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Where the site listens, as its server was told: the address, or loopback if nothing says.

    A server that was started by name reads its own options; so they are read here as well.
    """
    found = environment.get("UVICORN_HOST") or HERE
    for option, value in pairwise([*arguments, ""]):
        name, joined, given = option.partition("=")
        if name in _FILES:
            return HERE
        if name in _ADDRESSES:
            found = given if joined else value
    return found.removeprefix("tcp://") or EVERYWHERE


def faults(start: Start) -> Iterator[str]:
    """Why this must not be started, each with its cure; nothing where all is well."""
    if start.debug:
        yield "DEBUG is on: errors would show code and settings. Turn it off."
    yield from _names(start)
    if "*" in start.proxies:
        yield (
            "FORWARDED_ALLOW_IPS is *: whoever asks could name another address at each try, and "
            "guess passwords without end. Write the address that the proxy connects from."
        )
    yield from _keys(start.keys)
    host = str(start.database.get("HOST") or "")
    if host and not _is_here(host) and not start.database.get("PASSWORD"):
        yield f"The database on {host} is used without a password. Put one into DATABASE_URL."
    broker = urlsplit(start.broker_url or "")
    if broker.hostname and not _is_here(broker.hostname) and not broker.password:
        yield f"The queue on {broker.hostname} is used without a password. Put one into BROKER_URL."


def _names(start: Start) -> Iterator[str]:
    for name in start.names:
        if "*" in name or (name.startswith(".") and "." not in name.strip(".")):
            yield f"ALLOWED_HOSTS has {name}: any name would be answered. Write the site's own."
    public = [name for name in start.names if not _is_here(name.strip("."))]
    if public and not start.https:
        yield (
            f"The site answers to {public[0]} without HTTPS, so cookies would go in clear text. "
            "Put a proxy before it that speaks HTTPS, and set MAILPOSTURE_HTTPS=1."
        )
    if _is_here(_host(start.listener)):
        return
    if not public:
        yield (
            f"The site listens on {start.listener}, where others reach it, and no name of its own "
            "is set. Set ALLOWED_HOSTS to the name that people type, or listen on 127.0.0.1."
        )
        if not start.https:
            yield (
                f"The site listens on {start.listener} without HTTPS, so cookies would go in clear "
                "text. Put a proxy before it that speaks HTTPS, and set MAILPOSTURE_HTTPS=1."
            )


def _host(bound: str) -> str:
    """The host of an address that may have a port; a path of a socket is this machine's own."""
    if bound.startswith(("unix:", "fd://", "/")):
        return HERE
    if bound.startswith("["):
        return bound.partition("]")[0].strip("[")
    return (bound.partition(":")[0] if bound.count(":") == 1 else bound) or EVERYWHERE


def _keys(folder: Path) -> Iterator[str]:
    if not folder.exists():
        return
    files = [folder, *folder.iterdir()]
    if any(file.stat().st_mode & _OTHERS for file in files):
        yield f"Others on this machine may read the keys. chmod -R go-rwx {folder}"
    secret = folder / "secret"
    if secret.exists() and len(secret.read_text().strip()) < SHORTEST_SECRET:
        yield f"The key that signs sessions is too short. Remove {secret}: a new one is made."


def _is_here(host: str) -> bool:
    if host in ("", "localhost") or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def refuse(settings: Any, listens_on: str = HERE) -> None:
    """End this process with one line a fault, if there is one; only the site listens."""
    found = list(
        faults(
            Start(
                debug=settings.DEBUG,
                names=settings.NAMES,
                https=settings.BEHIND_HTTPS,
                keys=settings.KEYS_DIR,
                database=settings.DATABASES["default"],
                broker_url=settings.BROKER_URL,
                listener=listens_on,
                proxies=os.environ.get("FORWARDED_ALLOW_IPS", ""),
            )
        )
    )
    if found:
        # Celery's clock has put a logger in the place of the stream by now.
        (sys.__stderr__ or sys.stderr).write("".join(f"Not started: {f}\n" for f in found))
        raise SystemExit(REFUSED)
