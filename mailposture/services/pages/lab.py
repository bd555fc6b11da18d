"""The lab's page: each tenant's story, how it stands now, and what to look at next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import OuterRef, Subquery
from django.urls import reverse

from mailposture import models
from mailposture.core.configuration import PartStatus
from mailposture.core.states import State
from mailposture.services import clouds

# What each button says, and what its scene does.
BUTTONS: Final = (
    ("lock", "Lock", "Turn the lock-down connector on; make it where there is none."),
    ("unlock", "Unlock", "Turn it off: anyone gets in."),
    ("widen", "Widen", "Let it take the gateway's whole /24."),
    ("contradict", "Contradict", "Closed in the configuration, open on the wire."),
    ("reset", "Reset", "Back to the beginning of the story."),
)
DELAYS: Final = (("delay:500", "waits 500 ms before every reply"),)
API_WORDS: Final = {
    "401": "refuses the token (401)",
    "403": "lacks the role (403, a body of NULs)",
    "403-text": "lacks the role (403, as text)",
    "403-json": "lacks the role for one cmdlet (403, as JSON)",
    "429": "asks to wait (429)",
    "500": "fails inside (500)",
    "503": "is not available (503)",
    "concurrency": "has too many calls at once",
    "hang": "never answers",
    "html": "answers with a web page",
    "no-value": "answers without rows",
    "redirect": "sends elsewhere (302)",
    "slow": "answers late",
    "truncated": "cuts the list short",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Connector:
    """One inbound connector as the lab holds it."""

    name: str
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """One fault that is set."""

    where: str
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Next:
    """What to look at now, and where."""

    says: str
    link: str = ""
    words: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """One tenant of the lab beside what Mailposture found out about it."""

    slug: str
    name: str
    story: str
    scene: str
    connectors: tuple[Connector, ...]
    troubles: tuple[Trouble, ...]
    front_ends: tuple[str, ...]
    state: str
    since: datetime | None
    probed: datetime | None
    page: str
    next: Next


@dataclass(frozen=True, kw_only=True, slots=True)
class LabPage:
    """The page. `trouble` is set where the lab does not answer."""

    stories: tuple[Story, ...] = ()
    smtp_faults: tuple[tuple[str, str], ...] = ()
    api_faults: tuple[tuple[str, str], ...] = ()
    buttons: tuple[tuple[str, str, str], ...] = BUTTONS
    trouble: str = ""


def page(state: Mapping[str, Any], facts: Mapping[str, Any]) -> LabPage:
    """Lay the lab's own account beside ours; one query."""
    ids = {t["slug"]: str(t["tenant_id"]) for t in facts["tenants"]}
    latest = models.Snapshot.objects.filter(tenant=OuterRef("pk")).order_by("-last_seen_at")
    ours = models.Tenant.objects.filter(cloud=clouds.LAB).annotate(
        parts=Subquery(latest.values("document__parts")[:1])
    )
    watched = {str(tenant.tenant_id): tenant for tenant in ours}
    stories = (_story(t, watched.get(ids.get(t["slug"], ""))) for t in state["tenants"])
    return LabPage(
        stories=tuple(stories),
        smtp_faults=(*state["faults"].items(), *DELAYS),
        api_faults=tuple((kind, API_WORDS.get(kind, kind)) for kind in state["api_faults"]),
    )


def _story(told: Mapping[str, Any], ours: models.Tenant | None) -> Story:
    return Story(
        slug=told["slug"],
        name=told["name"],
        story=told["story"],
        scene=_scene(told),
        connectors=tuple(_connector(row) for row in told["connectors"]),
        troubles=tuple(_troubles(told)),
        front_ends=tuple(front["address"] for front in told["front_ends"]),
        state=ours.state if ours else "",
        since=ours.state_since if ours else None,
        probed=ours.probed_at if ours else None,
        page=ours.get_absolute_url() if ours else "",
        next=_next(told, ours),
    )


def _scene(told: Mapping[str, Any]) -> str:
    if told["contradicted"]:
        return "Closed in its configuration, open on the wire."
    return {
        "on": "The lock-down connector is on.",
        "off": "The lock-down connector is turned off.",
        "none": "There is no lock-down connector.",
    }[told["lock"]]


def _connector(row: Mapping[str, Any]) -> Connector:
    proof = [*row["addresses"], *([row["certificate"]] if row["certificate"] else [])]
    turned = "on" if row["enabled"] else "off"
    return Connector(
        name=row["name"], says=f"{row['kind']}, {turned}, {', '.join(proof) or 'any host'}"
    )


def _troubles(told: Mapping[str, Any]) -> Iterable[Trouble]:
    for front in told["front_ends"]:
        if front["fault"]:
            yield Trouble(where=front["address"], says=front["fault"])
        if front["delay"]:
            yield Trouble(where=front["address"], says=f"waits {front['delay']} ms")
    for fault in told["api_faults"]:
        kind = fault["kind"].partition(":")[0]
        where = f"Admin API, {fault['cmdlet'] or 'any cmdlet'}"
        yield Trouble(where=where, says=API_WORDS.get(kind, kind))


def _next(told: Mapping[str, Any], ours: models.Tenant | None) -> Next:
    """The sentence that leads on: what the product should have noticed, and where it says so."""
    if ours is None:
        return Next(
            says="It is not watched yet. Add it with the tenant ID and app of lab.json.",
            link=reverse("tenant_add"),
            words="Add a tenant",
        )
    here = ours.get_absolute_url()
    if ours.fetch_error or _forbidden(ours):
        check = reverse("tenant_check", args=[ours.slug])
        return Next(
            says="It cannot be read, or not whole. See which half is missing.",
            link=check,
            words="Check",
        )
    if _noticed(told, ours):
        return Next(says=_then(told), link=here, words=f"Look at {ours.name}")
    return Next(
        says=f"Not noticed yet: it is read every {ours.fetch_every} s, and probed after a change.",
        link=here,
        words=f"Watch {ours.name}",
    )


def _forbidden(ours: models.Tenant) -> bool:
    parts = getattr(ours, "parts", None) or ()
    return any(part["status"] == PartStatus.FORBIDDEN for part in parts)


def _noticed(told: Mapping[str, Any], ours: models.Tenant) -> bool:
    open_on_the_wire = told["lock"] != "on" or told["contradicted"]
    return ours.state == (State.OPEN if open_on_the_wire else State.CLOSED)


def _then(told: Mapping[str, Any]) -> str:
    if told["contradicted"]:
        return "Noticed. Read the conversation that says yes beside the connector that says no."
    if told["lock"] == "on":
        return (
            "Noticed. See the change, the probes around it, and the window it closed. Then unlock."
        )
    return "Noticed. See since when it stands open, and the conversation that proves it. Then lock."
