"""Connecting a tenant, step by step: where it stands, and what each step shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.urls import reverse

from mailposture import models
from mailposture.core.configuration import Configuration
from mailposture.services import clouds, enrolling, paths, vantage_points
from mailposture.services.checking import Checked
from mailposture.services.pages import setup as pages

NAME: Final = 1
LAST: Final = enrolling.PROBE
# Step -> its words, what stands under it until it is taken, and its address.
STEPS: Final[Mapping[int, tuple[str, str, str]]] = MappingProxyType(
    {
        NAME: ("Name the tenant", "its ID and cloud", "connect_name"),
        enrolling.APP: ("Register the app", "certificate or secret", "connect_app"),
        enrolling.PERMISSIONS: ("Check permissions", "two halves", "connect_permissions"),
        enrolling.READ: ("First read", "connectors, domains, rules", "connect_read"),
        enrolling.SOURCES: ("Approved sources", "proposed, you confirm", "connect_sources"),
        enrolling.MAIL: ("Who gets mail", "at least one address", "connect_mail"),
        enrolling.PROBE: ("First probe", "needs a vantage point", "connect_probe"),
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of connecting a tenant; `link` is empty while it cannot be taken."""

    number: int
    words: str
    under: str
    link: str = ""
    done: bool = False
    current: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Walk:
    """What every step shows around its own."""

    number: int
    steps: tuple[Step, ...]
    slug: str = ""
    name: str = ""
    in_lab: bool = False
    credential: pages.CredentialFacts | None = None

    @property
    def of(self) -> int:
        """How many steps there are."""
        return len(self.steps)

    @property
    def over(self) -> bool:
        """Whether every step was taken."""
        return all(step.done for step in self.steps)

    @property
    def back(self) -> str:
        """The address of the step before."""
        return next((s.link for s in self.steps if s.number == self.number - 1), "")


def begin() -> Walk:
    """The steps before there is a tenant."""
    steps = tuple(
        Step(number=number, words=words, under=under, current=number == NAME)
        for number, (words, under, _) in STEPS.items()
    )
    return Walk(number=NAME, steps=steps)


def walk(
    tenant: models.Tenant,
    number: int,
    now: datetime,
    *,
    found: Checked | None = None,
    linked: bool = True,
) -> Walk:
    """The frame of one step of this tenant; `found` is what the last check of this visit found.

    Steps are `linked` for those who may take them.
    """
    credential = pages.credential(tenant, now)
    reached = at(tenant)
    under = {NAME: tenant.name, **_app(credential), **_under(tenant, reached, found)}
    steps = tuple(
        Step(
            number=step,
            words=words,
            under=under.get(step, idle),
            link=reverse(route, args=[tenant.slug]) if linked and step <= reached <= LAST else "",
            done=step < reached,
            current=step == number,
        )
        for step, (words, idle, route) in STEPS.items()
    )
    return Walk(
        number=number,
        steps=steps,
        slug=tenant.slug,
        name=tenant.name,
        in_lab=tenant.cloud == clouds.LAB,
        credential=credential,
    )


def at(tenant: models.Tenant) -> int:
    """The step that comes next; past the last one where the tenant is connected.

    The first read is taken by the reader, not by a person: it is over once the domains are known.
    """
    if tenant.setup_step is None:
        return LAST + 1
    if tenant.setup_step == enrolling.READ and paths.accepted_domains(tenant) is not None:
        return enrolling.SOURCES
    return tenant.setup_step


def address(tenant: models.Tenant) -> str:
    """Where connecting this tenant goes on."""
    step = at(tenant)
    return (
        reverse(STEPS[step][2], args=[tenant.slug]) if step <= LAST else tenant.get_absolute_url()
    )


def _app(credential: pages.CredentialFacts | None) -> dict[int, str]:
    if credential is None:
        return {}
    short = f"{credential.client_id[:4]}\N{HORIZONTAL ELLIPSIS}{credential.client_id[-4:]}"
    return {enrolling.APP: f"app {short}, {credential.kind.lower()}"}


