"""A tenant that is watched, and what is told of what is not seen."""

from datetime import datetime

from mailposture import models
from mailposture.services import blindness, subscribing
from tests import factories as make
from tests.factories import NOW, ago

LONG_AGO = ago(days=2)


def watched() -> models.Tenant:
    """A tenant that can be read, and a stranger that sees; the security team is subscribed."""
    found = make.tenant()
    credential(found)
    make.stranger()
    subscribing.subscribe("security@example.com", None, LONG_AGO)
    return found


def credential(of: models.Tenant) -> None:
    """Let a tenant be read."""
    models.Credential.objects.create(
        tenant=of, kind="secret", client_id=of.tenant_id, sealed="", updated_at=LONG_AGO
    )


def assess(now: datetime = NOW, awake_since: datetime = LONG_AGO) -> list[tuple[str, str]]:
    """Ask once, having been awake for so long; the news so far."""
    models.Awake.objects.all().delete()
    models.Awake.objects.create(since=awake_since, until=now)
    blindness.assess(now)
    rows = models.Alert.objects.order_by("pk")
    return [(a.incident.kind, a.event) for a in rows.select_related("incident")]


def reasons() -> list[str]:
    """Why the latest incident is one."""
    return [one["what"] for one in models.Incident.objects.latest("pk").facts["reasons"]]
