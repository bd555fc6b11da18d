"""The vantage worker's own file: which places it plays. Nothing of it is ever in a message."""

import ipaddress
import tomllib
from pathlib import Path

from mailposture.adapters.shards import Place


def places(file: Path) -> dict[str, Place]:
    """Read the file: slug -> place. Paths in it are relative to it.

    resolver = "192.0.2.53:53"          # optional; else the system's
    lab_networks = ["127.0.0.0/8"]      # only beside a lab
    [points.frankfurt]                  # the slug that the centre knows
    source = "198.51.100.7"             # optional
    certificate = "client.pem"          # optional: key and chain in one PEM
    """
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    networks = tuple(ipaddress.ip_network(n) for n in document.get("lab_networks", ()))
    return {
        slug: Place(
            slug=slug,
            source=point.get("source"),
            certificate=file.parent / point["certificate"] if "certificate" in point else None,
            resolver=document.get("resolver"),
            lab_networks=networks,
        )
        for slug, point in document.get("points", {}).items()
    }