def _under(tenant: models.Tenant, reached: int, found: Checked | None) -> dict[int, str]:
    """What became of each step that was taken, in a few words; two queries."""
    said = {}
    if reached > enrolling.PERMISSIONS:
        said[enrolling.PERMISSIONS] = "both halves"
    elif found:
        there = sum(step.ok is True for step in (found.app_role, found.directory_role))
        said[enrolling.PERMISSIONS] = f"{there} of 2 halves"
    if reached <= enrolling.READ:
        return said
    if tenant.fetched_at:
        said[enrolling.READ] = f"at {tenant.fetched_at:%H:%M} UTC"
    if reached > enrolling.SOURCES:
        said[enrolling.SOURCES] = _counted(tenant.sources.count(), "source", none="none yet")
    if reached > enrolling.MAIL:
        told = told_about(tenant).values("address").distinct().count()
        said[enrolling.MAIL] = _counted(told, "address", "addresses", none="nobody yet")
    if reached > LAST:
        said[LAST] = "connected"
    return said


def told_about(tenant: models.Tenant) -> QuerySet[models.Subscription]:
    """Who is told about this tenant: those of its own, and those told about all."""
    return models.Subscription.objects.filter(Q(tenant=tenant) | Q(tenant=None))


def _counted(count: int, one: str, many: str = "", *, none: str = "") -> str:
    if not count and none:
        return none
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


# ---- the lab -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class LabTenant:
    """A tenant of the lab that may be connected to try it: what a real one's owner would know."""

    slug: str
    name: str
    tenant_id: str
    client_id: str
    secret: str
    file: str

    @property
    def query(self) -> str:
        """What fills the first step's form."""
        given = {"name": self.name, "tenant_id": self.tenant_id, "cloud": clouds.LAB}
        return urlencode(given)


def lab_tenants(lab: Mapping[str, Any] | None) -> tuple[LabTenant, ...]:
    """Those of the lab that nobody watches."""
    told = (lab or {}).get("tenants", ())
    watched = models.Tenant.objects.filter(cloud=clouds.LAB).values_list("tenant_id", flat=True)
    known = {str(one) for one in watched} if told else set()
    return tuple(_lab_tenant(story) for story in told if story["tenant_id"] not in known)


def lab_tenant(tenant: models.Tenant, lab: Mapping[str, Any] | None) -> LabTenant | None:
    """What the lab says of the app of its own tenant."""
    told = (lab or {}).get("tenants", ()) if tenant.cloud == clouds.LAB else ()
    own = (story for story in told if story["tenant_id"] == str(tenant.tenant_id))
    return next(map(_lab_tenant, own), None)


def _lab_tenant(story: Mapping[str, Any]) -> LabTenant:
    return LabTenant(
        slug=story["slug"],
        name=story["name"],
        tenant_id=story["tenant_id"],
        client_id=story["client_id"],
        secret=story.get("client_secret") or "",
        file=story.get("certificate") or "",
    )


# ---- what comes next, for other pages ----------------------------------------------------


def strangers() -> list[models.VantagePoint]:
    """The places that play a stranger, and so probe every tenant."""
    stranger = models.VantagePoint.Plays.STRANGER
    return list(vantage_points.seen().filter(enabled=True, plays=stranger))


def heard(now: datetime) -> list[models.VantagePoint]:
    """The strangers whose workers answered a moment ago."""
    return [place for place in strangers() if answers(place, now)]


def answers(place: models.VantagePoint, now: datetime) -> bool:
    """Whether a place's worker answered a moment ago."""
    return bool(place.heard_at and place.heard_at >= now - vantage_points.SILENT_AFTER)


def latest(tenant: models.Tenant) -> Configuration | None:
    """The configuration as it was last read."""
    snapshot = tenant.snapshots.order_by("last_seen_at").last()
    return snapshot.configuration if snapshot else None


def recipients(tenant: models.Tenant) -> dict[str, str]:
    """Accepted domain -> whom a probe names there, empty for postmaster; two queries."""
    chosen = dict(tenant.recipients.values_list("domain", "address"))
    return {name: chosen.get(name, "") for name in sorted(paths.accepted_domains(tenant) or ())}


def who_we_are(tenant: models.Tenant) -> str:
    """What keeps a probe from saying who it is; empty where nothing does."""
    try:
        clouds.identity(lab=tenant.cloud == clouds.LAB)
    except clouds.NotSetUpError as missing:
        return str(missing)
    return ""
