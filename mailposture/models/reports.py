"""Reports: the document is stored, files are rendered from it."""

from django.db import models
from django.db.models import Q
from django.urls import reverse

from mailposture.models.tenant import Tenant


class Report(models.Model):
    """One tenant's report over a period of UTC days; making it is work that is due.

    A finished report is evidence and outlives its tenant: then it has only the tenant's name.
    """

    class State(models.TextChoices):
        """How far it got."""

        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    tenant = models.ForeignKey(Tenant, models.SET_NULL, null=True, related_name="reports")
    tenant_name = models.CharField(max_length=120, help_text="as it was when the report was asked")
    since = models.DateField(help_text="first day, UTC")
    until = models.DateField(help_text="day after the last, UTC")
    as_of = models.DateTimeField(null=True, help_text="up to when there was evidence to look at")
    catalogue = models.CharField(max_length=80, blank=True, default="", help_text="id and version")
    document = models.JSONField(default=dict)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    asked_by = models.CharField(max_length=150, blank=True, default="")
    created_at = models.DateTimeField()

    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    due_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True, default="")

    class Meta:
        ordering = ("-created_at", "-pk")
        indexes = (
            models.Index(fields=["due_at"], name="report_due", condition=Q(state="waiting")),
            models.Index(fields=["-created_at"], name="report_list"),
        )

    def __str__(self) -> str:
        return f"{self.since} to {self.until}"

    def get_absolute_url(self) -> str:
        """The page of this report."""
        return reverse("report", args=[self.pk])
