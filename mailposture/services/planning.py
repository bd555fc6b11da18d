"""What is due: claim it by conditional UPDATE, so that a claim is a lease that expires.

A message may be lost, doubled or late without harm, because the row is the truth.
"""

import logging
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from mailposture import models
from mailposture.core.work import Envelope, Hello, Target
from mailposture.services import budgets, clouds, halting, leases, paths, selftests, turns

log = logging.getLogger(__name__)

# After a change: at once, and while Exchange Online rolls it out over its front ends.
VERIFY_AFTER_MINUTES = (0, 2, 10, 30, 60)
HELLO_EVERY = timedelta(seconds=20)
KEEP_ROUNDS = timedelta(days=2)


# Times that the budgets are asked in one go, each for as many shards as there are turns left.
MOST_ASKED: Final = 8


def _unfinished() -> QuerySet[models.Shard]:
    return models.Shard.objects.filter(done_at=None, aside_at=None)


def lock(tenant_id: int) -> models.Tenant:
    """Hold a tenant until the transaction ends. What adds up its rows must not do so beside
    another that adds to them: each would see the other's work as not done. (SQLite has one
    writer anyhow.)
    """
    return models.Tenant.objects.select_for_update().get(pk=tenant_id)


def schedule_rounds(now: datetime) -> None:
    """Turn every tenant whose look is due into a round; the next look is one interval on.

    While all probing is stopped nothing becomes due twice: looks wait, and are taken once.
    """
    if halting.standing():
        return
    due = models.Tenant.objects.filter(paused_at=None, probe_due_at__lte=now)
    for tenant in due.only("pk", "probe_every", "probe_due_at"):
        following = now + timedelta(seconds=tenant.probe_every)
        with transaction.atomic():
            won = models.Tenant.objects.filter(
                pk=tenant.pk, probe_due_at=tenant.probe_due_at
            ).update(probe_due_at=following)
            if won:
                tenant.rounds.create(kind=models.Round.Kind.SCHEDULED, due_at=now)


@transaction.atomic
def ask_round(tenant: models.Tenant, now: datetime) -> models.Round:
    """Probe now, because someone asked: the round under way if one is, else a new one."""
    owing = Exists(_unfinished().filter(round=OuterRef("pk")))
    running = tenant.rounds.filter(Q(planned_at=None) | owing, finished_at=None, due_at__lte=now)
    return running.order_by("due_at").last() or tenant.rounds.create(
        kind=models.Round.Kind.ASKED, due_at=now
    )


def verify(tenant: models.Tenant, snapshot: models.Snapshot, now: datetime) -> None:
    """Open the verification window of a change: what is later is a row with `due_at`."""
    models.Round.objects.bulk_create(
        models.Round(
            tenant=tenant,
            kind=models.Round.Kind.VERIFY,
            snapshot=snapshot,
            minutes=minutes,
            due_at=now + timedelta(minutes=minutes),
        )
        for minutes in VERIFY_AFTER_MINUTES
    )


def plan_rounds(now: datetime) -> None:
    """Cut every round that is due into shards, one claim a round.

    What one tenant's rows make go wrong is that tenant's problem and no other's.
    """
    if halting.standing():
        return
    due = models.Round.objects.filter(
        planned_at=None, due_at__lte=now, tenant__paused_at=None, tenant__setup_step=None
    )
    for row in due.select_related("tenant"):
        try:
            with transaction.atomic():
                if models.Round.objects.filter(pk=row.pk, planned_at=None).update(planned_at=now):
                    _plan(row, now)
        except Exception as error:
            log.exception("the round of %s could not be planned", row.tenant.slug)
            problem = f"The round could not be planned: {type(error).__name__}."
            # Unless another tick, which waited for this one, did plan it meanwhile.
            unplanned = models.Round.objects.filter(pk=row.pk, planned_at=None)
            _end_round(unplanned, now, problem)


def _end_round(rounds: QuerySet[models.Round], now: datetime, problem: str) -> None:
    rounds.update(planned_at=now, finished_at=now, tally={"problem": problem})


def _plan(row: models.Round, now: datetime) -> None:
    """Make the shards of one round. A place that still owes its last shard gets no second one:
    a silent vantage point must not pile up work that nobody will want when it is back.
    """
    lock(row.tenant_id)
    try:
        wanted = paths.ensure(row.tenant, now)
    except clouds.NotSetUpError as missing:
        _end_round(models.Round.objects.filter(pk=row.pk), now, str(missing))
        return
    owing = set(
        models.Shard.objects.filter(tenant=row.tenant, done_at=None, aside_at=None).values_list(
            "vantage_point_id", "part"
        )
    )
    shards = [
        models.Shard(
            round=row,
            tenant=row.tenant,
            vantage_point_id=place,
            part=part,
            targets=targets,
            due_at=now,
        )
        for (place, part), targets in wanted.items()
        if (place, part) not in owing
    ]
    models.Shard.objects.bulk_create(shards)
    count = sum(len(s.targets) for s in shards)
    models.Round.objects.filter(pk=row.pk).update(paths=count, finished_at=None if shards else now)


