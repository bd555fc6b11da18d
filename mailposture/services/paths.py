"""The paths of a tenant: kept equal to its accepted domains, the partners that its connectors name,
and the places that probe it.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from itertools import product
from typing import Any, Final, NamedTuple

from mailposture import models
from mailposture.adapters.targets import host_name
from mailposture.core import codec
from mailposture.core.configuration import Configuration
from mailposture.core.reachability.questions import partner_domains
from mailposture.core.verdict import ASKED, SenderClass
from mailposture.services import clouds

PATHS_IN_A_PART: Final = 200
# Names that a vantage worker looks up for one domain; it asks at the first that has addresses.
MOST_DOORS: Final = 4
# Partners that are asked for, the first by name: a connector may name thousands, and each is a
# path for every domain and place.
MOST_PARTNERS: Final = 20


class Key(NamedTuple):
    """What makes two paths of a tenant the same."""

    place: int
    domain: str
    sender_class: str
    sender_domain: str


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
            "sender_class": _whose(path, domains or ()),
            "mail_from": sender(path, who.sender_domain),
            "rcpt_to": recipients.get(path.domain, f"postmaster@{path.domain}"),
            "endpoints": doors.hosts(path.domain),
            "port": doors.port,
        }
        work.setdefault((path.vantage_point_id, path.part), []).append(target)
    return work


def sender(path: models.Path, sender_domain: str) -> str:
    """The envelope sender of a path. Never a guessed mailbox: postmaster, or none at all."""
    if path.sender_class == SenderClass.PARTNER:
        return f"postmaster@{path.sender_domain}"
    return sender_of_class(path.sender_class, path.domain, sender_domain)


def sender_of_class(sender_class: str, domain: str, sender_domain: str) -> str:
    """The envelope sender of a class that needs no more than the recipient's domain."""
    match sender_class:
        case "foreign":
            return f"postmaster@{sender_domain}"
        case "own":
            return f"postmaster@{domain}"
        case _:
            return ""


def _whose(path: models.Path, accepted: Iterable[str]) -> str:
    """The class that an answer is judged by. A connector may name a domain of the tenant's own:
    what RejectDirectSend says to such a sender it says to its own.
    """
    own = path.sender_class == SenderClass.PARTNER and path.sender_domain in accepted
    return str(SenderClass.OWN) if own else path.sender_class


def accepted_domains(tenant: models.Tenant) -> tuple[str, ...] | None:
    """The last list that was read whole; None where there never was one, which is not *none*."""
    rows = _last_known(tenant, "accepted_domains")
    return None if rows is None else tuple(str(row["domain_name"]).lower() for row in rows)


def partners(tenant: models.Tenant) -> tuple[str, ...] | None:
    """The partners of the connectors as they were last read; None where they never were."""
    rows = _last_known(tenant, "inbound_connectors")
    if rows is None:
        return None
    return partners_of(codec.load(Configuration, {"inbound_connectors": rows}))


def partners_of(seen: Configuration) -> tuple[str, ...]:
    """The domains that connectors name as senders, in whose name a probe can write."""
    return tuple(name for name in partner_domains(seen) if host_name(name) == name)


def partners_left_out(seen: Configuration) -> int:
    """How many partners are not asked for, because the connectors name too many."""
    return max(0, len(partners_of(seen)) - MOST_PARTNERS)


def _last_known(tenant: models.Tenant, part: str) -> list[dict[str, Any]] | None:
    """A part as it was last read. One that is not known is stored as null, so one row answers."""
    column = f"document__{part}"
    known = tenant.snapshots.exclude(**{column: None}).order_by("-last_seen_at")
    found: list[dict[str, Any]] | None = known.values_list(column, flat=True).first()
    return found


def places(tenant: models.Tenant) -> list[models.VantagePoint]:
    """Who probes this tenant: every stranger, and those that play one of its sources."""
    sources = set(
        tenant.sources.exclude(vantage_point=None).values_list("vantage_point", flat=True)
    )
    enabled = models.VantagePoint.objects.filter(enabled=True)
    return [p for p in enabled if p.plays == p.Plays.STRANGER or p.pk in sources]


def _senders(domain: str, named: Iterable[str]) -> list[tuple[str, str]]:
    """The senders to ask a domain with: class, and of a partner its domain."""
    asked = [(str(sender_class), "") for sender_class in ASKED]
    return asked + [(str(SenderClass.PARTNER), name) for name in named if name != domain]


def _reconcile(tenant: models.Tenant, domains: tuple[str, ...], now: datetime) -> None:
    existing = {_key(path): path for path in tenant.paths.all()}
    named = (partners(tenant) or ())[:MOST_PARTNERS]
    wanted = {
        Key(place.pk, domain, *who)
        for place, domain in product(places(tenant), domains)
        for who in _senders(domain, named)
    }
    count = Counter(key.place for key in existing)
    fresh = []
    for key in sorted(wanted - existing.keys()):
        part = count[key.place] // PATHS_IN_A_PART
        count[key.place] += 1
        fresh.append(
            models.Path(
                tenant=tenant,
                vantage_point_id=key.place,
                domain=key.domain,
                sender_class=key.sender_class,
                sender_domain=key.sender_domain,
                part=part,
                created_at=now,
            )
        )
    models.Path.objects.bulk_create(fresh)
    _retire(existing, wanted, now)


def _key(path: models.Path) -> Key:
    return Key(path.vantage_point_id, path.domain, path.sender_class, path.sender_domain)


def _retire(existing: dict[Key, models.Path], wanted: set[Key], now: datetime) -> None:
    gone = [p.pk for key, p in existing.items() if key not in wanted and p.retired_at is None]
    back = [p.pk for key, p in existing.items() if key in wanted and p.retired_at is not None]
    if gone:
        models.Path.objects.filter(pk__in=gone).update(retired_at=now)
    if back:
        models.Path.objects.filter(pk__in=back).update(retired_at=None)


class _Doors:
    """Endpoints by domain, the tenant's others after a domain's own; one whose name is missing or
    that led elsewhere after all others, the latest of them last.

    All names of one cloud lead to shared front ends and the recipient's domain chooses the tenant
    (attribution.md section 1), so a domain without a name of its own is probed at its siblings'.
    """

    def __init__(self, rows: list[models.Endpoint], port: int) -> None:
        self.rows = rows
        self.port = port

    def hosts(self, domain: str) -> list[str]:
        ours_first = sorted(self.rows, key=lambda e: (*_back(e), e.domain != domain))
        return list(dict.fromkeys(e.host for e in ours_first))[:MOST_DOORS]


def _back(row: models.Endpoint) -> tuple[bool, float]:
    """Whether an endpoint is asked after the others. Where several led elsewhere each has its
    turn: the one that did so longest ago is first.
    """
    elsewhere = row.elsewhere_at.timestamp() if row.elsewhere_at else 0.0
    return bool(elsewhere) or row.missing_since is not None, elsewhere


def _doors(tenant: models.Tenant) -> _Doors:
    return _Doors(list(tenant.endpoints.all()), clouds.of(tenant.cloud).smtp_port)
