"""Who may deliver, written down: as one JSON document, and for people.

The domains of a tenant are mostly alike, so that every set is written once and used again.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Final

from mailposture.core.addresses import AddressSet, counted
from mailposture.core.configuration import Configuration
from mailposture.core.proposals import Proposal
from mailposture.core.reachability import (
    Comparison,
    Moved,
    Reach,
    compare,
)
from mailposture.management import bundles

MOST_LISTED: Final = 8


def comparison(before: Configuration, proposal: Proposal | None) -> Comparison:
    """Before and after; without a proposal both are the same."""
    return compare(before, proposal.configuration if proposal else before)


# ---- JSON ----------------------------------------------------------------------------------


def as_json(before: Configuration, proposal: Proposal | None) -> Iterator[str]:
    """One document in pieces. With a proposal it is who may deliver after it."""
    found = comparison(before, proposal)
    written: dict[int, str] = {}
    yield '{"domains": {'
    for number, domain in enumerate(found.domains):
        of_classes = []
        for sender_class in found.classes:
            moved = found.of(domain, sender_class)
            if id(moved) not in written:
                written[id(moved)] = json.dumps(_moved(moved) if proposal else _reach(moved.after))
            of_classes.append(f"{json.dumps(sender_class)}: {written[id(moved)]}")
        comma = ",\n" if number else "\n"
        yield f"{comma}{json.dumps(domain)}: {{{', '.join(of_classes)}}}"
    yield "\n}}\n"


def _moved(moved: Moved) -> dict[str, Any]:
    gained = _who(moved.gained, moved.certificates_gained)
    lost = _who(moved.lost, moved.certificates_lost)
    return {**_reach(moved.after), "gained": gained, "lost": lost}


def _reach(reach: Reach) -> dict[str, Any]:
    return {
        **_who(reach.addresses, reach.certificates),
        "assumptions": list(reach.assumptions),
        **bundles.together(reach.together),
    }


def _who(addresses: AddressSet, certificates: Iterable[str]) -> dict[str, Any]:
    return {
        "ipv4": _family(AddressSet(v4=addresses.v4)),
        "ipv6": _family(AddressSet(v6=addresses.v6)),
        "certificates": list(certificates),
    }


@cache
def _family(addresses: AddressSet) -> dict[str, Any]:
    return {"addresses": addresses.size, "cidrs": list(networks(addresses))}


def networks(addresses: AddressSet) -> Iterator[str]:
    """The fewest networks, each with its prefix length."""
    for cidr in addresses.cidrs():
        yield cidr if "/" in cidr else f"{cidr}/{128 if ':' in cidr else 32}"


# ---- for people ----------------------------------------------------------------------------


def as_text(before: Configuration, proposal: Proposal | None) -> Iterator[str]:
    """The same for people: domains that are alike stand together."""
    for line in _lines(comparison(before, proposal), proposal):
        yield bundles.safe(line) + "\n"


def _lines(found: Comparison, proposal: Proposal | None) -> Iterator[str]:
    if proposal:
        yield "Proposed"
        yield from (f"  {step}" for step in proposal.steps)
        yield from (f"  Mind: {warning}" for warning in proposal.warnings)
        yield ""
    rests_on: dict[str, None] = {}
    pairs: dict[tuple[str, str], None] = {}
    for domains, moves in _alike(found).items():
        yield ", ".join(_some(domains, "domains"))
        for moved in moves:
            rests_on.update(dict.fromkeys(moved.after.assumptions))
            pairs.update(dict.fromkeys(moved.after.together))
        for classes, moved in _together(found.classes, moves):
            yield from _of_classes(classes, moved, changed=proposal is not None)
        yield ""
    if rests_on or pairs:
        yield "Rests on"
        yield from (f"  {sentence}" for sentence in bundles.assumed(rests_on))
        yield from (f"  {one} and {other}, only together" for one, other in pairs)


def _alike(found: Comparison) -> dict[tuple[str, ...], tuple[Moved, ...]]:
    """Domains by what may be delivered to them."""
    groups: dict[tuple[int, ...], list[str]] = {}
    moves: dict[tuple[int, ...], tuple[Moved, ...]] = {}
    for domain in found.domains:
        row = tuple(found.of(domain, sender_class) for sender_class in found.classes)
        key = tuple(map(id, row))
        groups.setdefault(key, []).append(domain)
        moves[key] = row
    return {tuple(domains): moves[key] for key, domains in groups.items()}


def _together(
    classes: Iterable[str], moves: Iterable[Moved]
) -> Iterator[tuple[tuple[str, ...], Moved]]:
    """Classes of sender that fare alike, in one, whatever that rests on."""
    alike: dict[object, tuple[list[str], Moved]] = {}
    for sender_class, moved in zip(classes, moves, strict=True):
        reaches = (moved.before, moved.after)
        shown = tuple((one.addresses, one.certificates) for one in reaches)
        alike.setdefault(shown, ([], moved))[0].append(sender_class)
    return ((tuple(names), moved) for names, moved in alike.values())


def _of_classes(classes: tuple[str, ...], moved: Moved, *, changed: bool) -> Iterator[str]:
    yield f"  {', '.join(_some(classes, 'classes'))}: {_said(moved.after.addresses)}"
    if moved.after.certificates:
        yield f"    any address with a certificate for {', '.join(moved.after.certificates)}"
    if not changed:
        return
    if not moved:
        yield "    as before"
        return
    for word, addresses, names in (
        ("gained", moved.gained, moved.certificates_gained),
        ("lost", moved.lost, moved.certificates_lost),
    ):
        if addresses:
            yield f"    {word}: {_said(addresses)}"
        if names:
            yield f"    {word}: certificates for {', '.join(names)}"


def _said(addresses: AddressSet) -> str:
    families = (("IPv4", AddressSet(v4=addresses.v4)), ("IPv6", AddressSet(v6=addresses.v6)))
    said = [
        f"{name} {counted(one.size)} ({', '.join(_some(tuple(networks(one)), 'networks'))})"
        for name, one in families
        if one
    ]
    return "; ".join(said) or "no address"


def _some(names: Sequence[str], what: str) -> list[str]:
    shown = list(names[:MOST_LISTED])
    more = len(names) - len(shown)
    return [*shown, f"and {more:,} more {what}"] if more else shown
