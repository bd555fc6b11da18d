"""Where a probe may connect: Microsoft's mail names on public addresses, and the lab."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from mailposture.core import hosts

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network

SMTP: Final = 25
NAMES: Final = hosts.MAIL_NAMES

_HOST: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.(?!-)[a-z0-9_-]{1,63})+\Z")

# Global unicast, but for the ways to write an IPv4 address in it: 6to4, and what Teredo,
# benchmarks and documentation have of 2001::/23. NAT64 and mapped forms lie outside.
_IPV6_PUBLIC: Final = ip_network("2000::/3")
_IPV6_TUNNELS: Final = (ip_network("2002::/16"), ip_network("2001::/23"))

# What `is_global` lets pass, or lets pass in some releases of Python only, and where no mail server
# can be: IANA's registries of special purposes, and one address of Azure's hosts.
_NO_PLACE: Final = tuple(
    map(
        ip_network,
        (
            "168.63.129.16/32",  # the host beneath a virtual machine of Azure
            "192.0.0.0/24",  # protocol assignments, RFC 6890
            "192.88.99.0/24",  # relays of 6to4, RFC 7526
            "192.31.196.0/24",  # AS112, RFC 7535
            "192.52.193.0/24",  # AMT, RFC 7450
            "192.175.48.0/24",  # AS112, RFC 7534
            "192.0.2.0/24",  # documentation, RFC 5737
            "198.51.100.0/24",
            "203.0.113.0/24",
            "198.18.0.0/15",  # benchmarks, RFC 2544
            "2001:db8::/32",  # documentation, RFC 3849
            "3fff::/20",  # documentation, RFC 9637
            "2620:4f:8000::/48",  # AS112, RFC 7534
        ),
    )
)


class Refusal(Exception):  # noqa: N818 - it is what it says, and no error of ours
    """A target that must not be probed; the sentence says why."""


def host_name(text: str) -> str | None:
    """A host name in lower case without its final dot, or None if it is none."""
    name = text.strip().removesuffix(".").lower()
    return name if len(name) <= 253 and _HOST.match(name) else None


def is_below(host: str, suffixes: Iterable[str]) -> bool:
    """Whether a host is strictly below one of the suffixes, on a label's border."""
    name = host_name(host)
    return name is not None and any(name.endswith(f".{suffix}") for suffix in suffixes)


def is_microsoft_mail(host: str) -> bool:
    """Whether a name is that of a tenant's door or of a front end behind it."""
    return is_below(host, NAMES)


def networks(text: str) -> tuple[Network, ...]:
    """Read CIDRs with commas, as MAILPOSTURE_LAB_NETWORKS has them; ValueError if odd."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def in_lab(address: str, lab_networks: Sequence[Network]) -> bool:
    """Whether an address is inside the lab."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found.version == network.version and found in network for network in lab_networks)


def may_target(host: str, address: str, port: int, lab_networks: Sequence[Network] = ()) -> None:
    """Let a target pass, or raise Refusal. Ask again wherever the connect is made.

    ``address`` is the one the connect is pinned to. The lab's addresses may be met on any
    port and under any name; everything else is Microsoft's, on port 25, in public.
    """
    try:
        target = ip_address(address)
    except ValueError:
        raise Refusal(f"{address!r} is not an address") from None
    if in_lab(address, lab_networks):
        if not 0 < port < 65536:
            raise Refusal(f"{port} is not a port")
        return
    if port != SMTP:
        raise Refusal(f"port {port}: outside the lab only port {SMTP} is probed")
    if not is_microsoft_mail(host):
        raise Refusal(f"{host!r} is not below a Microsoft mail name")
    if reason := _not_public(target):
        raise Refusal(f"{host} resolves to {address}, {reason}")


def _not_public(address: Address) -> str | None:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return "an IPv4 address in disguise"
        if address.scope_id:
            return "which names an interface"
        if address not in _IPV6_PUBLIC or any(address in tunnel for tunnel in _IPV6_TUNNELS):
            return "which is not a public address"
    if address.is_multicast or address.is_reserved or not address.is_global:
        return "which is not a public address"
    if in_lab(str(address), _NO_PLACE):
        return "where no mail server can be"
    return None
