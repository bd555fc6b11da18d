"""How a tenant stands now: worked out once a result, stored on its row for lists to read."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailposture import models
from mailposture.core.states import State, access, domain_states, tenant_state, worst
from mailposture.core.verdict import ASKED, SenderClass, Verdict, sender_named
from mailposture.services import assessing, settling


@dataclass(frozen=True, slots=True)
class Standing:
    """One tenant's states: whole, by domain, by sender class, and its approved sources."""

    state: State
    domains: Mapping[str, State]
    classes: Mapping[str, State]
    strangers: Mapping[str, int]
    approved: Mapping[str, int]
    sources: Mapping[str, str]
    last: Mapping[str, Any]


def refresh(tenant: models.Tenant, at: datetime, *, round_id: int | None) -> Standing:
    """Work out how the tenant stands since `at` and keep it; settle its changes once a round is
    whole.
    """
    stands = standing(tenant)
    document = _document(stands, tenant)
    changed = tenant.state != stands.state or tenant.state_since is None
    if changed:
        models.Tenant.objects.filter(pk=tenant.pk).update(
            state=stands.state, state_since=at, standing=document
        )
    elif document != tenant.standing:
        models.Tenant.objects.filter(pk=tenant.pk).update(standing=document)
    tenant.state, tenant.standing = stands.state, document
    if round_id is not None:
        models.Round.objects.filter(pk=round_id).update(
            tally={"strangers": dict(stands.strangers), "approved": dict(stands.approved)}
        )
        settling.settle(tenant, round_id, stands.domains, at)
        assessing.judge(tenant, at)
    return stands


def _document(stands: Standing, tenant: models.Tenant) -> dict[str, Any]:
    """What the row keeps. `first_look`: this state is the first that was ever known; it was not
    there before because nobody had looked.
    """
    before = tenant.standing
    known_before = before.get("known", False)
    first_look = before.get("first_look", False) if tenant.state == stands.state else False
    return {
        "domains": dict(stands.domains),
        "classes": dict(stands.classes),
        "strangers": dict(stands.strangers),
        "approved": dict(stands.approved),
        "sources": dict(stands.sources),
        "last": dict(stands.last),
        "known": known_before or stands.state != State.UNKNOWN,
        "first_look": first_look or (not known_before and stands.state != State.UNKNOWN),
    }


def standing(tenant: models.Tenant) -> Standing:
    """Add up the tenant's paths (design: how states add up). Approved sources do not count."""
    rows = tenant.paths.filter(retired_at=None, vantage_point__enabled=True).values(
        "verdict",
        "domain",
        "sender_class",
        "sender_domain",
        "vantage_point_id",
        "vantage_point__plays",
        "vantage_point__name",
        "current_id",
        "current__code",
        "current__name",
    )
    paths: list[dict[str, Any]] = [dict(row) for row in rows]
    strangers = [p for p in paths if p["vantage_point__plays"] == "stranger"]
    approved = [p for p in paths if p["vantage_point__plays"] != "stranger"]
    domains = domain_states(
        (p["domain"], sender_named(p["sender_class"], p["sender_domain"]), Verdict(p["verdict"]))
        for p in strangers
    )
    sources = _sources(approved)
    return Standing(
        state=tenant_state(domains.values()),
        domains=domains,
        classes=_classes(strangers),
        strangers=Counter(str(p["verdict"]) for p in strangers),
        approved=Counter(sources.values()),
        sources=sources,
        last=_last(strangers),
    )


def _classes(strangers: list[dict[str, Any]]) -> dict[str, State]:
    """For each sender class, the state over all domains: open, closed, partly or unknown. Where
    no connector names a partner, there is no such class.
    """
    by_class: dict[str, dict[tuple[str, str], set[Verdict]]] = {c: {} for c in ASKED}
    for path in strangers:
        told = by_class.setdefault(path["sender_class"], {})
        door = path["domain"], path["sender_domain"]
        told.setdefault(door, set()).add(Verdict(path["verdict"]))
    return {
        str(c): _over_domains([worst(v) for v in by_class[c].values()])
        for c in SenderClass
        if c in by_class
    }


def _over_domains(verdicts: list[Verdict]) -> State:
    """One class over all domains; without any it is not known."""
    known = [v for v in verdicts if v is not Verdict.UNKNOWN]
    if known and all(v is Verdict.OPEN for v in known):
        return State.OPEN
    if Verdict.OPEN in known:
        return State.PARTLY_OPEN
    return State.CLOSED if known and len(known) == len(verdicts) else State.UNKNOWN


def _sources(approved: list[dict[str, Any]]) -> dict[str, str]:
    """Vantage point -> gets_in, cut_off or unknown: cut off as soon as one path is refused."""
    by_place: dict[str, set[Verdict]] = defaultdict(set)
    for path in approved:
        by_place[str(path["vantage_point_id"])].add(Verdict(path["verdict"]))
    return {place: access(verdicts) for place, verdicts in by_place.items()}


def _last(strangers: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer that shows the state: an open one first."""
    answered = [p for p in strangers if p["current_id"]]
    if not answered:
        return {}
    shown = max(answered, key=lambda p: (p["verdict"] == Verdict.OPEN, p["verdict"]))
    return {"observation": shown["current_id"], "code": shown["current__code"]}
