"""What the configuration was, when, and what changed between two readings."""

from django.db import models
from django.urls import reverse

from mailposture.core import codec
from mailposture.core.configuration import Configuration
from mailposture.models.tenant import Tenant


class Snapshot(models.Model):
    """One configuration, and the span over which we kept seeing it."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="snapshots")
    digest = models.CharField(max_length=64)
    document = models.JSONField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    # Whether every part of it could be read; the document says so too, but no list can ask that of
    # thousands of them.
    is_whole = models.BooleanField(default=True)
    # When of that nobody read it: [from, until] where a reading came late by more than it counts.
    unread = models.JSONField(default=list)
    # How each domain stood, by our probes, when the configuration before was last seen.
    stood = models.JSONField(default=dict)
    # What knows again the answers it was last read from; empty: the next ones are read in any case.
    marks = models.JSONField(default=list)
    # When a person last brought it in from a file; null: we read it ourselves.
    imported_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("first_seen_at",)
        constraints = (
            # Two fetches of one tenant at once are kept apart by the lease; were they not, one of
            # the two snapshots must fail rather than double the history.
            models.UniqueConstraint(fields=["tenant", "first_seen_at"], name="snapshot_once"),
        )
        indexes = (
            # What could not be read whole, of the whole fleet: few rows of many.
            models.Index(
                fields=["tenant", "first_seen_at"],
                condition=models.Q(is_whole=False),
                name="snapshot_not_whole",
            ),
        )

    def __str__(self) -> str:
        return f"{self.tenant_id} at {self.first_seen_at:%Y-%m-%d %H:%M}"

    @property
    def configuration(self) -> Configuration:
        """The stored document as a value."""
        return codec.load(Configuration, self.document)


class Change(models.Model):
    """One field-level difference between two snapshots, and what the probes saw of it."""

    class Effect(models.TextChoices):
        """Said only where the probes before and after show it."""

        PENDING = "pending", "Not yet seen"
        OPENS = "opens", "Opens"
        CLOSES = "closes", "Closes"
        NEUTRAL = "neutral", "Neutral"
        UNKNOWN = "unknown", "Unknown"

    class Said(models.TextChoices):
        """What people say of a change. Nobody said anything of most."""

        MEANT = "meant", "Somebody here meant it"
        NOT_OURS = "not_ours", "Nobody here meant it"

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="changes")
    before = models.ForeignKey(Snapshot, models.CASCADE, related_name="changes_after")
    after = models.ForeignKey(Snapshot, models.CASCADE, related_name="changes")
    at = models.DateTimeField(help_text="when the difference was first read")
    part = models.CharField(max_length=40)
    guid = models.CharField(max_length=253, blank=True, default="")
    subject = models.CharField(max_length=253)
    field = models.CharField(max_length=60, blank=True, default="")
    kind = models.CharField(max_length=8)
    was = models.TextField(null=True)
    now = models.TextField(null=True)
    gained = models.JSONField(default=list)
    lost = models.JSONField(default=list)
    sentence = models.TextField()
    decides = models.BooleanField(default=True, help_text="whether it can open or close a door")
    effect = models.CharField(max_length=8, choices=Effect, default=Effect.PENDING)
    effect_seen_at = models.DateTimeField(null=True)
    said = models.CharField(max_length=8, choices=Said, blank=True, default="")
    why = models.CharField(max_length=500, blank=True, default="")
    said_by = models.CharField(max_length=150, blank=True, default="")
    said_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-at", "-pk")
        indexes = (
            models.Index(fields=["-at"], name="change_feed"),
            models.Index(fields=["tenant", "-at"], name="change_by_tenant"),
        )

    def __str__(self) -> str:
        return self.sentence

    def get_absolute_url(self) -> str:
        """The page of this change."""
        return reverse("change", args=[self.pk])
