"""A proposed change as people have it: PowerShell that was never run, or JSON."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from mailposture.adapters.exchange.bundle import decoded, document, is_bundle, read_bundle
from mailposture.adapters.exchange.envelope import storable
from mailposture.adapters.exchange.exports import unwrapped
from mailposture.core.configuration import Configuration
from mailposture.core.powershell import Edit, commands
from mailposture.core.proposals import (
    Proposal,
    ProposalError,
    propose,
    propose_documents,
    with_parts,
)

# Around the rows of a cmdlet's answer, raw or exported.
_ENVELOPE: Final = frozenset({"value", "count"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Most:
    """How much may be proposed at once: commands, connectors and rules; and the values in them."""

    objects: int
    values: int


def read_proposal(configuration: Configuration, data: bytes, most: Most | None = None) -> Proposal:
    """What a proposal makes of a configuration, whichever way it is written.

    JSON begins with a bracket: a bundle puts whole parts in place, anything else edits connectors.
    Raises PowerShellError, BundleError or ProposalError, which are ValueErrors.
    """
    text = decoded(data)
    if not text.strip():
        raise ProposalError("the proposal is empty")
    if text.lstrip()[0] not in "[{":
        told = commands(text)
        _bounded((list(c.parameters.values()) for c in told), most, "commands")
        return propose(configuration, told)
    given = document(text.encode("utf-8", "surrogatepass"))
    if is_bundle(given):
        parts = read_bundle(given)
        _bounded(_held(parts), most, "connectors, rules and filters")
        return with_parts(configuration, parts)
    return read_documents(configuration, [_plain(one) for one in _objects(given)], most)


def read_documents(
    configuration: Configuration, documents: Sequence[Any], most: Most | None = None
) -> Proposal:
    """What objects make of a configuration. Raises ProposalError."""
    each = (list(one.values()) if isinstance(one, Mapping) else [one] for one in documents)
    _bounded(each, most, "connectors")
    return propose_documents(configuration, documents)


# ---- how much at once ----------------------------------------------------------------------

_COUNTED: Final = (
    "inbound_connectors",
    "outbound_connectors",
    "transport_rules",
    "connection_filters",
)


def _held(parts: Configuration) -> Iterable[list[Any]]:
    """The values of everything in these parts that is worked with one by one."""
    for name in _COUNTED:
        for one in getattr(parts, name) or ():
            yield [getattr(one, field.name) for field in fields(one)]


def _bounded(objects: Iterable[list[Any]], most: Most | None, called: str) -> None:
    """Refuse more than may be proposed, and say how much that is."""
    if most is None:
        return
    number = values = 0
    for one in objects:
        number += 1
        values += sum(map(_size, one))
    for found, bound, what in (
        (number, most.objects, called),
        (values, most.values, "values"),
    ):
        if found > bound:
            raise ProposalError(
                f"this proposes {found:,} {what}, and a page takes at most {bound:,}:"
                " ask manage.py reach --propose, which takes more"
            )


def _size(value: Any) -> int:
    """How many values stand in one: of a list its members, of an edit both lists."""
    if isinstance(value, Edit):
        return len(value.add) + len(value.remove)
    if isinstance(value, Mapping):
        return sum(len(held) if isinstance(held, list) else 1 for held in value.values())
    return len(value) if isinstance(value, list | tuple) else 1


def _objects(given: Any) -> list[Any]:
    if isinstance(given, Mapping):
        names = {str(key).lower() for key in given if "@" not in str(key)}
        if names and names <= _ENVELOPE and isinstance(given.get("value"), list):
            return list(given["value"])
    return given if isinstance(given, list) else [given]


def _plain(one: Any) -> Any:
    """An object without what exports wrap around its values."""
    return (
        {storable(str(k)): unwrapped(v) for k, v in one.items()}
        if isinstance(one, Mapping)
        else one
    )
