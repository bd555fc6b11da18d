"""The vantage worker's own file: which places it plays. Nothing of it is ever in a message."""

import ipaddress
import tomllib
from pathlib import Path

from mailposture import seals
from mailposture.adapters.shards import Place


class NotJoinedError(ValueError):
    """The file names a place that cannot take orders yet; the sentence says what is missing."""


def places(file: Path) -> dict[str, Place]:
    """Read the file: slug -> place. Paths in it are relative to it.

    centre = "7c1s...="                 # the centre's public key: orders of no other are taken
    queue = "queue.url"                 # the file with the queue's address; else BROKER_URL
    resolver = "192.0.2.53:53"          # optional; else the system's
    lab_networks = ["127.0.0.0/8"]      # only beside a lab
    [points.frankfurt]                  # the slug that the centre knows
    source = "198.51.100.7"             # optional
    certificate = "client.pem"          # optional: key and chain in one PEM
    authority = "ca.pem"                # only beside a lab: whom its certificate is from
    key = "frankfurt.key"               # its own private key, which signs what it reports
    """
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    networks = tuple(ipaddress.ip_network(n) for n in document.get("lab_networks", ()))
    return {
        slug: Place(
            slug=slug,
            source=point.get("source"),
            certificate=file.parent / point["certificate"] if "certificate" in point else None,
            authority=file.parent / point["authority"] if "authority" in point else None,
            resolver=document.get("resolver"),
            lab_networks=networks,
            centre=document.get("centre", ""),
            key=_key(file.parent / point["key"]) if "key" in point else "",
            memory=file.parent / "seen" / slug,
        )
        for slug, point in document.get("points", {}).items()
    }


def joined(file: Path) -> dict[str, Place]:
    """The same, for a worker: every place must have its keys. Raises NotJoinedError."""
    found = places(file)
    for slug, place in found.items():
        if not seals.is_public(place.centre):
            raise NotJoinedError(f"{file} names no public key of its centre: join it anew.")
        if not place.key:
            raise NotJoinedError(f"{file} names no key of the place {slug!r}: join it anew.")
    return found


def queue(file: Path) -> str | None:
    """The queue's address for this file's places, where they joined by a line: their account is
    in it, so it stands in a file of its own.
    """
    named = tomllib.loads(file.read_text(encoding="utf-8")).get("queue")
    if named is None:
        return None
    try:
        return (file.parent / str(named)).read_text(encoding="utf-8").strip()
    except OSError as reason:
        raise NotJoinedError(f"The address of the queue cannot be read: {reason}") from None


def _key(file: Path) -> str:
    try:
        found = file.read_text(encoding="ascii").strip()
        seals.public_of(found)
    except (OSError, ValueError) as reason:
        raise NotJoinedError(f"{file} holds no key that can be used: {reason}") from None
    return found
