"""Reports: the list with its form, and one of them as a page."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.core.paginator import Page, Paginator

from mailposture import models
from mailposture.services import reporting

PAGE: Final = 50
MOST_TENANTS: Final = 200
USUAL: Final = timedelta(days=30)

# What a result looks like: the gate of a state, and its own word.
RESULTS: Final = {
    "satisfied": ("gets_in", "Satisfied"),
    "not_satisfied": ("cut_off", "Not satisfied"),
    "unknown": ("unknown", "Unknown"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One page of reports, newest first."""

    sentence: str
    page: Page[models.Report]
    waits: bool


def listing(number: str) -> Listing:
    """The reports; the documents themselves are left in the database."""
    rows = models.Report.objects.select_related("tenant").defer("document")
    page = Paginator(rows.order_by("-created_at", "-pk"), PAGE).get_page(number or 1)
    return Listing(
        sentence=_sentence(page.paginator.count),
        page=page,
        waits=any(row.state == models.Report.State.WAITING for row in page),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Offered:
    """What the form offers. Of very many tenants none: their name is typed."""

    tenants: tuple[tuple[str, str], ...]
    too_many: bool
    since: date
    until: date


def offered(now: datetime) -> Offered:
    """The tenants that can be chosen, and the days that are usual."""
    tenants = tuple(models.Tenant.objects.values_list("slug", "name")[: MOST_TENANTS + 1])
    too_many = len(tenants) > MOST_TENANTS
    until = now.date() + timedelta(days=1)
    return Offered(
        tenants=() if too_many else tenants,
        too_many=too_many,
        since=until - USUAL,
        until=until,
    )


def _sentence(count: int) -> str:
    if not count:
        return "No report was made yet."
    return "1 report was made." if count == 1 else f"{count:,} reports were made."


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """One requirement as the page shows it."""

    id: str
    title: str
    badge: str
    word: str
    sentence: str
    evidence: tuple[dict[str, Any], ...]
    in_files: int
    left_out: int
    listed: int
    references: tuple[dict[str, Any], ...]
    accepted: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """One report as a page."""

    row: models.Report
    document: dict[str, Any]
    last: date
    requirements: tuple[Requirement, ...]
    is_whole: bool

    @property
    def seen(self) -> str:
        """How much of the period is known from strangers' answers; empty in older reports."""
        return str(dict(self.document["rests_on"]).get(SEEN, ""))


SEEN: Final = "Known from strangers' answers"
MOST_SHOWN: Final = 10


def load(row: models.Report) -> Shown:
    """A finished report's document, ready to show."""
    document = row.document
    return Shown(
        row=row,
        document=document,
        last=row.until - timedelta(days=1),
        requirements=tuple(map(_requirement, document["requirements"])),
        is_whole=reporting.is_whole(row),
    )


def _requirement(one: dict[str, Any]) -> Requirement:
    badge, word = RESULTS[one["result"]]
    evidence = [_times(proof) for proof in one["evidence"][:MOST_SHOWN]]
    return Requirement(
        id=one["id"],
        title=one["title"],
        badge=badge,
        word=word,
        sentence=one["sentence"],
        evidence=tuple(evidence),
        in_files=len(one["evidence"]) - len(evidence),
        left_out=one["left_out"],
        listed=len(one["evidence"]),
        references=tuple(one["references"]),
        accepted=one.get("accepted", ""),
    )


def _times(proof: dict[str, Any]) -> dict[str, Any]:
    read = datetime.fromisoformat
    return {**proof, "first": read(proof["first"]), "last": read(proof["last"])}
