"""How a new installation begins: a tenant, a place to probe from, somebody to tell."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from mailposture.services.pages import incidents
from mailposture.services.pages.begun import Begun
from mailposture.services.pages.blind import Place
from mailposture.services.pages.fleet import Counts


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One thing to set up: whether that is done, what stands, and the page that does it."""

    done: bool
    title: str
    says: str
    href: str
    do: str


def steps(counts: Counts, places: Sequence[Place], connecting: Sequence[Begun]) -> tuple[Step, ...]:
    """What is to be set up, until a tenant is watched and a place was heard."""
    heard = [place for place in places if place.heard_at]
    if counts.total and heard:
        return ()
    return (_tenant(counts.total, connecting), _place(places, heard), _mail(counts))


def _tenant(total: int, connecting: Sequence[Begun]) -> Step:
    if connecting and not total:
        one = connecting[0]
        says = f"{one.name} is being connected: {one.stands}."
        return Step(done=False, title="A tenant", says=says, href=one.href, do="Go on")
    watched = "1 tenant is watched." if total == 1 else f"{total:,} tenants are watched."
    return Step(
        done=total > 0,
        title="A tenant",
        says=watched if total else "No tenant is watched. It is read with an app of its own.",
        href=reverse("tenant_add"),
        do="Add a tenant",
    )


def _place(places: Sequence[Place], heard: Sequence[Place]) -> Step:
    title = "A place to probe from"
    if heard:
        says = f"{heard[0].name} was heard."
        href = reverse("vantage_point", args=[heard[0].slug])
        return Step(done=True, title=title, says=says, href=href, do="See it")
    if places:
        says = f"{places[0].name} was never heard: start its worker. Its page shows the command."
        href = reverse("vantage_point", args=[places[0].slug])
        return Step(done=False, title=title, says=says, href=href, do="See its worker")
    says = "No place is named. Name a host that no tenant approves, and start a worker there."
    href = reverse("vantage_point_add")
    return Step(done=False, title=title, says=says, href=href, do="Name a place")


def _mail(counts: Counts) -> Step:
    wrong = incidents.mail(counts.mails, told=counts.somebody_is_told)
    return Step(
        done=not wrong,
        title="Somebody to tell",
        says=wrong or "Mail is set up, and somebody is on the list.",
        href=reverse("settings"),
        do="Set mail up" if wrong else "See the list",
    )
