"""What people do about exceptions: ask, approve, refuse, review, renew and withdraw.

Four eyes: who asked does not approve, where anybody else could. Every act is one transaction with
the tenant held, leaves its trace, and has the tenant's findings marked anew.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AbstractUser, AnonymousUser
from django.db import transaction

from mailposture import models
from mailposture.core import codec, exceptions, posture
from mailposture.core.exceptions import NEVER
from mailposture.core.posture import Result
from mailposture.core.posture.scopes import Scope, scope
from mailposture.services import assessing, audit, excepting, planning

State = models.Acceptance.State
User = AbstractBaseUser | AnonymousUser | None
LONGEST: Final = 2000
GONE: Final = "It is not found any more: there is nothing left to accept."


class NotDoneError(ValueError):
    """An act that cannot be done; the sentence says why, and what can."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a person asks for, checked by the form: dates are UTC days, hosts one entry a line."""

    reason: str
    owner: str
    last_day: date
    review_on: date | None = None
    ticket: str = ""
    hosts: str = ""


# ---- who may -------------------------------------------------------------------------------


def others_may(user: User) -> bool:
    """Whether anybody but this person could approve."""
    able = get_user_model().objects.filter(is_active=True, is_staff=True)
    known = user.pk if user is not None else None
    return (able.exclude(pk=known) if known else able).exists()


def why_not(row: models.Acceptance, user: User, now: datetime) -> str:
    """Why this person may not decide; empty where they may."""
    if exceptions.state(row.state, row.expires_at, now) is not exceptions.State.REQUESTED:
        return "It waits for no decision any more."
    if not isinstance(user, AbstractUser) or not (user.is_active and user.is_staff):
        return "Only those who operate Mailposture decide."
    if _asked_by(row, user) and others_may(user):
        return "Who asks does not approve: another operator decides."
    return ""


def _asked_by(row: models.Acceptance, user: AbstractUser) -> bool:
    return row.asker_id == user.pk or (row.asker_id is None and row.asked_by == user.get_username())


# ---- to ask --------------------------------------------------------------------------------


def scope_of(finding: models.Finding, now: datetime) -> Scope:
    """What the finding is about as it stands now: what would be accepted.

    Raises NotDoneError where it does not stand, or its parts cannot be read: what is not known
    cannot be accepted.
    """
    given = assessing.facts(finding.tenant, now)
    said = [f for f in posture.assess(given) if f.rule == finding.rule]
    for one in said:
        same = one.subject[: assessing.LONGEST_SUBJECT] == finding.subject
        if same and one.result is Result.NOT_SATISFIED:
            return scope(given, one)
    unknown = next((f for f in said if f.result is Result.UNKNOWN), None)
    if unknown:
        raise NotDoneError(f"What is not known cannot be accepted. {unknown.sentence}")
    raise NotDoneError(GONE)


@transaction.atomic
def ask(
    finding: models.Finding, asked: Asked, now: datetime, *, user: User = None
) -> models.Acceptance:
    """Ask for an exception of a finding that stands. Raises NotDoneError."""
    tenant = planning.lock(finding.tenant_id)
    if finding.rule in NEVER:
        raise NotDoneError("What judges exceptions cannot be excepted: answer that exception.")
    if finding.closed_at is not None:
        raise NotDoneError(GONE)
    accepts = scope_of(finding, now)
    _make_room(tenant, finding.rule, finding.subject, now)
    standing = tenant.exceptions.filter(
        rule=finding.rule, subject=finding.subject, state=State.APPROVED
    ).first()
    event = audit.act("asked for an exception", "", now, user=user)
    row = models.Acceptance.objects.create(
        tenant=tenant,
        rule=finding.rule,
        subject=finding.subject,
        sentence=finding.sentence,
        severity=accepts.severity,
        scope=codec.dump(accepts),
        hosts=asked.hosts,
        reason=_said(asked.reason),
        owner=asked.owner,
        ticket=asked.ticket,
        expires_at=exceptions.expiry(asked.last_day),
        review_on=asked.review_on or exceptions.usual_review(asked.last_day, now),
        asked_at=now,
        asker_id=event.actor_id,
        asked_by=event.who,
        renews=standing,
    )
    event.subject, event.detail = row.name, _detail(row)
    event.save()
    assessing.refresh(tenant, now)
    return row


def _said(text: str) -> str:
    """What was said, in full. Raises NotDoneError where that is nothing."""
    given = text.replace("\0", "").strip()[:LONGEST]
    if not given:
        raise NotDoneError("Say why, so that others can judge it.")
    return given


