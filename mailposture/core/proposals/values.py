"""Values of a connector's fields as Exchange Online would store them, or why it would not.

Sources: New-InboundConnector and Set-InboundConnector (MicrosoftDocs/office-docs-powershell).
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, Final

from mailposture.core import addresses
from mailposture.core.addresses import AddressError
from mailposture.core.configuration import (
    ANY_DOMAIN,
    ConnectorType,
    InboundConnector,
    Kind,
    exchange_name,
    kinds_of,
)
from mailposture.core.powershell import Edit, Single, Value

# The widest that SenderIPAddresses takes: /24, and ranges of as many addresses.
WIDEST: Final = 256

KINDS: Final = kinds_of(InboundConnector)
# What Exchange sets by itself.
NOT_GIVEN: Final = frozenset({"guid", "when_changed_utc", "when_created_utc"})
# Lower-case Exchange name -> field.
FIELDS: Final[Mapping[str, str]] = {
    exchange_name(f.name).lower(): f.name
    for f in fields(InboundConnector)
    if f.name not in NOT_GIVEN
}
NEVER_EMPTY: Final = frozenset({"name", "sender_domains", "connector_type"})
LONGEST_NAME: Final = 64
# Running text may have lines and tabs; nothing else may hold what cannot be seen.
RUNNING: Final = frozenset({"comment", "comments"})
LAID_OUT: Final = frozenset("\n\r\t")
UNSEEN: Final[Mapping[str, str]] = {
    "Cc": "a control character",
    "Cf": "a formatting character",
    "Cs": "half a character",
    "Zl": "a line separator",
    "Zp": "a paragraph separator",
}
# Enumerations as numbers, as exports may write them (Microsoft.Exchange.Data).
TYPES: Final = {"onpremises": ConnectorType.ON_PREMISES, "partner": ConnectorType.PARTNER}
TYPES_BY_NUMBER: Final = {"1": ConnectorType.ON_PREMISES, "2": ConnectorType.PARTNER}


class ProposalError(ValueError):
    """A proposal that Exchange Online would refuse, or that does not say enough: in words."""


def stored(field: str, value: Value, was: Any) -> Any:
    """The value of a field after this was given for it, `was` being its value before.

    Raises ProposalError where Exchange would not take it.
    """
    kind, name = KINDS[field], exchange_name(field)
    if value != was:  # what is there already is not asked for anew
        _seen(field, name, value)
    if kind in READERS:
        found = _ordered(kind, _members(field, kind, value, was))
    elif isinstance(value, tuple | Edit):
        raise ProposalError(f"{name} takes one value")
    else:
        found = _single(kind, name, value)
    if not found and field in NEVER_EMPTY:
        raise ProposalError(f"{name} cannot be empty")
    return found


def _seen(field: str, name: str, value: Value) -> None:
    """Refuse what nobody can see, and what a terminal acts on when it is pasted."""
    spared = LAID_OUT if field in RUNNING else frozenset()
    given = value.add if isinstance(value, Edit) else value  # what goes may be as it is
    for text in given if isinstance(given, tuple) else (given,):
        for character in text if isinstance(text, str) else "":
            what = UNSEEN.get(unicodedata.category(character))
            if what and character not in spared:
                raise ProposalError(_unseen(name, what, character))


def _unseen(name: str, what: str, character: str) -> str:
    called = unicodedata.name(character, "")
    sign = f"U+{ord(character):04X}" + (f" {called}" if called else "")
    return (
        f"{name} holds {what} ({sign}), which nobody sees and a terminal may act on: take it out,"
        " or type the value anew"
    )


def _members(field: str, kind: Kind, value: Value, was: Iterable[str]) -> list[str]:
    read = OF_FIELD.get(field) or READERS[kind]
    if isinstance(value, Edit):
        gone = {_same(kind, read(item)) for item in value.remove}
        kept = [item for item in was if _same(kind, item) not in gone]
        return [*kept, *(read(item) for item in value.add)]
    items = value if isinstance(value, tuple) else (value,)
    return [read(str(item)) for item in items if item is not None]


def _single(kind: Kind, name: str, value: Single) -> Any:
    if kind is Kind.FLAG:
        return _flag(name, value)
    if kind is Kind.CONNECTOR_TYPE:
        return _connector_type(value)
    if value is None or not str(value).strip():
        return None
    if name == "TlsSenderCertificateName":
        return _domain(str(value), "TlsSenderCertificateName")
    if name == "Name" and len(str(value)) > LONGEST_NAME:
        raise ProposalError(f"a connector's name has at most {LONGEST_NAME} characters")
    return str(value)


def _flag(name: str, value: Single) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).strip().lower() in ("true", "false"):
        return str(value).strip().lower() == "true"
    raise ProposalError(f"{name} is true or false, and not {_shown(value)}")


def _connector_type(value: Single) -> ConnectorType:
    word = str(value).strip().lower()
    if found := TYPES.get(word) or TYPES_BY_NUMBER.get(word):
        return found
    raise ProposalError(f"ConnectorType is Partner or OnPremises, and not {_shown(value)}")


def _shown(value: object) -> str:
    return repr(str(value)[:80])


# ---- members of lists ----------------------------------------------------------------------

_PREFIXED: Final = re.compile(r"^(?:smtp:)?(.*?)(?:;\d+)?$", re.IGNORECASE)
_DOMAIN: Final = re.compile(r"(?:\*\.)?[\w-]+(?:\.[\w-]+)*")


def sender_address(text: str) -> str:
    """One entry of SenderIPAddresses in the spelling in which it is kept.

    Exchange Online takes IPv4 alone: an address, a network from /24 to /32, whose host bits may be
    set, and a range of at most 256 addresses. Raises ProposalError for anything else.
    """
    # Only the blanks around a dash or slash mean nothing.
    entry = re.sub(r" ?([-/]) ?", r"\1", " ".join(text.split())) if len(text) < 200 else text
    try:
        family, (first, last) = addresses.parse_entry(entry)
    except AddressError as problem:
        raise ProposalError(f"SenderIPAddresses: {problem}") from None
    if family != 4:
        raise ProposalError(f"SenderIPAddresses takes no IPv6 address such as {entry}")
    if last - first + 1 > WIDEST:
        wide = "network wider than /24" if "/" in entry else f"range of more than {WIDEST}"
        raise ProposalError(f"SenderIPAddresses takes no {wide}: {entry}")
    return entry


def _skipped_address(text: str) -> str:
    entry = re.sub(r"\s+", "", text).lower()
    try:
        addresses.parse_entry(entry)
    except AddressError as problem:
        raise ProposalError(f"EFSkipIPs: {problem}") from None
    return entry


def _sender_domain(text: str) -> str:
    match = _PREFIXED.match(text.strip())
    found = match[1].strip() if match else ""
    return ANY_DOMAIN if found == ANY_DOMAIN else _domain(found, "SenderDomains")


def _domain(text: str, field: str) -> str:
    found = text.strip().rstrip(".").lower()
    if not _DOMAIN.fullmatch(found):
        raise ProposalError(
            f"{field} takes a domain such as contoso.com or *.contoso.com, and not {_shown(text)}"
        )
    return found


def _accepted_domain(text: str) -> str:
    return _domain(text, "AssociatedAcceptedDomains")


def _name(text: str) -> str:
    return text.strip().lower()


def _text(text: str) -> str:
    return text.strip()


READERS: Final[Mapping[Kind, Callable[[str], str]]] = {
    Kind.ADDRESSES: sender_address,
    Kind.SENDER_DOMAINS: _sender_domain,
    Kind.NAMES: _name,
    Kind.TEXTS: _text,
}
OF_FIELD: Final[Mapping[str, Callable[[str], str]]] = {
    "ef_skip_ips": _skipped_address,
    "associated_accepted_domains": _accepted_domain,
}


def _ordered(kind: Kind, found: Iterable[str]) -> tuple[str, ...]:
    key = addresses.sort_key if kind is Kind.ADDRESSES else None
    return tuple(sorted({item for item in found if item}, key=key))


def _same(kind: Kind, item: str) -> object:
    """What tells two members apart: of addresses, what they cover."""
    if kind is not Kind.ADDRESSES:
        return item
    try:
        return addresses.parse_entry(item)
    except AddressError:
        return item
