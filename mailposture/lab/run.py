"""Runs the whole lab in one process: front ends, name server, authority and API, control."""

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailposture.lab import store
from mailposture.lab.certificates import Certificates, prepare, renew
from mailposture.lab.channel import Tls
from mailposture.lab.control import Control
from mailposture.lab.frontend import FrontEnds, bind_everywhere
from mailposture.lab.https import Served, serve
from mailposture.lab.mailbox import Mailbox
from mailposture.lab.nameserver import NameServer
from mailposture.lab.world import SERVICE, STRANGER, Tenant, World

type Document = dict[str, Any]

NETWORKS = "127.0.0.0/8"
PR_SET_PDEATHSIG = 1
PARENT_POLL_SECONDS = 1.0


class NoAddressError(Exception):
    """This machine lacks loopback addresses; the message has the one command that adds them."""


@dataclass(kw_only=True, slots=True)
class Lab:
    """A lab that runs."""

    directory: Path
    world: World
    certificates: Certificates
    facts: Document
    ports: Document

    def save(self) -> None:
        store.save(self.directory, self.world, self.ports)

    def changed(self) -> None:
        """Let the hosts' files and the kept state follow what was changed."""
        renew(self.directory, self.world)
        self.save()


@contextlib.asynccontextmanager
async def lab(directory: Path) -> AsyncIterator[Lab]:
    """Hold a lab in this folder: everything listens when the body begins, nothing after it."""
    with store.held(directory):
        world, ports = store.load(directory)
        require_addresses(world.hosts())
        certificates = prepare(directory, world)
        token = store.token(directory)
        async with contextlib.AsyncExitStack() as stack:
            front_ends = await open_front_ends(stack, world, certificates, ports)
            names = await open_names(stack, world, ports)
            served = await open_https(stack, world, certificates, ports)
            running = Lab(
                directory=directory, world=world, certificates=certificates, facts={}, ports=ports
            )
            box = await open_mailbox(stack, directory, ports)
            control = Control(world, token, running.changed, box)
            stack.push_async_callback(control.close)
            await control.start(ports.get("control", 0))
            ports |= {"smtp": front_ends, "dns": names.port, "control": control.port}
            ports["mailbox"] = box.port
            ports["https"] = int(served.authority_url.rpartition(":")[2])
            running.facts = facts(running, served, token)
            running.save()
            stack.callback(running.save)
            stack.callback((directory / store.FACTS).unlink, missing_ok=True)
            store.write_json(directory / store.FACTS, running.facts)
            yield running


async def open_front_ends(
    stack: contextlib.AsyncExitStack, world: World, certificates: Certificates, ports: Document
) -> int:
    """Start the front ends and give their one port."""
    addresses = [front.address for _, front in world.front_ends()]
    sockets = bind_everywhere(addresses, ports.get("smtp"))
    front_ends = FrontEnds(world, Tls(certificates.front_end, certificates.authority), sockets)
    stack.push_async_callback(front_ends.close)
    await front_ends.start()
    return int(sockets[addresses[0]].getsockname()[1])


async def open_mailbox(
    stack: contextlib.AsyncExitStack, directory: Path, ports: Document
) -> Mailbox:
    """Start the sink that keeps what the product mails."""
    box = Mailbox(directory / "mailbox")
    stack.push_async_callback(box.close)
    await box.start(ports.get("mailbox", 0))
    return box


async def open_names(stack: contextlib.AsyncExitStack, world: World, ports: Document) -> NameServer:
    names = NameServer(world)
    stack.push_async_callback(names.close)
    await names.start(ports.get("dns", 0))
    return names


async def open_https(
    stack: contextlib.AsyncExitStack, world: World, certificates: Certificates, ports: Document
) -> Served:
    """Serve authority and API at the port they had before, if it is still free."""
    try:
        served = await serve(world, certificates.https, host=SERVICE, port=ports.get("https", 0))
    except OSError:
        served = await serve(world, certificates.https, host=SERVICE, port=0)
    stack.push_async_callback(served.close)
    return served


def facts(running: Lab, served: Served, token: str) -> Document:
    """Say where everything is."""
    world, ports = running.world, running.ports
    return {
        "pid": os.getpid(),
        "control": f"http://{SERVICE}:{ports['control']}",
        "control_token": token,
        "authority": served.authority_url,
        "api": served.api_url,
        "ca": str(running.certificates.authority.resolve()),
        "untrusted_certificate": str(running.certificates.untrusted.resolve()),
        "resolver": f"{SERVICE}:{ports['dns']}",
        "smtp_port": ports["smtp"],
        "mailbox": f"smtp://{SERVICE}:{ports['mailbox']}",
        "networks": NETWORKS,
        "hosts": world.hosts(),
        "stranger": STRANGER,
        "tenants": [tenant_facts(running.directory, tenant) for tenant in world.tenants],
    }


def tenant_facts(directory: Path, tenant: Tenant) -> Document:
    """Say what a person would type in to enrol this tenant."""
    folder = (directory / "certs").resolve()
    registration = tenant.registration
    credential = (
        {"client_secret": registration.client_secret}
        if registration.client_secret
        else {"certificate": str(folder / str(registration.certificate_file))}
    )
    return {
        "slug": tenant.slug,
        "name": tenant.name,
        "story": tenant.story,
        "tenant_id": tenant.tenant_id,
        "client_id": registration.client_id,
        **credential,
        "initial_domain": tenant.initial_domain,
        "domains": list(tenant.domains),
        "front_ends": [front.address for front in tenant.front_ends],
        "sources": [
            {
                "name": source.name,
                "kind": source.kind,
                "address": source.address,
                "certificate": str(folder / source.certificate_file)
                if source.certificate_file
                else None,
                "certificate_name": source.certificate_name,
            }
            for source in tenant.sources
        ],
    }


def require_addresses(addresses: Iterable[str]) -> None:
    """See that this machine has the lab's loopback addresses; Linux has them all."""
    missing = [address for address in addresses if not has(address)]
    if missing:
        listed = " ".join(missing)
        raise NoAddressError(
            f"the lab needs {len(missing)} loopback addresses that this machine lacks; add them by:"
            f" for a in {listed}; do sudo ifconfig lo0 alias $a up; done"
        )


def has(address: str) -> bool:
    with socket.socket() as trial:
        try:
            trial.bind((address, 0))
        except OSError:
            return False
    return True


def on_signal() -> asyncio.Event:
    """Give an event that SIGTERM and SIGINT set, from now on."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    return told


async def until_orphaned(parent: int) -> None:
    """Wait until the parent is gone. Linux is also asked to say so at once."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    while os.getppid() == parent:  # noqa: ASYNC110 - no event tells of it everywhere
        await asyncio.sleep(PARENT_POLL_SECONDS)


async def run(
    directory: Path, *, with_parent: bool = False, ready: Callable[[Document], None] | None = None
) -> None:
    """Run a lab until told to stop, or until the parent dies where that was asked for."""
    parent, told = os.getppid(), on_signal()
    async with lab(directory) as running:
        if ready:
            ready(running.facts)
        ends: list[asyncio.Task[Any]] = [asyncio.create_task(told.wait())]
        if with_parent:
            ends.append(asyncio.create_task(until_orphaned(parent)))
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
