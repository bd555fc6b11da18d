"""What a probe costs beside smtplib, aiosmtplib and a probe in C: same server, same words, TLS 1.3.

    python bench/probes.py [--json] [--count 400] [--rounds 5] [--in-flight 1000]

On loopback and with 50 ms of delay: CPU seconds of the client for 1,000 sessions, sessions a
second, round trips to the verdict (measured at the relay), and the memory that 1,000 sessions in
flight take. The contenders take turns; medians and ranges of the rounds. A ratio is a contender's
figure over that of ours on uvloop in the same round. See peers/ for who they are; where the probe
in C cannot be built, the table says so.
"""

import argparse
import json
import os
import platform
import socket
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from OpenSSL import SSL
from peers.clients import CONTENDERS
from peers.contenders import Contender, Cost, Native, Python
from peers.server import Ports, running

OURS = "ours, uvloop"
AT_ONCE, FAR_AT_ONCE, TRIPS_AT_ONCE = 64, 256, 8
GOALS = {"smtplib, threads": 2.2, "aiosmtplib, asyncio": 2.0}


@dataclass(frozen=True)
class Spread:
    """The median of some figures, the least and the most."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.least:.3g}-{self.most:.3g})"


def spread(found: list[float]) -> Spread:
    """Sum some figures up."""
    return Spread(*(round(v, 3) for v in (statistics.median(found), min(found), max(found))))


@dataclass(frozen=True)
class Row:
    """One contender's line of a table."""

    contender: str
    cpu_s_per_1000: Spread
    sessions_per_s: Spread
    cpu_ratio: Spread


def compare(costs: Mapping[str, list[Cost]], count: int) -> list[Row]:
    """What each cost, and its ratio to ours in the same round."""
    mine = [cost.cpu for cost in costs[OURS]]
    return [
        Row(
            contender=name,
            cpu_s_per_1000=spread([cost.cpu / count * 1000 for cost in found]),
            sessions_per_s=spread([count / cost.wall for cost in found]),
            cpu_ratio=spread([cost.cpu / own for cost, own in zip(found, mine, strict=True)]),
        )
        for name, found in costs.items()
    ]


def take_turns(
    contenders: Mapping[str, Contender], port: int, count: int, at_once: int, rounds: int
) -> dict[str, list[Cost]]:
    """Let the contenders take turns, so that a noisy minute hits them all."""
    costs: dict[str, list[Cost]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            costs[name].append(contender.turn(port, count, at_once))
    return costs


def trips(contenders: Mapping[str, Contender], ports: Ports) -> dict[str, Spread]:
    """Round trips to the verdict, few at once, so that nobody waits for a processor."""
    found = {}
    _asked(ports.figures)  # of the turns before
    for name, contender in contenders.items():
        contender.turn(ports.far, 5 * TRIPS_AT_ONCE, TRIPS_AT_ONCE)
        found[name] = spread(_asked(ports.figures))
    return found


def _asked(port: int) -> list[float]:
    with socket.create_connection(("127.0.0.1", port)) as told, told.makefile() as answer:
        return [float(taken) for taken in json.load(answer)]


def memory(
    contenders: Mapping[str, Contender], ports: Ports, in_flight: int, rounds: int
) -> dict[str, Spread]:
    """MB for 1,000 in flight: how far a process grows that holds so many conversations at once."""
    costs = take_turns(contenders, ports.far, in_flight, in_flight, rounds)
    return {
        name: spread([cost.kb / 1024 / in_flight * 1000 for cost in found])
        for name, found in costs.items()
    }


def measure(contenders: Mapping[str, Contender], chosen: argparse.Namespace) -> dict[str, object]:
    """All figures, as one document."""
    with running() as ports:
        # Of a warm process, which is what a worker is, memory counts what the next ones take.
        held = memory(contenders, ports, chosen.in_flight, 1)
        near = take_turns(contenders, ports.near, chosen.count, AT_ONCE, chosen.rounds)
        far = take_turns(contenders, ports.far, chosen.count, FAR_AT_ONCE, chosen.rounds)
        taken = trips(contenders, ports)
    return {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, CPython "
        f"{platform.python_version()}, load {os.getloadavg()[0]:.1f}",
        "openssl_of_ours": SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode(),
        "count": chosen.count,
        "rounds": chosen.rounds,
        "near": [asdict(row) for row in compare(near, chosen.count)],
        "far": [asdict(row) for row in compare(far, chosen.count)],
        "round_trips_to_verdict": {name: asdict(s) for name, s in taken.items()},
        "mb_per_1000_in_flight": {name: asdict(s) for name, s in held.items()},
    }


def table(document: dict[str, object]) -> str:
    """The figures for people."""
    return "\n".join(_lines(document))


def _lines(document: dict[str, object]) -> list[str]:
    lines = [str(document["machine"]), str(document["openssl_of_ours"])]
    titles = {"near": f"loopback, {AT_ONCE} at once", "far": f"50 ms away, {FAR_AT_ONCE} at once"}
    for key, title in titles.items():
        rows = document[key]
        lines += ["", f"{title:22} {'CPU s/1000':>22} {'per s':>20} {'CPU, times ours':>22}  goal"]
        for row in rows if isinstance(rows, list) else []:
            name = row["contender"]
            figures = [_said(row[k]) for k in ("cpu_s_per_1000", "sessions_per_s", "cpu_ratio")]
            goal = GOALS.get(name, "")
            lines.append(f"{name:22} {figures[0]:>22} {figures[1]:>20} {figures[2]:>22}  {goal}")
    for key in ("round_trips_to_verdict", "mb_per_1000_in_flight"):
        found = document[key]
        lines += ["", key.replace("_", " ")]
        for name, s in found.items() if isinstance(found, dict) else ():
            lines.append(f"{name:22} {_said(s):>22}")
    return lines


def _said(s: dict[str, float]) -> str:
    return str(Spread(**s))


def main() -> None:
    """Build, measure, print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--json", action="store_true", help="JSON alone on standard output")
    options.add_argument("--count", type=int, default=400, help="sessions in each turn")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--in-flight", type=int, default=1000, help="for the memory")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        contenders: dict[str, Contender] = {name: Python(name) for name in CONTENDERS}
        native = Native.built(Path(folder))
        if native:
            contenders["C, system's OpenSSL"] = native
        document = measure(contenders, chosen)
        for contender in contenders.values():
            contender.leave()
    said = json.dumps(document, indent=1) if chosen.json else table(document)
    sys.stdout.write(said + "\n")
    if not native and not chosen.json:
        sys.stdout.write(
            "\nThe probe in C could not be built: it wants cc and OpenSSL's headers.\n"
        )


if __name__ == "__main__":
    main()
