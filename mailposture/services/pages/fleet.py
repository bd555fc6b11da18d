"""Tenants as lists show them: the state that still counts, since when, who may deliver.

What a tenant's row says is as old as its last answer; the database itself works out how old that
is, so that lists of thousands count, filter and sort by the state that still counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    Max,
    Min,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import StrIndex
from django.urls import reverse

from mailposture import models
from mailposture.core.contradictions import CONTRADICTIONS
from mailposture.core.states import A_DAY, ROUNDS, Age, State, answer_age
from mailposture.services.pages import begun, fleet_answers, fleet_words, incidents, lapsing
from mailposture.services.pages.begun import Begun
from mailposture.services.pages.fleet_answers import Answers
from mailposture.services.pages.fleet_words import CLASSES, LETS_IN

RANK: Final = {
    State.OPEN: 0,
    State.PARTLY_OPEN: 1,
    State.UNKNOWN: 2,
    State.CLOSED: 3,
}
ROWS: Final = Count("pk")


# An answer older than four rounds is stale; one that is also older than a day has lapsed.
STALE: Final = Q(quiet__gt=F("probe_every") * ROUNDS)


# How many of a group are stale though they are watched.
_OLD: Final = Count("pk", filter=STALE & Q(paused_at=None))


def lapsed(now: datetime) -> Q:
    """Which answers no longer count; most fail the cheaper half, which therefore stands first."""
    return Q(probed_at__lt=now - A_DAY) & STALE


def tenants(now: datetime) -> QuerySet[Any]:
    """All tenants with `quiet`, the seconds since the last answer, and `shown`, the state.

    One that is being connected has no state of doors yet: it is neither read nor seen.
    """
    connecting = When(setup_step__isnull=False, then=Value(begun.STATE))
    unknown = When(lapsed(now), then=Value(str(State.UNKNOWN)))
    shown = Case(connecting, unknown, default=F("state"), output_field=CharField())
    quiet = lapsing.quiet("probed_at", now)
    return models.Tenant.objects.annotate(quiet=quiet).annotate(shown=shown)


def watched(now: datetime) -> QuerySet[Any]:
    """The same without those that are being connected."""
    return tenants(now).filter(setup_step=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Tenants by the state that still counts, since when the longest open one is, the last look.

    `last_reading` is when a configuration last came, `due` when the next round is to be planned.
    Beside them what every page shows or warns of: open incidents, critical and high findings
    that nobody accepted,
    tenants that answer against their configuration (`apart`), mails that wait, the next try where
    the server did not take one, and whether anybody is told.
    """

    open: int
    partly: int
    closed: int
    unknown: int
    longest: datetime | None
    longest_partly: datetime | None
    last_look: datetime | None
    last_reading: datetime | None
    due: datetime | None
    stale: int
    connecting: int = 0
    incidents: int = 0
    findings: int = 0
    apart: int = 0
    mails: int = 0
    next_mail: datetime | None = None
    somebody_is_told: bool = False
    # The row of what stops all probing.
    halt: int | None = None

    @property
    def total(self) -> int:
        """All tenants under watch."""
        return self.open + self.partly + self.closed + self.unknown


def count(now: datetime) -> Counts:
    """Grouped by state, so that how old an answer is is worked out once a tenant; one query."""
    grouped = tenants(now).order_by().values("shown")
    found = {
        row["shown"]: row
        for row in grouped.annotate(
            n=Count("pk"),
            since=Min("state_since"),
            looked=Max("probed_at"),
            read=Max("fetched_at"),
            due=Min("probe_due_at", filter=Q(paused_at=None)),
            stale=_OLD,
            **_beside(now),
        )
    }
    beside = next(iter(found.values()), None) or _alone()
    number = {state: found[state]["n"] if state in found else 0 for state in State}
    since = {state: row["since"] for state, row in found.items()}
    return Counts(
        open=number[State.OPEN],
        partly=number[State.PARTLY_OPEN],
        closed=number[State.CLOSED],
        unknown=number[State.UNKNOWN],
        longest=since.get(State.OPEN),
        longest_partly=since.get(State.PARTLY_OPEN),
        last_look=max(filter(None, (row["looked"] for row in found.values())), default=None),
        last_reading=max(filter(None, (row["read"] for row in found.values())), default=None),
        due=min(filter(None, (row["due"] for row in found.values())), default=None),
        stale=sum(row["stale"] for row in found.values()),
        connecting=found[begun.STATE]["n"] if begun.STATE in found else 0,
        incidents=beside["incidents"] or 0,
        findings=(beside["findings"] or 0) - (beside["accepted"] or 0),
        apart=beside["apart"] or 0,
        mails=beside["mails"] or 0,
        next_mail=beside["next_mail"],
        somebody_is_told=beside["told"],
        halt=beside["halt"],
    )


