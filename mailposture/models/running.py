"""When anything of ours ran: what nobody could do meanwhile is no one's fault but ours."""

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
