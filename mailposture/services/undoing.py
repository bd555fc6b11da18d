"""The one line that takes a thrown switch back. People run it, we never do."""

from collections.abc import Mapping
from typing import Any, Final

from mailposture import models
from mailposture.core.powershell import quoted

# Only of a switch is the way back a single line that cannot be wrong (Set-InboundConnector).
_SWITCHES: Final = frozenset(
    {"Enabled", "RequireTls", "RestrictDomainsToIPAddresses", "RestrictDomainsToCertificate"}
)
_VALUES: Final[Mapping[str | None, str]] = {"True": "$true", "False": "$false"}


def line(change: models.Change) -> dict[str, Any] | None:
    """What puts the switch back as it was; None where it takes more than a switch."""
    is_switch = change.part == "inbound_connectors" and change.field in _SWITCHES
    if not is_switch or change.was not in _VALUES:
        return None
    value = _VALUES[change.was]
    title = "Turn the connector back on" if change.field == "Enabled" else "Put it back as it was"
    return {
        "title": title if value == "$true" else "Put it back as it was",
        "command": f"Set-InboundConnector {quoted(change.subject)} -{change.field} {value}",
        "note": "Takes this change back. Whom it would cut off is not worked out here: "
        "look at the approved sources first.",
    }
