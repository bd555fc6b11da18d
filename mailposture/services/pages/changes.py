"""The list of configuration changes, filtered, and the feed of the last day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.core.paginator import Page, Paginator

from mailposture import models
from mailposture.services.pages.change_words import BADGES, Line, line

PAGE: Final = 100
FEED: Final = 8
# Read to count the last day; a day with more changes is said to have more than that.
MOST_A_DAY: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What the address asks for. `problems` say which of its parts could not be understood."""

    tenant: str = ""
    effects: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    page: str = ""
    problems: tuple[str, ...] = ()

    @property
    def filters(self) -> bool:
        """Whether anything is left out."""
        return bool(self.tenant or self.effects or self.since or self.until)


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One effect of the filter."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One page of changes, newest first. `tenant` is the name of the one filtered by."""

    lines: tuple[Line, ...]
    page: Page[models.Change]
    tenant: str
    tenant_slug: str
    effects: tuple[Option, ...]
    any_yet: bool

    @property
    def sentence(self) -> str:
        """The page's first words."""
        count = self.page.paginator.count
        who = f" of {self.tenant}" if self.tenant else ""
        if not count:
            return f"No configuration change{who} matches." if self.any_yet else _NONE_YET
        return f"{count:,} configuration change{'' if count == 1 else 's'}{who}."


_NONE_YET: Final = "No configuration has changed since watching began."
WORDS: Final = {
    "opens": "Opens",
    "closes": "Closes",
    "neutral": "Neutral",
    "pending": "Not yet seen",
    "unknown": "Effect unknown",
}


def listing(wanted: Wanted) -> Listing:
    """One page of the filtered list."""
    found = models.Change.objects.order_by("-at", "-pk")
    tenant = models.Tenant.objects.filter(slug=wanted.tenant).first() if wanted.tenant else None
    if wanted.tenant:
        by_name = {"tenant": tenant} if tenant else {"tenant__name__icontains": wanted.tenant}
        found = found.filter(**by_name)
    if wanted.effects:
        found = found.filter(effect__in=wanted.effects)
    if wanted.since:
        found = found.filter(at__gte=wanted.since)
    if wanted.until:
        found = found.filter(at__lt=wanted.until)
    page = Paginator(found.select_related("tenant"), PAGE).get_page(wanted.page or 1)
    lines = tuple(line(change) for change in page)
    return Listing(
        lines=lines,
        page=page,
        tenant=tenant.name if tenant else "",
        tenant_slug=tenant.slug if tenant else "",
        effects=_options(WORDS, wanted.effects),
        any_yet=bool(lines) or models.Change.objects.exists(),
    )


def _options(words: Mapping[str, str], chosen: tuple[str, ...]) -> tuple[Option, ...]:
    return tuple(Option(value=v, label=label, chosen=v in chosen) for v, label in words.items())


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """The changes of the last 24 hours: the newest, and how many there are in how many tenants."""

    lines: tuple[Line, ...]
    changes: int
    tenants: int

    @property
    def words(self) -> str:
        """How many, on the spine."""
        if not self.changes:
            return "No configuration changed."
        more = "More than " if self.changes >= MOST_A_DAY else ""
        changes = f"{self.changes:,} change{'' if self.changes == 1 else 's'}"
        return f"{more}{changes} in {self.tenants:,} tenant{'' if self.tenants == 1 else 's'}."


def feed(now: datetime) -> Feed:
    """What changed within the last day; one query."""
    recent = models.Change.objects.filter(at__gte=now - timedelta(days=1), at__lte=now)
    found = list(recent.order_by("-at", "-pk").select_related("tenant")[:MOST_A_DAY])
    return Feed(
        lines=tuple(line(change) for change in found[:FEED]),
        changes=len(found),
        tenants=len({change.tenant_id for change in found}),
    )


EFFECTS: Final = frozenset(str(effect) for effect in BADGES)
