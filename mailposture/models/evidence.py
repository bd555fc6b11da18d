"""What the probes saw: paths, spans of one answer, coverage, exposure windows."""

from django.db import models
from django.urls import reverse

from mailposture.core.verdict import sender_named
from mailposture.models.places import VantagePoint
from mailposture.models.tenant import Tenant


class Endpoint(models.Model):
    """A host and port of the tenant that takes mail, found by DNS for one accepted domain.

    `proof`: what a conversation showed of it, by certificate, banner and hello; empty until one
    did. `elsewhere_at`: when it last said that another entrance serves the tenant (4.4.62).
    `missing_since`: its name was not found, which proves nothing of a host that was proved.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="endpoints")
    domain = models.CharField(max_length=253)
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField(default=25)
    found_by = models.CharField(max_length=12)
    addresses = models.JSONField(default=list)
    first_seen_at = models.DateTimeField()
    proof = models.JSONField(default=dict)
    proved_at = models.DateTimeField(null=True, blank=True)
    elsewhere_at = models.DateTimeField(null=True, blank=True)
    missing_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("domain", "host")
        constraints = (
            models.UniqueConstraint(fields=["tenant", "domain", "host"], name="endpoint_once"),
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Path(models.Model):
    """Vantage point x address family x accepted domain x sender class (of a partner, with the
    domain in whose name it writes), and how it stands.

    `part` says which shard it travels in; it is given once, so that coverage stays comparable.
    `seen_until` is set only while the path was left out of its part's latest run: otherwise the
    part's coverage says how long its answer has been seen. `predicted` is what the configuration
    says, `agreement` how the two stand to one another (core.contradictions), each kept so that
    lists of the fleet can read it.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="paths")
    vantage_point = models.ForeignKey(VantagePoint, models.CASCADE, related_name="paths")
    family = models.PositiveSmallIntegerField(default=4)
    domain = models.CharField(max_length=253)
    sender_class = models.CharField(max_length=8)
    sender_domain = models.CharField(max_length=253, blank=True, default="")
    part = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)
    verdict = models.CharField(max_length=8, default="unknown")
    current = models.ForeignKey(
        "Observation", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    seen_until = models.DateTimeField(null=True, blank=True)
    predicted = models.CharField(max_length=8, default="unknown")
    predicted_code = models.CharField(max_length=8, blank=True, default="")
    predicted_by = models.CharField(max_length=253, blank=True, default="", help_text="connector")
    leans_on = models.JSONField(default=list, help_text="names of assumptions")
    agreement = models.CharField(max_length=12, default="neither")
    apart_since = models.DateTimeField(null=True, blank=True, help_text="first seen to contradict")
    # Why the latest run left it for the next one (core.work.PutOff).
    put_off = models.CharField(max_length=9, blank=True, default="")

    class Meta:
        ordering = ("domain", "sender_class")
        indexes = (
            models.Index(
                fields=["agreement", "tenant"],
                condition=models.Q(apart_since__isnull=False),
                name="path_contradicts",
            ),
            # How many agree, and what each place cannot see; how many paths there are.
            models.Index(
                fields=["agreement", "vantage_point", "tenant", "current"],
                condition=models.Q(retired_at=None),
                name="path_by_agreement",
            ),
            # Answers that prove nothing, place by place.
            models.Index(
                fields=["verdict", "vantage_point", "current"],
                condition=models.Q(retired_at=None),
                name="path_by_verdict",
            ),
            # How one approved source fares, and whether that is still so.
            models.Index(
                fields=["tenant", "vantage_point", "verdict", "seen_until", "part"],
                condition=models.Q(retired_at=None),
                name="path_of_a_place",
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=[
                    "tenant", "vantage_point", "family", "domain", "sender_class", "sender_domain",
                ],
                name="path_once",
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.domain} {self.sender}"

    @property
    def sender(self) -> str:
        """Who asks; a partner is told apart by its domain."""
        return sender_named(self.sender_class, self.sender_domain)


class Observation(models.Model):
    """A span of one answer on one path, with the conversations of its first try.

    The try that ended it is the first try of the observation after it. `last_at` is empty while
    the span goes on: its end is then read from Coverage.
    """

    path = models.ForeignKey(Path, models.CASCADE, related_name="observations")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField(null=True, blank=True)
    verdict = models.CharField(max_length=8)
    cause = models.CharField(max_length=40)
    reason = models.TextField()
    control = models.CharField(max_length=60, blank=True, default="")
    name = models.CharField(max_length=40, blank=True, default="")
    code = models.CharField(max_length=20, blank=True, default="")
    reply = models.TextField(blank=True, default="")
    stage = models.CharField(max_length=10, blank=True, default="")
    shape = models.CharField(max_length=64)
    endpoint = models.CharField(max_length=253, blank=True, default="")
    source = models.CharField(max_length=45, blank=True, default="", help_text="Hello [ip]")
    front_ends = models.PositiveSmallIntegerField(default=0)
    # One document a front end: {"host", "address", "judgement", "transcript"}.
    tries = models.JSONField(default=list)

    class Meta:
        ordering = ("first_at",)
        indexes = (models.Index(fields=["path", "first_at"], name="observation_spans"),)

    def __str__(self) -> str:
        return f"{self.verdict} since {self.first_at:%Y-%m-%d %H:%M}"

    def get_absolute_url(self) -> str:
        """The page with the conversation."""
        return reverse("observation", args=[self.pk])


class Coverage(models.Model):
    """Runs of one part of a tenant's paths from one vantage point, and the paths not seen.

    Consecutive complete runs are one row; a late, missing or partial one starts another.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="coverage")
    vantage_point = models.ForeignKey(VantagePoint, models.CASCADE, related_name="coverage")
    part = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()
    until = models.DateTimeField()
    runs = models.PositiveIntegerField(default=1)
    missing = models.JSONField(default=list)

    class Meta:
        ordering = ("until",)
        indexes = (
            models.Index(
                fields=["tenant", "vantage_point", "part", "-until"], name="coverage_latest"
            ),
        )

    def __str__(self) -> str:
        return f"{self.runs} runs until {self.until:%Y-%m-%d %H:%M}"


class ExposureWindow(models.Model):
    """The time in which a stranger's path stood open, with its four bounds.

    `last_open_at` is empty while it stands open (read Coverage); `last_closed_at` is empty where
    it was open at the first look.
    """

    path = models.ForeignKey(Path, models.CASCADE, related_name="windows")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="windows")
    last_closed_at = models.DateTimeField(null=True, blank=True)
    first_open_at = models.DateTimeField()
    last_open_at = models.DateTimeField(null=True, blank=True)
    first_closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("first_open_at",)
        constraints = (
            models.UniqueConstraint(
                fields=["path"],
                condition=models.Q(first_closed_at=None),
                name="one_window_stands_open_a_path",
            ),
        )
        indexes = (models.Index(fields=["tenant", "first_open_at"], name="window_by_tenant"),)

    def __str__(self) -> str:
        return f"open since {self.first_open_at:%Y-%m-%d %H:%M}"
