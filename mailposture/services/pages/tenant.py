"""All that a tenant's page shows, loaded in six queries whatever the tenant's size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

from django.urls import reverse

from mailposture import models
from mailposture.adapters.charts import TenantTimeline
from mailposture.adapters.drawings.flow import MailFlow
from mailposture.core.states import Age, State, configuration_age, tenant_state
from mailposture.core.verdict import SenderClass
from mailposture.services import clouds, paths
from mailposture.services.pages import (
    answers,
    configured,
    findings,
    flow,
    incidents,
    matrix,
    tenant_words,
    timeline,
    windows,
    worst_findings,
)
from mailposture.services.pages.answers import Answer
from mailposture.services.pages.configured import ConnectorLine, Known, NotRead
from mailposture.services.pages.timeline import Event

CHANGES = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the address of the page asks for: a page of the matrix, days of the timeline."""

    page: int = 1
    days: int = timeline.DEFAULT_DAYS


@dataclass(frozen=True, kw_only=True, slots=True)
class Banner:
    """What is stale ("partly") or unknown, since (or at) what time, and one thing to do."""

    state: str
    says: str
    since: datetime | None
    then: str
    at: bool = False
    href: str = ""
    do: str = ""
    fetch: bool = False


class WayOut(TypedDict):
    """What a banner offers: a page, or (`fetch`) another reading."""

    href: str
    do: str
    fetch: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeLine:
    """One change: what probes saw of it, its sentence, and its subject where that is not in it."""

    at: datetime
    state: str
    word: str
    sentence: str
    subject: str
    href: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """The sentence, its badge, and the facts beside it."""

    state: State
    how: str
    since: datetime | None
    first_look: bool
    sentence: str
    because: str
    answered: str
    sources: tenant_words.Sources
    fetched_at: datetime | None
    brought: str
    probed_at: datetime | None
    stale_answers: bool
    stale_configuration: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Connectors:
    """Inbound connectors in words, or why there are none to show."""

    read: bool
    not_read: NotRead | None
    lines: tuple[ConnectorLine, ...]
    direct_send: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TenantPage:
    """One tenant's page."""

    slug: str
    name: str
    cloud: str
    head: Head
    banners: tuple[Banner, ...]
    flow: MailFlow | None
    doors: tuple[str, ...]
    grid: matrix.Grid
    connectors: Connectors
    findings: tuple[findings.Line, ...]
    more_findings: bool
    changes: tuple[ChangeLine, ...]
    windows: tuple[windows.Row, ...]
    older_windows: int
    open_seconds: float
    timeline: TenantTimeline
    days: int
    events: tuple[Event, ...]
    incident: incidents.Worst | None

    @property
    def figure_name(self) -> str:
        """What the figure is called for those who cannot see it."""
        return f"Timeline of {self.name}, {timeline.REACHES[self.days].word}"


def load(of: models.Tenant, asked: Asked, now: datetime) -> TenantPage:
    """Load, and put into words, all that the page shows."""
    runs = answers.runs(of)
    loaded = answers.load(of, runs, timeline.start(asked.days, now), now)
    found = loaded.answers
    known = configured.load(of)
    sources = list(of.sources.all())
    changes = timeline.changes(of)
    exposures = windows.load(of, runs, now)
    probes = timeline.buckets(runs, loaded.spans, asked.days, now)
    head = _head(of, known, found, sources, now)
    wrong, more = worst_findings.of(of, now)
    states = answers.domain_states(answers.by_domain(found)) or _not_asked(known)
    return TenantPage(
        slug=of.slug,
        name=of.name,
        cloud=of.cloud,
        head=head,
        banners=tuple(_banners(of, known, found, head)),
        flow=flow.build(of, found, sources, known.configuration, now),
        doors=_doors(of, found),
        grid=matrix.build(found, states, sources, asked.page, _left_out(known)),
        connectors=_connectors(of, known, got_in=bool(_open_to(found))),
        findings=wrong,
        more_findings=more,
        changes=tuple(_change(change) for change in changes[:CHANGES]),
        windows=tuple(windows.rows(exposures[: windows.SHOWN], now)),
        older_windows=max(0, len(exposures) - windows.SHOWN),
        open_seconds=windows.added_up(windows.rows(exposures, now)),
        timeline=timeline.build(
            days=asked.days, now=now, changes=changes, exposures=exposures, buckets=probes
        ),
        days=asked.days,
        events=tuple(timeline.events(changes, exposures, timeline.start(asked.days, now))),
        incident=incidents.worst(of),
    )


