"""Rows of Exchange to values, by the kinds that the fields of the values declare.

A field without a default is one a decision reads: a row that lacks it, or holds what it cannot
mean, makes its part incomplete, by name. Everything else is optional, and what does not fit there
is left out as if it had not been said.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from mailposture.adapters.exchange.envelope import Row, storable
from mailposture.adapters.targets import host_name
from mailposture.core.addresses import sort_key
from mailposture.core.configuration import (
    ConnectorType,
    Kind,
    RejectDirectSend,
    exchange_name,
    kinds_of,
)
from mailposture.core.hosts import a_label


class UnreadableError(ValueError):
    """A value that cannot mean what its field means."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed[T]:
    """The rows that could be read, and by name what was missing from any.

    `idle`: only what is turned off lacks something, so that no answer turns on it.
    """

    values: tuple[T, ...]
    missing: tuple[str, ...]
    idle: bool = False


# ---- one value by its kind ---------------------------------------------------------------

_SENDER_DOMAIN: Final = re.compile(r"(?:smtp:)?([^;]*)(?:;\d+)?", re.IGNORECASE)
_PS_DATE: Final = re.compile(r"^/Date\((-?\d+)(?:[+-]\d{4})?\)/$")
_SWITCHES: Final = {
    None: RejectDirectSend.NOT_CONFIGURED,
    True: RejectDirectSend.ON,
    False: RejectDirectSend.OFF,
}


def _text(raw: Any) -> str | None:
    if raw is None:
        return None
    if isinstance(raw, str):
        return storable(raw)
    if isinstance(raw, bool | int | float):
        return str(raw)
    raise UnreadableError("not a text")


def _flag(raw: Any) -> bool | None:
    if raw is None or isinstance(raw, bool):
        return raw
    # CSV and some exports write the word.
    word = str(raw).strip().lower()
    if word in ("true", "false"):
        return word == "true"
    raise UnreadableError("neither true nor false")


def _number(raw: Any) -> int | None:
    if raw is None or raw == "":
        return None
    try:
        return int(str(raw))
    except ValueError:
        raise UnreadableError("not a number") from None


def moment(raw: Any) -> datetime | None:
    """Read a date: ISO with seven fraction digits, without a zone, or as PowerShell 5.1 does."""
    if isinstance(raw, dict):  # PowerShell adds properties to dates and then writes an object
        raw = raw.get("value")
    if raw is None or raw == "":
        return None
    try:
        if milliseconds := _PS_DATE.match(str(raw)):
            return datetime.fromtimestamp(int(milliseconds[1]) / 1000, UTC)
        read = datetime.fromisoformat(str(raw))
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise UnreadableError("not a date") from None


def _items(raw: Any) -> list[str]:
    held = raw if isinstance(raw, list) else [raw]
    if not held:
        return []
    if any(isinstance(item, dict | list) for item in held):
        raise UnreadableError("not a list of texts")
    texts = [storable(str(item)).strip() for item in held if item is not None]
    return [text for text in texts if text]


def _words(raw: Any) -> list[str]:
    """A list; or, as CSV has it, one text with its members between spaces or commas."""
    return re.split(r"[\s,]+", storable(raw).strip()) if isinstance(raw, str) else _items(raw)


def _texts(raw: Any) -> tuple[str, ...]:
    return tuple(sorted(set(_items(raw))))


def _names(raw: Any) -> tuple[str, ...]:
    return tuple(sorted({item.lower() for item in _items(raw)}))


def _sender_domains(raw: Any) -> tuple[str, ...]:
    return tuple(sorted({_sender_domain(word) for word in _words(raw) if word}))


def _sender_domain(word: str) -> str:
    """One of SenderDomains without its kind and priority. What is none stays as it was written:
    who reads the connector says so, by name.
    """
    found = _SENDER_DOMAIN.fullmatch(word)
    return ((found and found[1].strip()) or word).lower()


def _addresses(raw: Any) -> tuple[str, ...]:
    if isinstance(raw, str):
        # A range may be written with blanks around its dash; it is one entry all the same.
        raw = _words(re.sub(r"\s*-\s*", "-", raw))
    entries = {"".join(item.split()).lower() for item in _items(raw)}
    return tuple(sorted(entries, key=sort_key))


def _switch(raw: Any) -> RejectDirectSend:
    return _SWITCHES[_flag(raw)]


