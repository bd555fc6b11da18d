"""The list of findings, filtered: what is wrong by which rule, where, since when; and as a file."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.urls import reverse

from mailposture import models
from mailposture.core import exceptions
from mailposture.core.posture import RULES, Facts, Observed, Result, judged
from mailposture.core.posture import Finding as Found
from mailposture.core.posture.assessing import BY_ID
from mailposture.core.states import INTERVALS, ROUNDS
from mailposture.services import assessing, history
from mailposture.services.pages import lapsing
from mailposture.services.pages.pieces import Piece

PAGE: Final = 100
SEVERITIES: Final = {str(s): str(s.label) for s in models.Finding.Severity}
# What an exception covers stands all the same; it can be looked at apart.
STATES: Final = {
    "open": "Stands", "due": "Not accepted", "accepted": "Accepted", "closed": "Over",
    "all": "All",
}  # fmt: skip
# MP-11 speaks of the moment: it is worked out when it is shown, and kept in no row.
OF_THE_MOMENT: Final = "MP-11"
TITLES: Final = {rule.id: rule.title for rule in RULES if rule.id != OF_THE_MOMENT}
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
GRAVE: Final = 1  # critical and high, by rank


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What the address asks for. `of` is the tenant whose name in addresses was given."""

    severities: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    tenant: str = ""
    of: models.Tenant | None = None
    state: str = "open"
    after: str = ""
    before: str = ""

    @property
    def filters(self) -> bool:
        """Whether anything is left out."""
        return bool(self.severities or self.rules or self.tenant or self.state != "open")


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One finding of the list."""

    href: str
    rule: str
    title: str
    sentence: str
    subject: str
    near_miss: str
    severity: str
    tenant: str
    tenant_href: str
    since: datetime
    until: datetime | None
    leans: int
    accepted: str = ""
    accepted_href: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sums:
    """Findings that stand, by severity; at how many tenants, and how many of those are unread.

    `accepted` are those that an exception covers: they stand, and are counted by themselves.
    """

    critical: int
    high: int
    rest: int
    grave_at: int
    at: int
    tenants: int
    never_read: int
    old_readings: int
    old_answers: int
    accepted: int = 0

    @property
    def standing(self) -> int:
        """All that stand and nobody accepted."""
        return self.critical + self.high + self.rest


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One page of findings, the worst first; `newer` and `older` lead to the pages beside it."""

    sentence: tuple[Piece, ...]
    beside: tuple[Piece, ...]
    stale: tuple[str, ...]
    lines: tuple[Line, ...]
    matching: int
    sums: Sums
    newer: str
    older: str
    any_yet: bool


def listing(wanted: Wanted, now: datetime) -> Listing:
    """One page of the filtered list."""
    sums = _sums(wanted.of, now)
    found = select(wanted, now)
    rows, newer, older = _page(found, wanted)
    matching = found.count() if newer or older else len(rows)
    return Listing(
        sentence=tuple(_sentence(sums, wanted.of)),
        beside=tuple(_beside(sums, wanted.of)),
        stale=tuple(_stale(wanted.of, sums, now)),
        lines=tuple(line(row, now) for row in rows),
        matching=matching,
        sums=sums,
        newer=newer,
        older=older,
        any_yet=bool(sums.standing or sums.accepted or rows) or models.Finding.objects.exists(),
    )


def accepted(now: datetime) -> Q:
    """Which findings an exception covers."""
    return Q(accepted_until__gt=now, closed_at=None)


def select(wanted: Wanted, now: datetime) -> QuerySet[models.Finding]:
    """The filtered list, the worst first and of them the oldest."""
    found = models.Finding.objects.select_related("tenant").order_by("rank", "opened_at", "pk")
    if wanted.state != "all":
        found = found.filter(closed_at__isnull=wanted.state != "closed")
    if wanted.state in ("due", "accepted"):
        covers = accepted(now)
        found = found.filter(covers if wanted.state == "accepted" else ~covers)
    if wanted.severities:
        ranks = [list(SEVERITIES).index(name) for name in wanted.severities]
        found = found.filter(rank__in=ranks)
    if wanted.rules:
        found = found.filter(rule__in=wanted.rules)
    if wanted.of:
        return found.filter(tenant=wanted.of)
    return found.filter(tenant__name__icontains=wanted.tenant) if wanted.tenant else found


def covered(row: models.Finding, now: datetime) -> datetime | None:
    """Until when an exception covers it; None where none does."""
    until = row.accepted_until if row.exception_id and row.closed_at is None else None
    return until if until and until > now else None


