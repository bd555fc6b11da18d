"""Read one tenant: load, ask Exchange and DNS with no transaction open, save in one."""

import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from mailposture import models
from mailposture.adapters import dns
from mailposture.adapters.exchange.client import Waits
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.adapters.exchange.reader import Fetched, expected_mx
from mailposture.adapters.exchange.reader import fetch as read_configuration
from mailposture.core import codec, diff
from mailposture.core.configuration import (
    DECIDING,
    Configuration,
    DomainFacts,
    Part,
    PartStatus,
    domain_facts,
    with_domain_facts,
    with_part,
)
from mailposture.core.effects import Candidate, candidate
from mailposture.core.states import READ_WITHIN
from mailposture.services import assessing, clouds, fetches, history, planning, predicting, secrets

log = logging.getLogger(__name__)

# Without these nobody can say who may deliver.
# Times in which nobody read that one snapshot keeps, since it is loaded at every reading.
MOST_GAPS = 500


@dataclass(frozen=True, slots=True)
class Read:
    """What a reading brought."""

    tenant_id: int
    changes: int = 0
    first: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Doors:
    """What DNS said of one accepted domain."""

    facts: DomainFacts
    endpoints: tuple[dns.Endpoint, ...]
    problem: str = ""


def fetch(tenant_id: int, attempt: int, clock: Callable[[], datetime]) -> Read | None:
    """Do one claimed reading; None if the claim is no longer ours."""
    tenant = (
        models.Tenant.objects.select_related("credential")
        .filter(pk=tenant_id, fetch_attempt=attempt, fetch_lease_until__isnull=False)
        .first()
    )
    if tenant is None:
        return None
    latest = _latest(tenant)
    try:
        cloud = clouds.of(tenant.cloud)
        found = read_configuration(
            cloud,
            secrets.credential_of(tenant),
            waits=_waits(),
            known=latest.marks if latest else (),
        )
    except (ExchangeError, clouds.NotSetUpError) as error:
        refused = "credential" if getattr(error, "permanent", False) else ""
        return _failed(tenant, attempt, str(error), clock(), refused=refused)
    doors = _look_up(tenant, cloud.mail_suffixes, _names(found, latest))
    doors = _with_expected(tenant, doors)
    return _save(tenant, attempt, _seen(found, latest, doors), doors, clock())


