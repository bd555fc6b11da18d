"""What reasoning costs: address sets beside ipaddress and netaddr, and a whole tenant's regions.

    python bench/reasoning.py [--json] [--ranges 5000] [--rounds 5]

CPU seconds of this process; the contenders take turns on the same ranges, and the best of the
rounds counts. netaddr's complement is the difference from 0.0.0.0/0, ours is written as minimal
networks too, so that both do the same work.
"""

import argparse
import ipaddress
import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import netaddr

sys.path.insert(0, str(Path(__file__).parent.parent))

from mailposture.core import addresses, codec, diff
from mailposture.core.attribution import decided, read, session
from mailposture.core.configuration import Configuration, ConnectorType
from mailposture.core.reachability import Reachability, compare, reachability
from tests.core.configurations import configuration, domain, lock

LOOKUPS = 5_000
SNAPSHOTS = 2_000
CHANGED = 10  # every tenth


def ranges(count: int, dice: random.Random) -> list[str]:
    """Networks as connectors list them, host bits cleared so that all contenders take them."""
    found = (f"{ipaddress.IPv4Address(dice.getrandbits(32))}" for _ in range(count))
    sizes = (dice.randrange(20, 33) for _ in range(count))
    pairs = zip(found, sizes, strict=True)
    return [str(ipaddress.ip_network(f"{a}/{n}", strict=False)) for a, n in pairs]


def best(rounds: int, *contenders: Callable[[], object]) -> list[float]:
    """The least CPU seconds of each, taken by turns."""
    least = [float("inf")] * len(contenders)
    for _ in range(rounds):
        for place, run in enumerate(contenders):
            began = time.process_time()
            run()
            least[place] = min(least[place], time.process_time() - began)
    return least


def sets(entries: list[str], dice: random.Random, rounds: int) -> dict[str, Any]:
    """Build, look up and complement, each against its peers."""
    asked = [str(ipaddress.IPv4Address(dice.getrandbits(32))) for _ in range(LOOKUPS)]
    finder, peer = addresses.parse(entries).finder(), netaddr.IPSet(entries)
    whole = netaddr.IPSet(["0.0.0.0/0"])
    ours, theirs = addresses.parse(entries), netaddr.IPSet(entries)
    if [a in finder for a in asked] != [a in peer for a in asked]:
        raise SystemExit("the contenders do not agree on a look-up")
    peers = [(n.first, n.prefixlen) for n in (whole - theirs).iter_cidrs()]
    if [*zip(*_networks(ours), strict=True)] != peers:
        raise SystemExit("the contenders do not agree on the complement")
    build = best(rounds, lambda: addresses.parse(entries), lambda: _collapsed(entries))
    look = best(rounds, lambda: [a in finder for a in asked], lambda: [a in peer for a in asked])
    other = best(rounds, lambda: _networks(ours), lambda: list((whole - theirs).iter_cidrs()))
    return {
        f"build of {len(entries):,} ranges": _row(build, "ipaddress", 10),
        f"{LOOKUPS:,} lookups": _row(look, "netaddr", 25),
        "complement as networks": _row(other, "netaddr", 25),
    }


def _networks(ours: addresses.AddressSet) -> addresses.Networks:
    return addresses.networks(ours.complement().v4, 32)


def _collapsed(entries: list[str]) -> list[ipaddress.IPv4Network]:
    return list(ipaddress.collapse_addresses(map(ipaddress.IPv4Network, entries)))


def _row(seconds: list[float], peer: str, goal: float) -> dict[str, Any]:
    mine, theirs = seconds
    return {"ms": mine * 1e3, "peer": peer, "peer_ms": theirs * 1e3, "ratio": theirs / mine,
            "goal": goal}  # fmt: skip


def tenant(dice: random.Random) -> Configuration:
    """50 connectors of 100 ranges each, 900 accepted domains, 21 scoped sender domains."""
    names = [f"d{n}.contoso.com" for n in range(900)]
    held = []
    for number in range(50):
        scope = ("*",) if number < 10 else (f"partner{number}.example",)
        held.append(
            lock(
                name=f"Connector {number}",
                sender_domains=scope if number < 31 else ("*.contoso.com",),
                sender_ip_addresses=tuple(ranges(100, dice)),
                restrict_domains_to_ip_addresses=bool(number % 3),
                restrict_domains_to_certificate=not number % 4,
                tls_sender_certificate_name=f"c{number}.example" if number % 2 else None,
                connector_type=ConnectorType.PARTNER if number % 9 else ConnectorType.ON_PREMISES,
                associated_accepted_domains=tuple(names[:100]) if number in (3, 7) else (),
            )
        )
    return configuration(*held, accepted_domains=tuple(domain(n) for n in names))


def everything(reach: Reachability) -> int:
    """Every domain and class, worked out."""
    return sum(1 for _ in reach.all())


def reasoning(dice: random.Random, rounds: int) -> dict[str, Any]:
    """A whole tenant, one session, and a what-if."""
    made = tenant(dice)
    held = made.inbound_connectors or ()
    other = replace(made, inbound_connectors=(replace(held[1], enabled=False), *held[2:]))
    rules = read(made)
    asked = session(source="192.0.2.7", mail_from="", recipient="b@d1.contoso.com", tls=True)
    whole, what_if, one = best(
        rounds,
        lambda: everything(reachability(made)),
        lambda: sum(1 for _ in compare(made, other).all()),
        lambda: [decided(rules, asked) for _ in range(20)],
    )
    return {
        "regions of 50 connectors and 900 domains": {"ms": whole * 1e3, "target_ms": 50},
        "what-if of the same, before and after": {"ms": what_if * 1e3},
        "one session with its reasons": {"ms": one * 1e3 / 20},
    }


def snapshots(dice: random.Random, rounds: int) -> dict[str, Any]:
    """Documents as they are fetched, most as they were before: digest, and diff where it moved."""
    before = tenant(dice)
    small = replace(
        before,
        inbound_connectors=(before.inbound_connectors or ())[:1],
        accepted_domains=(before.accepted_domains or ())[:1],
    )
    (only,) = small.inbound_connectors or ()
    moved = replace(small, inbound_connectors=(replace(only, enabled=False),))
    known = codec.digest(small)
    seen = [moved if n % CHANGED == 0 else small for n in range(SNAPSHOTS)]

    def run() -> int:
        return sum(len(diff.compare(small, s)) for s in seen if codec.digest(s) != known)

    (least,) = best(rounds, run)
    return {f"snapshots a second, 1 in {CHANGED} changed": {"rate": SNAPSHOTS / least,
            "target": 100_000}}  # fmt: skip


def main() -> None:
    """Run all three, print ratios and CPU milliseconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--ranges", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    dice = random.Random(1)  # noqa: S311 - the same ranges at every run
    found = {
        **sets(ranges(chosen.ranges, dice), dice, chosen.rounds),
        **reasoning(dice, chosen.rounds),
        **snapshots(dice, chosen.rounds),
    }
    if chosen.json:
        print(json.dumps(found, indent=2))  # noqa: T201
        return
    for name, row in found.items():
        print(f"{name}: " + ", ".join(f"{k} {_said(v)}" for k, v in row.items()))  # noqa: T201


def _said(value: Any) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
