"""The looks that strangers took before and after a change, each with what it came to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q
from django.urls import reverse

from mailposture import models
from mailposture.core.spans import Span
from mailposture.core.states import State, domain_state, tenant_state, worst
from mailposture.core.verdict import Verdict, sender_named
from mailposture.services.coverage import LATE

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
    sender: str
    verdict: Verdict
    first: datetime
    last: datetime | None
    code: str


def looks(change: models.Change, now: datetime) -> tuple[Look, ...]:
    """Before, at once and some minutes later, and the last one: in the order of time.

    What was seen after the next change shows that one, and is left out.
    """
    rows = list(models.Round.objects.filter(snapshot=change.after_id).order_by("minutes", "pk"))
    until = _next(change)
    last = _last_round(change, rows, until)
    seen = _spans(change, last)
    found = [_before(change, seen)]
    found += [_after(row, _label(row), seen, now, until) for row in rows]
    if last is not None:
        label = "last round" if until is None else "last before the next change"
        found.append(_after(last, label, seen, now, until))
    for n, look in enumerate(found):
        if look.is_after:
            found[n] = replace(look, first_after=True)
            break
    return tuple(found)


def _label(row: models.Round) -> str:
    return f"+{row.minutes} min" if row.minutes else "at once"


def _next(change: models.Change) -> datetime | None:
    """When the next change of the tenant was read that can open or close a door."""
    later = models.Change.objects.filter(tenant=change.tenant_id, at__gt=change.at, decides=True)
    return later.order_by("at").values_list("at", flat=True).first()


def _last_round(
    change: models.Change, shown: Sequence[models.Round], until: datetime | None
) -> models.Round | None:
    rounds = change.tenant.rounds.filter(planned_at__gte=change.at, finished_at__gt=change.at)
    if until is not None:
        rounds = rounds.filter(finished_at__lte=until)
    last = rounds.order_by("-finished_at", "-pk").first()
    return None if last is None or last in shown else last


def _spans(change: models.Change, last: models.Round | None) -> list[_Span]:
    """Every answer that strangers had around the change, and in the last round of its time."""
    wanted = _during(change.before.last_seen_at - timedelta(days=1), change.at + AROUND)
    if last is not None and last.planned_at and last.finished_at:
        wanted |= _during(last.planned_at, last.finished_at)
    rows = models.Observation.objects.filter(
        wanted,
        path__tenant=change.tenant_id,
        path__vantage_point__plays=models.VantagePoint.Plays.STRANGER,
    ).order_by("-first_at", "-pk")
    columns = (
        "pk",
        "path_id",
        "path__domain",
        "path__sender_class",
        "path__sender_domain",
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
            sender=sender_named(sender, partner),
            verdict=Verdict(verdict),
            first=first,
            last=last,
            code=code,
        )
        for pk, path, domain, sender, partner, verdict, first, last, code in (
            rows.values_list(*columns)[:MOST_SPANS]
        )
    ]


def _during(began: datetime, ended: datetime) -> Q:
    return Q(first_at__lte=ended) & (Q(last_at=None) | Q(last_at__gte=began))


def _before(change: models.Change, seen: Sequence[_Span]) -> Look:
    """As it was last seen while the old configuration was read.

    Where no look of that time is kept, what is known of that time; where none was taken, the first
    one later that shows how the domains stood: the change may have come after it.
    """
    known = change.before.last_seen_at
    reach = timedelta(seconds=change.tenant.probe_every * LATE)
    # What was answered before it held was answered to another configuration.
    began = max(known - reach, change.before.first_seen_at)
    rounds = change.tenant.rounds.filter(planned_at__gte=began)
    row = rounds.filter(finished_at__lte=known).order_by("-finished_at", "-pk").first()
    if row and row.planned_at and row.finished_at:
        look = Look(label="before", at=row.planned_at, is_after=False)
        return _with_answers(look, seen, (row.planned_at, row.finished_at))
    look = Look(label="before", at=known, is_after=False)
    look = _with_answers(look, seen, (began, known))
    return look if look.state != "none" else _showing_it(change, seen) or look


def _showing_it(change: models.Change, seen: Sequence[_Span]) -> Look | None:
    """The first look after the old configuration was last read that shows how it stood."""
    if not change.after.stood:
        return None
    stood = str(tenant_state([State(word) for word in change.after.stood.values()]))
    later = change.tenant.rounds.filter(
        finished_at__gt=change.before.last_seen_at, planned_at__lte=change.at + AROUND
    )
    for row in later.order_by("finished_at", "pk")[:10]:
        if row.planned_at is None or row.finished_at is None:
            continue
        label = "before" if row.planned_at <= change.at else "first look"
        look = Look(label=label, at=row.planned_at, is_after=False)
        look = _with_answers(look, seen, (row.planned_at, row.finished_at))
        if look.state == stood:
            return look
    return None


def _after(
    row: models.Round,
    label: str,
    seen: Iterable[_Span],
    now: datetime,
    until: datetime | None,
) -> Look:
    at = row.planned_at or row.due_at
    look = Look(label=label, at=at, is_after=True)
    if until is not None and (row.finished_at or now) > until:
        return replace(look, said="after the next change")
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
    found: dict[str, dict[str, set[Verdict]]] = {}
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
