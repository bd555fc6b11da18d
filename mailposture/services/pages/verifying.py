"""The looks that strangers took before and after a change, each with what it came to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q
from django.urls import reverse

from mailposture import models
from mailposture.core.states import State, domain_state, tenant_state, worst
from mailposture.core.verdict import SenderClass, Verdict
from mailposture.services.coverage import LATE
from mailposture.services.pages.spans import Span

# Spans of answers read for one change.
MOST_SPANS: Final = 5000
# The last look that a change asks for is due an hour after it.
AROUND: Final = timedelta(hours=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One look: when, what it came to, and the answer that shows it. `said` where there is none."""

    label: str
    at: datetime
    is_after: bool
    first_after: bool = False
    state: str = "none"
    said: str = ""
    code: str = ""
    href: str = ""
    paths: int = 0
    alike: int = 0
    domains: int = 0
    open_domains: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Span:
    pk: int
    path: int
    domain: str
    sender: SenderClass
    verdict: Verdict
    first: datetime
    last: datetime | None
    code: str


def looks(change: models.Change, now: datetime) -> tuple[Look, ...]:
    """Before, at once and some minutes later, and the last one: in the order of time."""
    rows = list(models.Round.objects.filter(snapshot=change.after_id).order_by("minutes", "pk"))
    before = _round_before(change)
    last = _last_round(change, rows)
    seen = _spans(change)
    found = [_before(change, before, seen)]
    found += [_after(row, _label(row), seen, now) for row in rows]
    if last is not None:
        found.append(_after(last, "last round", seen, now))
    for n, look in enumerate(found):
        if look.is_after:
            found[n] = replace(look, first_after=True)
            break
    return tuple(found)


def _label(row: models.Round) -> str:
    return f"+{row.minutes} min" if row.minutes else "at once"


def _round_before(change: models.Change) -> models.Round | None:
    """The last whole look before the change was read; scheduled ones are kept for two days."""
    rounds = change.tenant.rounds.filter(finished_at__lte=change.at)
    return rounds.order_by("-finished_at", "-pk").first()


def _last_round(change: models.Change, shown: Sequence[models.Round]) -> models.Round | None:
    rounds = change.tenant.rounds.filter(finished_at__gt=change.at)
    last = rounds.order_by("-finished_at", "-pk").first()
    return None if last is None or last in shown else last


def _spans(change: models.Change) -> list[_Span]:
    """Every answer that strangers had around the change, and those that they have today."""
    around = Q(
        last_at__gte=change.before.last_seen_at - timedelta(days=1),
        first_at__lte=change.at + AROUND,
    )
    rows = models.Observation.objects.filter(
        Q(last_at=None) | around,
        path__tenant=change.tenant_id,
        path__vantage_point__plays=models.VantagePoint.Plays.STRANGER,
    ).order_by("-first_at", "-pk")
    columns = (
        "pk",
        "path_id",
        "path__domain",
        "path__sender_class",
        "verdict",
        "first_at",
        "last_at",
        "code",
    )
    return [
        _Span(
            pk=pk,
            path=path,
            domain=domain,
            sender=SenderClass(sender),
            verdict=Verdict(verdict),
            first=first,
            last=last,
            code=code,
        )
        for pk, path, domain, sender, verdict, first, last, code in rows.values_list(*columns)[
            :MOST_SPANS
        ]
    ]


def _before(change: models.Change, row: models.Round | None, seen: Iterable[_Span]) -> Look:
    """As it was last seen: in the last look before, or where that is no longer kept, at all."""
    if row and row.planned_at and row.finished_at:
        look = Look(label="before", at=row.planned_at, is_after=False)
        return _with_answers(look, seen, (row.planned_at, row.finished_at))
    known = change.before.last_seen_at
    reach = timedelta(seconds=change.tenant.probe_every * LATE)
    look = Look(label="before", at=known, is_after=False)
    return _with_answers(look, seen, (known - reach, change.at))


def _after(row: models.Round, label: str, seen: Iterable[_Span], now: datetime) -> Look:
    at = row.planned_at or row.due_at
    look = Look(label=label, at=at, is_after=True)
    if row.finished_at is None:
        said = "being probed" if row.planned_at else "due" if row.due_at > now else "waiting"
        return replace(look, said=said)
    if problem := row.tally.get("problem"):
        return replace(look, said=str(problem))
    return _with_answers(look, seen, (at, row.finished_at))


def _with_answers(look: Look, seen: Iterable[_Span], during: Span) -> Look:
    """What the answers of that time come to, by the same rules as a tenant's state."""
    began, ended = during
    newest: dict[int, _Span] = {}
    for span in seen:
        if span.first <= ended and (span.last is None or span.last >= began):
            newest.setdefault(span.path, span)
    then = list(newest.values())
    if not then:
        return replace(look, said="not probed")
    states = _domains(then)
    state = tenant_state(states.values())
    shown = _showing(state, then)
    return replace(
        look,
        state=str(state),
        code=shown.code or "no code",
        href=reverse("observation", args=[shown.pk]),
        paths=len(then),
        alike=sum(1 for s in then if s.verdict is shown.verdict),
        domains=len(states),
        open_domains=sum(1 for s in states.values() if s in (State.OPEN, State.PARTLY_OPEN)),
    )


def _domains(then: Iterable[_Span]) -> dict[str, State]:
    found: dict[str, dict[SenderClass, set[Verdict]]] = {}
    for span in then:
        found.setdefault(span.domain, {}).setdefault(span.sender, set()).add(span.verdict)
    return {d: domain_state({c: worst(v) for c, v in held.items()}) for d, held in found.items()}


def _showing(state: State, then: Sequence[_Span]) -> _Span:
    """The answer that shows the state."""
    wanted: Any = {State.CLOSED: Verdict.CLOSED, State.UNKNOWN: Verdict.UNKNOWN}
    verdict = wanted.get(state, Verdict.OPEN)
    return next((span for span in then if span.verdict is verdict), then[0])


def note(found: Sequence[Look]) -> str:
    """What a reader of the row should know: front ends that were late, looks still to come."""
    after = [look for look in found if look.is_after]
    done = [look for look in after if look.state != "none"]
    said = []
    if done and done[0].alike < done[0].paths and done[-1].alike == done[-1].paths:
        others = f"{done[0].paths - done[0].alike} of {done[0].paths} paths"
        said.append(f"{done[0].label.capitalize()}, {others} still answered otherwise.")
    due = sum(1 for look in after if look.said in ("due", "waiting", "being probed"))
    if due:
        said.append(f"{due} more look{'' if due == 1 else 's'} to come.")
    if not after:
        said.append("No look was asked for: this field takes no part in who gets in.")
    return " ".join(said)
