"""One exception: what it accepts, who asked and who approved, how it stands, what happened."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from mailposture import models
from mailposture.core import exceptions as core
from mailposture.core.exceptions import State
from mailposture.services import excepting, exceptions
from mailposture.services.pages import findings

MOST_ACTS: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """One thing that a person did about it."""

    at: datetime
    who: str
    what: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """All that the page shows. `why_not` says why this person may not decide."""

    row: models.Acceptance
    state: State
    title: str
    until: str
    last_day: str
    accepts: tuple[str, ...]
    ticket_href: str
    finding: models.Finding | None
    why_not: str
    renewals: tuple[models.Acceptance, ...]
    acts: tuple[Act, ...]
    alone: bool

    @property
    def decides(self) -> bool:
        """Whether it waits for this person's decision."""
        return self.state is State.REQUESTED and not self.why_not

    @property
    def stands(self) -> bool:
        """Whether it can be withdrawn."""
        return self.row.state in excepting.STANDING

    @property
    def in_force(self) -> bool:
        """Whether it holds."""
        return self.state is State.APPROVED


def load(row: models.Acceptance, user: Any, now: datetime) -> Page:
    """Everything of one exception; its tenant must be loaded."""
    state = core.state(row.state, row.expires_at, now)
    same = row.tenant.findings.filter(rule=row.rule, subject=row.subject)
    return Page(
        row=row,
        state=state,
        title=findings.title(row.rule),
        until=core.until(row.expires_at),
        last_day=core.last_day(row.expires_at).isoformat(),
        accepts=core.described(excepting.accepted(row)),
        ticket_href=link(row.ticket),
        finding=same.filter(closed_at=None).first(),
        why_not=exceptions.why_not(row, user, now),
        renewals=tuple(row.renewals.order_by("pk")),
        acts=tuple(_acts(row)),
        alone=not exceptions.others_may(user),
    )


def link(ticket: str) -> str:
    """The ticket as an address, where it is one of the web."""
    try:
        found = urlsplit(ticket)
    except ValueError:
        return ""
    return ticket if found.scheme in ("http", "https") and found.netloc else ""


_ACTS: Final = {
    "asked for an exception": ("asked for it", "reason"),
    "approved exception": ("approved it", ""),
    "refused exception": ("refused it", "why"),
    "withdrew exception": ("withdrew it", "why"),
    "reviewed exception": ("reviewed it", "note"),
}


def _acts(row: models.Acceptance) -> Iterator[Act]:
    """What the trail holds of it, oldest first."""
    found = models.AuditEvent.objects.filter(
        subject=row.name, action__in=_ACTS, at__gte=row.asked_at
    )
    for event in found.order_by("at", "pk")[:MOST_ACTS]:
        what, key = _ACTS[event.action]
        why = str(event.detail.get(key, "")) if key else row.decision
        if event.detail.get("alone"):
            what = f"{what} alone: no other operator could"
        yield Act(at=event.at, who=event.who, what=what, why=why)
    if row.state == models.Acceptance.State.RENEWED and row.ended_at:
        yield Act(at=row.ended_at, who=row.ended_by, what="renewed it", why=row.ended_why)


def initial(finding: models.Finding, now: datetime) -> dict[str, Any]:
    """What the form begins with: the usual days, and of a renewal what was said before."""
    last = core.usual_last_day(now)
    given = {"last_day": last, "review_on": core.usual_review(last, now)}
    latest = finding.tenant.exceptions.filter(
        rule=finding.rule, subject=finding.subject, state=models.Acceptance.State.APPROVED
    ).first()
    if latest is None:
        return given
    kept = ("reason", "owner", "ticket", "hosts")
    return {**given, **{name: getattr(latest, name) for name in kept}}
