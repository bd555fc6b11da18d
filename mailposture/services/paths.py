"""The paths of a tenant: kept equal to its accepted domains and the places that probe it."""

from collections import Counter
from datetime import datetime
from itertools import product
from typing import Any, Final

from mailposture import models
from mailposture.core.verdict import ASKED
from mailposture.services import clouds

PATHS_IN_A_PART: Final = 200

type Key = tuple[int, str, str]


def ensure(tenant: models.Tenant, now: datetime) -> dict[tuple[int, int], list[dict[str, Any]]]:
    """Bring the rows up to date and return what to probe: (vantage point, part) -> targets."""
    domains = accepted_domains(tenant)
    if domains is not None:
        _reconcile(tenant, domains, now)
    who = clouds.identity(lab=tenant.cloud == clouds.LAB)
    doors = _doors(tenant)
    recipients = dict(tenant.recipients.values_list("domain", "address"))
    work: dict[tuple[int, int], list[dict[str, Any]]] = {}
    live = tenant.paths.filter(retired_at=None, vantage_point__enabled=True).order_by("pk")
    for path in live:
        target = {
            "path": path.pk,
            "domain": path.domain,
            "sender_class": path.sender_class,
            "mail_from": sender(path.sender_class, path.domain, who.sender_domain),
            "rcpt_to": recipients.get(path.domain, f"postmaster@{path.domain}"),
            "endpoints": doors.hosts(path.domain),
            "port": doors.port,
        }
        work.setdefault((path.vantage_point_id, path.part), []).append(target)
    return work


def sender(sender_class: str, domain: str, sender_domain: str) -> str:
    """The envelope sender of a class. Never a guessed mailbox: postmaster, or none at all."""
    match sender_class:
        case "foreign":
            return f"postmaster@{sender_domain}"
        case "own":
            return f"postmaster@{domain}"
        case _:
            return ""


def accepted_domains(tenant: models.Tenant) -> tuple[str, ...] | None:
    """The last list that was read whole; None where there never was one, which is not *none*.

    A part that is not known is stored as null, so one row answers.
    """
    known = tenant.snapshots.exclude(document__accepted_domains=None).order_by("-last_seen_at")
    rows = known.values_list("document__accepted_domains", flat=True).first()
    return None if rows is None else tuple(str(row["domain_name"]).lower() for row in rows)


def places(tenant: models.Tenant) -> list[models.VantagePoint]:
    """Who probes this tenant: every stranger, and those that play one of its sources."""
    sources = set(
        tenant.sources.exclude(vantage_point=None).values_list("vantage_point", flat=True)
    )
    enabled = models.VantagePoint.objects.filter(enabled=True)
    return [p for p in enabled if p.plays == p.Plays.STRANGER or p.pk in sources]


def _reconcile(tenant: models.Tenant, domains: tuple[str, ...], now: datetime) -> None:
    existing: dict[Key, models.Path] = {
        (p.vantage_point_id, p.domain, p.sender_class): p for p in tenant.paths.all()
    }
    wanted: set[Key] = {
        (place.pk, domain, str(sender_class))
        for place, domain, sender_class in product(places(tenant), domains, ASKED)
    }
    count = Counter(place for place, _, _ in existing)
    fresh = []
    for place, domain, sender_class in sorted(wanted - existing.keys()):
        part = count[place] // PATHS_IN_A_PART
        count[place] += 1
        fresh.append(
            models.Path(
                tenant=tenant,
                vantage_point_id=place,
                domain=domain,
                sender_class=sender_class,
                part=part,
                created_at=now,
            )
        )
    models.Path.objects.bulk_create(fresh)
    _retire(existing, wanted, now)


def _retire(existing: dict[Key, models.Path], wanted: set[Key], now: datetime) -> None:
    gone = [p.pk for key, p in existing.items() if key not in wanted and p.retired_at is None]
    back = [p.pk for key, p in existing.items() if key in wanted and p.retired_at is not None]
    if gone:
        models.Path.objects.filter(pk__in=gone).update(retired_at=now)
    if back:
        models.Path.objects.filter(pk__in=back).update(retired_at=None)


class _Doors:
    """Endpoints by domain, the tenant's others after a domain's own.

    All names of one cloud lead to shared front ends and the recipient's domain chooses the tenant
    (attribution.md section 1), so a domain without a name of its own is probed at its siblings'.
    """

    def __init__(self, rows: list[models.Endpoint], port: int) -> None:
        self.rows = rows
        self.port = port

    def hosts(self, domain: str) -> list[str]:
        own = [e.host for e in self.rows if e.domain == domain]
        others = [e.host for e in self.rows if e.domain != domain and e.host not in own]
        return [*own, *dict.fromkeys(others)][:4]


def _doors(tenant: models.Tenant) -> _Doors:
    return _Doors(list(tenant.endpoints.all()), clouds.of(tenant.cloud).smtp_port)
