"""Who came in by which link, and what people did."""

from django.conf import settings
from django.db import models


class StartLink(models.Model):
    """A one-time sign-in link for the first admin; only its hash is kept."""

    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"until {self.expires_at:%Y-%m-%d %H:%M}"


class AuditEvent(models.Model):
    """What a person did that changes what is watched, or on whose word a probe was sent."""

    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    who = models.CharField(max_length=150, help_text="name at that time, or the command's user")
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=253)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ("-at",)

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"