def _left_out(known: Known) -> int:
    """Partners that are not asked for, because the connectors name too many."""
    return paths.partners_left_out(known.configuration) if known.configuration else 0


def _not_asked(known: Known) -> dict[str, State]:
    names = known.configuration.domains if known.configuration else ()
    return dict.fromkeys(names, State.UNKNOWN)


def _change(change: models.Change) -> ChangeLine:
    """What nobody saw the effect of yet is not neutral: it is not known."""
    pending = change.effect == models.Change.Effect.PENDING
    return ChangeLine(
        at=change.at,
        state="unknown" if pending else change.effect,
        word="Not yet seen" if pending else "",
        sentence=change.sentence,
        subject="" if change.subject in change.sentence else change.subject,
        href=change.get_absolute_url(),
    )


# ---- head --------------------------------------------------------------------------------


def _head(
    of: models.Tenant,
    known: Known,
    found: Sequence[Answer],
    sources: Sequence[models.ApprovedSource],
    now: datetime,
) -> Head:
    domains = answers.domain_states(answers.by_domain(found))
    state, how = _state(found, domains)
    open_to = _open_to(found)
    fare = tenant_words.fare(sources, found)
    words = tenant_words.sentence(of.name, state, domains, open_to)
    age = configuration_age(of.fetched_at, now, timedelta(seconds=of.fetch_every))
    return Head(
        state=state,
        how=how,
        since=of.state_since if state == of.state else None,
        first_look=bool(of.standing.get("first_look")),
        sentence=f"{words}{tenant_words.beside(state, fare)}.",
        because=tenant_words.because(of, known, found) if state is State.UNKNOWN else "",
        answered=tenant_words.answered(found, open_to),
        sources=fare,
        fetched_at=of.fetched_at,
        brought=known.brought,
        probed_at=of.probed_at,
        stale_answers=how == "stale" or _any_lapsed(found),
        stale_configuration=of.fetched_at is not None and age is not Age.FRESH,
    )


def _state(found: Sequence[Answer], domains: Mapping[str, State]) -> tuple[State, str]:
    """As its answers still count: a lapsed one is Unknown, a stale one shows its age."""
    asked = [a for a in answers.strangers(found) if a.observation]
    stale = bool(asked) and all(a.age is Age.STALE for a in asked)
    return tenant_state(domains.values()), "stale" if stale else ""


def _any_lapsed(found: Sequence[Answer]) -> bool:
    return any(a.cause == answers.LAPSED for a in found)


def _open_to(found: Sequence[Answer]) -> frozenset[SenderClass]:
    return frozenset(a.sender_class for a in answers.strangers(found) if a.verdict == "open")


def _doors(of: models.Tenant, found: Sequence[Answer]) -> tuple[str, ...]:
    """The endpoints that were asked, with their port."""
    try:
        port = f":{clouds.of(of.cloud).smtp_port}"
    except clouds.NotSetUpError:
        port = ""
    return tuple(f"{host}{port}" for host in sorted({a.endpoint for a in found if a.endpoint}))


# ---- what is wrong -----------------------------------------------------------------------


