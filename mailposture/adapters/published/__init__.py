"""The lists of providers' addresses that are shipped: dated copies, a file each (MANIFEST.md)."""

import json
from functools import cache
from pathlib import Path
from typing import Final

from mailposture.core.posture import Published
from mailposture.core.published import Provider, provider

FOLDER: Final = Path(__file__).parent
# Made up, in addresses of documentation: for tenants of the lab alone.
LAB: Final = "lab.json"


@cache
def providers(*, lab: bool = False) -> tuple[Provider, ...]:
    """Every provider's list, by name; the one that was made up for the lab only there."""
    files = sorted(FOLDER.glob("*.json"))
    return tuple(
        provider(json.loads(file.read_text(encoding="utf-8")))
        for file in files
        if lab or file.name != LAB
    )


@cache
def published(*, lab: bool = False) -> tuple[Published, ...]:
    """The same as the rules of posture take them."""
    return tuple(
        Published(
            name=one.name,
            kind=str(one.kind),
            dated=one.dated,
            addresses=one.addresses,
            url=one.url,
            anyone=one.anyone,
            microsoft=one.microsoft,
            whole=one.whole,
        )
        for one in providers(lab=lab)
    )
