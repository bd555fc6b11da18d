"""Known senders before and after a change, as pages show them: who would lose access, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mailposture import models
from mailposture.core.addresses import AddressSet, counted
from mailposture.core.configuration import Configuration
from mailposture.core.posture import Source
from mailposture.core.posture.findings import many
from mailposture.core.reachability import Comparison
from mailposture.core.senders import SURE, How, Losses, Row, losing
from mailposture.services import proposing, traffic
from mailposture.services.pages import reaching
from mailposture.services.pages.reaching import Listed

MOST_ROWS: Final = 100
KINDS: Final = {
    "gateway": "approved source, gateway",
    "hybrid": "approved source, hybrid server",
    "relay": "approved source, relay",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fare:
    """One known sender: how it fares before and after, why, and what to do first."""

    name: str
    what: str
    address: str
    before: str
    after: str
    why: str
    advice: str
    sure: str
    assumptions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Strangers:
    """Everybody else: how many could deliver, and how many could then."""

    was: str
    becomes: str
    before: Listed
    after: Listed
    why: str
    first: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Fares:
    """Whom a change would cut off, first; then who still gets in, and because of what."""

    rows: tuple[Fare, ...]
    more: int
    lost: int
    kinds_lost: int
    known: int
    left_out: int
    to_ask: int  # domains whose SPF was not asked yet
    asked: int  # domains whose SPF was asked
    imported: traffic.Held | None
    imported_age: int  # days since the newest day of it
    problems: tuple[str, ...]
    strangers: Strangers


def fares(  # noqa: PLR0913 - what the caller holds already is not asked for again
    tenant: models.Tenant,
    configuration: Configuration,
    comparison: Comparison,
    now: datetime,
    *,
    ask_dns: bool,
    sources: Iterable[Source] | None = None,
) -> Fares:
    """Hold every known sender against both sides.

    `ask_dns`: with those that SPF names, which takes a few seconds.

    `sources`: the approved ones, where they are at hand.
    """
    known = traffic.senders_of(
        tenant, ask_dns=ask_dns, configuration=configuration, sources=sources
    )
    found = losing(comparison, known.senders)
    of_spf = len(traffic.spf_domains(configuration))
    shown = found.rows[:MOST_ROWS]  # why a row fares so is worked out for those shown alone
    return Fares(
        rows=tuple(_fare(row) for row in shown),
        more=len(found.rows) - len(shown),
        lost=found.lost,
        kinds_lost=found.kinds_lost,
        known=len(known.senders),
        left_out=known.more,
        to_ask=0 if ask_dns else of_spf,
        asked=min(of_spf, proposing.MOST_DOMAINS) if ask_dns else 0,
        imported=known.held,
        imported_age=known.held.age(now) if known.held else 0,
        problems=known.problems,
        strangers=_strangers(found),
    )


def _fare(row: Row) -> Fare:
    decision = row.after.decision
    still = "Still gets in. " if row.before.access is row.after.access and decision.accepted else ""
    only = f" Only {row.only}." if row.only else ""
    return Fare(
        name=row.sender.name or row.shown,
        what=_what(row),
        address=_address(row),
        before=str(row.before.access),
        after=str(row.after.access),
        why=f"{still}{row.why}{only}",
        advice=row.first,
        sure=SURE[row.sure],
        assumptions=decision.assumptions,
    )


def _what(row: Row) -> str:
    """How it is known, and what was seen of it."""
    sender = row.sender
    if sender.how is How.APPROVED:
        return KINDS.get(sender.grounds, "approved source")
    said = [str(sender.how) if not sender.grounds else f"{sender.how}, {sender.grounds}"]
    if sender.messages:
        noun = "message" if sender.messages == 1 else "messages"
        said.append(f"{sender.messages:,} {noun}")
    if sender.last_seen:
        said.append(f"last on {sender.last_seen:%d %b %Y}")
    return ", ".join(said)


def _address(row: Row) -> str:
    cidrs = row.sender.addresses.cidrs()
    if not cidrs:
        return "any address"
    return cidrs[0] if len(cidrs) == 1 else counted(row.sender.addresses.size)


def _strangers(found: Losses) -> Strangers:
    them = found.strangers
    return Strangers(
        was=str(them.was),
        becomes=str(them.becomes),
        before=_many(them.before),
        after=_many(them.after),
        why=them.why,
        first=them.first,
    )


def _many(found: AddressSet) -> Listed:
    return reaching.listed(many(found) or "nobody", found)