def mail_domain(name: str) -> str:
    """The name of a mail domain as DNS and SMTP have it: lower case, and IDNA where it needs it."""
    plain = name.strip()
    if len(plain) > LONGEST_NAME:
        raise UnreadableError("no domain name")
    if found := host_name(a_label(plain) or ""):
        return found
    raise UnreadableError("no domain name")


def _connector_type(raw: Any) -> ConnectorType:
    try:
        return ConnectorType(raw)
    except ValueError:
        raise UnreadableError("neither Partner nor OnPremises") from None


READERS: Final[Mapping[Kind, Callable[[Any], Any]]] = MappingProxyType(
    {
        Kind.TEXT: _text,
        Kind.FLAG: _flag,
        Kind.NUMBER: _number,
        Kind.MOMENT: moment,
        Kind.TEXTS: _texts,
        Kind.NAMES: _names,
        Kind.SENDER_DOMAINS: _sender_domains,
        Kind.ADDRESSES: _addresses,
        Kind.SWITCH: _switch,
        Kind.CONNECTOR_TYPE: _connector_type,
    }
)

# Names that mean the same in any case, and are matched by others in lower case.
LOWERED: Final = frozenset({"guid", "tls_sender_certificate_name"})
# Names that are asked for in DNS and said in SMTP commands.
MAIL_DOMAINS: Final = frozenset({"domain_name"})
# Of a domain or of a row that is said to lack something; Exchange names have 64 characters.
LONGEST_NAME: Final = 256
# Required fields for which null is an answer.
NULL_IS_AN_ANSWER: Final = frozenset({"tls_sender_certificate_name", "reject_direct_send"})
# Where the answer lacks the field, the value itself can say so.
IF_ABSENT: Final = MappingProxyType({"reject_direct_send": RejectDirectSend.UNKNOWN})


# ---- one row -----------------------------------------------------------------------------


def rows(value_type: type, given: Iterable[Row]) -> Parsed[Any]:
    """Read all rows of a part."""
    values, missing, idle = [], [], True
    for number, row in enumerate(given, 1):
        value, lacking = _row(value_type, row)
        missing += [f"{name} of {_called(row, number)}" for name in lacking]
        idle = idle and (not lacking or _is_off(value_type, row))
        if value is not None:
            values.append(value)
    return Parsed(values=tuple(values), missing=tuple(missing), idle=idle and bool(missing))


def _is_off(value_type: type, row: Row) -> bool:
    """Whether a row is of something that is surely turned off."""
    try:
        return "enabled" in kinds_of(value_type) and _flag(row.get("Enabled")) is False
    except UnreadableError:
        return False


def _called(row: Row, number: int) -> str:
    named = row.get("Name") or row.get("DomainName") or row.get("Identity")
    return _shown(str(named)) if named else f"row {number}"


def _shown(name: str) -> str:
    """A name that may be odd itself, in a form that can be stored and read, and not too long."""
    visible = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name[:LONGEST_NAME])
    return visible if len(name) <= LONGEST_NAME else f"{visible}…"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Slot:
    """One field of a value: where a row has it, how it is read, and whether it must be there."""

    field: str
    name: str
    read: Callable[[Any], Any]
    required: bool


@cache
def _slots(value_type: Any) -> tuple[_Slot, ...]:
    kinds = kinds_of(value_type)
    return tuple(
        _Slot(
            field=field.name,
            name=exchange_name(field.name),
            read=READERS[kinds[field.name]],
            required=_is_required(field),
        )
        for field in fields(value_type)
    )


def _row(value_type: Any, row: Row) -> tuple[Any | None, list[str]]:
    """One row's value, None where it cannot be made; and Exchange's names of what it lacks."""
    given, lacking, blocked = {}, [], False
    for slot in _slots(value_type):
        try:
            given[slot.field] = _field(slot, row)
        except UnreadableError:
            if slot.required:
                lacking.append(slot.name)
                blocked = blocked or slot.field not in IF_ABSENT
                given[slot.field] = IF_ABSENT.get(slot.field)
    return (None if blocked else value_type(**given)), lacking


def _field(slot: _Slot, row: Row) -> Any:
    if slot.name not in row:
        raise UnreadableError("absent")
    raw = row[slot.name]
    value = slot.read(raw)
    if value is None and slot.required and slot.field not in NULL_IS_AN_ANSWER:
        raise UnreadableError("null")
    if slot.field in MAIL_DOMAINS:
        if not isinstance(raw, str):  # 5 or true is no name, though it could be written
            raise UnreadableError("not a text")
        return mail_domain(raw)
    if slot.field in LOWERED and isinstance(value, str):
        return value.lower()
    return value


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING
