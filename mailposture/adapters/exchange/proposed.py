"""A proposed change as people have it: PowerShell that was never run, or JSON."""

from collections.abc import Mapping
from typing import Any, Final

from mailposture.adapters.exchange.bundle import decoded, document, is_bundle, read_bundle
from mailposture.adapters.exchange.envelope import storable
from mailposture.adapters.exchange.exports import unwrapped
from mailposture.core.configuration import Configuration
from mailposture.core.powershell import commands
from mailposture.core.proposals import (
    Proposal,
    ProposalError,
    propose,
    propose_documents,
    with_parts,
)

# Around the rows of a cmdlet's answer, raw or exported.
_ENVELOPE: Final = frozenset({"value", "count"})


def read_proposal(configuration: Configuration, data: bytes) -> Proposal:
    """What a proposal makes of a configuration, whichever way it is written.

    JSON begins with a bracket: a bundle puts whole parts in place, anything else edits connectors.
    Raises PowerShellError, BundleError or ProposalError, which are ValueErrors.
    """
    text = decoded(data)
    if not text.strip():
        raise ProposalError("the proposal is empty")
    if text.lstrip()[0] not in "[{":
        return propose(configuration, commands(text))
    given = document(text.encode("utf-8", "surrogatepass"))
    if is_bundle(given):
        return with_parts(configuration, read_bundle(given))
    return propose_documents(configuration, [_plain(one) for one in _objects(given)])


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
