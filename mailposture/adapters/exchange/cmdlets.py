"""The cmdlets a fetch calls, as a table, and how each one's pages become a part."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from mailposture.adapters.exchange import parse
from mailposture.adapters.exchange.envelope import Page
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.core.configuration import (
    AcceptedDomain,
    ConnectionFilter,
    InboundConnector,
    Organization,
    OutboundConnector,
    Part,
    PartStatus,
    TransportRule,
    exchange_name,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cmdlet:
    """One Get cmdlet: the part it gives, what it is called with, and what it must return.

    `calls` has the parameters of each call; rows of all calls are one set, by Guid. `always` says
    that every tenant has at least one, so that none at all is an odd answer and no fact.
    """

    part: str
    name: str
    value: type
    calls: tuple[Mapping[str, Any], ...] = ({"ResultSize": "Unlimited"},)
    select: tuple[str, ...] = ()
    always: bool = False
    single: bool = False


# Get-OrganizationConfig and Get-HostedConnectionFilterPolicy have no ResultSize and answer an
# unknown parameter with 400. The organisation's 300 other properties are not asked for.
CMDLETS: Final = (
    Cmdlet(part="inbound_connectors", name="Get-InboundConnector", value=InboundConnector),
    Cmdlet(
        part="outbound_connectors",
        name="Get-OutboundConnector",
        value=OutboundConnector,
        calls=(
            {"ResultSize": "Unlimited"},
            {"ResultSize": "Unlimited", "IncludeTestModeConnectors": True},
        ),
    ),
    Cmdlet(
        part="organization",
        name="Get-OrganizationConfig",
        value=Organization,
        calls=({},),
        select=tuple(exchange_name(f.name) for f in fields(Organization)),
        always=True,
        single=True,
    ),
    Cmdlet(part="accepted_domains", name="Get-AcceptedDomain", value=AcceptedDomain, always=True),
    Cmdlet(part="transport_rules", name="Get-TransportRule", value=TransportRule),
    Cmdlet(
        part="connection_filters",
        name="Get-HostedConnectionFilterPolicy",
        value=ConnectionFilter,
        calls=({},),
        always=True,
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """What became of one cmdlet: the part, its value where there is one, the error if any."""

    part: Part
    value: Any = None
    error: ExchangeError | None = field(default=None, compare=False)


# Words of warnings that say rows are missing, and of those that take nothing away.
MORE_ROWS: Final = ("more results", "ResultSize")
HARMLESS: Final = ("deprecat", "will be retired", "is being retired")


def read(cmdlet: Cmdlet, pages: Iterable[Page]) -> Read:
    """Turn the pages of a cmdlet into its part."""
    seen = tuple(pages)
    if cut := _truncated(seen):
        return _without(cmdlet, PartStatus.TRUNCATED, error=cut)
    if warned := [w for page in seen for w in page.warnings if not _has(w, HARMLESS)]:
        return _without(cmdlet, PartStatus.INCOMPLETE, error=" ".join(warned))
    parsed = parse.rows(cmdlet.value, _merged(seen))
    if not parsed.values and not parsed.missing and cmdlet.always:
        says = f"{cmdlet.name} returned nothing, and every tenant has at least one."
        return _without(cmdlet, PartStatus.FAILED, error=says)
    return _parsed(cmdlet, parsed)


def _parsed(cmdlet: Cmdlet, parsed: parse.Parsed[Any]) -> Read:
    if not parsed.missing:
        value = parsed.values[0] if cmdlet.single else parsed.values
        return Read(part=Part(name=cmdlet.part, status=PartStatus.OK), value=value)
    part = Part(
        name=cmdlet.part,
        status=PartStatus.INCOMPLETE,
        missing=parsed.missing,
        idle=parsed.idle,
    )
    # A single object that can say "unknown" for what it lacks is kept; a list with a hole is not,
    # but where the hole is something that is turned off.
    if parsed.idle and not cmdlet.single:
        return Read(part=part, value=parsed.values)
    return Read(part=part, value=parsed.values[0] if cmdlet.single and parsed.values else None)


def _truncated(pages: Iterable[Page]) -> str:
    for page in pages:
        if page.next_link:
            return "The answer has further pages that could not be read."
        if cut := next((w for w in page.warnings if _has(w, MORE_ROWS)), None):
            return cut
    return ""


def _has(text: str, words: Iterable[str]) -> bool:
    return any(word.lower() in text.lower() for word in words)


def _merged(pages: Iterable[Page]) -> list[Mapping[str, Any]]:
    """The rows of all pages, each object once; rows without Guid are all kept."""
    merged: dict[object, Mapping[str, Any]] = {}
    for number, row in enumerate(row for page in pages for row in page.rows):
        merged[row.get("Guid") or number] = row
    return list(merged.values())


def not_read(cmdlet: Cmdlet, error: ExchangeError) -> Read:
    """The part of a cmdlet that gave an error instead."""
    forbidden = error.cause in ("role-missing", "token-refused")
    status = PartStatus.FORBIDDEN if forbidden else PartStatus.FAILED
    return _without(cmdlet, status, error=str(error), because=error)


def _without(
    cmdlet: Cmdlet, status: PartStatus, *, error: str, because: ExchangeError | None = None
) -> Read:
    return Read(part=Part(name=cmdlet.part, status=status, error=error), error=because)