def _make_room(tenant: models.Tenant, rule: str, subject: str, now: datetime) -> None:
    """One waits at a time. One that expired before anybody decided waits no more."""
    waiting = tenant.exceptions.filter(rule=rule, subject=subject, state=State.REQUESTED)
    for row in waiting:
        if row.expires_at > now:
            raise NotDoneError(f"{row.name} asks for this already, and waits for a decision.")
        _end(row, State.WITHDRAWN, "It expired before anybody decided.", row.asked_by, now)


def _detail(row: models.Acceptance) -> dict[str, str]:
    return {
        "tenant": row.tenant.slug,
        "rule": row.rule,
        "about": row.subject,
        "until": exceptions.until(row.expires_at),
        "owner": row.owner,
        "reason": row.reason,
        "ticket": row.ticket,
    }


# ---- to decide -----------------------------------------------------------------------------


@transaction.atomic
def approve(row: models.Acceptance, why: str, now: datetime, *, user: User) -> models.Acceptance:
    """Accept the finding until its end; an exception that stood for it is renewed by this one.

    Raises NotDoneError.
    """
    found = _decided(row, State.APPROVED, why.replace("\0", "").strip()[:LONGEST], now, user)
    same = found.tenant.exceptions.filter(
        rule=found.rule, subject=found.subject, state=State.APPROVED
    )
    for earlier in same.exclude(pk=found.pk):
        _end(earlier, State.RENEWED, f"Renewed by {found.name}.", found.decided_by, now)
        found.renews = earlier
    found.save()
    alone = {"alone": True} if found.alone else {}
    audit.record("approved exception", found.name, now, user=user, **_detail(found), **alone)
    assessing.refresh(found.tenant, now)
    return found


@transaction.atomic
def refuse(row: models.Acceptance, why: str, now: datetime, *, user: User) -> models.Acceptance:
    """Do not accept it. Raises NotDoneError."""
    found = _decided(row, State.REFUSED, _said(why), now, user)
    found.save()
    audit.record("refused exception", found.name, now, user=user, why=found.decision)
    assessing.refresh(found.tenant, now)
    return found


def _decided(
    row: models.Acceptance, into: State, why: str, now: datetime, user: User
) -> models.Acceptance:
    """The row as decided, not yet kept."""
    found = _held(row)
    if reason := why_not(found, user, now):
        raise NotDoneError(reason)
    found.state, found.decided_at, found.decision = into, now, why
    found.decided_by = user.get_username() if user is not None else ""
    found.alone = isinstance(user, AbstractUser) and _asked_by(found, user)
    return found


def _held(row: models.Acceptance) -> models.Acceptance:
    """The row as it is now, its tenant held."""
    tenant = planning.lock(row.tenant_id)
    found = models.Acceptance.objects.select_for_update().get(pk=row.pk)
    found.tenant = tenant
    return found


# ---- while it stands -----------------------------------------------------------------------


@transaction.atomic
def withdraw(row: models.Acceptance, why: str, now: datetime, *, user: User) -> models.Acceptance:
    """Take it back, pending or in force: what it accepted counts again. Raises NotDoneError."""
    found = _held(row)
    if found.state not in excepting.STANDING:
        raise NotDoneError("It stands no more: there is nothing to withdraw.")
    event = audit.record("withdrew exception", found.name, now, user=user, why=_said(why))
    _end(found, State.WITHDRAWN, _said(why), event.who, now)
    assessing.refresh(found.tenant, now)
    return found


@transaction.atomic
def review(
    row: models.Acceptance, next_on: date, note: str, now: datetime, *, user: User
) -> models.Acceptance:
    """Say that it was looked at and still holds, and when it is looked at next."""
    found = _held(row)
    if exceptions.state(found.state, found.expires_at, now) is not exceptions.State.APPROVED:
        raise NotDoneError("Only what is in force is reviewed.")
    event = audit.record(
        "reviewed exception", found.name, now, user=user,
        next=str(next_on), note=note.replace("\0", "").strip()[:LONGEST],
    )  # fmt: skip
    found.reviewed_at, found.reviewed_by, found.review_on = now, event.who, next_on
    found.save(update_fields=["reviewed_at", "reviewed_by", "review_on"])
    return found


def _end(row: models.Acceptance, into: State, why: str, who: str, now: datetime) -> None:
    row.state, row.ended_at, row.ended_by, row.ended_why = into, now, who, why
    row.outside, row.outside_since = [], None
    row.save(
        update_fields=[
            "state", "ended_at", "ended_by", "ended_why", "outside", "outside_since",
        ]
    )  # fmt: skip
