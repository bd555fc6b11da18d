"""The list of exceptions, filtered: what is accepted, by whom, until when; and as a file."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, F, Q, QuerySet, Value, When

from mailposture import models
from mailposture.core import exceptions as core
from mailposture.core.exceptions import State
from mailposture.services import excepting
from mailposture.services.pages import findings
from mailposture.services.pages.pieces import Piece

PAGE: Final = 100
_PENDING: Final = models.Acceptance.State.REQUESTED
_APPROVED: Final = models.Acceptance.State.APPROVED
# What a list may be narrowed to, and the word for it.
STATES: Final = {
    "pending": "Pending",
    "in_force": "In force",
    "soon": "Ends within 30 days",
    "review": "Review due",
    "outgrown": "Outgrown",
    "expired": "Expired",
    "withdrawn": "Withdrawn",
    "refused": "Refused",
    "renewed": "Renewed",
}
_IN_STATE: Final[Mapping[str, Callable[[datetime], Q]]] = {
    "pending": lambda now: Q(state=_PENDING, expires_at__gt=now),
    "in_force": lambda now: Q(state=_APPROVED, expires_at__gt=now),
    "soon": lambda now: Q(
        state=_APPROVED, expires_at__gt=now, expires_at__lte=now + core.SOON
    ),
    "review": lambda now: Q(state=_APPROVED, expires_at__gt=now, review_on__lte=now.date()),
    "outgrown": lambda now: Q(
        state=_APPROVED, expires_at__gt=now, outside_since__isnull=False
    ),
    "expired": lambda now: Q(state__in=excepting.STANDING, expires_at__lte=now),
    "withdrawn": lambda _now: Q(state=models.Acceptance.State.WITHDRAWN),
    "refused": lambda _now: Q(state=models.Acceptance.State.REFUSED),
    "renewed": lambda _now: Q(state=models.Acceptance.State.RENEWED),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What the address asks for. `of` is the tenant whose name in addresses was given."""

    states: tuple[str, ...] = ()
    tenant: str = ""
    of: models.Tenant | None = None
    page: str = ""

    @property
    def filters(self) -> bool:
        """Whether anything is left out."""
        return bool(self.states or self.tenant)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One exception of the list."""

    name: str
    href: str
    rule: str
    title: str
    sentence: str
    severity: str
    tenant: str
    tenant_href: str
    state: str
    word: str
    note: str
    owner: str
    until: str
    ends_at: datetime
    asked_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One page of exceptions: what waits first, then what ends first."""

    sentence: tuple[Piece, ...]
    lines: tuple[Line, ...]
    page: Page[Any]
    any_yet: bool


def listing(wanted: Wanted, now: datetime) -> Listing:
    """One page of the filtered list."""
    page = Paginator(select(wanted, now), PAGE).get_page(wanted.page or 1)
    lines = tuple(line(row, now) for row in page)
    return Listing(
        sentence=tuple(_sentence(wanted.of, now)),
        lines=lines,
        page=page,
        any_yet=bool(lines) or models.Acceptance.objects.exists(),
    )


def select(wanted: Wanted, now: datetime) -> QuerySet[Any]:
    """The filtered list: pending, expired, in force, and what is over, each by its end."""
    over = Value(3)
    rank = Case(
        When(_IN_STATE["pending"](now), then=Value(0)),
        When(_IN_STATE["expired"](now), then=Value(1)),
        When(_IN_STATE["in_force"](now), then=Value(2)),
        default=over,
    )
    found = excepting.with_stands(models.Acceptance.objects.select_related("tenant"))
    if wanted.states:
        any_of = Q()
        for state in wanted.states:
            any_of |= _IN_STATE[state](now)
        found = found.filter(any_of)
    if wanted.of:
        found = found.filter(tenant=wanted.of)
    elif wanted.tenant:
        found = found.filter(tenant__name__icontains=wanted.tenant)
    return found.order_by(rank, F("ended_at").desc(nulls_last=True), "expires_at", "-pk")


def line(row: Any, now: datetime) -> Line:
    """Say one exception; its tenant must be loaded, and `stands` known."""
    state = core.state(row.state, row.expires_at, now)
    return Line(
        name=row.name,
        href=row.get_absolute_url(),
        rule=row.rule,
        title=findings.title(row.rule),
        sentence=row.sentence,
        severity=row.severity,
        tenant=row.tenant.name,
        tenant_href=row.tenant.get_absolute_url(),
        state=str(state),
        word=state.word,
        note=note(row, state, now),
        owner=row.owner,
        until=core.until(row.expires_at),
        ends_at=row.expires_at,
        asked_by=row.asked_by,
    )


