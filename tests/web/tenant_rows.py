"""Rows and people that the tests of a tenant's page share, beside tests/factories.py."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from mailposture import models
from tests import factories
from tests.factories import NOW, ago

OPEN_SINCE = ago(days=6, hours=4)
LATEST = ago(minutes=4)


def signed_in(*, staff: bool) -> Client:
    """Somebody who may operate, or somebody who may only look."""
    client = Client()
    name = "operator" if staff else "viewer"
    user, _ = User.objects.get_or_create(username=name, defaults={"is_staff": staff})
    client.force_login(user)
    return client


def covered(
    of: models.Tenant,
    place: models.VantagePoint,
    until: datetime = NOW,
    since: datetime = OPEN_SINCE,
) -> None:
    """The place looked at its part of the tenant all this time."""
    of.coverage.create(vantage_point=place, since=since, until=until, runs=9)


def probed(
    of: models.Tenant,
    place: models.VantagePoint,
    verdicts: Mapping[str, str] | str,
    domains: Sequence[str] = ("contoso.com",),
    *,
    until: datetime = LATEST,
    **fields: Any,
) -> list[models.Path]:
    """Paths of a place with these verdicts by sender class, or one for all; seen until then."""
    covered(of, place, until)
    found = factories.paths(of, place, domains)
    for path in found:
        said = verdicts if isinstance(verdicts, str) else verdicts[path.sender_class]
        factories.answered(path, said, OPEN_SINCE, **fields)
    return found


def window(path: models.Path, first_open: datetime, **bounds: Any) -> models.ExposureWindow:
    """An exposure window of one path."""
    return path.windows.create(tenant=path.tenant, first_open_at=first_open, **bounds)


def shard(
    look: models.Round, place: models.VantagePoint, paths: Sequence[models.Path], **fields: Any
) -> models.Shard:
    """One place's share of a look."""
    given = {"due_at": look.due_at, "attempt": 1, "targets": [{"path": p.pk} for p in paths]}
    return look.shards.create(tenant=look.tenant, vantage_point=place, **{**given, **fields})
