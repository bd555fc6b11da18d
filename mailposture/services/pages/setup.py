"""What the pages of setting up a tenant show: steps, credential, halves, recipients, sources."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from mailposture import models
from mailposture.core import addresses
from mailposture.core.configuration import Configuration, PartStatus
from mailposture.core.states import Access, access
from mailposture.core.verdict import Verdict
from mailposture.services import clouds
from mailposture.services.checking import Checked
from mailposture.services.pages import granting, lapsing

SOON: Final = timedelta(days=30)
MOST_PROPOSED: Final = 5
ADDRESSES_SHOWN: Final = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class CredentialFacts:
    """What may be shown of a credential. The secret never is."""

    kind: str
    client_id: str
    thumbprint: str
    expires: datetime | None
    age: str
    updated: datetime
    made_here: bool
    has_public: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Setup:
    """What every page of setting up a tenant shows around its own."""

    slug: str
    name: str
    cloud: str
    in_lab: bool
    read: datetime | None
    granted: bool
    connecting: bool
    credential: CredentialFacts | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckPage:
    """The two halves, and what was answered."""

    sentence: str
    halves: tuple[granting.Half, granting.Half]
    answers: tuple[granting.Answer, ...]
    consent: str
    at: datetime | None
    took: float
    fix: str
    complete: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One approved source as the list shows it."""

    pk: int
    name: str
    kind: str
    addresses: tuple[str, ...]
    more: int
    certificate_name: str
    place: str
    place_link: str
    state: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """A host that the tenant's MX names and that no approved source covers."""

    host: str
    domain: str
    addresses: tuple[str, ...]
    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """The approved sources of a tenant, and whom its MX names besides."""

    rows: tuple[Source, ...]
    proposals: tuple[Proposal, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipients:
    """Accepted domain -> chosen address; domains is None where they are not known."""

    domains: Mapping[str, str] | None
    refused: tuple[str, ...]


def setup(tenant: models.Tenant, now: datetime) -> Setup:
    """The frame of a tenant's pages of setting up; two queries."""
    cloud = clouds.known().get(tenant.cloud)
    return Setup(
        slug=tenant.slug,
        name=tenant.name,
        cloud=cloud.label if cloud else tenant.cloud,
        in_lab=tenant.cloud == clouds.LAB,
        read=tenant.fetched_at,
        granted=_was_read(tenant),
        connecting=tenant.setup_step is not None,
        credential=credential(tenant, now),
    )


def credential(tenant: models.Tenant, now: datetime) -> CredentialFacts | None:
    """What may be shown of this tenant's credential, if it has one; one query."""
    row = models.Credential.objects.filter(tenant=tenant).first()
    return _facts(row, now) if row else None


def public_part(tenant: models.Tenant) -> str:
    """The certificate it is read by, in PEM and without its key; empty where there is none."""
    row = models.Credential.objects.filter(tenant=tenant).values_list("public_pem").first()
    return str(row[0]) if row else ""


def _was_read(tenant: models.Tenant) -> bool:
    """Whether the last reading went through, and no part of it was forbidden."""
    if not tenant.fetched_at or tenant.fetch_error:
        return False
    parts = tenant.snapshots.order_by("last_seen_at").values_list("document__parts", flat=True)
    return all(part["status"] != PartStatus.FORBIDDEN for part in parts.last() or ())


def _facts(row: models.Credential, now: datetime) -> CredentialFacts:
    left = row.expires_at - now if row.expires_at else None
    return CredentialFacts(
        kind=row.get_kind_display(),
        client_id=str(row.client_id),
        thumbprint=row.thumbprint,
        expires=row.expires_at,
        age=""
        if left is None
        else "over"
        if left <= timedelta()
        else "soon"
        if left < SOON
        else "",
        updated=row.updated_at,
        made_here=row.made_here,
        has_public=bool(row.public_pem),
    )


def check_page(
    tenant: models.Tenant, credential: CredentialFacts | None, found: Checked | None
) -> CheckPage:
    """Both halves with their ways to grant; no query."""
    client_id = credential.client_id if credential else ""
    return CheckPage(
        sentence=granting.sentence(found),
        halves=granting.halves(tenant, client_id, found),
        answers=granting.answers(found) if found else (),
        consent=granting.consent_address(tenant, client_id),
        at=found.at if found else None,
        took=found.took if found else 0.0,
        fix=found.token.fix if found else "",
        complete=bool(found and found.complete),
    )


def recipients(tenant: models.Tenant) -> Recipients:
    """Whom a probe names in each accepted domain; three queries."""
    seen = _latest(tenant)
    if seen is None or seen.accepted_domains is None:
        return Recipients(domains=None, refused=())
    chosen = dict(tenant.recipients.values_list("domain", "address"))
    names = sorted(d.lower() for d in seen.domains)
    refused = tenant.paths.filter(retired_at=None, current__cause="recipient-unknown").values_list(
        "domain", flat=True
    )
    return Recipients(
        domains={name: chosen.get(name, "") for name in names}, refused=tuple(set(refused))
    )


def sources(tenant: models.Tenant) -> Sources:
    """The hosts that must get in, how each fares, and whom the MX names besides; three queries."""
    rows = list(tenant.sources.select_related("vantage_point"))
    fares = _fares(tenant, timezone.now())
    shown = tuple(_source(row, fares) for row in rows)
    return Sources(rows=shown, proposals=_proposals(tenant, rows))


def _fares(tenant: models.Tenant, now: datetime) -> dict[int, Access]:
    """Place -> how the source that it plays fares, by the answers that still count."""
    found: dict[int, set[Verdict]] = {}
    own = lapsing.paths(now).filter(
        tenant=tenant,
        vantage_point__enabled=True,
        vantage_point__plays=models.VantagePoint.Plays.SOURCE,
    )
    for place, said in own.order_by().values_list("vantage_point_id", "counted").distinct():
        found.setdefault(place, set()).add(Verdict(said))
    return {place: access(verdicts) for place, verdicts in found.items()}


def _source(row: models.ApprovedSource, fares: Mapping[int, Access]) -> Source:
    place = row.vantage_point
    entries = tuple(row.addresses.split())
    return Source(
        pk=row.pk,
        name=row.name,
        kind=row.get_kind_display(),
        addresses=entries[:ADDRESSES_SHOWN],
        more=max(0, len(entries) - ADDRESSES_SHOWN),
        certificate_name=row.certificate_name,
        place=place.name if place else "",
        place_link=reverse("vantage_point", args=[place.slug]) if place else "",
        state=str(fares.get(place.pk, "none")) if place else "none",
    )


def _proposals(tenant: models.Tenant, rows: list[models.ApprovedSource]) -> tuple[Proposal, ...]:
    """The MX points at the gateway: where nobody declared it, it is proposed."""
    seen = _latest(tenant)
    if seen is None or seen.domain_facts is None:
        return ()
    cloud = clouds.known().get(tenant.cloud)
    microsoft = cloud.mail_suffixes if cloud else ()
    covered = addresses.parse(entry for row in rows for entry in row.addresses.split())
    found: dict[str, Proposal] = {}
    for facts in seen.domain_facts:
        for host in facts.mx or ():
            unknown = tuple(a for a in host.addresses if a not in covered)
            if unknown and host.host not in found and not host.host.endswith(microsoft):
                found[host.host] = _proposal(tenant, host.host, facts.domain, unknown)
    return tuple(found.values())[:MOST_PROPOSED]


def _proposal(tenant: models.Tenant, host: str, domain: str, unknown: tuple[str, ...]) -> Proposal:
    given = {"name": host, "kind": "gateway", "addresses": "\n".join(unknown)}
    return Proposal(
        host=host,
        domain=domain,
        addresses=unknown,
        link=f"{reverse('source_add', args=[tenant.slug])}?{urlencode(given)}",
    )


def _latest(tenant: models.Tenant) -> Configuration | None:
    latest = tenant.snapshots.order_by("last_seen_at").last()
    return latest.configuration if latest else None
