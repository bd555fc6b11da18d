"""What is due: claim it by conditional UPDATE, so that a claim is a lease that expires.

A message may be lost, doubled or late without harm, because the row is the truth.
"""

import logging
import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from mailposture import models
from mailposture.core.work import Envelope, Hello, Target
from mailposture.services import clouds, halting, leases, paths

log = logging.getLogger(__name__)

# After a change: at once, and while Exchange Online rolls it out over its front ends.
VERIFY_AFTER_MINUTES = (0, 2, 10, 30, 60)
HELLO_EVERY = timedelta(seconds=20)
KEEP_ROUNDS = timedelta(days=2)


# A claim's time runs while its message waits in the queue, so a worker is handed no more than it
# can do within one; the next is claimed when a result comes in.
OUT_AT_ONCE = 4


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
    """Claim every shard that is due or whose worker went silent, and seal its order.

    `only` names the vantage points that the caller can play; None is all of them. None is given
    out while all probing is stopped.
    """
    if halting.standing():
        return
    _set_aside(now)
    unfinished = _unfinished().filter(due_at__lte=now)
    if only is not None:
        unfinished = unfinished.filter(vantage_point__slug__in=only)
    out = Counter(unfinished.filter(lease_until__gt=now).values_list("vantage_point_id", flat=True))
    due = unfinished.filter(leases.free(now)).order_by("due_at", "pk")
    # What was asked is long; it is read for those that are claimed alone.
    for pk, place, attempt in due.values_list("pk", "vantage_point_id", "attempt"):
        if out[place] < OUT_AT_ONCE:
            out[place] += 1
            if order := _claim(pk, attempt, now):
                yield order


def _claim(pk: int, attempt: int, now: datetime) -> Envelope | None:
    nonce = secrets.token_hex(16)
    won = (
        _unfinished()
        .filter(pk=pk, attempt=attempt)
        .update(attempt=attempt + 1, claimed_at=now, lease_until=now + settings.LEASE, nonce=nonce)
    )
    return _order(pk, now) if won else None


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


def _order(pk: int, now: datetime) -> Envelope | None:
    """Seal the order of the attempt that was just claimed; set aside what cannot be ordered."""
    shard = models.Shard.objects.select_related("vantage_point", "tenant").get(pk=pk)
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
    )


def greet(now: datetime) -> Iterable[Hello]:
    """What is asked of the vantage points whose turn it is to say that they are there."""
    due = models.VantagePoint.objects.filter(
        leases.free(now - HELLO_EVERY, "asked_at"), enabled=True
    )
    asked = []
    for pk, slug, before in due.values_list("pk", "slug", "asked_at"):
        nonce = secrets.token_hex(16)
        # Of two ticks one asks: the answer to the other's question would count for nothing.
        unasked = models.VantagePoint.objects.filter(pk=pk, asked_at=before)
        if unasked.update(asked_at=now, hello_nonce=nonce):
            asked.append(Hello(vantage_point=slug, nonce=nonce, expires=now + HELLO_EVERY))
    return asked


def tidy(now: datetime) -> None:
    """Drop work that told its story; storage grows with changes, not with polls. The rounds of a
    change stay with their tally.
    """
    old = now - KEEP_ROUNDS
    models.Shard.objects.filter(due_at__lt=old, round__finished_at__lt=old).delete()
    models.Round.objects.filter(snapshot=None, finished_at__lt=old).delete()