def note(row: Any, state: State, now: datetime) -> str:
    """What else must be known of it, the weightiest only."""
    if state is State.APPROVED and row.outside:
        return "Outgrown: its finding goes beyond it."
    if state in (State.APPROVED, State.EXPIRED, State.REQUESTED) and not row.stands:
        return "Its finding is over."
    if state is State.EXPIRED:
        approved = row.state == _APPROVED
        return "Its finding counts again." if approved else "Nobody had approved it."
    if state is State.APPROVED and row.review_on and row.review_on <= now.date():
        return "Its review is due."
    return row.ended_why or (row.decision if state is State.REFUSED else "")


# ---- what the page says first ------------------------------------------------------------


def counts(of: models.Tenant | None, now: datetime) -> dict[str, int]:
    """How many there are of those that need somebody; one query."""
    found = models.Acceptance.objects.filter(**({"tenant": of} if of else {})).order_by()
    shown = ("in_force", "pending", "soon", "outgrown", "expired")
    return found.aggregate(**{name: Count("pk", filter=_IN_STATE[name](now)) for name in shown})


def _sentence(of: models.Tenant | None, now: datetime) -> Iterator[Piece]:
    """What is in force, and what needs somebody: each number leads to its list."""
    found, where = counts(of, now), f" at {of.name}" if of else ""
    said = [
        (found[name], name, one if found[name] == 1 else many)
        for name, one, many in (
            ("in_force", " exception is in force", " exceptions are in force"),
            ("pending", " waits for a decision", " wait for a decision"),
            ("soon", " ends within 30 days", " end within 30 days"),
            ("outgrown", " is outgrown", " are outgrown"),
            ("expired", " has expired", " have expired"),
        )
        if found[name]
    ]
    if not said:
        yield Piece(text=f"No exception is in force{where}.")
        return
    if said[0][1] != "in_force":
        yield Piece(text=f"No exception is in force{where}: ")
    for n, (count, name, words) in enumerate(said):
        if n:
            yield Piece(text=", " if n < len(said) - 1 else " and ")
        yield Piece(text=f"{count:,}", href=_address(name, of), strong=True)
        yield Piece(text=f"{words}{where if name == 'in_force' else ''}")
    yield Piece(text=".")


def _address(state: str, of: models.Tenant | None) -> str:
    return f"?state={state}{f'&tenant={of.slug}' if of else ''}"


# ---- the list as a file ------------------------------------------------------------------

HEAD: Final = (
    "Exception", "Tenant", "Address name", "Rule", "Requirement", "Finding", "Subject",
    "Severity accepted", "Accepted", "State", "Finding stands", "Reason", "Owner", "Ticket",
    "Asked by", "Asked (UTC)", "Decided by", "Decided (UTC)", "Decision", "By the one who asked",
    "Last day", "Next review", "Reviewed by", "Reviewed (UTC)", "Beyond it",
    "Ended by", "Ended (UTC)", "Ended because",
)  # fmt: skip


def table(wanted: Wanted, now: datetime) -> Iterator[tuple[str, ...]]:
    """Head first, then every exception of the filtered list. Times are exact, in UTC."""
    yield HEAD
    for row in select(wanted, now).iterator(chunk_size=2000):
        yield _cells(row, now)


def _cells(row: Any, now: datetime) -> tuple[str, ...]:
    return (
        row.name, row.tenant.name, row.tenant.slug, row.rule, findings.title(row.rule),
        row.sentence, row.subject, row.severity,
        " ".join(core.described(excepting.accepted(row))),
        core.state(row.state, row.expires_at, now).word,
        "yes" if row.stands else "no",
        row.reason, row.owner, row.ticket,
        row.asked_by, _exact(row.asked_at), row.decided_by, _exact(row.decided_at), row.decision,
        "yes" if row.alone else "no",
        str(core.last_day(row.expires_at)), str(row.review_on or ""),
        row.reviewed_by, _exact(row.reviewed_at), " ".join(row.outside),
        row.ended_by, _exact(row.ended_at), row.ended_why,
    )  # fmt: skip


def _exact(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""
