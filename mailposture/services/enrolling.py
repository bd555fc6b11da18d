"""Take a tenant under watch, and say by which credential it is read."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.utils.text import slugify

from mailposture import models
from mailposture.services import audit, secrets

# Addresses below /tenants/ that are pages of their own.
TAKEN = frozenset({"add"})

type User = AbstractBaseUser | AnonymousUser | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NewCredential:
    """What a person gave: a client secret, or a certificate with its key in PEM."""

    client_id: uuid.UUID
    secret: str | None = None
    private_key: str | None = None
    certificate: str | None = None
    thumbprint: str = ""
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return f"NewCredential({self.client_id}, ...)"


@transaction.atomic
def enrol(
    name: str, tenant_id: uuid.UUID, cloud: str, now: datetime, *, user: User = None
) -> models.Tenant:
    """Add a tenant. It is read as soon as it has a credential, and looked at once it was read."""
    tenant = models.Tenant.objects.create(
        slug=free_slug(name),
        name=name.strip(),
        tenant_id=tenant_id,
        cloud=cloud,
        created_at=now,
        fetch_every=int(settings.FETCH_EVERY.total_seconds()),
        probe_every=int(settings.PROBE_EVERY.total_seconds()),
        fetch_due_at=now,
        probe_due_at=now,
    )
    audit.record("added tenant", tenant.slug, now, user=user, tenant_id=str(tenant_id))
    return tenant


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
    """Seal and keep a credential in place of the one before; read the tenant with it at once."""
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
            "updated_at": now,
        },
    )
    models.Tenant.objects.filter(pk=tenant.pk).update(fetch_due_at=now)
    audit.record("set credential", tenant.slug, now, user=user, client_id=str(given.client_id))
