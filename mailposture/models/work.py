"""Work that is due. The rows are the queue of record; the broker only wakes."""

from django.db import models

from mailposture.models.history import Snapshot
from mailposture.models.places import VantagePoint
from mailposture.models.tenant import Tenant


class Round(models.Model):
    """One look at all paths of a tenant: on schedule, because someone asked, or to verify."""

    class Kind(models.TextChoices):
        """Why the look is taken."""

        SCHEDULED = "scheduled", "On schedule"
        ASKED = "asked", "Asked for"
        VERIFY = "verify", "After a change"

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="rounds")
    kind = models.CharField(max_length=9, choices=Kind)
    snapshot = models.ForeignKey(Snapshot, models.CASCADE, null=True, related_name="rounds")
    minutes = models.PositiveIntegerField(null=True, help_text="minutes after the change")
    due_at = models.DateTimeField()
    planned_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    paths = models.PositiveIntegerField(default=0)
    # Verdict counts of strangers' and approved sources' paths, once finished.
    tally = models.JSONField(default=dict)

    class Meta:
        ordering = ("due_at",)
        indexes = (
            models.Index(fields=["planned_at", "due_at"], name="round_due"),
            models.Index(fields=["tenant", "-due_at"], name="round_by_tenant"),
            models.Index(fields=["finished_at"], name="round_by_age"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.due_at:%Y-%m-%d %H:%M}"


class Shard(models.Model):
    """The paths one vantage worker takes in one go, and the claim on them.

    `targets` is what was asked, so that a result can be checked against it. A result is taken
    once for each (shard, attempt); after three attempts the shard is set aside and shown.
    """

    ATTEMPTS = 3

    round = models.ForeignKey(Round, models.CASCADE, related_name="shards")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="shards")
    vantage_point = models.ForeignKey(VantagePoint, models.CASCADE, related_name="shards")
    part = models.PositiveIntegerField(default=0)
    targets = models.JSONField(default=list)
    due_at = models.DateTimeField()
    attempt = models.PositiveIntegerField(default=0)
    # Of the latest order: who did not get that order cannot answer it.
    nonce = models.CharField(max_length=32, blank=True, default="")
    claimed_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    aside_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True, default="")

    class Meta:
        ordering = ("due_at",)
        indexes = (
            models.Index(
                fields=["due_at"],
                name="shard_due",
                condition=models.Q(done_at=None, aside_at=None),
            ),
            models.Index(fields=["vantage_point", "-due_at"], name="shard_by_place"),
            models.Index(fields=["due_at"], name="shard_by_age"),
            models.Index(
                fields=["aside_at"], name="shard_aside", condition=models.Q(aside_at__isnull=False)
            ),
            models.Index(
                fields=["vantage_point", "due_at"],
                name="shard_aside_by_place",
                condition=models.Q(aside_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"shard {self.pk}, attempt {self.attempt}"
