"""Where we probe from, and which hosts must get in."""

from django.db import models

from mailposture.models.tenant import Tenant


class VantagePoint(models.Model):
    """A place we probe from: a worker's queue, its source address and perhaps a certificate.

    It is a stranger to every tenant, unless it plays an approved source: then only for the
    tenants that name it.
    """

    class Plays(models.TextChoices):
        """A stranger probes every tenant; an approved source only those that name it."""

        STRANGER = "stranger", "Stranger"
        SOURCE = "source", "Approved source"

    slug = models.SlugField(unique=True, max_length=63)
    name = models.CharField(max_length=80)
    plays = models.CharField(max_length=8, choices=Plays, default=Plays.STRANGER)
    address = models.GenericIPAddressField(null=True, blank=True, help_text="declared source")
    certificate_name = models.CharField(max_length=253, blank=True, default="")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    asked_at = models.DateTimeField(null=True, blank=True, help_text="last hello sent")
    heard_at = models.DateTimeField(null=True, blank=True, help_text="last word from it")
    seen_as = models.CharField(max_length=45, blank=True, default="", help_text="Hello [ip]")
    # What it reports counts only where this key signed it; empty while it has not joined.
    public_key = models.CharField(max_length=64, blank=True, default="")
    # A join line that was given out: the digest of its token, which is good once, until then.
    join_digest = models.CharField(max_length=64, blank=True, default="", db_index=True)
    join_until = models.DateTimeField(null=True, blank=True)
    joined_at = models.DateTimeField(null=True, blank=True, help_text="by a join line")
    revoked_at = models.DateTimeField(null=True, blank=True)
    # Its account at the queue: the digest of the password, and why the queue does not know it.
    queue_digest = models.CharField(max_length=64, blank=True, default="")
    queue_problem = models.CharField(max_length=200, blank=True, default="")
    # How the queue is reached from there, where it is not as from everywhere else.
    queue_url = models.CharField(max_length=300, blank=True, default="")
    # Of the latest hello: an answer to an older one is no sign of life.
    hello_nonce = models.CharField(max_length=32, blank=True, default="")
    facts = models.JSONField(default=dict)

    class Meta:
        ordering = ("plays", "name")

    def __str__(self) -> str:
        return self.name


class ApprovedSource(models.Model):
    """A host of the organisation that must get in, known by addresses or certificate name."""

    class Kind(models.TextChoices):
        """What the host is for."""

        GATEWAY = "gateway", "Gateway"
        HYBRID = "hybrid", "Hybrid server"
        RELAY = "relay", "Relay"

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="sources")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=Kind)
    addresses = models.TextField(blank=True, default="", help_text="one address or CIDR a line")
    certificate_name = models.CharField(max_length=253, blank=True, default="")
    vantage_point = models.ForeignKey(
        VantagePoint, models.SET_NULL, null=True, blank=True, related_name="sources"
    )

    class Meta:
        ordering = ("kind", "name")
        constraints = (
            models.UniqueConstraint(fields=["tenant", "name"], name="source_once_a_tenant"),
        )

    def __str__(self) -> str:
        return self.name
