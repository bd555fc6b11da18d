"""What was seen in a period: the evidence that a report is built from, as plain values."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from mailposture.core.configuration import Configuration
from mailposture.core.exposure import Window
from mailposture.core.spans import Span
from mailposture.core.verdict import sender_named


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """UTC days from `since` up to, not including, `until`; looked at up to `as_of`."""

    since: date
    until: date
    as_of: datetime

    @property
    def begin(self) -> datetime:
        """Midnight at its beginning."""
        return datetime.combine(self.since, time.min, UTC)

    @property
    def end(self) -> datetime:
        """Midnight at its end, or now where it is not over."""
        return min(datetime.combine(self.until, time.min, UTC), self.as_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer on one path, for as long as it stayed the same and somebody looked: an outage
    between two looks makes two of it, whatever they were answered.
    """

    vantage_point: str
    stranger: bool
    source: str
    domain: str
    sender_class: str
    verdict: str
    control: str
    code: str
    line: str
    observation: int
    first: datetime
    last: datetime
    sender_domain: str = ""

    @property
    def sender(self) -> str:
        """Who asked; a partner is told apart by its domain."""
        return sender_named(self.sender_class, self.sender_domain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One exposure window of one path, with its four bounds, and when of it looks got in."""

    vantage_point: str
    domain: str
    sender_class: str
    window: Window
    seen: tuple[Span, ...]
    sender_domain: str = ""

    @property
    def sender(self) -> str:
        """With whom strangers got in; a partner is told apart by its domain."""
        return sender_named(self.sender_class, self.sender_domain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One configuration, and a span in which it was read without an outage."""

    configuration: Configuration
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One configuration change: when it was read, what, and what the probes saw of it."""

    at: datetime
    subject: str
    sentence: str
    effect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One exception: what it accepts, and what became of it when. `renews`: asked to go on with
    one that was in force.
    """

    name: str
    rule: str
    subject: str
    sentence: str
    asked_at: datetime
    approved_at: datetime | None
    approved_by: str
    expires_at: datetime
    ended_at: datetime | None = None
    outside_since: datetime | None = None
    alone: bool = False
    renews: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """One finding: from when until when it stood; None while it stands."""

    rule: str
    subject: str
    begin: datetime
    end: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """How many rows of the period were too many to read: the earliest windows and changes; of what
    strangers were answered what proves nothing, then refusals, then who got in.
    """

    answers: int = 0
    openings: int = 0
    changes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known of one tenant in a period, with the answers and readings that ended so
    shortly before it that they still count in it. Gateways and sources are those approved at the
    moment of building: how they were approved before is not kept.
    """

    tenant: str
    tenant_id: str
    watched_since: datetime
    gateways: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]
    domains: tuple[str, ...]
    probe_every: timedelta
    fetch_every: timedelta
    answers: tuple[Answer, ...]
    openings: tuple[Opening, ...]
    readings: tuple[Reading, ...]
    changes: tuple[Moved, ...]
    left_out: LeftOut = LeftOut()
    exceptions: tuple[Accepted, ...] = ()
    stood: tuple[Stood, ...] = ()
