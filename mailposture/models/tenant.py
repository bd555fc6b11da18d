"""Tenants under watch, how they are read, and who is named in RCPT TO."""

from django.db import models
from django.urls import reverse


class Tenant(models.Model):
    """A Microsoft 365 organisation under watch, with the work that is due for it.

    The reading of its configuration is due at `fetch_due_at`; the claim on it is a lease, so
    that a worker that died gives it back by doing nothing (docs/architecture.md, Flows).
    """

    slug = models.SlugField(unique=True, max_length=63)
    name = models.CharField(max_length=120)
    tenant_id = models.UUIDField(help_text="Directory (tenant) ID")
    cloud = models.CharField(max_length=20, default="worldwide")
    created_at = models.DateTimeField()
    fetch_every = models.PositiveIntegerField(help_text="seconds")
    probe_every = models.PositiveIntegerField(help_text="seconds")
    paused_at = models.DateTimeField(null=True, blank=True)

    fetch_due_at = models.DateTimeField(null=True, blank=True)
    # Names one claim: it only grows. The tries of this turn are counted apart.
    fetch_attempt = models.PositiveIntegerField(default=0)
    fetch_tries = models.PositiveIntegerField(default=0)
    fetch_lease_until = models.DateTimeField(null=True, blank=True)
    fetched_at = models.DateTimeField(null=True, blank=True, help_text="last time it was read")
    fetch_error = models.TextField(blank=True, default="")
    fetch_failing_since = models.DateTimeField(null=True, blank=True)
    # Why, in one word, where the refusal itself is the news: "credential" or "role".
    fetch_refused = models.CharField(max_length=12, blank=True, default="")

    probe_due_at = models.DateTimeField(null=True, blank=True)
    probed_at = models.DateTimeField(null=True, blank=True, help_text="last round that answered")
    state = models.CharField(max_length=8, default="unknown")
    state_since = models.DateTimeField(null=True, blank=True)
    # While it is being connected, the step that comes next: until the last one was taken it is
    # read and probed only where the step says so. Null once it is connected.
    setup_step = models.PositiveSmallIntegerField(null=True, blank=True)
    # What the list of tenants shows, so that 5,000 rows cost one query: see services/standing.py.
    standing = models.JSONField(default=dict)
    # Who may deliver by the configuration, with a foreign sender: see services/reached.py.
    reach_state = models.CharField(max_length=8, default="unknown")
    reach = models.JSONField(default=dict)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=["cloud", "tenant_id"], name="tenant_once_a_cloud"),
        )
        indexes = (
            models.Index(fields=["fetch_due_at"], name="tenant_fetch_due"),
            models.Index(fields=["probe_due_at"], name="tenant_probe_due"),
            models.Index(fields=["state", "name"], name="tenant_by_state"),
        )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The tenant's page."""
        return reverse("tenant", args=[self.slug])


class Credential(models.Model):
    """How the app signs in to one tenant; the secret part is encrypted and never shown again."""

    class Kind(models.TextChoices):
        """Client secret or certificate."""

        SECRET = "secret", "Client secret"
        CERTIFICATE = "certificate", "Certificate"

    tenant = models.OneToOneField(Tenant, models.CASCADE, related_name="credential")
    kind = models.CharField(max_length=12, choices=Kind)
    client_id = models.UUIDField(help_text="Application (client) ID")
    sealed = models.TextField(help_text="what services/secrets.py encrypted")
    thumbprint = models.CharField(max_length=95, blank=True, default="")
    # The certificate without its key, for whoever uploads it to the app registration.
    public_pem = models.TextField(blank=True, default="")
    made_here = models.BooleanField(default=False, help_text="its key was made here, and stays")
    expires_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.tenant_id}"


class Recipient(models.Model):
    """The probe recipient of one accepted domain: an existing mailbox chosen by its owner."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="recipients")
    domain = models.CharField(max_length=253)
    address = models.CharField(max_length=320)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["tenant", "domain"], name="recipient_once_a_domain"),
        )

    def __str__(self) -> str:
        return self.address