def claim_shards(now: datetime, only: Collection[str] | None = None) -> Iterator[Envelope]:
    """Claim the shards that are due or whose worker went silent, as far as the budgets and the
    turns of each place go (services/turns), and seal their orders.

    `only` names the vantage points that the caller can play; None is all of them. None is given
    out while all probing is stopped.
    """
    if halting.standing():
        return
    _set_aside(now)
    places = models.VantagePoint.objects.all()
    if only is not None:
        places = places.filter(slug__in=only)
    known = list(places.values_list("pk", flat=True))
    taken = turns.Turns.of(_unfinished(), now)
    for _ in range(MOST_ASKED):
        chosen = turns.choose(_unfinished(), taken, known, now)
        if not chosen:
            return
        yield from _give_out(chosen, taken, now)


def _give_out(chosen: Sequence[int], taken: turns.Turns, now: datetime) -> Iterator[Envelope]:
    """Ask the budgets for all of them at once, and claim those that they allow.

    What the tenant or a door has to wait for moves that shard on, which spends no attempt. What a
    place or all together wait for moves nobody: whoever was next is next when it goes on.
    """
    rows = models.Shard.objects.select_related("vantage_point", "tenant").in_bulk(chosen)
    shards = [rows[pk] for pk in chosen if pk in rows]
    for shard, wait in zip(shards, budgets.ask(shards), strict=True):
        if wait is None:
            if _claim(shard, now):
                taken.take(shard.vantage_point_id, shard.tenant_id)
                if order := _order(shard, now):
                    yield order
        elif budgets.holds_all(wait):
            taken.stopped = True
        elif budgets.holds_place(wait):
            taken.shut.add(shard.vantage_point_id)
        else:
            later = now + timedelta(seconds=wait.seconds)
            _untouched(shard).update(due_at=later)


def _untouched(shard: models.Shard) -> QuerySet[models.Shard]:
    """The row, if nobody claimed it since it was read."""
    return _unfinished().filter(pk=shard.pk, attempt=shard.attempt)


def _claim(shard: models.Shard, now: datetime) -> bool:
    nonce = secrets.token_hex(16)
    won = _untouched(shard).update(
        attempt=shard.attempt + 1, claimed_at=now, lease_until=now + settings.LEASE, nonce=nonce
    )
    shard.attempt, shard.nonce = shard.attempt + 1, nonce
    return bool(won)


def _set_aside(now: datetime) -> None:
    """After three attempts nobody tries again by himself: the shard is shown instead."""
    spent = _unfinished().filter(lease_until__lte=now, attempt__gte=models.Shard.ATTEMPTS)
    why = "No result after three attempts: its worker is silent."
    for shard in spent.only("pk", "tenant_id", "round_id"):
        _put_aside(shard, why, now)


@transaction.atomic
def _put_aside(shard: models.Shard, why: str, now: datetime) -> None:
    lock(shard.tenant_id)
    if _unfinished().filter(pk=shard.pk).update(aside_at=now, problem=why):
        finish_round(shard.round_id, now)


def withdraw(place: models.VantagePoint, why: str, now: datetime) -> None:
    """Set aside all that a place was to do or is doing: its result would be taken no more."""
    for shard in _unfinished().filter(vantage_point=place).only("pk", "tenant_id", "round_id"):
        _put_aside(shard, why, now)


def finish_round(round_id: int, now: datetime) -> bool:
    """Close a round once none of its shards is still out; say whether this call closed it. The
    tenant is locked by the caller.
    """
    if _unfinished().filter(round_id=round_id).exists():
        return False
    open_round = models.Round.objects.filter(pk=round_id, finished_at=None)
    return bool(open_round.update(finished_at=now))


def _order(shard: models.Shard, now: datetime) -> Envelope | None:
    """Seal the order of the attempt that was just claimed; set aside what cannot be ordered."""
    try:
        who = clouds.identity(lab=shard.tenant.cloud == clouds.LAB)
    except clouds.NotSetUpError as missing:
        _put_aside(shard, str(missing), now)
        return None
    return Envelope(
        vantage_point=shard.vantage_point.slug,
        shard=shard.pk,
        attempt=shard.attempt,
        ehlo=who.ehlo,
        targets=tuple(Target(**{**t, "endpoints": tuple(t["endpoints"])}) for t in shard.targets),
        issued=now,
        expires=now + settings.LEASE,
        nonce=shard.nonce,
        pace=budgets.pace(),
    )


def greet(now: datetime) -> Iterable[Hello]:
    """What is asked of the vantage points whose turn it is to say that they are there."""
    due = models.VantagePoint.objects.filter(
        leases.free(now - HELLO_EVERY, "asked_at"), enabled=True
    )
    asked = []
    for place in due:
        nonce = secrets.token_hex(16)
        # Of two ticks one asks: the answer to the other's question would count for nothing.
        unasked = models.VantagePoint.objects.filter(pk=place.pk, asked_at=place.asked_at)
        if unasked.update(asked_at=now, hello_nonce=nonce):
            test, expires = selftests.ask(place, now), now + HELLO_EVERY
            asked.append(Hello(vantage_point=place.slug, nonce=nonce, expires=expires, test=test))
    return asked


def tidy(now: datetime) -> None:
    """Drop work that told its story; storage grows with changes, not with polls. The rounds of a
    change stay with their tally.
    """
    old = now - KEEP_ROUNDS
    models.Shard.objects.filter(due_at__lt=old, round__finished_at__lt=old).delete()
    models.Round.objects.filter(snapshot=None, finished_at__lt=old).delete()
