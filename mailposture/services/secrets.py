"""Secrets at rest: sealed with the key ring, opened only to ask for a token."""

import json
from typing import Any

from django.conf import settings

from mailposture import keys, models
from mailposture.adapters.exchange.credential import Certificate, Credential


def seal(parts: dict[str, str]) -> str:
    """Encrypt the secret parts of a credential with the newest key of the ring."""
    return keys.encrypt(settings.KEYS_DIR, json.dumps(parts))


def credential_of(tenant: models.Tenant) -> Credential:
    """Open a tenant's credential for one use."""
    row = tenant.credential
    parts: dict[str, Any] = json.loads(keys.decrypt(settings.KEYS_DIR, row.sealed))
    key = parts.get("private_key")
    return Credential(
        tenant_id=str(tenant.tenant_id),
        client_id=str(row.client_id),
        secret=parts.get("secret", ""),
        certificate=Certificate(private_key=key, certificate=parts["certificate"]) if key else None,
    )


def reseal() -> int:
    """Encrypt every stored secret anew with the newest key; return how many."""
    rows = list(models.Credential.objects.all())
    for row in rows:
        models.Credential.objects.filter(pk=row.pk, sealed=row.sealed).update(
            sealed=keys.seal_anew(settings.KEYS_DIR, row.sealed)
        )
    return len(rows)
