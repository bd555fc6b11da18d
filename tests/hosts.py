"""Hosts of their own for tests: network namespaces, wired to one another and to nothing else.

Needs root and iproute2, as CI has them. Their addresses are those of this network alone.
"""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers import Guarded

ROOT = Path(__file__).parents[1]
# The networks that the hosts keep on their own loopback, reached over the cables.
CENTRE, DOORS = "10.77.0.1", ("10.77.9.9", "10.77.9.10")
HOMES = {"centre": (CENTRE,), "doors": DOORS}


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=20)


@dataclass(frozen=True)
class Host:
    """One host: what is run on it sees its network and no other."""

    name: str

    def command(self, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *words]

    def start(self, environment: dict[str, str], *words: str) -> Guarded:
        """Something that runs there until it is killed, with the test run at the latest."""
        process = Guarded(self.command(*words), environment)
        process.start()
        return process

    def run(self, environment: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(*words), env=environment, cwd=ROOT,
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip


@dataclass(frozen=True)
class Network:
    """The centre, the doors that are probed, and two places, each with a cable to both."""

    centre: Host
    doors: Host
    places: tuple[Host, Host]

    def cut(self, place: int) -> None:
        """Pull the cable between a place and the centre; the one to the doors stays."""
        ip("-n", self.centre.name, "link", "set", f"to{place}", "down")

    def mend(self, place: int) -> None:
        ip("-n", self.centre.name, "link", "set", f"to{place}", "up")


@contextmanager
def network() -> Iterator[Network]:
    """The hosts, for as long as the block runs."""
    own = f"mp{os.getpid()}-{threading.get_native_id()}"
    names = [f"{own}-{role}" for role in ("centre", "doors", "place0", "place1")]
    made: list[str] = []
    try:
        for name in names:
            ip("netns", "add", name)
            made.append(name)
            ip("-n", name, "link", "set", "lo", "up")
        centre, doors, *places = (Host(name) for name in names)
        for role, host in (("centre", centre), ("doors", doors)):
            for address in HOMES[role]:
                ip("-n", host.name, "address", "add", f"{address}/32", "dev", "lo")
        for number, place in enumerate(places):
            _wire(centre, place, number, f"10.77.{10 + number}", "10.77.0.0/24")
            _wire(doors, place, number, f"10.77.{20 + number}", "10.77.9.0/24")
        yield Network(centre, doors, (places[0], places[1]))
    finally:
        for name in made:
            ip("netns", "del", name)


def _wire(home: Host, place: Host, number: int, net: str, behind: str) -> None:
    """A cable: one end is called after the place, the other after the network behind it."""
    far = "eth" + behind.split(".")[2]
    ip("-n", home.name, "link", "add", f"to{number}", "type", "veth",
       "peer", "name", far, "netns", place.name)  # fmt: skip
    for host, device, last in ((home, f"to{number}", 1), (place, far, 2)):
        ip("-n", host.name, "address", "add", f"{net}.{last}/24", "dev", device)
        ip("-n", host.name, "link", "set", device, "up")
    ip("-n", place.name, "route", "add", behind, "via", f"{net}.1", "dev", far)
