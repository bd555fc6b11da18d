"""One connector: what it does in words, all its fields, its changes, and when it was seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from mailposture import models
from mailposture.core import codec, sentences
from mailposture.core.configuration import (
    Configuration,
    InboundConnector,
    OutboundConnector,
    Part,
    exchange_name,
    is_compared,
)
from mailposture.core.diff import shown
from mailposture.core.effects import TABLE
from mailposture.services.pages import change_words
from mailposture.services.pages.configured import explained

PARTS: Final = ("inbound_connectors", "outbound_connectors")
# Snapshots looked through, the newest first; a tenant that changes daily has these in a quarter.
SNAPSHOTS: Final = 100
CHANGES: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One field as Exchange calls it; `decides` where who gets in may turn on it."""

    name: str
    value: str
    decides: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Sight:
    """A snapshot that the connector was in."""

    first: datetime
    last: datetime
    about: str
    current: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class NotRead:
    """The connectors could not be read last time: why, and what is shown instead."""

    says: str
    fix: str
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """All that the page of a connector shows."""

    guid: str
    name: str
    about: str
    inbound: bool
    enabled: bool
    pieces: tuple[tuple[str, bool], ...]
    closing: str
    changed_at: datetime | None
    deciding: tuple[Field, ...]
    rest: tuple[Field, ...]
    volatile: tuple[Field, ...]
    seen_from: datetime
    seen_until: datetime
    gone: bool
    not_read: NotRead | None
    sights: tuple[Sight, ...]
    more_sights: bool
    changes: tuple[change_words.Line, ...]


type Row = Mapping[str, Any]
type Connector = InboundConnector | OutboundConnector


def load(tenant: models.Tenant, guid: str) -> Page | None:
    """The connector as it was last seen; None where no snapshot has it."""
    rows = _snapshots(tenant)
    found = [(row, value) for row in rows if (value := _in(row, guid)) is not None]
    if not found:
        return None
    row, value = found[0]
    part = _part_of(value)
    changes = tenant.changes.filter(guid__iexact=guid).order_by("-at", "-pk")[:CHANGES]
    return Page(
        guid=value.guid,
        name=value.name,
        about=_about(value),
        inbound=isinstance(value, InboundConnector),
        enabled=value.enabled,
        **_words(value, tenant.name),
        changed_at=value.when_changed_utc,
        deciding=tuple(_fields(value, part, deciding=True)),
        rest=tuple(_fields(value, part, deciding=False)),
        volatile=tuple(_field(value, f, part) for f in fields(value) if not is_compared(f)),
        seen_from=min(r["first_seen_at"] for r, _ in found),
        seen_until=row["last_seen_at"],
        gone=_is_gone(rows, row, part),
        not_read=_not_read(rows, part),
        sights=tuple(_sight(r, v, current=r is rows[0]) for r, v in found),
        more_sights=len(rows) == SNAPSHOTS,
        changes=tuple(change_words.line(_with(tenant, change)) for change in changes),
    )


def _with(tenant: models.Tenant, change: models.Change) -> models.Change:
    change.tenant = tenant
    return change


def _snapshots(tenant: models.Tenant) -> list[Row]:
    """Only the parts that are needed, the newest first."""
    documents = ("document__parts", *(f"document__{part}" for part in PARTS))
    newest = tenant.snapshots.order_by("-first_seen_at", "-pk")
    return list(newest.values("first_seen_at", "last_seen_at", *documents)[:SNAPSHOTS])


def _in(row: Row, guid: str) -> Connector | None:
    """The connector in this snapshot, whichever way mail goes through it."""
    wanted = guid.lower()
    for part in PARTS:
        for document in row[f"document__{part}"] or ():
            if str(document.get("guid", "")).lower() == wanted:
                loaded = codec.load(Configuration, {part: [document]})
                return _first(loaded.inbound_connectors or loaded.outbound_connectors or ())
    return None


def _first(found: Sequence[Connector]) -> Connector | None:
    return found[0] if found else None


def _part_of(value: Connector) -> str:
    return PARTS[0] if isinstance(value, InboundConnector) else PARTS[1]


def _knows(row: Row, part: str) -> bool:
    return row[f"document__{part}"] is not None


def _is_gone(rows: Sequence[Row], last: Row, part: str) -> bool:
    """Whether a later reading of this part was whole and did not have it."""
    return any(_knows(r, part) for r in rows if r["first_seen_at"] > last["first_seen_at"])


def _not_read(rows: Sequence[Row], part: str) -> NotRead | None:
    """Why the newest snapshot does not know the connectors, and since when."""
    if _knows(rows[0], part):
        return None
    since = rows[0]["first_seen_at"]
    for row in rows:
        if _knows(row, part):
            break
        since = row["first_seen_at"]
    status = next((p for p in rows[0]["document__parts"] or () if p["name"] == part), None)
    trouble = explained(codec.load(Part, status).error if status else "")
    says = ", ".join(filter(None, (trouble.short, trouble.says.rstrip("."))))
    return NotRead(says=says, fix=trouble.fix, since=since)


# ---- words and fields --------------------------------------------------------------------


def _about(value: Connector) -> str:
    if isinstance(value, InboundConnector):
        return sentences.connector(value).about
    return f"Outbound, {value.connector_type.value}, {'enabled' if value.enabled else 'turned off'}"


def _words(value: Connector, owner: str) -> dict[str, Any]:
    if isinstance(value, InboundConnector):
        words = sentences.connector(value, owner=owner)
        return {"pieces": words.pieces, "closing": words.closing}
    hosts = ", ".join(value.smart_hosts) or "wherever the recipient's MX points"
    pieces = ((f"{owner} hands mail out to ", False), (hosts, True), (".", False))
    return {"pieces": pieces, "closing": "It takes no part in who may deliver to the tenant."}


def _fields(value: Connector, part: str, *, deciding: bool) -> list[Field]:
    found = [_field(value, f, part) for f in fields(value) if is_compared(f)]
    return [one for one in found if one.decides is deciding and one.name not in ("Guid", "Name")]


def _field(value: Any, field: Any, part: str) -> Field:
    name = exchange_name(field.name)
    said = shown(getattr(value, field.name))
    return Field(
        name=name,
        value="not set" if said is None else said or "none",
        decides=any(p == part and f == name for p, f, _ in TABLE),
    )


def _sight(row: Row, value: Connector, *, current: bool) -> Sight:
    return Sight(
        first=row["first_seen_at"],
        last=row["last_seen_at"],
        about=f"{value.name}, {'enabled' if value.enabled else 'turned off'}",
        current=current,
    )
