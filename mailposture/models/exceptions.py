"""What people accept for a while: the exceptions of a tenant.

Pages and mails say *exception*. The row is called `Acceptance`, since `Exception` is a name that
Python already has: `models.Exception` beside `except Exception` would be read as the same thing.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from mailposture.models.tenant import Tenant


class Acceptance(models.Model):
    """An exception: a justified, approved, expiring acceptance of what one rule finds of a subject.

    It outlives the finding that it was asked from: it covers whichever one stands for its rule and
    subject. `state` is what people made of it; that it has expired is the clock's, and not kept.
    Names are kept beside the people, who may be removed.
    """

    class State(models.TextChoices):
        """What people made of it."""

        REQUESTED = "requested", "Pending"
        APPROVED = "approved", "In force"
        REFUSED = "refused", "Refused"
        WITHDRAWN = "withdrawn", "Withdrawn"
        RENEWED = "renewed", "Renewed"

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="exceptions")
    rule = models.CharField(max_length=40)
    subject = models.CharField(max_length=253, blank=True, default="")
    # What was accepted: the finding's words at that time, and its scope (core/posture/scopes.py).
    sentence = models.TextField()
    severity = models.CharField(max_length=8)
    scope = models.JSONField()
    hosts = models.TextField(blank=True, default="", help_text="whom it is for, one entry a line")

    reason = models.TextField()
    owner = models.CharField(max_length=150, help_text="who answers for the risk")
    ticket = models.CharField(max_length=500, blank=True, default="")
    state = models.CharField(max_length=9, choices=State, default=State.REQUESTED)
    expires_at = models.DateTimeField(help_text="midnight UTC after its last day")
    review_on = models.DateField(null=True, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.CharField(max_length=150, blank=True, default="")

    asked_at = models.DateTimeField()
    asker = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    asked_by = models.CharField(max_length=150)
    # Approved or refused, by whom and in what words; `alone`: by the one who asked.
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=150, blank=True, default="")
    decision = models.TextField(blank=True, default="")
    alone = models.BooleanField(default=False)
    # Withdrawn or renewed.
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=150, blank=True, default="")
    ended_why = models.TextField(blank=True, default="")
    renews = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="renewals"
    )
    # What of its finding goes beyond what was accepted, in words, and since when.
    outside = models.JSONField(default=list, blank=True)
    outside_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "exception"
        ordering = ("-asked_at", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "rule", "subject"],
                condition=Q(state="approved"),
                name="one_exception_in_force_a_finding",
            ),
            models.UniqueConstraint(
                fields=["tenant", "rule", "subject"],
                condition=Q(state="requested"),
                name="one_exception_pending_a_finding",
            ),
        )
        indexes = (
            models.Index(
                fields=["expires_at"],
                condition=Q(state__in=("requested", "approved")),
                name="exception_ends",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The page of this exception."""
        return reverse("exception", args=[self.pk])

    @property
    def name(self) -> str:
        """What people call it."""
        return f"E-{self.pk}"
