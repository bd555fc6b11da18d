"""What reasoning costs: address sets beside ipaddress and netaddr, and a whole tenant's regions.

    python bench/reasoning.py [--json] [--ranges 5000] [--rounds 5]

CPU seconds of this process; the contenders take turns on the same ranges, and the best of the
rounds counts. netaddr's complement is the difference from 0.0.0.0/0, ours is written as minimal
networks too, so that both do the same work.
"""

import argparse
import hashlib
import ipaddress
import json
import random
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import jsonpatch
import netaddr
from deepdiff import DeepDiff

sys.path.insert(0, str(Path(__file__).parent.parent))

from mailposture.adapters.exchange.client import marked
from mailposture.adapters.exchange.cmdlets import CMDLETS
from mailposture.adapters.exchange.cmdlets import read as read_part
from mailposture.adapters.exchange.envelope import Answer, Page
from mailposture.adapters.exchange.reader import Fetched, taken
from mailposture.core import addresses, codec, diff
from mailposture.core.attribution import decided, read, session
from mailposture.core.configuration import Configuration, ConnectorType
from mailposture.core.reachability import Reachability, compare, reachability
from mailposture.lab import rows
from tests.core.configurations import configuration, domain, lock

LOOKUPS = 5_000
SNAPSHOTS = 1_000
CALL = "Get-InboundConnector"

type Differ = Callable[[Any, Any], Iterable[Any]]


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


# ---- readings --------------------------------------------------------------------------


def answer(number: int, **settings: Any) -> bytes:
    """What Exchange answers of a tenant with one connector, as it comes over the wire."""
    given = {"SenderIPAddresses": ["203.0.113.10", "198.51.100.0/28"], **settings}
    row = rows.inbound_connector(f"t{number}.onmicrosoft.com", "Gateway", given)
    said = {"@odata.context": "https://127.0.0.1/$metadata", "@adminapi.warnings": []}
    return json.dumps({**said, "value": [row]}, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Kept:
    """What was kept of a tenant's last reading, by us and by the peers."""

    mark: str
    digest: str
    document: Any
    raw: bytes
    canonical: bytes
    rows: Any


def kept(body: bytes) -> Kept:
    page = marked(CALL, Answer(status=200, headers={}, body=body), ())
    seen = whole(page)
    return Kept(
        mark=page.mark,
        digest=codec.digest(seen),
        document=json.loads(json.dumps(codec.dump(seen))),
        raw=hashlib.sha256(body).digest(),
        canonical=canonical(json.loads(body)),
        rows=json.loads(body),
    )


def whole(page: Page) -> Configuration:
    """The page of inbound connectors as the configuration it is."""
    found = read_part(CMDLETS[0], [page])
    return Configuration(parts=(found.part,), inbound_connectors=found.value)


def canonical(document: Any) -> bytes:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).digest()


def ours(bodies: list[bytes], last: list[Kept]) -> int:
    """As a reading does it: known by its mark, else read, digested and compared."""
    changes = 0
    for body, before in zip(bodies, last, strict=True):
        page = marked(CALL, Answer(status=200, headers={}, body=body), (before.mark,))
        if page.unread:
            continue
        seen = whole(page)
        if codec.digest(seen) != before.digest:
            changes += len(diff.compare(codec.load(Configuration, before.document), seen))
    return changes


def theirs(bodies: list[bytes], last: list[Kept], compare: Differ, *, raw: bool = False) -> int:
    """Canonical JSON by the standard library, and a peer's diff; `raw`: with our short cut too."""
    changes = 0
    for body, before in zip(bodies, last, strict=True):
        if raw and hashlib.sha256(body).digest() == before.raw:
            continue
        seen = json.loads(body)
        if canonical(seen) != before.canonical:
            changes += len(list(compare(before.rows, seen)))
    return changes


def readings(rounds: int) -> dict[str, Any]:
    """Answers as they are fetched, most as they were before."""
    old = [answer(n) for n in range(SNAPSHOTS)]
    last, found = [kept(body) for body in old], {}
    for percent in (0, 1, 10, 100):
        moved = [answer(n, Enabled=False) if n % 100 < percent else b for n, b in enumerate(old)]
        contenders = (
            partial(ours, moved, last),
            partial(theirs, moved, last, DeepDiff),
            partial(theirs, moved, last, jsonpatch.make_patch),
            partial(theirs, moved, last, DeepDiff, raw=True),
        )
        if len({run() for run in contenders}) > 1:
            raise SystemExit("the contenders do not agree on what changed")
        mine, deep, patch, short = best(rounds, *contenders)
        found[f"answers of {len(old[0]):,} bytes, {percent} in 100 changed"] = {
            "rate": SNAPSHOTS / mine,
            "ms": mine * 1e3,
            "json and deepdiff": deep / mine,
            "json and jsonpatch": patch / mine,
            "raw hash, json and deepdiff": short / mine,
        } | ({"target": 100_000} if percent == 10 else {})
    return found


def tenant_again(dice: random.Random, rounds: int) -> dict[str, Any]:
    """All answers of a tenant with 50 connectors and 900 domains, which all are as they were."""
    org, listed = "contoso.onmicrosoft.com", {"SenderIPAddresses": ranges(100, dice)}
    held = {
        "inbound_connectors": [rows.inbound_connector(org, f"C{n}", listed) for n in range(50)],
        "accepted_domains": [rows.accepted_domain(org, f"d{n}.example") for n in range(900)],
        "organization": [{"Name": "contoso", "RejectDirectSend": False}],
    }
    said = [
        [(f"{c.name} {n}", json.dumps({"@odata.context": "x", "value": held.get(c.part, [])}))
         for n in range(len(c.calls))]
        for c in CMDLETS
    ]  # fmt: skip
    bodies = [[(call, Answer(status=200, headers={}, body=b.encode())) for call, b in calls]
              for calls in said]  # fmt: skip

    def fetched(known: tuple[str, ...]) -> Fetched:
        return taken([[marked(call, b, known) for call, b in calls] for calls in bodies], known)

    first = fetched(())
    document = codec.dump(first.configuration)

    def anew() -> bool:
        seen = fetched(()).configuration
        return bool(codec.digest(seen)) and codec.dump(seen) == document

    if fetched(first.marks).configuration is not None or not anew():
        raise SystemExit("what did not move is not known again")
    again, read_anew = best(rounds, lambda: fetched(first.marks), anew)
    size = sum(len(b.body) for calls in bodies for _, b in calls)
    return {
        f"an unchanged tenant of {size / 1e6:.1f} MB": {
            "ms": again * 1e3, "read anew, ms": read_anew * 1e3, "ratio": read_anew / again,
        }
    }  # fmt: skip


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
        **readings(chosen.rounds),
        **tenant_again(dice, chosen.rounds),
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
