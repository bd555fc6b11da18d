"""The lab's page: each tenant's story, how it stands now, and what to look at next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.db.models import JSONField, OuterRef, Subquery
from django.urls import reverse

from mailposture import models
from mailposture.core.configuration import PartStatus
from mailposture.core.states import State
from mailposture.services import clouds
from mailposture.services.pages import begun

# What each button says, and what its scene does.
BUTTONS: Final = (
    ("lock", "Lock", "Turn the lock-down connector on; make it where there is none."),
    ("unlock", "Unlock", "Turn it off: it keeps nobody out."),
    ("widen", "Widen", "Let it take the gateway's whole /24."),
    ("contradict", "Contradict", "Closed in the configuration, open on the wire."),
    ("renew-certificate", "Renew certificate", "The hybrid server shows another name."),
    ("restore-certificate", "Old certificate", "The hybrid server shows its own name again."),
    ("throttle", "Throttle", "Both mail doors say that they are busy (4.7.500)."),
    ("expire", "Expire secret", "The secret that reads the tenant is refused (AADSTS7000222)."),
    ("break-front-end", "Break a front end", "One of the two says the contrary of the other."),
    ("reset", "Reset", "Back to the beginning of the story."),
)
DELAYS: Final = (("delay:500", "waits 500 ms before every reply"),)
MORE_FAULTS: Final = (
    ("delay", "waits before every reply, with --milliseconds"),
    ("none", "no fault"),
)
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
class Choice:
    """One fault that may be set; the one that is set is chosen."""

    value: str
    words: str
    chosen: bool


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
    buttons: tuple[tuple[str, str, str], ...]
    connectors: tuple[Connector, ...]
    troubles: tuple[Trouble, ...]
    smtp_faults: tuple[Choice, ...]
    api_faults: tuple[Choice, ...]
    front_ends: tuple[str, ...]
    state: str
    since: datetime | None
    probed: datetime | None
    page: str
    next: Next
    recipients: tuple[tuple[str, str], ...] = ()
    begun: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabPage:
    """The page. `trouble` is set where the lab does not answer."""

    stories: tuple[Story, ...] = ()
    mailbox: tuple[Choice, ...] = ()
    legend: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    trouble: str = ""


def page(state: Mapping[str, Any], facts: Mapping[str, Any], now: datetime) -> LabPage:
    """Lay the lab's own account beside ours; two queries."""
    ids = {t["slug"]: str(t["tenant_id"]) for t in facts["tenants"]}
    latest = models.Snapshot.objects.filter(tenant=OuterRef("pk")).order_by("-last_seen_at")
    change = models.Change.objects.filter(tenant=OuterRef("pk")).order_by("-at", "-decides", "-pk")
    ours = models.Tenant.objects.filter(cloud=clouds.LAB).annotate(
        parts=Subquery(latest.values("document__parts")[:1], output_field=JSONField()),
        inbound=Subquery(
            latest.values("document__inbound_connectors")[:1], output_field=JSONField()
        ),
        change=Subquery(change.values("pk")[:1]),
        effect=Subquery(change.values("effect")[:1]),
    )
    watched = {str(tenant.tenant_id): tenant for tenant in ours}
    smtp = {**state["faults"], **dict(DELAYS)}
    api = {kind: API_WORDS.get(kind, kind) for kind in state["api_faults"]}
    stories = [
        _story(t, watched.get(ids.get(t["slug"], "")), smtp, api, now) for t in state["tenants"]
    ]
    modes = state.get("mailbox_modes", {})
    return LabPage(
        stories=tuple(_with_recipients(stories, state)),
        mailbox=tuple(
            Choice(value=mode, words=words, chosen=mode == state.get("mailbox"))
            for mode, words in modes.items()
        ),
        legend=_legend(state["faults"], api, modes),
    )


