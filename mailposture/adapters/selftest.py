"""What a place finds out about itself: its reverse name, block lists, and whether port 25 is open.

It is asked by the centre, asks its own resolver, and judges each target by itself like any other.
Nothing is concluded here: the centre does that (services/selftests.py).
"""

import socket
import time
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Final

from mailposture.adapters import dns, shards
from mailposture.core.work import SelfTest

# All of it must fit between two hellos.
DNS_SECONDS: Final = 5.0
CONNECT_SECONDS: Final = 3.0
# Where the first door took longer, no other is tried.
ONE_DOOR_SECONDS: Final = 4.0
MOST_LISTS: Final = 10
MOST_NAMES: Final = 5
MOST_DOORS: Final = 2
_LONGEST_BANNER: Final = 512
# RFC 5782 section 5: what every list holds, and what none does.
_ALWAYS: Final = {4: "127.0.0.2", 6: "::ffff:7f00:2"}
_NEVER: Final = {4: "127.0.0.1", 6: "::ffff:7f00:1"}
# By these a list says that it answers no questions of this resolver; Spamhaus documents them.
_REFUSAL: Final = "127.255.255."


def run(asked: SelfTest, place: shards.Place) -> dict[str, Any]:
    """Everything that was asked, as JSON-safe values; never raises for what others answer."""
    found: dict[str, Any] = {"address": asked.address, "port": port(asked, place)}
    try:
        ip_address(asked.address)
        resolver = dns.Resolver(place.resolver).within(DNS_SECONDS)
    except (ValueError, dns.DnsError):
        return found
    lists = [{"zone": z, **listed(asked.address, z, resolver)} for z in asked.lists[:MOST_LISTS]]
    return {**found, **reverse(asked.address, resolver), "lists": lists}


def reverse(address: str, resolver: dns.Resolver) -> dict[str, Any]:
    """The names of an address, and of them the one that leads back to it (RFC 8601 2.7.3)."""
    family = ip_address(address).version
    try:
        names = resolver.names(address)[:MOST_NAMES]
        back = next((n for n in names if address in resolver.addresses(n, (family,))), "")
    except dns.DnsError:
        return {"names": None, "confirmed": ""}
    return {"names": names, "confirmed": back}


def listed(address: str, zone: str, resolver: dns.Resolver) -> dict[str, Any]:
    """What a block list says of an address, and whether it can be believed at all."""
    family = ip_address(address).version
    try:
        always = _codes(_ALWAYS[family], zone, resolver)
        if refused := [code for code in always if code.startswith(_REFUSAL)]:
            return {"says": "refused", "codes": refused}
        if not always or _codes(_NEVER[family], zone, resolver):
            return {"says": "odd", "codes": []}
        codes = _codes(address, zone, resolver)
    except dns.DnsError:
        return {"says": "silent", "codes": []}
    if any(code.startswith(_REFUSAL) for code in codes):
        return {"says": "refused", "codes": codes}
    return {"says": "listed" if codes else "clear", "codes": codes}


def _codes(address: str, zone: str, resolver: dns.Resolver) -> list[str]:
    """The answers of a list; an address elsewhere is a resolver's invention, and no answer."""
    name = f"{dns.reversed_labels(address)}.{zone}"
    return [code for code in resolver.addresses(name, (4,)) if code.startswith("127.")]


def port(asked: SelfTest, place: shards.Place) -> dict[str, str]:
    """Whether a mail server of the user's own answers from here on port 25."""
    tried: list[str] = []
    began = time.monotonic()
    for host in asked.canary[:MOST_DOORS]:
        if time.monotonic() - began > ONE_DOOR_SECONDS:
            break
        door = shards.door(host, asked.port, place)
        for address in door.addresses[:1]:
            why = _knock(address, asked.port, place.source)
            if not why:
                return {"says": "open", "host": host, "why": ""}
            tried.append(why)
    if not tried:
        return {"says": "unknown", "host": "", "why": "no canary could be tried"}
    return {"says": "blocked", "host": asked.canary[0], "why": tried[0][:200]}


def _knock(address: str, number: int, source: str | None) -> str:
    """Why no mail server greets there; empty if one does. Nothing but QUIT is said."""
    local = (source, 0) if source else None
    try:
        with socket.create_connection((address, number), CONNECT_SECONDS, local) as wire:
            greeting = wire.recv(_LONGEST_BANNER)
            with suppress(OSError):
                wire.sendall(b"QUIT\r\n")
    except OSError as failed:
        return "no answer in time" if isinstance(failed, TimeoutError) else str(failed)
    return "" if greeting[:3].isdigit() else "what answers is no mail server"
