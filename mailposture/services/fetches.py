"""Which tenants are to be read now: claimed by lease, no more at once than the readers can do."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F

from mailposture import models
from mailposture.services import leases

# A claim's time runs while its message waits for a reader.
AT_ONCE = 6


def claim(now: datetime) -> list[tuple[int, int]]:
    """Claim tenants whose reading is due or whose reader died: (tenant, attempt).

    The attempt only ever grows, so that it names one claim for ever; tries are counted apart.
    """
    _give_up(now)
    leased = models.Tenant.objects.filter(fetch_lease_until__gt=now).count()
    due = models.Tenant.objects.filter(
        leases.free(now, "fetch_lease_until"),
        paused_at=None,
        credential__isnull=False,
        fetch_due_at__lte=now,
    )
    slots = max(AT_ONCE - leased, 0)
    claimed = []
    for pk, attempt in due.order_by("fetch_due_at").values_list("pk", "fetch_attempt")[:slots]:
        won = models.Tenant.objects.filter(
            leases.free(now, "fetch_lease_until"), pk=pk, fetch_attempt=attempt
        ).update(
            fetch_attempt=attempt + 1,
            fetch_tries=F("fetch_tries") + 1,
            fetch_lease_until=now + settings.FETCH_LEASE,
        )
        if won:
            claimed.append((pk, attempt + 1))
    return claimed


def _give_up(now: datetime) -> None:
    """A reading whose worker died three times is set aside until its next turn, and shown."""
    spent = models.Tenant.objects.filter(
        fetch_tries__gte=models.Shard.ATTEMPTS, fetch_lease_until__lte=now
    )
    for tenant in spent:
        why = "The reading did not end in three attempts: its worker died each time."
        failed(tenant, tenant.fetch_attempt, why, now)


def ask(tenant: models.Tenant, now: datetime) -> None:
    """Read this tenant without waiting for its turn, also if a reading is under way already."""
    models.Tenant.objects.filter(pk=tenant.pk).update(fetch_due_at=now)


def done(tenant: models.Tenant, attempt: int, now: datetime, *, refused: str = "") -> bool:
    """Give a claim back after a reading that ended; False if it was no longer held.

    `refused` is "role" where it was let in and yet shown nothing that decides.
    """
    said = {"fetch_error": "", "fetch_failing_since": None, "fetch_refused": refused}
    return _give_back(tenant, attempt, now, fetched_at=now, **said)


def failed(
    tenant: models.Tenant, attempt: int, why: str, now: datetime, *, refused: str = ""
) -> bool:
    """Give a claim back after a reading that brought nothing, and say since when.

    `refused` is "credential" where waiting cannot help.
    """
    since = tenant.fetch_failing_since or now
    said = {"fetch_error": why, "fetch_failing_since": since, "fetch_refused": refused}
    return _give_back(tenant, attempt, now, **said)


def _give_back(tenant: models.Tenant, attempt: int, now: datetime, **said: object) -> bool:
    held = models.Tenant.objects.filter(
        pk=tenant.pk, fetch_attempt=attempt, fetch_lease_until__isnull=False
    )
    if not held.update(fetch_lease_until=None, fetch_tries=0, **said):
        return False
    # Whoever asked for a reading meanwhile moved the time, and gets another one.
    following = now + timedelta(seconds=tenant.fetch_every)
    models.Tenant.objects.filter(pk=tenant.pk, fetch_due_at=tenant.fetch_due_at).update(
        fetch_due_at=following
    )
    return True
