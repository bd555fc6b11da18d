"""Values of a connector's fields as Exchange Online would store them, or why it would not.

Sources: New-InboundConnector and Set-InboundConnector (MicrosoftDocs/office-docs-powershell).
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from mailposture.core import addresses
from mailposture.core.addresses import AddressError
from mailposture.core.configuration import (
    ANY_DOMAIN,
    ConnectorType,
    InboundConnector,
    Kind,
    RejectDirectSend,
    exchange_name,
    kinds_of,
)
from mailposture.core.powershell import Edit, Single, Value

# The widest that SenderIPAddresses takes: /24, and ranges of as many addresses.
WIDEST: Final = 256

# What Exchange sets by itself.
NOT_GIVEN: Final = frozenset({"guid", "when_changed_utc", "when_created_utc"})
NEVER_EMPTY: Final = frozenset({"name", "sender_domains", "connector_type"})
LONGEST_NAME: Final = 64
LONGEST_SHOWN: Final = 80
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
# Texts that are one of a few words (New-TransportRule, Set-AcceptedDomain).
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "mode": ("Audit", "AuditAndNotify", "Enforce"),
    "from_scope": ("InOrganization", "NotInOrganization"),
    "sent_to_scope": (
        *("InOrganization", "NotInOrganization", "ExternalPartner", "ExternalNonPartner"),
    ),
    "sender_address_location": ("Header", "Envelope", "HeaderOrEnvelope"),
    "domain_type": ("Authoritative", "InternalRelay", "ExternalRelay"),
}
# Whole numbers and their bounds: SCL is -1 (no filtering) to 9.
NUMBERS: Final = {"set_scl": (-1, 9), "priority": (0, 100_000)}


class ProposalError(ValueError):
    """A proposal that Exchange Online would refuse, or that does not say enough: in words."""


def stored(field: str, value: Value, was: Any, of: type = InboundConnector) -> Any:
    """The value of a field after this was given for it, `was` being its value before.

    Raises ProposalError where Exchange would not take it.
    """
    kind, name = kinds_of(of)[field], exchange_name(field)
    if value != was:  # what is there already is not asked for anew
        _seen(field, name, value)
    if kind in READERS:
        found = _ordered(kind, _members(field, kind, value, was))
    elif isinstance(value, tuple | Edit):
        raise ProposalError(f"{name} takes one value")
    else:
        found = SINGLES.get(kind, _one_text)(field, value)
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


def _flag(field: str, value: Single) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).strip().lower() in ("true", "false"):
        return str(value).strip().lower() == "true"
    raise ProposalError(f"{exchange_name(field)} is true or false, and not {shown(value)}")


def _switch(field: str, value: Single) -> RejectDirectSend:
    if not isinstance(value, bool):
        raise ProposalError(f"{exchange_name(field)} is true or false")
    return RejectDirectSend.ON if value else RejectDirectSend.OFF


def _connector_type(_: str, value: Single) -> ConnectorType:
    word = str(value).strip().lower()
    if found := TYPES.get(word) or TYPES_BY_NUMBER.get(word):
        return found
    raise ProposalError(f"ConnectorType is Partner or OnPremises, and not {shown(value)}")


def _number(field: str, value: Single) -> int | None:
    if value is None:
        return None
    least, most = NUMBERS.get(field, (0, 0))
    if re.fullmatch(r"-?[0-9]{1,6}", str(value).strip()) and least <= int(str(value)) <= most:
        return int(str(value))
    name = exchange_name(field)
    raise ProposalError(f"{name} is a number from {least} to {most:,}, and not {shown(value)}")


def _one_text(field: str, value: Single) -> str | None:
    if value is None or not str(value).strip():
        return None
    text, name = str(value), exchange_name(field)
    if field in CHOICES:
        return _chosen(name, CHOICES[field], text)
    if field == "tls_sender_certificate_name":
        return _domain(text, name)
    if field == "name" and len(text) > LONGEST_NAME:
        raise ProposalError(f"a name has at most {LONGEST_NAME} characters")
    return text


def _chosen(name: str, words: tuple[str, ...], text: str) -> str:
    found = next((word for word in words if word.lower() == text.strip().lower()), None)
    if found is None:
        raise ProposalError(f"{name} is {' or '.join(words)}, and not {shown(text)}")
    return found


SINGLES: Final[Mapping[Kind, Callable[[str, Single], Any]]] = {
    Kind.FLAG: _flag,
    Kind.SWITCH: _switch,
    Kind.CONNECTOR_TYPE: _connector_type,
    Kind.NUMBER: _number,
}


def shown(value: object) -> str:
    """What was given, as an error repeats it: not too long, and with nothing in it that acts."""
    text = str(value)
    return repr(text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…")


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


def _addresses_of(name: str, *, narrow: bool = False) -> Callable[[str], str]:
    """Reads an entry of this parameter: of either family, and of any width but where `narrow`."""

    def read(text: str) -> str:
        entry = re.sub(r"\s+", "", text).lower()
        try:
            family, (first, last) = addresses.parse_entry(entry)
        except AddressError as problem:
            raise ProposalError(f"{name}: {problem}") from None
        if narrow and family == 4 and "/" in entry and last - first + 1 > WIDEST:
            raise ProposalError(f"{name} takes no network wider than /24: {entry}")
        return entry

    return read


def _sender_domain(text: str) -> str:
    match = _PREFIXED.match(text.strip())
    found = match[1].strip() if match else ""
    return ANY_DOMAIN if found == ANY_DOMAIN else _domain(found, "SenderDomains")


def _domain(text: str, field: str) -> str:
    found = text.strip().rstrip(".").lower()
    if not _DOMAIN.fullmatch(found):
        raise ProposalError(
            f"{field} takes a domain such as contoso.com or *.contoso.com, and not {shown(text)}"
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
    "ef_skip_ips": _addresses_of("EFSkipIPs"),
    "sender_ip_ranges": _addresses_of("SenderIpRanges"),
    "except_if_sender_ip_ranges": _addresses_of("ExceptIfSenderIpRanges"),
    "ip_allow_list": _addresses_of("IPAllowList", narrow=True),
    "ip_block_list": _addresses_of("IPBlockList", narrow=True),
    "ip_list_blocked": _addresses_of("IPListBlocked"),
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
