"""What stands there before anyone added anything: the lab's tenants, or a place to probe from."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from mailposture import models
from mailposture.services import clouds, credentials, enrolling, joining

type Facts = Mapping[str, Any]

STRANGER: Final = "stranger"
HERE: Final = "here"
# One worker plays the places of one file; a relay has none of its own.
FILES: Final = ("gateway", "hybrid", STRANGER)
FILE_OF: Final[Mapping[str, str]] = {"relay": "hybrid"}


def seed_lab(facts: Facts, now: datetime) -> list[models.Tenant]:
    """Enrol the lab's tenants where they are missing, and tell its vantage workers who they are.

    The workers' files are written at every start, because the lab's ports are.
    """
    points: dict[str, dict[str, dict[str, str]]] = {name: {} for name in FILES}
    _place(STRANGER, "Stranger", now, address=facts["stranger"], plays="stranger")
    points[STRANGER][STRANGER] = {"source": facts["stranger"]}
    tenants = []
    for story in facts["tenants"]:
        tenant = _tenant(story, now)
        tenants.append(tenant)
        for source in story["sources"]:
            place = _source(tenant, source, now)
            point = {"source": source["address"]}
            if source.get("certificate"):
                point |= {"certificate": source["certificate"], "authority": facts["ca"]}
            points[FILE_OF.get(source["kind"], source["kind"])][place.slug] = point
    for name, found in points.items():
        _write(settings.DATA_DIR / "vantage" / f"{name}.toml", found, facts)
        joining.join_here(settings.DATA_DIR / "vantage" / f"{name}.toml")
    return tenants


def seed_here(now: datetime) -> models.VantagePoint:
    """Without a lab: this host is a stranger, until someone says otherwise."""
    place = _place(HERE, "This host", now, address=None, plays="stranger")
    file = settings.DATA_DIR / "vantage" / f"{HERE}.toml"
    if not file.exists():
        _write(file, {HERE: {}}, {})
    # Also those that somebody wrote by hand, or before places had keys.
    for found in file.parent.glob("*.toml"):
        joining.join_here(found)
    return place


def _tenant(story: Facts, now: datetime) -> models.Tenant:
    tenant_id = uuid.UUID(story["tenant_id"])
    known = models.Tenant.objects.filter(cloud=clouds.LAB, tenant_id=tenant_id).first()
    tenant = known or enrolling.enrol(story["name"], tenant_id, clouds.LAB, now)
    if known is None or not models.Credential.objects.filter(tenant=tenant).exists():
        enrolling.keep_credential(tenant, _credential(story), now)
    return tenant


def _credential(story: Facts) -> enrolling.NewCredential:
    client_id = uuid.UUID(story["client_id"])
    if secret := story.get("client_secret"):
        return enrolling.NewCredential(client_id=client_id, secret=secret)
    return credentials.from_certificate(client_id, Path(story["certificate"]).read_bytes(), None)


def _source(tenant: models.Tenant, source: Facts, now: datetime) -> models.VantagePoint:
    slug = f"{tenant.slug}-{source['kind']}"
    place = _place(
        slug,
        f"{source['name']} of {tenant.name}",
        now,
        address=source["address"],
        plays="source",
        certificate_name=source.get("certificate_name") or "",
    )
    models.ApprovedSource.objects.get_or_create(
        tenant=tenant,
        name=source["name"],
        defaults={
            "kind": source["kind"],
            "addresses": source["address"],
            "certificate_name": source.get("certificate_name") or "",
            "vantage_point": place,
        },
    )
    return place


def _place(
    slug: str, name: str, now: datetime, *, address: str | None, plays: str, **more: str
) -> models.VantagePoint:
    found, _ = models.VantagePoint.objects.get_or_create(
        slug=slug,
        defaults={"name": name, "plays": plays, "address": address, "created_at": now, **more},
    )
    return found


def _write(file: Path, points: Mapping[str, Mapping[str, str]], facts: Facts) -> None:
    """One vantage worker's file. Its values are the lab's own addresses and paths."""
    lines = []
    if facts:
        networks = ", ".join(f'"{n}"' for n in facts["networks"].split(","))
        lines += [f'resolver = "{facts["resolver"]}"', f"lab_networks = [{networks}]"]
    for slug, point in points.items():
        lines.append(f"[points.{slug}]")
        lines += [f'{key} = "{value}"' for key, value in point.items()]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
