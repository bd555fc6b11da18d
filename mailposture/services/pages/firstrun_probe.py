"""The first probe: on what proof, from where, how far it is, and what came of it."""

from dataclasses import dataclass
from datetime import datetime

from mailposture import models
from mailposture.services import paths, vantage_points
from mailposture.services.pages import firstrun, live
from mailposture.services.pages import tenant as tenant_pages
from mailposture.services.pages.firstrun_read import counted, listed


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A vantage point that will probe, and whether it is heard."""

    name: str
    slug: str
    clear: bool
    says: str
    plays: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbePage:
    """All that the last step shows."""

    sentence: str
    domains: str
    count: str
    read_at: datetime | None
    places: tuple[Place, ...]
    ready: bool
    silent: Place | None = None
    problem: str = ""
    progress: live.Progress | None = None
    look: int = 0
    head: tenant_pages.Head | None = None

    @property
    def goes_on(self) -> bool:
        """Whether the page asks again by itself: for a look, or until a place is heard."""
        return not self.progress.over if self.progress else self.waits

    @property
    def waits(self) -> bool:
        """Whether a place was named and its worker is waited for."""
        return self.silent is not None and self.progress is None and self.head is None


def load(tenant: models.Tenant, look: int, now: datetime) -> ProbePage:
    """The last step of connecting this tenant; `look` is the round that is watched."""
    progress = live.load(tenant, look, now) if look else None
    over = progress is not None and progress.over
    head = tenant_pages.load(tenant, tenant_pages.Asked(), now).head if over else None
    domains = list(paths.accepted_domains(tenant) or ())
    places = paths.places(tenant)
    strangers = [place for place in places if place.plays == place.Plays.STRANGER]
    heard = [place for place in strangers if firstrun.answers(place, now)]
    silent = None if heard else next(iter(strangers), None)
    problem = firstrun.who_we_are(tenant)
    return ProbePage(
        sentence=_sentence(tenant, progress, head, ready=bool(heard)),
        domains=listed(domains),
        count=counted(len(domains), "domain"),
        read_at=tenant.fetched_at,
        places=tuple(_place(row, now) for row in places),
        ready=bool(heard) and not problem,
        silent=_place(silent, now) if silent else None,
        problem=problem,
        progress=progress,
        look=look,
        head=head,
    )


def _sentence(
    tenant: models.Tenant,
    progress: live.Progress | None,
    head: tenant_pages.Head | None,
    *,
    ready: bool,
) -> str:
    if head:
        return head.sentence
    if progress:
        return f"{tenant.name} is being probed."
    if ready:
        return f"Everything is there to probe {tenant.name}."
    return "No vantage point is heard, so nobody can probe yet."


def _place(row: models.VantagePoint, now: datetime) -> Place:
    health = vantage_points.health(row, now)
    plays = "a stranger" if row.plays == row.Plays.STRANGER else "an approved source"
    return Place(name=row.name, slug=row.slug, clear=health.clear, says=health.says, plays=plays)
