"""What a field of Exchange means, said once in its type, and what Exchange calls it.

The kinds are marks on types: reading, comparing and showing all go by them, so that a field is
described in one place. A field's Exchange name follows from its own name (sender_domains is
SenderDomains); NAMES holds those that do not.
"""

from dataclasses import Field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

from mailposture.core.codec import VOLATILE


class Kind(StrEnum):
    """How a field is read and compared."""

    TEXT = "text"
    FLAG = "flag"
    NUMBER = "number"
    MOMENT = "moment"
    TEXTS = "texts"  # a set of texts, as they are
    NAMES = "names"  # a set of names: case means nothing
    SENDER_DOMAINS = "sender domains"  # names written as smtp:NAME;PRIORITY
    ADDRESSES = "addresses"  # a set of addresses, networks and ranges
    SWITCH = "switch"  # RejectDirectSend: four-valued
    CONNECTOR_TYPE = "connector type"
    OTHER = "other"


class ConnectorType(StrEnum):
    """Partner connectors can refuse; OnPremises connectors grant."""

    PARTNER = "Partner"
    ON_PREMISES = "OnPremises"


class RejectDirectSend(StrEnum):
    """Whether own-domain mail from strangers is refused; null on the wire is not false."""

    UNKNOWN = "unknown"  # the answer had no such field
    NOT_CONFIGURED = "not configured"  # the field was null
    ON = "True"
    OFF = "False"


Text = Annotated[str, Kind.TEXT]
Flag = Annotated[bool, Kind.FLAG]
Texts = Annotated[tuple[str, ...], Kind.TEXTS]
Names = Annotated[tuple[str, ...], Kind.NAMES]
SenderDomains = Annotated[tuple[str, ...], Kind.SENDER_DOMAINS]
Addresses = Annotated[tuple[str, ...], Kind.ADDRESSES]

# Optional ones: None is "the answer did not say".
MaybeText = Annotated[str | None, Kind.TEXT]
MaybeFlag = Annotated[bool | None, Kind.FLAG]
MaybeNumber = Annotated[int | None, Kind.NUMBER]
Moment = Annotated[datetime | None, Kind.MOMENT]

Switch = Annotated[RejectDirectSend, Kind.SWITCH]
TypeOfConnector = Annotated[ConnectorType, Kind.CONNECTOR_TYPE]

# Shown, but not part of what is compared or digested.
BESIDE: Final = VOLATILE

NAMES: Final = {
    "sender_ip_addresses": "SenderIPAddresses",
    "restrict_domains_to_ip_addresses": "RestrictDomainsToIPAddresses",
    "ef_skip_last_ip": "EFSkipLastIP",
    "ef_skip_ips": "EFSkipIPs",
    "ef_skip_mail_gateway": "EFSkipMailGateway",
    "ef_users": "EFUsers",
    "ef_test_mode": "EFTestMode",
    "use_mx_record": "UseMXRecord",
    "when_changed_utc": "WhenChangedUTC",
    "when_created_utc": "WhenCreatedUTC",
    "ip_allow_list": "IPAllowList",
    "ip_block_list": "IPBlockList",
    "ip_list_blocked": "IPListBlocked",
    "set_scl": "SetSCL",
    "mx": "MX",
}


@cache
def exchange_name(field: str) -> str:
    """What Exchange calls a field of ours."""
    return NAMES.get(field) or "".join(word.capitalize() for word in field.split("_"))


@cache
def kinds_of(value_type: type) -> dict[str, Kind]:
    """The kind of each field of a value type."""
    hints = get_type_hints(value_type, include_extras=True)
    return {name: _kind(hint) for name, hint in hints.items()}


def _kind(hint: Any) -> Kind:
    marks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((mark for mark in marks if isinstance(mark, Kind)), Kind.OTHER)


def is_compared(field: Field[Any]) -> bool:
    """Whether a difference in this field is a change."""
    return not field.metadata.get("volatile")