def _beside(now: datetime) -> dict[str, Any]:
    """What every page shows beside the tenants, as values of the same query."""
    return {
        "incidents": _number(models.Incident.objects.filter(resolved_at=None)),
        "findings": _number(_grave()),
        # Few of many: apart, by an index of their own.
        "accepted": _number(_grave().filter(accepted_until__gt=now)),
        "apart": _number(_apart(), Count("tenant", distinct=True)),
        "mails": _number(models.Delivery.objects.filter(state="waiting")),
        "next_mail": Subquery(_tried_again().values("due_at")[:1]),
        "told": Exists(models.Subscription.objects.all()),
        "halt": Subquery(_halt()[:1]),
    }


def _alone() -> dict[str, Any]:
    """The same where there is no tenant: a place may be silent without one."""
    return {
        "incidents": models.Incident.objects.filter(resolved_at=None).count(),
        "findings": 0,
        "accepted": 0,  # a finding is a tenant's, and so is a path
        "apart": 0,
        "mails": models.Delivery.objects.filter(state="waiting").count(),
        "next_mail": _tried_again().values_list("due_at", flat=True).first(),
        "told": models.Subscription.objects.exists(),
        "halt": _halt().first(),
    }


def _halt() -> QuerySet[models.Halt, int]:
    """What stops all probing, oldest first; nearly always nothing does."""
    return models.Halt.objects.filter(until=None).order_by("since").values_list("pk", flat=True)


def _grave() -> QuerySet[models.Finding]:
    """Findings that stand and are critical or high."""
    return models.Finding.objects.filter(closed_at=None, rank__lte=1)


def _apart() -> QuerySet[models.Path]:
    """Paths that contradict their prediction."""
    live = models.Path.objects.filter(retired_at=None, vantage_point__enabled=True)
    return live.filter(apart_since__isnull=False, agreement__in=sorted(CONTRADICTIONS))


def _tried_again() -> QuerySet[models.Delivery]:
    """Alerts that the mail server did not take yet, by their next try."""
    waiting = models.Delivery.objects.filter(state="waiting", alert__isnull=False)
    return waiting.exclude(answer="").order_by("due_at")


def _number(rows: QuerySet[Any], of: Count = ROWS) -> Subquery:
    """How many rows these are, or what is counted of them, as a value of another query."""
    counted = rows.order_by().annotate(one=Value(1)).values("one").annotate(n=of)
    return Subquery(counted.values("n"))


def worst_first(found: QuerySet[Any]) -> QuerySet[Any]:
    """Open before Partly open before Unknown before Closed; in each the longest first."""
    # Where the word stands in the row of all of them: one look at what is shown, not four.
    rank = StrIndex(Value(" ".join([*RANK, begun.STATE])), F("shown"))
    return found.order_by(rank, F("state_since").asc(nulls_last=True), "name", "pk")


def badness(tenant: Any) -> tuple[int, float, str, int]:
    """The same order for tenants that were loaded; they must come with `shown`."""
    since = tenant.state_since.timestamp() if tenant.state_since else float("inf")
    return RANK[State(tenant.shown)], since, tenant.name, tenant.pk


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """How one sender class fares over all domains, and the answer that shows it."""

    name: str
    state: str
    observation: int | None
    apart: bool = False  # some such answer contradicts its prediction

    @property
    def href(self) -> str:
        """Where the conversation is."""
        return _observation(self.observation)

    @property
    def word(self) -> str:
        """Shorter where the column says the rest; else the state's own word."""
        return "Partly" if self.state == State.PARTLY_OPEN else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One tenant of a list."""

    pk: int
    slug: str
    name: str
    domains: int
    state: str
    age: Age
    since: datetime | None
    first_look: bool
    who: str
    why: str
    cut_off: str
    senders: tuple[Sender, ...]
    code: str
    observation: int | None
    probed_at: datetime | None
    agreement: str = ""  # apart, settling, agrees; empty where nothing can be compared
    incident: incidents.Worst | None = None
    begun: Begun | None = None

    @property
    def href(self) -> str:
        """The tenant's page; addresses are worked out where they are shown."""
        return reverse("tenant", args=[self.slug])

    @property
    def answer(self) -> str:
        """Where the conversation is that the last answer comes from."""
        return _observation(self.observation)

    @property
    def apart(self) -> str:
        """Where its contradictions are listed, and what still settles."""
        return fleet_answers.apart(self.slug)

    @property
    def how(self) -> str:
        """A stale answer is drawn as such."""
        return "stale" if self.age is Age.STALE else ""

    @property
    def is_stale(self) -> bool:
        """Whether its answers are older than four rounds."""
        return self.age is not Age.FRESH and self.probed_at is not None

    @property
    def lasts(self) -> str:
        """How the state's length is introduced: a closed door is closed for a time."""
        return {"closed": "closed for ", "unknown": "unknown for "}.get(self.state, "")


