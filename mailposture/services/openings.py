"""What of a tenant stands open to strangers now: by the windows that no proof has ended."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mailposture import models
from mailposture.core.alerting import Level, severed
from mailposture.core.verdict import ASKED, SenderClass, Verdict
from mailposture.services import paths

# Doors looked at for the answer that shows it: one is enough.
MOST_ASKED: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One path on which a stranger got in, and nothing has proved the contrary since."""

    path: int
    domain: str
    sender_class: str
    retired: bool
    first_open: datetime
    last_closed: datetime | None
    sender_domain: str = ""


_OF_A_DOOR: Final = (
    "path", "path__domain", "path__sender_class", "path__retired_at", "first_open_at",
    "last_closed_at", "path__sender_domain",
)  # fmt: skip


def doors(tenant: models.Tenant) -> list[Door]:
    """The doors that stand open.

    Turning a vantage point off proves nothing: what it last saw open stays open until another
    stranger is refused at the same door, or the tenant gives the domain up.
    """
    rows = tenant.windows.filter(
        first_closed_at=None,
        path__vantage_point__plays=models.VantagePoint.Plays.STRANGER,
    ).order_by("first_open_at", "pk")
    found = [
        Door(
            path=path,
            domain=domain,
            sender_class=sender_class,
            sender_domain=partner,
            retired=retired_at is not None,
            first_open=first_open,
            last_closed=last_closed,
        )
        for path, domain, sender_class, retired_at, first_open, last_closed, partner in (
            rows.values_list(*_OF_A_DOOR)
        )
    ]
    return _without_outlived(tenant, found) if any(d.retired for d in found) else found


def _without_outlived(tenant: models.Tenant, found: list[Door]) -> list[Door]:
    """Leave out what a retired witness saw, where another was refused or the domain is gone."""
    accepted = set(paths.accepted_domains(tenant) or ())
    live = tenant.paths.filter(
        retired_at=None,
        verdict=str(Verdict.CLOSED),
        vantage_point__plays=models.VantagePoint.Plays.STRANGER,
    )
    closed = set(live.values_list("domain", "sender_class", "sender_domain"))
    return [
        door
        for door in found
        if not door.retired
        or (
            door.domain in accepted
            and (door.domain, door.sender_class, door.sender_domain) not in closed
        )
    ]


@dataclass(frozen=True, slots=True)
class Fare:
    """How one approved source fares: domain -> the sender classes that are refused, or get in."""

    refused: Mapping[str, list[str]]
    inside: Mapping[str, list[str]]

    @property
    def level(self) -> Level:
        """How bad that is for it."""
        return severed(self.refused, self.inside)


def fare(tenant: models.Tenant, place: int | None) -> Fare:
    """What was answered to the source that this vantage point plays."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    live = tenant.paths.filter(retired_at=None, vantage_point=place).order_by("domain")
    for domain, sender, verdict in live.values_list("domain", "sender_class", "verdict"):
        found[verdict][domain].add(sender)
    return Fare(*({d: _ordered(c) for d, c in found[v].items()} for v in ("closed", "open")))


def refusals(of: Fare) -> list[dict[str, Any]]:
    """Domain by domain, the sender classes with which the source is refused."""
    return [{"domain": d, "classes": c} for d, c in of.refused.items()]


def gets_in(of: Fare) -> list[str]:
    """The sender classes with which the source gets in somewhere."""
    return _ordered({c for classes in of.inside.values() for c in classes})


def _ordered(classes: Collection[str]) -> list[str]:
    order = [str(c) for c in SenderClass]
    return sorted(classes, key=order.index)


def since(found: Sequence[Door]) -> datetime | None:
    """When the first of these was first seen open."""
    return min((door.first_open for door in found), default=None)


def last_closed(found: Sequence[Door]) -> datetime | None:
    """When the one that was first seen open was last seen closed; None if it was open at first
    sight. What another door says of itself bounds nothing of this one.
    """
    first = since(found)
    own = [door.last_closed for door in found if door.first_open == first and door.last_closed]
    return max(own, default=None)


def subjects(found: Sequence[Door]) -> list[dict[str, Any]]:
    """Domain by domain, the sender classes that get in."""
    classes: dict[str, set[str]] = defaultdict(set)
    for door in found:
        classes[door.domain].add(door.sender_class)
    return [
        {"domain": domain, "classes": _ordered(senders)}
        for domain, senders in sorted(classes.items())
    ]


def proof(found: Sequence[Door]) -> models.Observation | None:
    """The newest answer that let a stranger in at one of these, a foreign sender first."""
    foreign = [door.path for door in found if door.sender_class == ASKED[0]]
    asked = foreign or [door.path for door in found]
    rows = models.Observation.objects.filter(
        verdict=str(Verdict.OPEN), path__in=asked[:MOST_ASKED]
    ).select_related("path__vantage_point")
    return rows.order_by("-first_at", "pk").first()
