"""One host that gets in although nobody approved it: the smallest proof that a door is open."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mailposture.core.addresses import NOWHERE, AddressSet, parse
from mailposture.core.reachability.regions import Reachability

# Addresses that no host on the Internet sends from (RFC 6890 and its registries; RFC 5771, 4291).
RESERVED: Final = parse(
    (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "::/3",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "4000::/2",
        "8000::/1",
    )
)
PUBLIC: Final = RESERVED.complement()


@dataclass(frozen=True, kw_only=True, slots=True)
class Witness:
    """A host and an envelope that the configuration lets in, over TLS without a certificate."""

    address: str
    domain: str
    sender_class: str
    assumptions: tuple[str, ...]


def smallest(addresses: AddressSet) -> str | None:
    """The lowest address that a host on the Internet could have, else the lowest; IPv4 first."""
    for among in (addresses & PUBLIC, addresses):
        if first := among.first():
            return first
    return None


def witness(reach: Reachability, approved: AddressSet = NOWHERE) -> Witness | None:
    """The first host that gets in and is not approved: fewest assumptions, then foreign first."""
    found = list(_witnesses(reach, approved))
    return min(found, key=lambda one: len(one.assumptions), default=None)


def _witnesses(reach: Reachability, approved: AddressSet) -> Iterator[Witness]:
    seen: set[tuple[int, str]] = set()  # by identity: a Space hands out few sets, and the same ones
    for sender_class in reach.classes:
        for domain in reach.domains:
            found = reach.of(domain, sender_class)
            if (id(found.addresses), sender_class) in seen:
                continue
            seen.add((id(found.addresses), sender_class))
            if address := smallest(found.addresses - approved):
                yield Witness(
                    address=address,
                    domain=domain,
                    sender_class=sender_class,
                    assumptions=found.assumptions,
                )
