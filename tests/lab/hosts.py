"""Starts a lab, here or as a process of its own, and talks to it as the stories' hosts do."""

import asyncio
import json
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

from mailposture.lab import client
from mailposture.lab.run import lab

type Facts = dict[str, Any]

STRANGER = "127.0.66.7"
FRONT = {"contoso": "127.0.10.20", "fabrikam": "127.0.11.20", "tailspin": "127.0.12.20"}
FRONT["proseware"] = "127.0.13.20"


def spawn(directory: Path, *options: str) -> subprocess.Popen[str]:
    """Start a lab and wait for it to say that it listens."""
    command = [sys.executable, "-m", "mailposture.lab", "--dir", str(directory), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.readline()
    assert said.startswith("the lab is up"), said
    return process


def stop(process: subprocess.Popen[str]) -> int:
    """End a lab as a supervisor does, and give its exit code."""
    process.terminate()
    process.communicate(timeout=20)
    return process.returncode


@contextmanager
def running(directory: Path) -> Iterator[Facts]:
    """Have a lab for as long as the body lasts."""
    process = spawn(directory)
    try:
        yield read(directory)
    finally:
        assert stop(process) == 0


class Resident(Thread):
    """A lab in a thread of this process: quick to start, and its lines are measured."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory
        self.loop = asyncio.new_event_loop()
        self.end = asyncio.Event()
        self.said: Queue[Facts | None] = Queue()

    def run(self) -> None:
        try:
            self.loop.run_until_complete(self.hold())
        finally:
            self.said.put(None)
            self.loop.close()

    async def hold(self) -> None:
        async with lab(self.directory) as held:
            self.said.put(held.facts)
            await self.end.wait()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.end.set)
        self.join(timeout=20)
        assert not self.is_alive()


@contextmanager
def running_here(directory: Path) -> Iterator[Facts]:
    """Have a lab in this process for as long as the body lasts."""
    resident = Resident(directory)
    resident.start()
    facts = resident.said.get(timeout=60)
    assert facts, "the lab did not start"
    try:
        yield facts
    finally:
        resident.stop()


def read(directory: Path) -> Facts:
    facts: Facts = json.loads((directory / "lab.json").read_text())
    return facts


@dataclass
class Stage:
    """The lab as a test plays it."""

    facts: Facts
    touched: set[str] = field(default_factory=set)

    def scene(self, scene: str, tenant: str) -> str:
        self.touched.add(tenant)
        return str(client.ask(self.facts, "/scene", {"scene": scene, "tenant": tenant})["changed"])

    def fault(self, tenant: str, fault: str, **more: object) -> str:
        self.touched.add(tenant)
        asked = {"tenant": tenant, "fault": fault, **more}
        return str(client.ask(self.facts, "/fault", asked)["changed"])

    def state(self, tenant: str) -> dict[str, Any]:
        every = client.ask(self.facts, "/state")["tenants"]
        found: dict[str, Any] = next(each for each in every if each["slug"] == tenant)
        return found

    def certificate(self, name: str) -> str:
        return str(Path(self.facts["ca"]).parent / "certs" / name)

    def trust(self, certificate: str | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.facts["ca"])
        if certificate:
            context.load_cert_chain(self.certificate(certificate))
        return context

    def connect(self, front: str, source: str = STRANGER) -> smtplib.SMTP:
        """Connect from one of the lab's addresses and be greeted."""
        host = smtplib.SMTP(
            front,
            self.facts["smtp_port"],
            local_hostname="probe.example",
            source_address=(source, 0),
            timeout=20,
        )
        host.ehlo()
        return host

    def secure(
        self, front: str, source: str = STRANGER, certificate: str | None = None
    ) -> smtplib.SMTP:
        """Connect and start TLS, perhaps showing a certificate."""
        host = self.connect(front, source)
        host._host = "contoso-com.mail.protection.outlook.com"  # type: ignore[attr-defined]
        host.starttls(context=self.trust(certificate))
        host.ehlo()
        return host

    def try_delivery(
        self, tenant: str, source: str, sender: str, certificate: str | None = None
    ) -> str:
        """Ask for postmaster of the tenant's own domain and give the answer to RCPT."""
        with self.secure(FRONT[tenant], source, certificate) as host:
            assert host.mail(sender)[0] == 250
            return said(host.rcpt(f"postmaster@{tenant}.com"))


def said(reply: tuple[int, bytes]) -> str:
    code, text = reply
    return f"{code} {text.decode()}"