def line(row: models.Finding, now: datetime) -> Line:
    """Say one finding; its tenant must be loaded."""
    until = covered(row, now)
    return Line(
        href=row.get_absolute_url(),
        rule=row.rule,
        title=title(row.rule),
        sentence=row.sentence,
        subject=subject(row.subject, row.sentence),
        near_miss=row.document.get("near_miss") or "",
        severity=row.severity,
        tenant=row.tenant.name,
        tenant_href=row.tenant.get_absolute_url(),
        since=row.opened_at,
        until=row.closed_at,
        leans=len(row.document.get("assumptions") or ()),
        accepted=exceptions.until(until) if until else "",
        accepted_href=reverse("exception", args=[row.exception_id]) if until else "",
    )


def subject(of: str, sentence: str) -> str:
    """What a finding is about, where the sentence does not say it and it is no mere ID."""
    return "" if _ID.search(of) or of in sentence else of


def title(rule: str) -> str:
    """What a rule asks for; empty for one that this version no longer has."""
    return BY_ID[rule].title if rule in BY_ID else ""


# ---- pages by key: what is found meanwhile moves nothing ---------------------------------


def key(row: models.Finding) -> str:
    """Where a finding stands in the list, as an address says it."""
    return f"{row.rank}.{round(row.opened_at.timestamp() * 1_000_000)}.{row.pk}"


def _place(text: str) -> tuple[int, datetime, int] | None:
    """What a key means; None where it is none."""
    parts = text.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    rank, micros, pk = (int(part) for part in parts)
    try:
        moment = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)
    except OverflowError:
        return None
    return (rank, moment, pk) if rank < 100 and pk < 1 << 62 else None


def after(found: QuerySet[models.Finding], text: str) -> QuerySet[models.Finding]:
    """What follows this key; all of it where it is none."""
    place = _place(text)
    return found.filter(_after(place)) if place else found


def _page(
    found: QuerySet[models.Finding], wanted: Wanted
) -> tuple[Sequence[models.Finding], str, str]:
    """A page of rows, and the keys of the pages before and after it."""
    back, place = _place(wanted.before), _place(wanted.after)
    if back:
        rows = list(found.filter(_before(back)).order_by("-rank", "-opened_at", "-pk")[: PAGE + 1])
        more, rows = len(rows) > PAGE, rows[:PAGE][::-1]
        return rows, key(rows[0]) if more else "", key(rows[-1]) if rows else ""
    rows = list((found.filter(_after(place)) if place else found)[: PAGE + 1])
    more, rows = len(rows) > PAGE, rows[:PAGE]
    return rows, key(rows[0]) if place and rows else "", key(rows[-1]) if more else ""


def _after(place: tuple[int, datetime, int]) -> Q:
    rank, at, pk = place
    later = Q(opened_at__gt=at) | Q(opened_at=at, pk__gt=pk)
    return Q(rank__gte=rank) & (Q(rank__gt=rank) | later)


def _before(place: tuple[int, datetime, int]) -> Q:
    rank, at, pk = place
    earlier = Q(opened_at__lt=at) | Q(opened_at=at, pk__lt=pk)
    return Q(rank__lte=rank) & (Q(rank__lt=rank) | earlier)


# ---- what the page says first ------------------------------------------------------------


def _sums(of: models.Tenant | None, now: datetime) -> Sums:
    """Two queries, of all tenants or of one."""
    mine = {"tenant": of} if of else {}
    standing = models.Finding.objects.filter(closed_at=None, **mine).order_by()
    due = Q(accepted_until=None) | Q(accepted_until__lte=now)
    found = standing.aggregate(
        critical=Count("pk", filter=due & Q(rank=0)),
        high=Count("pk", filter=due & Q(rank=1)),
        all=Count("pk", filter=due),
        accepted=Count("pk", filter=~due),
        grave_at=Count("tenant", distinct=True, filter=due & Q(rank__lte=GRAVE)),
        at=Count("tenant", distinct=True, filter=due),
    )
    rest = found.pop("all") - found["critical"] - found["high"]
    return Sums(rest=rest, **found, **_watched(now))


