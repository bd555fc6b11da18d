"""A report: the one document that every file is rendered from. Same document, same bytes."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from mailposture.core.posture import Result

SCHEMA: Final = "mailposture.report/1"
type Relation = Literal["supports", "partly supports", "evidence only"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A control of a framework that a requirement bears on, and how far. Never *compliant*."""

    framework: str
    version: str
    date: str
    control: str
    relation: Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One piece of evidence: when, from where, to what, and the server's own line."""

    first: datetime
    last: datetime
    vantage_point: str
    source: str
    domain: str
    sender_class: str
    says: str
    line: str
    observation: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One requirement and what the evidence of the period says of it.

    `accepted`: by which exception what is not met is accepted, and until when.
    """

    id: str
    title: str
    result: Result
    sentence: str
    evidence: tuple[Proof, ...]
    left_out: int
    references: tuple[Reference, ...]
    accepted: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """A time in which strangers got in to a domain with a sender class, with its four bounds."""

    domain: str
    sender_class: str
    last_closed: datetime | None
    first_open: datetime
    last_open: datetime
    first_closed: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOpen:
    """One UTC day: minutes surely open, minutes more that it may have been, minutes unseen."""

    day: date
    open: int
    possible: int
    unseen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Blind:
    """A time in which nothing was seen, and of what."""

    what: str
    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One change of the period, in words."""

    at: datetime
    says: str
    effect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """An inbound connector at the end of the period, in words."""

    name: str
    about: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRead:
    """Rows of the period that were too many to read: which, how many, and what that means."""

    what: str
    count: int
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole report. Times are UTC; `until` is exclusive."""

    schema: str
    engine: str
    catalogue: str
    catalogue_version: str
    tenant: str
    tenant_id: str
    since: date
    until: date
    as_of: datetime
    sentence: str
    lead: str
    state: str
    minutes_open: int
    minutes_at_most: int
    rests_on: tuple[tuple[str, str], ...]
    days: tuple[DayOpen, ...]
    requirements: tuple[Requirement, ...]
    windows: tuple[Exposed, ...]
    windows_left_out: int
    changes: tuple[Changed, ...]
    changes_left_out: int
    blind: tuple[Blind, ...]
    connectors: tuple[Connector, ...]
    not_read: tuple[NotRead, ...]
    notes: tuple[str, ...]
