"""Lines of PowerShell that change a connector, and the lines that take them back."""

import unicodedata
from collections.abc import Iterator
from itertools import chain, count
from typing import Any, Final

from mailposture.core.addresses import AddressSet
from mailposture.core.configuration import (
    Configuration,
    ConnectorType,
    InboundConnector,
    exchange_name,
)
from mailposture.core.powershell import quoted
from mailposture.core.words import HIDDEN, wire

# The widest network that SenderIPAddresses takes (New-InboundConnector).
WIDEST: Final = 24
LONGEST_NAME: Final = 64
DIRECT_SEND: Final = "Set-OrganizationConfig -RejectDirectSend "


def value(given: object) -> str:
    """A value as PowerShell reads it; an empty list is $null, which empties the setting."""
    if given is None or given == ():
        return "$null"
    if isinstance(given, bool):
        return "$true" if given else "$false"
    if isinstance(given, tuple):
        return ",".join(quoted(str(item)) for item in given)
    return quoted(given.value if isinstance(given, ConnectorType) else str(given))


def parameters(fields: dict[str, Any]) -> str:
    """Fields of ours as parameters of a command."""
    return " ".join(f"-{exchange_name(name)} {value(given)}" for name, given in fields.items())


def new_line(name: str, fields: dict[str, Any]) -> str:
    """The line that makes a connector."""
    return f"New-InboundConnector -Name {quoted(name)} {parameters(fields)}"


def remove_line(name: str) -> str:
    """The line that removes one."""
    return f"Remove-InboundConnector -Identity {quoted(name)} -Confirm:$false"


def set_line(identity: str, fields: dict[str, Any]) -> str:
    """The line that changes one."""
    return f"Set-InboundConnector -Identity {quoted(identity)} {parameters(fields)}"


def back_line(identity: str, connector: InboundConnector, fields: dict[str, Any]) -> str:
    """The line that gives the same fields the values they have now."""
    return set_line(identity, {name: getattr(connector, name) for name in fields})


def identity(configuration: Configuration, connector: InboundConnector) -> str:
    """By what a connector is meant: its name, or its guid where a name would not do.

    A name does not do that stands there twice, that begins or ends with a blank, or that nobody
    can see whole.
    """
    name = connector.name
    alike = [
        c
        for c in configuration.inbound_connectors or ()
        if name.strip().lower() in (c.name.strip().lower(), c.guid.lower())
    ]
    plain = name == name.strip() and name and not any(is_hidden(c) for c in name)
    return name if plain and len(alike) == 1 else connector.guid


def is_hidden(character: str) -> bool:
    """Whether a character is invisible, ends a line, or turns the text around it."""
    return character == "\n" or unicodedata.category(character) in HIDDEN


def free_name(configuration: Configuration, wanted: str) -> str:
    """This name, with a number where another connector bears it."""
    taken = {c.name.strip().lower() for c in configuration.inbound_connectors or ()}
    return next(name for name in _numbered(wanted) if name.lower() not in taken)


def _numbered(wanted: str) -> Iterator[str]:
    tails = chain(("",), (f" {number}" for number in count(2)))
    return (wanted[: LONGEST_NAME - len(tail)].strip() + tail for tail in tails)


def entries(found: AddressSet) -> tuple[str, ...]:
    """The IPv4 addresses of a set as SenderIPAddresses takes them: no network wider than /24."""
    return tuple(part for text in AddressSet(v4=found.v4).cidrs() for part in _narrow(text))


def _narrow(text: str) -> Iterator[str]:
    first, _, length = text.partition("/")
    if not length or int(length) >= WIDEST:
        yield text
        return
    start = int.from_bytes(bytes(map(int, first.split("."))), "big")
    for step in range(1 << (WIDEST - int(length))):
        number = start + (step << (32 - WIDEST))
        yield f"{'.'.join(map(str, number.to_bytes(4, 'big')))}/{WIDEST}"


def comment(text: str) -> str:
    """A line that PowerShell passes over, whatever is in the text."""
    return "# " + wire(text).replace("\n", "\\x0A")
