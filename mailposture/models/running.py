"""When anything of ours ran, and when nothing might: what nobody could do meanwhile is no one's
fault but ours.
"""

from django.db import models


class Awake(models.Model):
    """One stretch in which tick followed tick; a row is moved on, so that there are few."""

    since = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        ordering = ("since",)
        indexes = (models.Index(fields=["-until"], name="awake_latest"),)

    def __str__(self) -> str:
        return f"{self.since} to {self.until}"


class Halt(models.Model):
    """All probing stopped, by whom and why; while one is without an end nothing is probed."""

    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    who = models.CharField(max_length=150)
    reason = models.CharField(max_length=300)

    class Meta:
        ordering = ("-since",)
        indexes = (
            models.Index(fields=["since"], name="halt_standing", condition=models.Q(until=None)),
        )

    def __str__(self) -> str:
        return f"stopped {self.since} by {self.who}"