def _legend(
    smtp: Mapping[str, str], api: Mapping[str, str], modes: Mapping[str, str]
) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Every scene and fault by the name that `manage.py lab` knows it by."""
    return (
        ("lab scene", tuple((name, what) for name, _, what in BUTTONS)),
        ("lab fault", (*smtp.items(), *MORE_FAULTS)),
        ("lab fault --api", tuple(api.items())),
        ("lab mailbox", tuple(modes.items())),
    )


def _with_recipients(stories: list[Story], state: Mapping[str, Any]) -> Iterable[Story]:
    """Which domains want another recipient than postmaster, until the owner has named one."""
    named = set(
        models.Recipient.objects.filter(tenant__cloud=clouds.LAB).values_list("domain", flat=True)
    )
    for story, told in zip(stories, state["tenants"], strict=True):
        wanted = told.get("instead_of_postmaster", {}) if story.page else {}
        left = tuple((domain, box) for domain, box in wanted.items() if domain not in named)
        yield replace(story, recipients=left)


def _story(
    told: Mapping[str, Any],
    ours: Any | None,
    smtp: Mapping[str, str],
    api: Mapping[str, str],
    now: datetime,
) -> Story:
    troubles = tuple(_troubles(told, smtp))
    return Story(
        slug=told["slug"],
        name=told["name"],
        story=told["story"],
        scene=_scene(told),
        buttons=tuple(b for b in BUTTONS if b[0] in told.get("scenes", (b[0],))),
        connectors=tuple(_connector(row) for row in told["connectors"]),
        troubles=troubles,
        smtp_faults=_choices("smtp", smtp, _doors_fault(told)),
        api_faults=_choices("api", api, _api_fault(told)),
        front_ends=tuple(front["address"] for front in told["front_ends"]),
        state=ours.state if ours and ours.setup_step is None else "",
        begun=begun.gather([ours])[ours.pk].says if ours and ours.setup_step else "",
        since=ours.state_since if ours else None,
        probed=ours.probed_at if ours else None,
        page=ours.get_absolute_url() if ours else "",
        next=_next(told, ours, now, troubled=bool(troubles)),
    )


def _choices(where: str, faults: Mapping[str, str], present: str) -> tuple[Choice, ...]:
    """No fault first; one that is set from elsewhere stands among the others."""
    known = {"none": "no fault", **faults}
    if present not in known:
        known[present] = present
    return tuple(
        Choice(value=f"{where}/{kind}", words=words, chosen=kind == present)
        for kind, words in known.items()
    )


def _doors_fault(told: Mapping[str, Any]) -> str:
    for front in told["front_ends"]:
        if front["fault"]:
            return str(front["fault"])
        if front["delay"]:
            return f"delay:{front['delay']}"
    return "none"


def _api_fault(told: Mapping[str, Any]) -> str:
    return next((str(fault["kind"]) for fault in told["api_faults"]), "none")


def said(asked: Mapping[str, Any], lab: str) -> str:
    """What was done, in the page's words for a fault of the Admin API; else in the lab's."""
    kind = str(asked.get("fault", ""))
    if asked.get("on") != "api" or kind not in API_WORDS:
        return lab
    return f"From now on the Admin API of {asked['tenant']} {API_WORDS[kind]}."


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


def _troubles(told: Mapping[str, Any], smtp: Mapping[str, str]) -> Iterable[Trouble]:
    if told.get("renewed"):
        yield Trouble(where="Hybrid server", says=f"shows a certificate for {told['shows']}")
    if told.get("secret_expired"):
        yield Trouble(where="Sign-in", says="says that the secret has expired (AADSTS7000222)")
    for front in told["front_ends"]:
        if front["fault"]:
            yield Trouble(where=front["address"], says=smtp.get(front["fault"], front["fault"]))
        if front["delay"]:
            yield Trouble(
                where=front["address"], says=f"waits {front['delay']} ms before every reply"
            )
    for fault in told["api_faults"]:
        kind = fault["kind"].partition(":")[0]
        where = f"Admin API, {fault['cmdlet']}" if fault["cmdlet"] else "Admin API"
        yield Trouble(where=where, says=API_WORDS.get(kind, kind))


# ---- what to look at next ----------------------------------------------------------------


def _next(told: Mapping[str, Any], ours: Any | None, now: datetime, *, troubled: bool) -> Next:
    """The sentence that leads on: what the product has noticed of it, and where it says so."""
    if ours is None or ours.setup_step is not None:
        return _not_watched(ours)
    if ours.fetch_error or _forbidden(ours):
        return Next(
            says="It cannot be read, or not whole. See which half is missing.",
            link=reverse("tenant_check", args=[ours.slug]),
            words="Check",
        )
    here, words = ours.get_absolute_url(), f"Look at {ours.name}"
    if not _is_read(told, ours):
        return Next(says=f"Not read yet: {_reading(ours, now)}.", link=here, words=words)
    if ours.state == State.UNKNOWN and troubled:
        says = "With this fault its answers prove nothing. See what is unknown, and why."
        return Next(says=says, link=here, words=words)
    if not _is_seen(told, ours):
        says = "Read, but not seen on the wire yet: the next round looks."
        return Next(says=says, link=here, words=words)
    return _noticed(told, ours)


def _not_watched(ours: Any | None) -> Next:
    if ours is None:
        return Next(
            says="It is not watched yet. Add it with the tenant ID and app of lab.json.",
            link=reverse("tenant_add"),
            words="Add a tenant",
        )
    return Next(
        says="It is neither read nor probed before it is connected.",
        link=reverse("connect", args=[ours.slug]),
        words=f"Go on connecting {ours.name}",
    )


def _reading(ours: Any, now: datetime) -> str:
    every = f"it is read every {ours.fetch_every} s"
    if ours.fetched_at is None:
        return f"{every}, and was not read so far"
    return f"{every}, last {max(0, round((now - ours.fetched_at).total_seconds())):,} s ago"


def _forbidden(ours: Any) -> bool:
    return any(part["status"] == PartStatus.FORBIDDEN for part in ours.parts or ())


def _is_read(told: Mapping[str, Any], ours: Any) -> bool:
    """Whether the latest reading has the connectors as the lab holds them."""
    if ours.inbound is None:
        return False
    lab = {
        (c["name"], c["enabled"], frozenset(c["addresses"]), c["certificate"] or "")
        for c in told["connectors"]
    }
    read = {
        (
            c["name"],
            c["enabled"],
            frozenset(c["sender_ip_addresses"]),
            c["tls_sender_certificate_name"] or "",
        )
        for c in ours.inbound
    }
    return lab == read


def _is_seen(told: Mapping[str, Any], ours: Any) -> bool:
    """Whether strangers found the doors as the scene has them."""
    return bool(ours.state == told["wire"])


def _noticed(told: Mapping[str, Any], ours: Any) -> Next:
    here = ours.get_absolute_url()
    if told.get("renewed"):
        says = "Its hybrid server shows another name. See whether it still gets in."
        return Next(says=says, link=here, words=f"Look at {ours.name}")
    if told["contradicted"]:
        says = "Seen. Read the conversation that says yes beside the connector that says no."
        return Next(says=says, link=here, words=f"Look at {ours.name}")
    then = "Then unlock." if told["lock"] == "on" else "Then lock."
    if ours.change is None:
        says = f"As it was when watching began. See how it stands, and what proves it. {then}"
        return Next(says=says, link=here, words=f"Look at {ours.name}")
    change = reverse("change", args=[ours.change])
    if ours.effect == models.Change.Effect.PENDING:
        says = "Read. Probes are still looking at what the change did."
        return Next(says=says, link=change, words="See the change")
    says = f"Noticed. See the change and the probes around it. {then}"
    return Next(says=says, link=change, words="See the change")
