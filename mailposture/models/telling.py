"""Who is told what: subscriptions, incidents, alerts, and each mail as a row that is due."""

from django.db import models
from django.db.models import Q
from django.urls import reverse

from mailposture.models.places import VantagePoint
from mailposture.models.tenant import Tenant


class Subscription(models.Model):
    """An address that is told about one tenant, or about all where none is named."""

    address = models.EmailField(max_length=254)
    tenant = models.ForeignKey(
        Tenant, models.CASCADE, null=True, blank=True, related_name="subscriptions"
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("address", "tenant__name")
        constraints = (
            # Two, because a database takes two rows without a tenant for different ones.
            models.UniqueConstraint(fields=["address", "tenant"], name="told_once_a_tenant"),
            models.UniqueConstraint(
                fields=["address"], condition=Q(tenant=None), name="told_once_of_all"
            ),
        )

    def __str__(self) -> str:
        return self.address


class Incident(models.Model):
    """What people are told about, from its opening to its end; one of its kind is open at a time.

    `resolved_at` is set while its cause is gone. It comes back to life if the cause returns
    within the hour (core/alerting.py); after that a new incident begins. One that is about a
    vantage point belongs to no tenant.
    """

    class Kind(models.TextChoices):
        """What is wrong."""

        BYPASS = "bypass", "Bypass"
        CUT_OFF = "cut_off", "Cut off"
        BLIND = "blind", "Blind"
        EXCEPTION = "exception", "Exception"

    class Severity(models.TextChoices):
        """How bad the news is."""

        CRITICAL = "critical", "Critical"
        HIGH = "high", "High"
        MEDIUM = "medium", "Medium"

    tenant = models.ForeignKey(
        Tenant, models.CASCADE, null=True, blank=True, related_name="incidents"
    )
    vantage_point = models.ForeignKey(
        VantagePoint, models.CASCADE, null=True, blank=True, related_name="incidents"
    )
    kind = models.CharField(max_length=9, choices=Kind)
    severity = models.CharField(max_length=8, choices=Severity)
    fingerprint = models.CharField(max_length=64)
    opened_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    moved_at = models.DateTimeField(help_text="last time it opened, came back or ended")
    # The life as core/alerting.py keeps it: what was told last, and when what was not told is due.
    told = models.CharField(max_length=8, blank=True, default="")
    restless = models.BooleanField(default=False, help_text="it went back and forth in an hour")
    tell_at = models.DateTimeField(null=True, blank=True)
    news = models.PositiveIntegerField(default=0, help_text="alerts written so far")
    # What it is about now, while open, and at its worst: see services/incidents.py.
    facts = models.JSONField(default=dict)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=150, blank=True, default="")
    acknowledgement = models.TextField(blank=True, default="")

    class Meta:
        ordering = ("-opened_at", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=["fingerprint"],
                condition=Q(resolved_at=None),
                name="one_incident_is_open_a_fingerprint",
            ),
        )
        indexes = (
            models.Index(fields=["-opened_at"], name="incident_feed"),
            models.Index(fields=["fingerprint", "-opened_at"], name="incident_latest"),
            models.Index(
                fields=["tell_at"], name="incident_due", condition=Q(tell_at__isnull=False)
            ),
        )

    def __str__(self) -> str:
        return f"incident {self.pk}, {self.kind}"

    def get_absolute_url(self) -> str:
        """The page of this incident."""
        return reverse("incident", args=[self.pk])


class Alert(models.Model):
    """One piece of news about an incident, as it was when it was written."""

    class Event(models.TextChoices):
        """What the news is."""

        OPENED = "opened", "Opened"
        WORSE = "worse", "Worse"
        BETTER = "better", "Better"
        AGAIN = "again", "Again"
        RESOLVED = "resolved", "Resolved"

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="alerts")
    event = models.CharField(max_length=8, choices=Event)
    key = models.CharField(max_length=60, unique=True, help_text="incident and number of its news")
    at = models.DateTimeField()
    facts = models.JSONField(default=dict, help_text="frozen: what the mail is written from")

    class Meta:
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return f"{self.event} {self.key}"


class Delivery(models.Model):
    """One mail to one recipient: work that is due, claimed by lease, with the server's answer.

    `alert` is empty for a test that a person asked for.
    """

    class State(models.TextChoices):
        """How far it got. Refused for good is set aside and shown."""

        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        REFUSED = "refused", "Refused"
        GAVE_UP = "gave_up", "Given up"

    alert = models.ForeignKey(
        Alert, models.CASCADE, null=True, blank=True, related_name="deliveries"
    )
    recipient = models.EmailField(max_length=254)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    # Names one claim, and counts the times it was tried; more than one may mean it came twice.
    attempts = models.PositiveIntegerField(default=0)
    # The claim that a sender took up last: a second message for it does nothing.
    begun = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    first_tried_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    message_id = models.CharField(max_length=255, blank=True, default="")
    code = models.PositiveSmallIntegerField(null=True, blank=True)
    answer = models.TextField(blank=True, default="", help_text="the server's words, or why none")
    # Tries whose end nobody recorded: the server may have taken the mail each time.
    unsure = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("created_at", "pk")
        constraints = (
            models.UniqueConstraint(fields=["alert", "recipient"], name="one_mail_a_recipient"),
        )
        indexes = (
            models.Index(fields=["due_at"], name="delivery_due", condition=Q(state="waiting")),
        )

    def __str__(self) -> str:
        return f"{self.recipient}, {self.state}"