def _latest(tenant: models.Tenant) -> models.Snapshot | None:
    return tenant.snapshots.order_by("last_seen_at").last()


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a reading says, or the snapshot of which all is as it was; and its marks."""

    says: Configuration | models.Snapshot
    marks: tuple[str, ...]

    @property
    def configuration(self) -> Configuration:
        """All of it; where nothing moved, as it was stored."""
        return self.says.configuration if isinstance(self.says, models.Snapshot) else self.says


def _names(found: Fetched, latest: models.Snapshot | None) -> list[str]:
    """The accepted domains; where nothing was answered anew, from the document as it lies."""
    if found.configuration:
        return list(found.configuration.domains)
    held = latest.document.get("accepted_domains") if latest else None
    return [domain["domain_name"] for domain in held or ()]


def _seen(found: Fetched, latest: models.Snapshot | None, doors: dict[str, _Doors]) -> _Seen:
    """The answers and DNS together. Answers that are known are only looked into where DNS moved."""
    told = found.configuration
    if told is None and latest:
        if not _dns_moved(latest, doors):
            return _Seen(latest, found.marks)
        told = latest.configuration
    return _Seen(_with_dns(told or Configuration(), doors), found.marks)


def _dns_moved(latest: models.Snapshot, doors: dict[str, _Doors]) -> bool:
    """Whether DNS says anything else, or of others, than the document has it."""
    says = codec.dump(with_domain_facts(Configuration(), [d.facts for d in doors.values()]))
    parts = [part for part in latest.document["parts"] if part["name"] == "domain_facts"]
    return (says["domain_facts"], says["parts"]) != (latest.document["domain_facts"], parts)


def _waits() -> Waits:
    """Patience with Exchange: half of what the claim holds, so that DNS has its time too."""
    return Waits(budget=min(Waits().budget, settings.FETCH_LEASE.total_seconds() / 2))


def gave_up(tenant_id: int, attempt: int, now: datetime) -> Read | None:
    """Note that a claimed reading took longer than its claim holds."""
    tenant = models.Tenant.objects.filter(pk=tenant_id, fetch_attempt=attempt).first()
    error = "The reading took too long: Exchange Online or DNS answers too slowly."
    return _failed(tenant, attempt, error, now) if tenant else None


def _look_up(
    tenant: models.Tenant, suffixes: tuple[str, ...], domains: Iterable[str]
) -> dict[str, _Doors]:
    """Ask DNS about every accepted domain: where its mail goes, and which doors it has.

    A name server that answers nothing costs seconds a domain: after a quarter of a reading's time
    the rest is not asked, and is said not to be known.
    """
    resolver = clouds.resolver(tenant.cloud)
    names = [name.lower() for name in domains]
    if not names:
        return {}
    until = time.monotonic() + settings.FETCH_LEASE.total_seconds() / 4

    def ask(name: str) -> _Doors:
        if time.monotonic() > until:
            return _Doors(domain_facts(name, None), (), f"{name}: not asked, DNS took too long")
        return _doors(name, resolver, suffixes)

    with ThreadPoolExecutor(max_workers=min(8, len(names))) as pool:
        return dict(zip(names, pool.map(ask, names), strict=True))


def _with_expected(tenant: models.Tenant, doors: dict[str, _Doors]) -> dict[str, _Doors]:
    """Ask Exchange Online for the entrance of domains for which DNS, asked well, shows none."""
    lacking = [name for name, d in doors.items() if not d.endpoints and not d.problem]
    if not lacking:
        return doors
    named = expected_mx(clouds.of(tenant.cloud), secrets.credential_of(tenant), lacking)
    resolver = clouds.resolver(tenant.cloud)
    return doors | {name: _entrance(doors[name], host, resolver) for name, host in named.items()}


def _entrance(doors: _Doors, host: str, resolver: dns.Resolver) -> _Doors:
    """The host that is expected, with its addresses; it may have none as yet."""
    try:
        addresses = tuple(resolver.addresses(host))
    except dns.DnsError:
        return doors
    found = dns.Endpoint(host=host, addresses=addresses, found_by="expected")
    return replace(doors, endpoints=(found,)) if addresses else doors


def _doors(name: str, resolver: dns.Resolver, suffixes: tuple[str, ...]) -> _Doors:
    try:
        hosts = dns.exchangers(name, resolver)
        endpoints = dns.endpoints(name, resolver, suffixes)
    except dns.DnsError as error:
        return _Doors(domain_facts(name, None), (), f"{name}: {error}")
    return _Doors(domain_facts(name, hosts), endpoints)


def _with_dns(seen: Configuration, doors: dict[str, _Doors]) -> Configuration:
    """Add what DNS says; where the domains themselves are not known, neither is this."""
    if seen.accepted_domains is None:
        part = Part(
            name="domain_facts",
            status=PartStatus.FAILED,
            error="The accepted domains are not known.",
        )
        return with_part(seen, part, None)
    return with_domain_facts(seen, [d.facts for d in doors.values()])


def _failed(
    tenant: models.Tenant, attempt: int, error: str, now: datetime, *, refused: str = ""
) -> Read:
    """Nothing was read: say since when, and try again at the tenant's own pace."""
    fetches.failed(tenant, attempt, error, now, refused=refused)
    return Read(tenant.pk, error=error)


@transaction.atomic
def _save(
    tenant: models.Tenant,
    attempt: int,
    seen: _Seen,
    doors: dict[str, _Doors],
    now: datetime,
) -> Read | None:
    """Store what was read, if the claim still holds."""
    planning.lock(tenant.pk)
    if not fetches.done(tenant, attempt, now, refused=_refused(seen.says)):
        return None
    first = not tenant.paths.exists()
    changes = _keep(tenant, seen, now)
    _keep_endpoints(tenant, doors, now)
    if first and seen.configuration.domains:
        planning.ask_round(tenant, now)
    return Read(tenant.pk, changes=len(changes), first=first)


def bring_in(tenant: models.Tenant, seen: Configuration, now: datetime) -> Read:
    """Store what a person exported of a tenant; DNS is asked as at every reading of our own."""
    doors = _look_up(tenant, clouds.of(tenant.cloud).mail_suffixes, seen.domains)
    return _store(tenant, _with_dns(seen, doors), doors, now)


@transaction.atomic
def _store(
    tenant: models.Tenant, seen: Configuration, doors: dict[str, _Doors], now: datetime
) -> Read:
    """As `_save`, without a claim: nobody waits for it, and what we read ourselves goes on."""
    planning.lock(tenant.pk)
    first = not tenant.paths.exists()
    changes = record(tenant, seen, now)
    tenant.snapshots.filter(last_seen_at=now).update(imported_at=now)
    if all(seen.knows(name) for name in DECIDING):
        models.Tenant.objects.filter(pk=tenant.pk, credential=None).update(fetched_at=now)
    _keep_endpoints(tenant, doors, now)
    if first and seen.accepted_domains:
        planning.ask_round(tenant, now)
    return Read(tenant.pk, changes=len(changes), first=first)


def _refused(seen: Configuration | models.Snapshot) -> str:
    """Whether the role is missing: a part that decides was forbidden, not merely unlucky."""
    if isinstance(seen, models.Snapshot):
        return ""  # a refusal is no answer that is known again
    forbidden = {part.name for part in seen.parts if part.status is PartStatus.FORBIDDEN}
    return "role" if forbidden.intersection(DECIDING) else ""


