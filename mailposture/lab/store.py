"""What the lab keeps in its folder: the state of the world, its ports, its lock, its facts.

`state.json` survives a restart; `lab.json` tells clients where everything is and is there only
while the lab runs; `lab.lock` is held while it runs, so that a file left over by a lab that was
killed is not believed. Every file is replaced in one step.
"""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from mailposture.lab import stories
from mailposture.lab.world import ApiFault, Tenant, World

type Document = dict[str, Any]

# Raise it when the stories change: a state kept from older stories is then put aside.
REVISION = 1
STATE, FACTS, LOCK, TOKEN = "state.json", "lab.json", "lab.lock", "control-token"


class BusyError(Exception):
    """Another lab runs in this folder."""


def write_json(path: Path, document: Document) -> None:
    write(path, json.dumps(document, indent=1).encode())


def token(directory: Path) -> str:
    """Give the control's token, the same at every start: clients have read it already."""
    path = directory / TOKEN
    if not path.exists():
        write(path, secrets.token_urlsafe(24).encode())
    return path.read_text()


def write(path: Path, content: bytes) -> None:
    """Replace a file in one step, readable by this user alone."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.replace(path)


def read_json(path: Path) -> Document:
    """Read a document; what is missing or spoiled reads as empty."""
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Hold the folder's lock, or raise BusyError."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / LOCK).open("a") as lock:
        if not take(lock):
            raise BusyError(f"another lab is running in {directory}")
        yield


def take(lock: IO[str]) -> bool:
    """Lock a file, trying for a second: who merely looks holds it for an instant."""
    until = time.monotonic() + 1
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        else:
            return True


def running(directory: Path) -> Document | None:
    """Give the facts of the lab that runs in this folder; None if none does."""
    path = directory / LOCK
    if not path.exists():
        return None
    with path.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return read_json(directory / FACTS) or None
    return None


def load(directory: Path) -> tuple[World, Document]:
    """Give the world as it was left and the ports it had; a new one if nothing fits."""
    document = read_json(directory / STATE)
    if document.get("revision") != REVISION:
        return stories.new_world(), {}
    try:
        return remembered(document), document["ports"]
    except (KeyError, TypeError, AttributeError):
        return stories.new_world(), {}


def remembered(document: Document) -> World:
    world = stories.new_world()
    for tenant in world.tenants:
        if kept := document["tenants"].get(tenant.slug):
            recall(tenant, kept)
    world.txt = document["txt"]
    world.api_faults = [ApiFault(**fault) for fault in document["api_faults"]]
    return world


def save(directory: Path, world: World, ports: Document) -> None:
    """Keep the world and its ports."""
    document = {
        "revision": REVISION,
        "tenants": {tenant.slug: remember(tenant) for tenant in world.tenants},
        "txt": world.txt,
        "api_faults": [asdict(fault) for fault in world.api_faults],
        "ports": ports,
    }
    write_json(directory / STATE, document)


def remember(tenant: Tenant) -> Document:
    return {
        "rows": tenant.rows,
        "contradicted": tenant.contradicted,
        "renewed": tenant.renewed,
        "secret_expired": tenant.registration.secret_expired,
        "uploaded": list(tenant.registration.uploaded),
        "front_ends": {
            front.address: {"fault": front.fault, "delay": front.delay}
            for front in tenant.front_ends
        },
    }


def recall(tenant: Tenant, kept: Document) -> None:
    tenant.rows = kept["rows"]
    tenant.contradicted = kept["contradicted"]
    tenant.renewed = kept.get("renewed", False)
    tenant.registration.secret_expired = kept["secret_expired"]
    tenant.registration.uploaded = tuple(kept.get("uploaded", ()))
    for front in tenant.front_ends:
        known = kept["front_ends"].get(front.address, {})
        front.fault, front.delay = known.get("fault"), known.get("delay", 0)
