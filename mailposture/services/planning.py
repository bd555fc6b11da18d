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
from django.db.models import F, Q

from mailposture import models
from mailposture.core.work import Envelope, Target
from mailposture.services import clouds, paths

log = logging.getLogger(__name__)

# After a change: at once, and while Exchange Online rolls it out over its front ends.
VERIFY_AFTER_MINUTES = (0, 2, 10, 30, 60)
HELLO_EVERY = timedelta(seconds=20)
KEEP_ROUNDS = timedelta(days=2)


# A claim's time runs while its message waits in the queue, so a worker is handed no more than it
# can do within one; the next is claimed when a result comes in.
OUT_AT_ONCE = 4


def claim_fetches(now: datetime) -> list[tuple[int, int]]:
    """Claim the tenants whose reading is due or whose reader died: (tenant, attempt)."""
    claimed = []
    _give_up_fetches(now)
    for tenant in models.Tenant.objects.filter(_free("fetch_lease_until", now), _fetch_due(now)):
        attempt = tenant.fetch_attempt + 1
        won = models.Tenant.objects.filter(
            _free("fetch_lease_until", now), pk=tenant.pk, fetch_attempt=tenant.fetch_attempt
        ).update(fetch_attempt=attempt, fetch_lease_until=now + settings.FETCH_LEASE)
        if won:
            claimed.append((tenant.pk, attempt))
    return claimed


def _give_up_fetches(now: datetime) -> None:
    """A reading whose worker died three times is set aside until its next turn, and shown."""
    spent = models.Tenant.objects.filter(
        fetch_attempt__gte=models.Shard.ATTEMPTS, fetch_lease_until__lte=now
    )
    for tenant in spent:
        models.Tenant.objects.filter(pk=tenant.pk, fetch_attempt=tenant.fetch_attempt).update(
            fetch_attempt=0,
            fetch_lease_until=None,
            fetch_due_at=now + timedelta(seconds=tenant.fetch_every),
            fetch_tried_at=now,
            fetch_error="The reading did not end in three attempts: its worker died each time.",
            fetch_failing_since=tenant.fetch_failing_since or now,
        )


def _fetch_due(now: datetime) -> Q:
    return Q(paused_at=None, credential__isnull=False, fetch_due_at__lte=now)


def _free(field: str, now: datetime) -> Q:
    return Q(**{field: None}) | Q(**{f"{field}__lte": now})


def schedule_rounds(now: datetime) -> None:
    """Turn every tenant whose look is due into a round; the next look is one interval on."""
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
    running = tenant.rounds.filter(finished_at=None, due_at__lte=now).order_by("due_at").last()
    return running or tenant.rounds.create(kind=models.Round.Kind.ASKED, due_at=now)


def ask_fetch(tenant: models.Tenant, now: datetime) -> None:
    """Read this tenant without waiting for its turn."""
    models.Tenant.objects.filter(pk=tenant.pk).update(fetch_due_at=now)


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
    due = models.Round.objects.filter(planned_at=None, due_at__lte=now, tenant__paused_at=None)
    for row in due.select_related("tenant"):
        try:
            with transaction.atomic():
                if models.Round.objects.filter(pk=row.pk, planned_at=None).update(planned_at=now):
                    _plan(row, now)
        except Exception as error:
            log.exception("the round of %s could not be planned", row.tenant.slug)
            problem = f"The round could not be planned: {type(error).__name__}."
            _end_round(row.pk, now, problem)


def _end_round(pk: int, now: datetime, problem: str) -> None:
    models.Round.objects.filter(pk=pk).update(
        planned_at=now, finished_at=now, tally={"problem": problem}
    )


def _plan(row: models.Round, now: datetime) -> None:
    """Make the shards of one round. A place that still owes its last shard gets no second one:
    a silent vantage point must not pile up work that nobody will want when it is back.
    """
    try:
        wanted = paths.ensure(row.tenant, now)
    except clouds.NotSetUpError as missing:
        _end_round(row.pk, now, str(missing))
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

    `only` names the vantage points that the caller can play; None is all of them.
    """
    _set_aside(now)
    unfinished = models.Shard.objects.filter(due_at__lte=now, done_at=None, aside_at=None)
    if only is not None:
        unfinished = unfinished.filter(vantage_point__slug__in=only)
    out = Counter(unfinished.filter(lease_until__gt=now).values_list("vantage_point_id", flat=True))
    due = unfinished.filter(_free("lease_until", now)).order_by("due_at", "pk")
    for shard in due.select_related("vantage_point", "tenant"):
        if out[shard.vantage_point_id] >= OUT_AT_ONCE:
            continue
        out[shard.vantage_point_id] += 1
        won = models.Shard.objects.filter(pk=shard.pk, attempt=shard.attempt, done_at=None).update(
            attempt=F("attempt") + 1, claimed_at=now, lease_until=now + settings.LEASE
        )
        if won and (order := _order(shard, now)):
            yield order


def _set_aside(now: datetime) -> None:
    """After three attempts nobody tries again by himself: the shard is shown instead."""
    spent = models.Shard.objects.filter(
        done_at=None, aside_at=None, lease_until__lte=now, attempt__gte=models.Shard.ATTEMPTS
    )
    rounds = set(spent.values_list("round_id", flat=True))
    spent.update(aside_at=now, problem="No result after three attempts: its worker is silent.")
    for round_id in rounds:
        finish_round(round_id, now)


def finish_round(round_id: int, now: datetime) -> bool:
    """Close a round once none of its shards is still out; say whether this call closed it."""
    out = models.Shard.objects.filter(round_id=round_id, done_at=None, aside_at=None)
    if out.exists():
        return False
    return bool(models.Round.objects.filter(pk=round_id, finished_at=None).update(finished_at=now))


def _order(shard: models.Shard, now: datetime) -> Envelope | None:
    """Seal the order of the attempt that was just claimed; set aside what cannot be ordered."""
    try:
        who = clouds.identity(lab=shard.tenant.cloud == clouds.LAB)
    except clouds.NotSetUpError as missing:
        models.Shard.objects.filter(pk=shard.pk).update(aside_at=now, problem=str(missing))
        finish_round(shard.round_id, now)
        return None
    nonce = secrets.token_hex(16)
    models.Shard.objects.filter(pk=shard.pk).update(nonce=nonce)
    return Envelope(
        purpose="shard",
        vantage_point=shard.vantage_point.slug,
        shard=shard.pk,
        attempt=shard.attempt + 1,
        ehlo=who.ehlo,
        targets=tuple(Target(**{**t, "endpoints": tuple(t["endpoints"])}) for t in shard.targets),
        issued=now,
        expires=now + settings.LEASE,
        nonce=nonce,
    )


def greet(now: datetime) -> Iterable[str]:
    """The vantage points to be asked whether they are there."""
    due = models.VantagePoint.objects.filter(
        _free("asked_at", now - HELLO_EVERY), enabled=True
    ).values_list("slug", flat=True)
    slugs = list(due)
    models.VantagePoint.objects.filter(slug__in=slugs).update(asked_at=now)
    return slugs


def tidy(now: datetime) -> None:
    """Drop rounds that told their story; storage grows with changes, not with polls."""
    models.Round.objects.filter(snapshot=None, finished_at__lt=now - KEEP_ROUNDS).delete()