def _watched(now: datetime) -> dict[str, int]:
    """How many tenants there are, were never read, and are known of by what is old (MP-11)."""
    read = Exists(models.Snapshot.objects.filter(tenant=OuterRef("pk")))
    watched = Q(setup_step=None, paused_at=None)
    old_reading = Q(fetched_at__isnull=False, since_read__gt=F("fetch_every") * INTERVALS)
    old_answer = Q(probed_at__isnull=False, since_asked__gt=F("probe_every") * ROUNDS)
    tenants = models.Tenant.objects.annotate(
        since_read=lapsing.quiet("fetched_at", now), since_asked=lapsing.quiet("probed_at", now)
    )
    return tenants.order_by().aggregate(
        tenants=Count("pk"),
        never_read=Count("pk", filter=~read),
        old_readings=Count("pk", filter=watched & old_reading),
        old_answers=Count("pk", filter=watched & old_answer),
    )


def address(**query: object) -> str:
    """The list with these filters."""
    return f"{reverse('findings')}?{urlencode(query, doseq=True)}"


def _sentence(sums: Sums, of: models.Tenant | None) -> Iterator[Piece]:
    """The worst with their numbers, each leading to its list."""
    mine = _only(sums, of)
    grave = [(sums.critical, "critical"), (sums.high, "high")]
    shown = [(n, name) for n, name in grave if n]
    if not shown:
        yield from _nothing_grave(sums, of)
        return
    for n, (count, name) in enumerate(shown):
        if n:
            yield Piece(text=" and ")
        text = f"{count:,} {name}"
        yield Piece(text=text, href=address(severity=name, **mine), strong=True)
    yield Piece(text=" finding" if shown[-1][0] == 1 else " findings")
    if of:
        yield Piece(text=f" at {of.name}.")
        return
    noun = "tenant" if sums.tenants == 1 else "tenants"
    yield Piece(text=" at ")
    at = f"{sums.grave_at:,} of {sums.tenants:,} {noun}"
    yield Piece(text=at, href=address(severity=["critical", "high"], **mine))
    yield Piece(text=".")


def _only(sums: Sums, of: models.Tenant | None) -> dict[str, str]:
    """What numbers lead to: what nobody accepted, where anything was accepted; of one tenant."""
    due = {"state": "due"} if sums.accepted else {}
    return {**due, **({"tenant": of.slug} if of else {})}


def _nothing_grave(sums: Sums, of: models.Tenant | None) -> Iterator[Piece]:
    who = f" at {of.name}" if of else ""
    if sums.standing:
        yield Piece(text=f"No critical or high finding stands{who}.")
    elif of is None and sums.never_read == sums.tenants:
        yield Piece(text="Nothing was judged yet.")
    else:
        yield Piece(text=f"No rule is seen to be violated{who}.")


def _beside(sums: Sums, of: models.Tenant | None) -> Iterator[Piece]:
    """The rest in one line: lesser findings, and tenants that nothing is known of."""
    mine = _only(sums, of)
    if sums.rest:
        lesser = address(severity=["medium", "low", "info"], **mine)
        also = f"{sums.rest:,} more of lesser weight"
        yield Piece(text=also, href=lesser)
        if of is None:
            yield Piece(text=" at ")
            noun = "tenant" if sums.at == 1 else "tenants"
            yield Piece(
                text=f"{sums.at:,} {noun} in all", href=address(**{"state": "open", **mine})
            )
        yield Piece(text=". ")
    if sums.accepted:
        words = f"{sums.accepted:,} accepted"
        yield Piece(text=words, href=address(**{**mine, "state": "accepted"}))
        yield Piece(text=" for a while. ")
    if sums.never_read and of is None:
        one = sums.never_read == 1
        who, whose = ("tenant was", "its") if one else ("tenants were", "their")
        unread = f"{sums.never_read:,} {who} never read"
        yield Piece(text=unread, href=f"{reverse('tenants')}?state=unknown")
        yield Piece(text=f": nothing is known of {whose} rules.")


def _stale(of: models.Tenant | None, sums: Sums, now: datetime) -> Iterator[str]:
    """MP-11 as of this moment."""
    if of:
        yield from (found.sentence for found in of_the_moment(of, now))
        return
    if sums.old_readings:
        one = sums.old_readings == 1
        who = "tenant was" if one else "tenants were"
        yield f"{sums.old_readings:,} {who} last read more than two intervals ago."
    if sums.old_answers:
        one = sums.old_answers == 1
        who = "tenant rests" if one else "tenants rest"
        yield f"{sums.old_answers:,} {who} on answers older than four rounds."


def of_the_moment(of: models.Tenant, now: datetime) -> list[Found]:
    """What MP-11 says of a tenant at this moment."""
    seen = assessing.evidence(of, assessing.blind(of))
    facts = Facts(configuration=history.known(of), observed=Observed(evidence=seen), at=now)
    return [one for one in judged(facts, OF_THE_MOMENT) if one.result is Result.NOT_SATISFIED]