def _banners(of: models.Tenant, known: Known, found: Sequence[Answer], head: Head) -> list[Banner]:
    shown = [_paused(of)] if of.paused_at else []
    if of.fetch_error:
        shown.append(_failing(of, head))
    elif head.stale_configuration:
        shown.append(_stale_configuration(of))
    lacking = [one for one in known.not_read if not _follows(one, known)]
    shown += [_part(of, one, head, later=later) for one, later in configured.by_kind(lacking)]
    stale = [a for a in found if a.age is not Age.FRESH and a.observation]
    return [*shown, _stale_answers(found, stale)] if stale else shown


def _follows(one: NotRead, known: Known) -> bool:
    """Without domains there is nothing to ask DNS about: that is no trouble of its own."""
    return one.parts == ("domain_facts",) and known.lacks("accepted_domains") is not None


def _paused(of: models.Tenant) -> Banner:
    return Banner(
        state="unknown",
        says=f"{of.name} is paused: it is neither read nor probed",
        since=of.paused_at,
        then="",
        href=reverse("tenant_edit", args=[of.slug]),
        do="Edit",
    )


def _failing(of: models.Tenant, head: Head) -> Banner:
    trouble = configured.explained(of.fetch_error)
    return Banner(
        state="unknown",
        says=f"Configuration not read: {trouble.short}",
        since=of.fetch_failing_since,
        then=_sentences(trouble.says, trouble.fix, _depends(head)),
        **_way_out(of, credential=trouble.credential),
    )


def _way_out(of: models.Tenant, *, credential: bool) -> WayOut:
    """The credential where that is the trouble, else another try."""
    if credential:
        href = reverse("tenant_credential", args=[of.slug])
        return WayOut(href=href, do="Check the credential", fetch=False)
    return WayOut(href=reverse("fetch_now", args=[of.slug]), do="Fetch now", fetch=True)


def _sentences(*said: str) -> str:
    return " ".join(filter(None, said))


def _depends(head: Head) -> str:
    if head.state is State.UNKNOWN:
        return ""
    return f"{head.state.word} rests on probes and does not depend on it."


def _part(of: models.Tenant, one: NotRead, head: Head, *, later: bool) -> Banner:
    """Parts with one kind of trouble; `later`: not all of them since the same moment."""
    first = ", the first of them" if later else ""
    return Banner(
        state="unknown",
        says=f"{one.names} not read: {one.short}{first}",
        since=one.since,
        then=_sentences(one.says, one.fix, _depends(head)),
        **_way_out(of, credential=one.credential),
    )


def _stale_configuration(of: models.Tenant) -> Banner:
    return Banner(
        state="partly",
        says="The configuration is older than two intervals. It was last read",
        since=of.fetched_at,
        then="What is shown of it may have changed.",
        at=True,
    )


def _stale_answers(found: Sequence[Answer], stale: Sequence[Answer]) -> Banner:
    """Some or all answers are older than four rounds; after a day they count as Unknown."""
    lapsed = [a for a in stale if a.age is Age.LAPSED]
    which = "All answers" if len(stale) == len(found) else f"{len(stale)} of {len(found)} answers"
    counts = f"{len(lapsed)} of them, older than a day, count as Unknown." if lapsed else ""
    if lapsed and len(lapsed) == len(stale):
        counts = "Older than a day, they count as Unknown."
    return Banner(
        state="unknown" if lapsed else "partly",
        says=f"{which} are older than four rounds. The last of them came",
        since=max(a.seen_at for a in stale if a.seen_at),
        then=counts or "After a day they count as Unknown.",
        at=True,
        href=reverse("vantage_points"),
        do="Vantage points",
    )


# ---- connectors --------------------------------------------------------------------------


def _connectors(of: models.Tenant, known: Known, *, got_in: bool) -> Connectors:
    organization = known.configuration.organization if known.configuration else None
    return Connectors(
        read=known.configuration is not None and known.configuration.knows("inbound_connectors"),
        not_read=known.lacks("inbound_connectors"),
        lines=configured.connectors(of, known, got_in=got_in),
        direct_send=str(organization.reject_direct_send) if organization else "",
    )
