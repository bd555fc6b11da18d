"""Say what a change did, once whole rounds before and after it show it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import cast

from mailposture import models
from mailposture.core import diff, states
from mailposture.core.diff import Difference
from mailposture.core.effects import Effect, effect
from mailposture.core.states import State
from mailposture.services import planning

# When the last verification round is over, what was not seen to move did not move.
WINDOW = timedelta(minutes=max(planning.VERIFY_AFTER_MINUTES) + 5)


def is_under_way(tenant: models.Tenant, now: datetime) -> bool:
    """Whether a change that can move a door was read so lately that not every front end of
    Exchange Online need know of it: its verification rounds are not over.
    """
    return tenant.changes.filter(decides=True, at__gt=now - WINDOW, at__lte=now).exists()


def is_unread(tenant: models.Tenant, answered: datetime, read: datetime, now: datetime) -> bool:
    """Whether an answer is newer than the last reading, and the next one is not overdue: whatever
    moved the door may stand in a configuration that nobody read yet.
    """
    due = answered + states.INTERVALS * timedelta(seconds=tenant.fetch_every)
    return read < answered and now <= due


def settle(tenant: models.Tenant, round_id: int, after: Mapping[str, str], now: datetime) -> None:
    """Judge the changes that wait for proof by a round that began after they were read.

    A change that another one followed is judged by how the domains stood when that one came:
    what later rounds see, the later change did.
    """
    row = models.Round.objects.get(pk=round_id)
    if not _strangers_were_heard(row):
        return
    began = row.planned_at or now
    waiting = tenant.changes.filter(effect=models.Change.Effect.PENDING, at__lte=began)
    for change in waiting.select_related("after"):
        follower = tenant.snapshots.filter(
            first_seen_at__gt=change.at, first_seen_at__lte=began, changes__decides=True
        ).first()
        seen = effect(
            difference(change),
            _words(change.after.stood),
            _words(follower.stood if follower else after),
        )
        if seen is Effect.OPENS or seen is Effect.CLOSES:
            _say(change, seen, now)
        elif follower or now - change.at > WINDOW:
            _say(change, Effect.NEUTRAL if seen is Effect.NEUTRAL else Effect.UNKNOWN_YET, now)


def _strangers_were_heard(row: models.Round) -> bool:
    """Whether strangers looked in this round, and all of them: approved sources prove no door."""
    strangers = row.shards.filter(vantage_point__plays=models.VantagePoint.Plays.STRANGER)
    return strangers.exists() and not strangers.filter(done_at=None).exists()


def _words(states: Mapping[str, str]) -> dict[str, str]:
    return {domain: State(state).word for domain, state in states.items()}


def difference(change: models.Change) -> Difference:
    """A stored change as the value that it was."""
    return Difference(
        part=change.part,
        guid=change.guid,
        subject=change.subject,
        field=change.field,
        kind=cast("diff.Change", change.kind),
        before=change.was,
        after=change.now,
        gained=tuple(change.gained),
        lost=tuple(change.lost),
        sentence=change.sentence,
    )


def _say(change: models.Change, seen: Effect, now: datetime) -> None:
    words = {
        Effect.OPENS: models.Change.Effect.OPENS,
        Effect.CLOSES: models.Change.Effect.CLOSES,
        Effect.NEUTRAL: models.Change.Effect.NEUTRAL,
        Effect.UNKNOWN_YET: models.Change.Effect.UNKNOWN,
    }
    models.Change.objects.filter(pk=change.pk).update(effect=words[seen], effect_seen_at=now)
