"""Who was seen to send, by imported reports: domains and counts, and nothing of a message."""

from django.db import models

from mailposture.models.tenant import Tenant


class SeenSender(models.Model):
    """How many messages one host sent on one day, from one domain to another.

    This is personal data where a host is one person's. No local part, subject or message ID is
    here. It is kept for MAILPOSTURE_TRAFFIC_DAYS after its day, and goes with its tenant.
    """

    class How(models.TextChoices):
        """The report it comes from."""

        TRACE = "trace", "Message trace"
        CONNECTOR = "connector", "Connector report"
        INBOUND = "inbound", "Inbound messages report"

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="seen_senders")
    how = models.CharField(max_length=9, choices=How)
    source = models.CharField(max_length=45, blank=True, default="", help_text="empty: not said")
    helo = models.CharField(max_length=253, blank=True, default="")
    connector = models.CharField(max_length=120, blank=True, default="")
    tls = models.CharField(
        max_length=3, blank=True, default="", help_text="yes, no; empty: not said"
    )
    sender_domain = models.CharField(max_length=253, blank=True, default="")
    recipient_domain = models.CharField(max_length=253)
    day = models.DateField()
    messages = models.PositiveBigIntegerField()
    imported_at = models.DateTimeField()

    class Meta:
        ordering = ("tenant", "-day", "source")
        constraints = (
            models.UniqueConstraint(
                fields=[
                    "tenant",
                    "how",
                    "day",
                    "source",
                    "helo",
                    "connector",
                    "tls",
                    "sender_domain",
                    "recipient_domain",
                ],
                name="sender_seen_once_a_day",
            ),
        )
        indexes = (models.Index(fields=["day"], name="sender_seen_by_day"),)

    def __str__(self) -> str:
        return f"{self.source or self.sender_domain} on {self.day}"