def rows(
    found: Iterable[models.Tenant],
    now: datetime,
    worst: Mapping[int, incidents.Worst] | None = None,
) -> list[Row]:
    """Make rows of these tenants; one query more, for the answers their cells lead to.

    `worst` are their worst open incidents, where the list shows them.
    """
    listed = list(found)
    answers = fleet_answers.load([tenant.pk for tenant in listed])
    connecting = begun.gather(listed)
    made = [
        replace(_row(tenant, answers, now), state=begun.STATE, begun=connecting[tenant.pk])
        if tenant.pk in connecting
        else _row(tenant, answers, now)
        for tenant in listed
    ]
    return [replace(row, incident=worst.get(row.pk)) for row in made] if worst else made


def _row(tenant: models.Tenant, answers: Answers, now: datetime) -> Row:
    every = timedelta(seconds=tenant.probe_every)
    age = answer_age(tenant.probed_at, now, every)
    lapsed = age is Age.LAPSED
    state = State.UNKNOWN if lapsed else State(tenant.state)
    standing: Mapping[str, Any] = tenant.standing
    who, why = fleet_words.who(state, standing, _reason(tenant, answers, age))
    last = standing.get("last") or {}
    return Row(
        pk=tenant.pk,
        slug=tenant.slug,
        name=tenant.name,
        domains=len(standing.get("domains") or {}),
        state=str(state),
        age=age,
        since=_since(tenant, every, lapsed=lapsed),
        first_look=bool(standing.get("first_look")) and not lapsed,
        who=who,
        why=why,
        cut_off="" if lapsed else fleet_words.cut_off(standing.get("approved") or {}),
        senders=tuple(_sender(tenant, name, answers, lapsed=lapsed) for name in CLASSES),
        code=last.get("code") or "",
        observation=last.get("observation"),
        probed_at=tenant.probed_at,
        agreement="" if lapsed else answers.agreement(tenant.pk),
    )


def _since(tenant: models.Tenant, every: timedelta, *, lapsed: bool) -> datetime | None:
    """Since when the state holds: a lapsed one became unknown when its answer grew too old."""
    if lapsed and tenant.probed_at is not None and tenant.state != State.UNKNOWN:
        return tenant.probed_at + max(ROUNDS * every, A_DAY)
    return tenant.state_since


def _sender(tenant: models.Tenant, name: str, answers: Answers, *, lapsed: bool) -> Sender:
    state = (tenant.standing.get("classes") or {}).get(name, str(State.UNKNOWN))
    verdict = "open" if state in LETS_IN else state
    group = answers.of(tenant.pk, name, verdict)
    shown = str(State.UNKNOWN) if lapsed else state
    return Sender(
        name=name, state=shown, observation=group.latest, apart=group.apart and not lapsed
    )


def _observation(pk: int | None) -> str:
    return reverse("observation", args=[pk]) if pk else ""


def _unprobed(tenant: models.Tenant, answers: Answers) -> str:
    if tenant.fetch_error:
        return "connectors unreadable, not probed"
    if tenant.fetched_at is None:
        return "not read yet"
    asked = answers.asks(tenant.pk, CLASSES)
    return "not probed yet" if asked else "its accepted domains are not known"


def _reason(tenant: models.Tenant, answers: Answers, age: Age) -> str:
    """Why a tenant is unknown, for its row."""
    if tenant.paused_at is not None:
        return "watching is paused"
    if tenant.probed_at is None:
        return _unprobed(tenant, answers)
    if age is Age.LAPSED:
        return "the last answers are older than a day"
    causes = (answers.of(tenant.pk, name, "unknown").cause for name in CLASSES)
    return fleet_words.because(next(filter(None, causes), ""))
