"""The cmdlets the lab can run: their parameters, who may, and what they do to the rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mailposture.lab import envelopes
from mailposture.lab.messages import Answer
from mailposture.lab.tokens import DIRECTORY_ROLES

Row = Mapping[str, Any]

# Parameters by cmdlet. Four have no ResultSize and refuse one, as the service does.
CMDLETS: dict[str, tuple[str, ...]] = {
    "Get-InboundConnector": ("Identity", "ResultSize"),
    "Get-OutboundConnector": (
        "Identity",
        "ResultSize",
        "IncludeTestModeConnectors",
        "IsTransportRuleScoped",
    ),
    "Get-OrganizationConfig": (),
    "Get-AcceptedDomain": ("Identity", "ResultSize"),
    "Get-TransportRule": ("Identity", "ResultSize", "State"),
    "Get-HostedConnectionFilterPolicy": ("Identity",),
    "Get-RemoteDomain": ("Identity", "ResultSize"),
    "Get-TransportConfig": ("Identity",),
    "Get-DnssecStatusForVerifiedDomain": ("DomainName",),
}
EVERYTHING = frozenset(CMDLETS)
# Measured: Security Reader reads rules and not connectors, organization or remote domains. The
# rest of its row is our guess: policies of the filter yes, accepted domains and transport no.
ALLOWED: dict[str, frozenset[str]] = {
    DIRECTORY_ROLES["Global Reader"]: EVERYTHING,
    DIRECTORY_ROLES["Exchange Administrator"]: EVERYTHING,
    DIRECTORY_ROLES["Security Reader"]: frozenset(
        {"Get-TransportRule", "Get-HostedConnectionFilterPolicy"}
    ),
}
PAGE = 1000


class CmdletError(Exception):
    """A call that cannot be run; it carries the answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(frozen=True)
class Page:
    """Rows, and whether there are more than fit."""

    rows: list[Row]
    more: bool


def named(text: object) -> str:
    """The cmdlet's own spelling of its name, whatever the case it was asked in."""
    spelling = {name.lower(): name for name in CMDLETS}
    found = spelling.get(str(text).lower())
    if found is None:
        raise CmdletError(envelopes.unknown_cmdlet(str(text)))
    return found


def run(cmdlet: str, parameters: Mapping[str, Any], rows: Sequence[Row], page: int = PAGE) -> Page:
    """What the cmdlet returns of a tenant's rows."""
    spelling = {name.lower(): name for name in CMDLETS[cmdlet]}
    for name in parameters:
        if name.lower() not in spelling:
            raise CmdletError(envelopes.unknown_parameter(name))
    asked = {spelling[name.lower()]: value for name, value in parameters.items()}
    kept = list(rows)
    for keep in (_identity, _domain, _test_mode, _scoped, _state):
        kept = keep(cmdlet, asked, kept)
    size = min(_result_size(asked.get("ResultSize"), page), page)
    return Page(rows=kept[:size], more=len(kept) > size)


def _identity(_cmdlet: str, asked: Row, rows: list[Row]) -> list[Row]:
    """No Identity, or an empty one, means all: so the service has it."""
    identity = asked.get("Identity")
    if not identity:
        return rows
    names = ("Identity", "Name", "Id", "Guid", "DomainName", "DistinguishedName")
    wanted = str(identity).lower()
    found = [row for row in rows if wanted in {str(row.get(name)).lower() for name in names}]
    if not found:
        raise CmdletError(envelopes.object_not_found(identity))
    return found


def _domain(cmdlet: str, asked: Row, rows: list[Row]) -> list[Row]:
    """The one cmdlet that must be told of which domain."""
    if cmdlet != "Get-DnssecStatusForVerifiedDomain":
        return rows
    wanted = str(asked.get("DomainName") or "").lower()
    found = [row for row in rows if row["DomainName"].lower() == wanted]
    if not found:
        raise CmdletError(envelopes.object_not_found(wanted))
    return found


def _test_mode(cmdlet: str, asked: Row, rows: list[Row]) -> list[Row]:
    """Outbound connectors in test mode show only to those who ask for them."""
    if cmdlet != "Get-OutboundConnector" or _switch(asked, "IncludeTestModeConnectors"):
        return rows
    return [row for row in rows if not row.get("TestMode")]


def _scoped(_cmdlet: str, asked: Row, rows: list[Row]) -> list[Row]:
    """Unasked, connectors scoped to rules come too: seen on the wire, against the manual."""
    wanted = _switch(asked, "IsTransportRuleScoped")
    if wanted is None:
        return rows
    return [row for row in rows if bool(row.get("IsTransportRuleScoped")) is wanted]


def _state(_cmdlet: str, asked: Row, rows: list[Row]) -> list[Row]:
    state = asked.get("State")
    if state is None:
        return rows
    if state not in ("Enabled", "Disabled"):
        raise CmdletError(envelopes.bad_value("State", state))
    return [row for row in rows if row.get("State") == state]


def _switch(asked: Row, name: str) -> bool | None:
    value = asked.get(name)
    if value is None or isinstance(value, bool):
        return value
    known = {"true": True, "$true": True, "false": False, "$false": False}
    if str(value).lower() not in known:
        raise CmdletError(envelopes.bad_value(name, value))
    return known[str(value).lower()]


def _result_size(value: object, default: int) -> int:
    if value is None:
        return default
    text = str(value)
    if text.lower() == "unlimited":
        return default
    if not text.isdigit() or int(text) == 0:
        raise CmdletError(envelopes.bad_value("ResultSize", value))
    return int(text)


def select(rows: Sequence[Row], wanted: str | None) -> list[Row]:
    """The properties that $select names, each with the annotations beside it."""
    if not wanted:
        return list(rows)
    names = {name.strip() for name in wanted.split(",")}
    return [{key: row[key] for key in row if key.partition("@")[0] in names} for row in rows]
