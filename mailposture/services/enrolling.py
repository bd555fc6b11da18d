"""Take a tenant under watch, and say by which credential it is read."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.conf import settings
from django.db import models as db
from django.db import transaction
from django.utils.text import slugify

from mailposture import models
from mailposture.services import audit, planning, secrets
from mailposture.services.audit import User

# Addresses below /tenants/ that are pages of their own.
TAKEN = frozenset({"add"})
# The steps of connecting a tenant in pages; each is taken when the next one is reached.
APP, PERMISSIONS, READ, SOURCES, MAIL, PROBE = 2, 3, 4, 5, 6, 7


@dataclass(frozen=True, kw_only=True, slots=True)
class NewCredential:
    """What a person gave: a client secret, or a certificate with its key in PEM."""

    client_id: uuid.UUID
    secret: str | None = None
    private_key: str | None = None
    certificate: str | None = None
    thumbprint: str = ""
    expires_at: datetime | None = None
    made_here: bool = False

    def __repr__(self) -> str:
        return f"NewCredential({self.client_id}, ...)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """Which directory is meant, and how it is called."""

    name: str
    tenant_id: uuid.UUID
    cloud: str


@transaction.atomic
def enrol(
    name: str, tenant_id: uuid.UUID, cloud: str, now: datetime, *, user: User = None
) -> models.Tenant:
    """Add a tenant. It is read as soon as it has a credential, and looked at once it was read."""
    return _create(name, tenant_id, cloud, now, user, fetch_due_at=now, probe_due_at=now)


@transaction.atomic
def begin(
    name: str, tenant_id: uuid.UUID, cloud: str, now: datetime, *, user: User = None
) -> models.Tenant:
    """Add a tenant that is connected step by step: nothing is done to it before its step."""
    return _create(name, tenant_id, cloud, now, user, setup_step=APP)


def _create(
    name: str, tenant_id: uuid.UUID, cloud: str, now: datetime, user: User, **fields: Any
) -> models.Tenant:
    tenant = models.Tenant.objects.create(
        slug=free_slug(name),
        name=name.strip(),
        tenant_id=tenant_id,
        cloud=cloud,
        created_at=now,
        fetch_every=int(settings.FETCH_EVERY.total_seconds()),
        probe_every=int(settings.PROBE_EVERY.total_seconds()),
        **fields,
    )
    audit.record("added tenant", tenant.slug, now, user=user, tenant_id=str(tenant_id))
    return tenant


def reach(tenant: models.Tenant, step: int) -> None:
    """Go on to a step of connecting; one that was reached already stays reached."""
    models.Tenant.objects.filter(pk=tenant.pk, setup_step__lt=step).update(setup_step=step)
    tenant.refresh_from_db(fields=["setup_step"])


@transaction.atomic
def read_first(tenant: models.Tenant, now: datetime) -> None:
    """Both halves are granted: read the tenant at once, and from then on at its own pace."""
    reach(tenant, READ)
    models.Tenant.objects.filter(pk=tenant.pk).update(fetch_due_at=now)


@transaction.atomic
def probe_first(tenant: models.Tenant, now: datetime, *, user: User = None) -> models.Round:
    """The last step: the tenant is connected, and looked at now and from then on.

    Looks that its readings asked for meanwhile waited, and would now say the same thing twice.
    """
    following = now + timedelta(seconds=tenant.probe_every)
    connected = models.Tenant.objects.filter(pk=tenant.pk, setup_step__gte=PROBE).update(
        setup_step=None, probe_due_at=following
    )
    if connected:
        tenant.rounds.filter(planned_at=None, due_at__lte=now).delete()
        audit.record("connected tenant", tenant.slug, now, user=user)
    return planning.ask_round(tenant, now)


@transaction.atomic
def correct(tenant: models.Tenant, named: Named, now: datetime, *, user: User = None) -> None:
    """Name a tenant that is being connected anew; its directory only while it was never read."""
    fields: dict[str, Any] = {"name": named.name.strip()}
    if may_move(tenant):
        fields |= {"tenant_id": named.tenant_id, "cloud": named.cloud}
    before = {key: getattr(tenant, key) for key in fields}
    changed = {k: [str(before[k]), str(v)] for k, v in fields.items() if v != before[k]}
    if changed:
        models.Tenant.objects.filter(pk=tenant.pk).update(**fields)
        audit.record("changed tenant", tenant.slug, now, user=user, **changed)


def may_move(tenant: models.Tenant) -> bool:
    """Whether nothing was read of its directory yet, so that another may still be meant."""
    return tenant.setup_step is not None and tenant.fetch_due_at is None


def free_slug(name: str) -> str:
    """An address for this name that no tenant has."""
    base = slugify(name)[:50] or "tenant"
    free = (s for s in _slugs(base) if s not in TAKEN)
    return next(s for s in free if not models.Tenant.objects.filter(slug=s).exists())


def _slugs(base: str) -> Iterator[str]:
    yield base
    yield from (f"{base}-{n}" for n in count(2))


@transaction.atomic
def keep_credential(
    tenant: models.Tenant, given: NewCredential, now: datetime, *, user: User = None
) -> None:
    """Seal and keep a credential in place of the one before; read a watched tenant at once."""
    kind = models.Credential.Kind
    parts = {
        key: value
        for key, value in (
            ("secret", given.secret),
            ("private_key", given.private_key),
            ("certificate", given.certificate),
        )
        if value
    }
    models.Credential.objects.update_or_create(
        tenant=tenant,
        defaults={
            "kind": kind.SECRET if given.secret else kind.CERTIFICATE,
            "client_id": given.client_id,
            "sealed": secrets.seal(parts),
            "thumbprint": given.thumbprint,
            "expires_at": given.expires_at,
            "public_pem": given.certificate or "",
            "made_here": given.made_here,
            "updated_at": now,
        },
    )
    # One that is being connected is read when its step comes, and not before.
    waits = db.Q(setup_step__isnull=False, fetch_due_at=None)
    models.Tenant.objects.filter(~waits, pk=tenant.pk).update(fetch_due_at=now)
    reach(tenant, PERMISSIONS)
    audit.record("set credential", tenant.slug, now, user=user, client_id=str(given.client_id))
