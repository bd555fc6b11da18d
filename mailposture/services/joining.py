"""How a vantage point and its centre come to know each other's keys."""

import os
import re
import tomllib
from pathlib import Path
from typing import Final

from mailposture import models, seals
from mailposture.services import sealing

_TABLE: Final = re.compile(r"^\[points\.(?P<slug>[^\]]+)\]\s*$", re.MULTILINE)


def join_here(file: Path) -> None:
    """Join the places of a worker's file on this machine: the centre's key and a key for each
    place are written where they are missing, and what is public of them is kept.

    A place that the centre does not know is left alone; its worker says so when it starts.
    """
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    points = document.get("points", {})
    for slug in points:
        place = models.VantagePoint.objects.filter(slug=slug).first()
        if place is not None:
            _register(place, _key(file.parent / points[slug].get("key", f"{slug}.key")))
    _complete(file, document)


def _register(place: models.VantagePoint, private: str) -> None:
    public = seals.public_of(private)
    if place.public_key != public:
        models.VantagePoint.objects.filter(pk=place.pk).update(public_key=public)


def _key(file: Path) -> str:
    """The private key of a file, made with it where there is none."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text(encoding="ascii").strip()
    private = seals.fresh_key()
    with os.fdopen(descriptor, "w", encoding="ascii") as fresh:
        fresh.write(private + "\n")
    return private


def _complete(file: Path, document: dict[str, object]) -> None:
    """Write the missing lines in; what somebody wrote into the file stays as it is."""
    text = file.read_text(encoding="utf-8")
    points = document.get("points", {})

    def with_key(table: re.Match[str]) -> str:
        slug = table["slug"].strip("\"'")
        has_one = isinstance(points, dict) and "key" in points.get(slug, {})
        return table[0] if has_one else f'{table[0].rstrip()}\nkey = "{slug}.key"\n'

    fresh = _TABLE.sub(with_key, text)
    if document.get("centre") != sealing.centre_key():
        lines = [line for line in fresh.splitlines() if not line.startswith("centre")]
        fresh = "\n".join([f'centre = "{sealing.centre_key()}"', *lines]) + "\n"
    if fresh != text:
        beside = file.with_name(f".{file.name}.fresh")
        beside.write_text(fresh, encoding="utf-8")
        beside.replace(file)
