"""A catalogue of requirements: read from its versioned document, and checked while reading."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mailposture.core import codec
from mailposture.core.compliance.report import Reference

JUDGED: Final = ("MP-01", "MP-02", "MP-03", "MP-04", "MP-05", "MP-08", "MP-11", "MP-13")


class CatalogueError(ValueError):
    """A catalogue that cannot be used; says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One requirement: its ID, what it demands, and the controls that it bears on."""

    id: str
    title: str
    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The requirements of a report, and what must be said beside them."""

    id: str
    version: str
    entries: tuple[Entry, ...]
    notes: tuple[str, ...]


def read(document: Mapping[str, Any]) -> Catalogue:
    """Read a catalogue's document; raises CatalogueError."""
    try:
        found = codec.load(Catalogue, dict(document))
    except codec.CodecError as error:
        raise CatalogueError(f"the catalogue cannot be read: {error}") from error
    ids = [entry.id for entry in found.entries]
    if unknown := sorted(set(ids) - set(JUDGED)):
        raise CatalogueError(f"nothing judges {', '.join(unknown)}")
    if len(ids) != len(set(ids)):
        raise CatalogueError("a requirement stands in it twice")
    return found
