"""Configurations that people bring in as files, for tenants that we may not read ourselves."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailposture import models
from mailposture.adapters.exchange.bundle import BundleError, read_bundle, remarks
from mailposture.core.configuration import PARTS, Configuration
from mailposture.services import audit, enrolling, reading
from mailposture.services.audit import User


@dataclass(frozen=True, kw_only=True, slots=True)
class BroughtIn:
    """What a bundle brought: changes, the parts that it lacks, what of it was not whole."""

    changes: int
    first: bool
    lacking: tuple[str, ...]
    remarks: tuple[str, ...]


def enrol(
    name: str, tenant_id: uuid.UUID, cloud: str, now: datetime, *, user: User = None
) -> models.Tenant:
    """Take a tenant under watch that has no credential: it lives on what is brought in."""
    return enrolling.enrol(name, tenant_id, cloud, now, user=user)


def check(document: Mapping[str, Any]) -> Configuration:
    """What a bundle holds; raises BundleError where it is none, or holds nothing."""
    seen = read_bundle(document)
    if not seen.parts:
        raise BundleError("the bundle is empty: there is nothing to bring in")
    return seen


def bring_in(
    tenant: models.Tenant, document: Mapping[str, Any], now: datetime, *, user: User = None
) -> BroughtIn:
    """Make a snapshot of a bundle. Raises BundleError for what is none.

    A part that the bundle lacks stays as it was last known, and is never read as "none"; nor does
    it grow younger by what was brought beside it.
    """
    seen = check(document)
    given = {part.name for part in seen.parts}
    first = not tenant.snapshots.exists()
    done = reading.bring_in(tenant, seen, now)
    audit.record("imported configuration", tenant.slug, now, user=user, changes=done.changes)
    return BroughtIn(
        changes=done.changes,
        first=first,
        lacking=tuple(name for name in PARTS if name not in given and name != "domain_facts"),
        remarks=tuple(remarks(seen.parts)),
    )
