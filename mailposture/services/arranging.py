"""What people arrange: tenants, whom a probe names, which hosts must get in, where we probe from.

Every act is one transaction and leaves its trace: what changed, from what to what.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models as db
from django.db import transaction

from mailposture import models
from mailposture.services import audit, planning
from mailposture.services.audit import User


@dataclass(frozen=True, kw_only=True, slots=True)
class TenantSettings:
    """What of a tenant may be changed after it was added. Intervals in seconds."""

    name: str
    fetch_every: int
    probe_every: int
    paused: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceSettings:
    """A host that must get in. `addresses` is one address, network or range a line."""

    name: str
    kind: str
    addresses: str = ""
    certificate_name: str = ""
    vantage_point: models.VantagePoint | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaceSettings:
    """What is declared of a vantage point; what it really is, servers and its worker tell."""

    name: str
    plays: str
    address: str | None = None
    certificate_name: str = ""


@transaction.atomic
def change_tenant(
    tenant: models.Tenant, wanted: TenantSettings, now: datetime, *, user: User = None
) -> bool:
    """Rename, pace or pause a tenant; say whether anything changed.

    A shorter interval counts from now on, and a tenant that goes on is read and probed at once.
    """
    fields: dict[str, Any] = {
        "name": wanted.name,
        "fetch_every": wanted.fetch_every,
        "probe_every": wanted.probe_every,
        "paused_at": (tenant.paused_at or now) if wanted.paused else None,
    }
    changed = _changed(tenant, fields)
    if not changed:
        return False
    resumed = "paused_at" in changed and not wanted.paused
    for name, every in (("fetch_due_at", "fetch_every"), ("probe_due_at", "probe_every")):
        if tenant.setup_step and getattr(tenant, name) is None:
            continue  # its step of connecting it has not come yet
        due = now if resumed else now + timedelta(seconds=fields[every])
        fields[name] = min(getattr(tenant, name) or due, due)
    models.Tenant.objects.filter(pk=tenant.pk).update(**fields)
    audit.record("changed tenant", tenant.slug, now, user=user, **changed)
    return True


@transaction.atomic
def remove_tenant(tenant: models.Tenant, now: datetime, *, user: User = None) -> None:
    """Stop watching a tenant and drop all that is known of it.

    The trail of acts stays, and so do its finished reports: they are evidence. The tenant is held
    first: a worker that stores what it read meanwhile would else leave rows behind.
    """
    planning.lock(tenant.pk)
    done = models.Report.State.DONE
    tenant.reports.exclude(state=done).delete()
    kept = list(tenant.reports.order_by("pk").values_list("pk", flat=True))
    named = {"name": tenant.name, "tenant_id": str(tenant.tenant_id), "reports_kept": kept}
    audit.record("removed tenant", tenant.slug, now, user=user, **named)
    models.Tenant.objects.filter(pk=tenant.pk).delete()


@transaction.atomic
def name_recipients(
    tenant: models.Tenant, addresses: Mapping[str, str], now: datetime, *, user: User = None
) -> int:
    """Set the probe recipient of each domain given; an empty one goes back to postmaster."""
    before = dict(tenant.recipients.filter(domain__in=addresses).values_list("domain", "address"))
    changed = {d: a for d, a in addresses.items() if before.get(d, "") != a}
    for domain, address in changed.items():
        if address:
            tenant.recipients.update_or_create(domain=domain, defaults={"address": address})
        else:
            tenant.recipients.filter(domain=domain).delete()
    if changed:
        was = {domain: before.get(domain, "") for domain in changed}
        audit.record("named recipients", tenant.slug, now, user=user, before=was, after=changed)
    return len(changed)


@transaction.atomic
def add_source(
    tenant: models.Tenant, wanted: SourceSettings, now: datetime, *, user: User = None
) -> models.ApprovedSource:
    """Declare a host that must get in; it is probed from the next round on."""
    source = tenant.sources.create(**_source_fields(wanted))
    audit.record("added source", tenant.slug, now, user=user, **_said(_source_fields(wanted)))
    return source


@transaction.atomic
def change_source(
    source: models.ApprovedSource, wanted: SourceSettings, now: datetime, *, user: User = None
) -> bool:
    """Change what is declared of an approved source; say whether anything changed."""
    fields = _source_fields(wanted)
    changed = _changed(source, fields)
    if changed:
        models.ApprovedSource.objects.filter(pk=source.pk).update(**fields)
        subject = f"{source.tenant.slug}: {source.name}"
        audit.record("changed source", subject, now, user=user, **changed)
    return bool(changed)


@transaction.atomic
def remove_source(source: models.ApprovedSource, now: datetime, *, user: User = None) -> None:
    """Take a host off the list; its vantage point stays, and no longer plays it."""
    audit.record("removed source", source.tenant.slug, now, user=user, name=source.name)
    models.ApprovedSource.objects.filter(pk=source.pk).delete()


@transaction.atomic
def add_place(
    slug: str, wanted: PlaceSettings, now: datetime, *, user: User = None
) -> models.VantagePoint:
    """Add a vantage point. It sees nothing until its worker is started."""
    fields = _place_fields(wanted)
    place = models.VantagePoint.objects.create(slug=slug, created_at=now, **fields)
    audit.record("added vantage point", slug, now, user=user, **_said(fields))
    return place


@transaction.atomic
def change_place(
    place: models.VantagePoint, wanted: PlaceSettings, now: datetime, *, user: User = None
) -> bool:
    """Change what is declared of a vantage point; say whether anything changed."""
    fields = _place_fields(wanted)
    changed = _changed(place, fields)
    if changed:
        models.VantagePoint.objects.filter(pk=place.pk).update(**fields)
        audit.record("changed vantage point", place.slug, now, user=user, **changed)
    return bool(changed)


@transaction.atomic
def turn_place(place: models.VantagePoint, now: datetime, *, on: bool, user: User = None) -> None:
    """Turn a vantage point on or off; what it saw stays."""
    # One that was off is not silent: it has not been asked since, and says anew that it is there.
    asked: dict[str, None] = {"asked_at": None, "heard_at": None} if on else {}
    other = models.VantagePoint.objects.filter(pk=place.pk, enabled=not on)
    turned = other.update(enabled=on, **asked)
    if turned:
        action = "turned on" if on else "turned off"
        audit.record(f"{action} vantage point", place.slug, now, user=user)


def _source_fields(wanted: SourceSettings) -> dict[str, Any]:
    return {
        "name": wanted.name,
        "kind": wanted.kind,
        "addresses": wanted.addresses,
        "certificate_name": wanted.certificate_name,
        "vantage_point": wanted.vantage_point,
    }


def _place_fields(wanted: PlaceSettings) -> dict[str, Any]:
    return {
        "name": wanted.name,
        "plays": wanted.plays,
        "address": wanted.address or None,
        "certificate_name": wanted.certificate_name,
    }


def _changed(row: db.Model, fields: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What differs from the row, as field -> [before, after]."""
    return {
        name: [_plain(getattr(row, name)), _plain(value)]
        for name, value in fields.items()
        if getattr(row, name) != value
    }


def _said(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in fields.items() if value not in (None, "")}


def _plain(value: Any) -> Any:
    """A value as the trail keeps it, in JSON."""
    return value if isinstance(value, int | str | None) else str(value)