def _keep(tenant: models.Tenant, seen: _Seen, now: datetime) -> list[models.Change]:
    """Store what was seen. Where it is as it was, and nobody brought in anything meanwhile, there
    is nothing to compare.
    """
    latest = _latest(tenant)
    if latest and latest == seen.says and latest.marks == list(seen.marks):
        _seen_again(tenant, latest, now)
        return []
    return record(tenant, seen.configuration, now, seen.marks)


@transaction.atomic
def record(
    tenant: models.Tenant, seen: Configuration, now: datetime, marks: tuple[str, ...] = ()
) -> list[models.Change]:
    """Store what was fetched; return the changes it brought, none if nothing moved.

    `marks` know the answers again in which it was read.
    """
    latest = _latest(tenant)
    digest = codec.digest(seen)
    if latest and latest.digest == digest:
        _seen_again(tenant, latest, now, document=codec.dump(seen), marks=list(marks))
        return []
    found = diff.compare(history.known(tenant), seen) if latest else []
    snapshot = tenant.snapshots.create(
        digest=digest,
        document=codec.dump(seen),
        is_whole=seen.is_whole,
        marks=list(marks),
        first_seen_at=now,
        last_seen_at=now,
        stood=history.stood_before(latest, now) if latest and found else {},
    )
    changes = [_change(latest, snapshot, one, now) for one in found] if latest else []
    if any(change.effect == models.Change.Effect.PENDING for change in changes):
        planning.verify(tenant, snapshot, now)
    assessing.judge(tenant, now)
    return changes


def _seen_again(tenant: models.Tenant, latest: models.Snapshot, now: datetime, **anew: Any) -> None:
    """Move the snapshot's end, and note where nobody read it meanwhile. What does not count as a
    change (why a part was refused, when a row was last touched) is kept as it was last said.
    """
    fresh = {name: value for name, value in anew.items() if getattr(latest, name) != value}
    if now - latest.last_seen_at > timedelta(seconds=tenant.fetch_every) * READ_WITHIN:
        gap = [latest.last_seen_at.isoformat(), now.isoformat()]
        fresh["unread"] = _bounded([*latest.unread, gap])
    models.Snapshot.objects.filter(pk=latest.pk).update(last_seen_at=now, **fresh)
    if predicting.read_again(tenant):
        assessing.judge(tenant, now)


def _bounded(gaps: list[list[str]]) -> list[list[str]]:
    """The latest gaps; those before them as one, so that nothing unread is taken for read."""
    older, kept = gaps[: -MOST_GAPS + 1], gaps[-MOST_GAPS + 1 :]
    return [[older[0][0], older[-1][1]], *kept] if older else kept


def _change(
    before: models.Snapshot, after: models.Snapshot, found: diff.Difference, now: datetime
) -> models.Change:
    effects = models.Change.Effect
    decides = candidate(found) is not Candidate.NEUTRAL
    return after.changes.create(
        tenant_id=after.tenant_id,
        before=before,
        at=now,
        part=found.part,
        guid=found.guid or "",
        subject=found.subject,
        field=found.field or "",
        kind=found.kind,
        was=found.before,
        now=found.after,
        gained=list(found.gained),
        lost=list(found.lost),
        sentence=found.sentence,
        decides=decides,
        effect=effects.PENDING if decides else effects.NEUTRAL,
    )


def _keep_endpoints(tenant: models.Tenant, doors: dict[str, _Doors], now: datetime) -> None:
    """Keep the doors that DNS names. One that vanished stays while its domain was not looked up,
    and where it was once proved to be one: a missing name proves nothing.
    """
    for domain, found in doors.items():
        if found.problem:
            continue
        hosts = [e.host for e in found.endpoints]
        gone = tenant.endpoints.filter(domain=domain).exclude(host__in=hosts)
        gone.filter(proved_at=None).delete()
        gone.filter(missing_since=None).update(missing_since=now)
        _add_endpoints(tenant, domain, found.endpoints, now)


def _add_endpoints(
    tenant: models.Tenant, domain: str, found: Iterable[dns.Endpoint], now: datetime
) -> None:
    port = clouds.of(tenant.cloud).smtp_port
    known = {e.host: e for e in tenant.endpoints.filter(domain=domain)}
    for one in found:
        row = known.get(one.host)
        if row is None:
            tenant.endpoints.create(
                domain=domain,
                host=one.host,
                port=port,
                found_by=one.found_by,
                addresses=list(one.addresses),
                first_seen_at=now,
            )
        elif row.addresses != list(one.addresses) or row.missing_since:
            models.Endpoint.objects.filter(pk=row.pk).update(
                addresses=list(one.addresses), missing_since=None
            )
