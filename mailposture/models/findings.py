"""What is wrong with a tenant's configuration, rule by rule, and since when."""

from django.db import models
from django.urls import reverse

from mailposture.models.exceptions import Acceptance
from mailposture.models.tenant import Tenant


class Finding(models.Model):
    """A rule that a subject violates, from when that was first seen until it was seen to be over.

    `document` is the core's Finding as it was last found (evidence, near miss, what it leans on).
    While the parts that the rule reads cannot be read, it stays as it is: not knowing closes
    nothing.
    """

    class Severity(models.TextChoices):
        """How grave; the rule says why."""

        CRITICAL = "critical", "Critical"
        HIGH = "high", "High"
        MEDIUM = "medium", "Medium"
        LOW = "low", "Low"
        INFO = "info", "Info"

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="findings")
    rule = models.CharField(max_length=40)
    subject = models.CharField(max_length=253, blank=True, default="", help_text="what it is about")
    severity = models.CharField(max_length=8, choices=Severity)
    rank = models.PositiveSmallIntegerField(help_text="0 is the worst severity")
    sentence = models.TextField()
    document = models.JSONField()
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    # The exception that covers all of it, and until when: kept here so that lists can count apart.
    exception = models.ForeignKey(
        Acceptance, models.SET_NULL, null=True, blank=True, related_name="findings"
    )
    accepted_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("rank", "opened_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "rule", "subject"],
                condition=models.Q(closed_at=None),
                name="one_finding_stands_a_subject",
            ),
        )
        indexes = (
            models.Index(
                fields=["rank", "opened_at"],
                condition=models.Q(closed_at=None),
                name="finding_worst_first",
            ),
            models.Index(fields=["tenant", "-opened_at"], name="finding_by_tenant"),
            # What is accepted is a part of what stands: counted by itself, without reading that.
            models.Index(
                fields=["accepted_until"],
                condition=models.Q(closed_at=None, accepted_until__isnull=False),
                name="finding_accepted",
            ),
        )

    def __str__(self) -> str:
        return f"{self.rule} {self.subject}"

    def get_absolute_url(self) -> str:
        """The page of this finding."""
        return reverse("finding", args=[self.pk])
