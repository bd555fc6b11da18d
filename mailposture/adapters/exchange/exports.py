"""JSON as PowerShell writes it, brought to the shape in which the Admin API answers.

ConvertTo-Json of 5.1 wraps lists ({"value": [...], "Count": 2}) and enumerations ({"value": 2,
"Value": "Partner"}), 7 writes enumerations as numbers. What stood deeper than its -Depth became
a text, members of lists with blanks between; or the name of a type, which is no value at all.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from mailposture.adapters.exchange.envelope import Row, storable
from mailposture.core.configuration import exchange_name, kinds_of

# Names of the numbers (Microsoft.Exchange.Data and .Directory.SystemConfiguration). A number that
# is not here is not guessed at: its field counts as absent.
CONNECTOR_TYPES: Final = {1: "OnPremises", 2: "Partner"}
ENUMERATIONS: Final[Mapping[str, Mapping[int, str]]] = {
    "ConnectorType": CONNECTOR_TYPES,
    "ConnectorSource": {0: "Default", 1: "Migrated", 2: "HybridWizard"},
    "DomainType": {0: "Authoritative", 1: "ExternalRelay", 2: "InternalRelay"},
    "State": {},
    "Mode": {},
    "TlsSettings": {},
}
BY_WORD: Final = {name.lower(): name for name in CONNECTOR_TYPES.values()}

# Who a row is, where what it is usually known by was left out (Select-Object): no decision reads
# these, so that a hand-made export is not refused for them.
STAND_INS: Final[Mapping[str, tuple[str, ...]]] = {
    "Name": ("Identity", "Id", "DisplayName"),
    "Guid": ("ExchangeObjectId", "Identity", "Name", "DomainName"),
}

_TYPE_NAME: Final = re.compile(r"(?:System|Microsoft\.Exchange)\.[\w.`]+(?:\[.*)?")
_BLANKS: Final = re.compile(r"\s+")
# Lists of names without blanks in them: one text holds them all where the export was not deep.
_FLATTENED: Final = frozenset({"AssociatedAcceptedDomains", "TrustedOrganizations"})


def row(value_type: type, given: Row) -> dict[str, Any]:
    """A row by the names of its type's fields; what an export spoilt is left out."""
    spelt = _spelt(value_type)
    found: dict[str, Any] = {}
    for key, value in given.items():
        name = spelt.get(key.lower(), key)
        read = _value(name, value)
        if read is not _SPOILT:
            found[name] = read
    for name, others in STAND_INS.items():
        if name in spelt.values() and not found.get(name):
            _stand_in(found, name, others)
    return found


@cache
def _spelt(value_type: type) -> dict[str, str]:
    """Exchange's names by their lower case."""
    return {exchange_name(name).lower(): exchange_name(name) for name in kinds_of(value_type)}


def _stand_in(found: dict[str, Any], name: str, others: tuple[str, ...]) -> None:
    texts = (found[other] for other in others if isinstance(found.get(other), str))
    if text := next(filter(None, texts), None):
        found[name] = text


_SPOILT: Final = object()


def _value(name: str, value: Any) -> Any:
    value = unwrapped(value)
    is_text = isinstance(value, str)
    if (is_text and _TYPE_NAME.fullmatch(value[:200])) or (name == "Guid" and not is_text):
        return _SPOILT
    if name in _FLATTENED and isinstance(value, str):
        return _BLANKS.split(value.strip())
    if name in ENUMERATIONS and isinstance(value, int) and not isinstance(value, bool):
        return ENUMERATIONS[name].get(value, _SPOILT)
    if name == "ConnectorType" and isinstance(value, str):
        return BY_WORD.get(value.strip().lower(), value)
    return value


def unwrapped(value: Any) -> Any:
    """A value out of the object in which Windows PowerShell puts lists and enumerations; texts in
    a form that can be stored and shown.
    """
    if isinstance(value, dict):
        if value.keys() == {"value", "Value"}:
            return value["Value"]
        if value.keys() == {"value", "Count"} and isinstance(value["value"], list):
            return [unwrapped(item) for item in value["value"]]
        return value
    if isinstance(value, list):
        return [unwrapped(item) for item in value]
    return storable(value) if isinstance(value, str) else value
