"""Rows and people that the tests of setting up share, beside tests/factories.py."""

from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from mailposture import models
from mailposture.adapters.exchange.checking import Step
from mailposture.core import codec
from mailposture.core.configuration import Configuration
from mailposture.services.checking import Checked
from tests import factories
from tests.factories import NOW, ago

APP = "5e0a31b2-77d4-4c1e-9a60-2f4be8d0c1d9"
EVIL = "<script>alert(1)</script>"
GRANTED, MISSING, UNKNOWN = Step(ok=True, says="Yes."), Step(ok=False, says="No."), Step(ok=None)


def found(token: Step = GRANTED, app: Step = GRANTED, directory: Step = GRANTED) -> Checked:
    """What a check found."""
    return Checked(at=NOW, took=0.9, token=token, app_role=app, directory_role=directory)


def staff() -> Client:
    """Someone who may act."""
    return _signed_in("staff", is_staff=True)


def viewer() -> Client:
    """Someone who may only look."""
    return _signed_in("viewer")


def _signed_in(name: str, **fields: Any) -> Client:
    client = Client()
    user, _ = User.objects.get_or_create(username=name, defaults=fields)
    client.force_login(user)
    return client


def credential(of: models.Tenant, **fields: Any) -> models.Credential:
    """A credential whose secret nobody can open; what may be shown of it can be."""
    given = {
        "kind": "certificate",
        "client_id": APP,
        "sealed": "not to be opened",
        "thumbprint": "A1B2C3D4E5F60718293A4B5C6D7E8F9001122334",
        "expires_at": ago(days=-300),
        "updated_at": NOW,
    }
    return models.Credential.objects.create(tenant=of, **{**given, **fields})


def read(of: models.Tenant, *domains: str) -> Configuration:
    """The tenant was read, and these are its accepted domains."""
    seen = factories.configuration(domains=domains)
    of.snapshots.create(
        digest=codec.digest(seen),
        document=codec.dump(seen),
        is_whole=seen.is_whole,
        first_seen_at=ago(days=1),
        last_seen_at=NOW,
    )
    return seen


def acts() -> list[tuple[str, str, str]]:
    """The audit trail, oldest first: who, what, on what."""
    return list(models.AuditEvent.objects.order_by("pk").values_list("who", "action", "subject"))
