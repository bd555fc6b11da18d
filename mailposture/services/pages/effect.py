"""What a change did to who may deliver, by the two configurations it lies between.

Probes say what was seen of it; this says what the configuration means, for every address at once,
with one host that fares otherwise since, and the way to both answers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Exists, JSONField, OuterRef, QuerySet
from django.db.models.functions import JSONObject

from mailposture import models
from mailposture.core.addresses import AddressSet, parse, union
from mailposture.core.attribution import BY_NAME, Assumption, Decision, decided
from mailposture.core.attribution import session as checked
from mailposture.core.posture.facts import readable
from mailposture.core.reachability import (
    ANY_RECIPIENT,
    NULL,
    OWN,
    Comparison,
    Moved,
    compare,
    smallest,
)
from mailposture.services.pages import comparing, configured, reaching
from mailposture.services.pages.comparing import Difference, Side
from mailposture.services.pages.reaching import Listed
from mailposture.services.pages.worst_findings import Gathered

MOST_ROWS: Final = 40
MOST_SOURCES: Final = 500
FOREIGN_SENDER: Final = "someone@a-foreign-domain.example"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """How the witness is answered by one of the two configurations, and the way to it."""

    state: str
    code: str
    connector: str
    guid: str
    trace: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Witnessed:
    """One host that is answered otherwise since."""

    address: str
    sender: str
    domain: str
    approved: bool
    before: Answered
    after: Answered


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """What the page shows of it. `not_known` names what could not be read of either side."""

    not_known: str = ""
    shown: str = ""
    exposure_href: str = ""
    present: bool = False  # nothing that decides was read otherwise since: today is as after it
    before: Side | None = None
    after: Side | None = None
    gained: Listed | None = None
    lost: Listed | None = None
    kept: Listed | None = None
    because: str = ""
    witness: Witnessed | None = None
    differences: tuple[Difference, ...] = ()
    more: int = 0
    assumptions: tuple[Assumption, ...] = ()


def with_sources(found: QuerySet[models.Change]) -> QuerySet[models.Change]:
    """Changes with the addresses of their tenant's approved sources, and whether their
    configuration is the present one: one question for all.
    """
    rows = models.ApprovedSource.objects.filter(tenant=OuterRef("tenant")).order_by("pk")
    said = rows.annotate(said=JSONObject(addresses="addresses")).values("said")[:MOST_SOURCES]
    later = models.Snapshot.objects.filter(
        tenant=OuterRef("tenant"), last_seen_at__gt=OuterRef("after__last_seen_at")
    )
    return found.annotate(
        sources=Gathered(said, output_field=JSONField()), is_present=~Exists(later)
    )


def load(change: models.Change) -> Effect:
    """Both snapshots must be loaded; the change should come with its sources."""
    before, after = change.before.configuration, change.after.configuration
    lacking = [side for side in (before, after) if side.inbound_connectors is None]
    if lacking:
        name = configured.NAMES["inbound_connectors"]
        return Effect(not_known=f"The {name} were not read on both sides of this change.")
    comparison = compare(before, after)
    present = _is_present(change, comparison)
    at = comparing.most_moved(comparison)
    if at is None:
        return Effect(exposure_href=reaching.address(change.tenant), present=present)
    moved = comparison.of(*at)
    moving = comparing.alike(comparison)
    rows = comparing.differences(change.tenant, moving[:MOST_ROWS], present=present)
    witness = _witness(comparison, at, moved, _approved(change))
    leans = dict.fromkeys((*moved.before.assumptions, *moved.after.assumptions))
    return Effect(
        shown=f"{reaching.with_whom(at[1])} to {reaching.named(at[0])}",
        exposure_href=f"{reaching.address(change.tenant)}?domain={at[0]}&class={at[1]}#shown",
        present=present,
        before=comparing.side("before", moved.before),
        after=comparing.side("after", moved.after),
        gained=comparing.numbered(moved.gained, moved.certificates_gained),
        lost=comparing.numbered(moved.lost, moved.certificates_lost),
        kept=comparing.numbered(moved.before.addresses & moved.after.addresses),
        because=witness.after.trace[-1] if witness and witness.after.trace else "",
        witness=witness,
        differences=tuple(rows),
        more=max(0, len(moving) - MOST_ROWS),
        assumptions=tuple(BY_NAME[name] for name in leans),
    )


def _is_present(change: models.Change, comparison: Comparison) -> bool:
    """Whether who may deliver after it may do so still: no other configuration was read since. The
    page of the present takes what was not read from before; this one says that it is not known.
    """
    return bool(getattr(change, "is_present", False)) and not comparison.after.rules.not_known


def _approved(change: models.Change) -> AddressSet:
    rows: Iterable[dict[str, Any]] = getattr(change, "sources", None) or ()
    return union([parse(())] + [readable(row["addresses"].split()) for row in rows])


def _witness(
    comparison: Comparison, at: tuple[str, str], moved: Moved, approved: AddressSet
) -> Witnessed | None:
    """The smallest host that gets in since, else that no longer does; one that nobody approved
    where there is one.
    """
    domain, sender_class = at
    among = moved.gained or moved.lost
    address = smallest(among - approved) or smallest(among)
    if address is None or domain == ANY_RECIPIENT:
        return None  # nobody moves, or to which domains is not known
    asked = checked(
        source=address,
        mail_from=_sender(domain, sender_class),
        recipient=f"postmaster@{domain}",
        tls=True,
    )
    sides = [_answered(reach, decided(reach.rules, asked)) for reach in
             (comparison.before, comparison.after)]  # fmt: skip
    return Witnessed(
        address=address,
        sender=reaching.with_whom(sender_class),
        domain=domain,
        approved=address in approved,
        before=sides[0],
        after=sides[1],
    )


def _sender(domain: str, sender_class: str) -> str:
    known = {OWN: f"someone@{domain}", NULL: ""}
    named = f"someone@{sender_class.removeprefix('*.')}"
    return known.get(sender_class, named if "." in sender_class else FOREIGN_SENDER)


def _answered(reach: Any, decision: Decision) -> Answered:
    guids = {sight.name: sight.connector.guid for sight in reach.rules.sights}
    return Answered(
        state="open" if decision.accepted else "closed",
        code=decision.code or "taken",
        connector=decision.connector or "",
        guid=guids.get(decision.connector or "", ""),
        trace=decision.trace,
    )
