"""The table of who may deliver: domains that are reached alike, by class of sender, page by page.

A tenant may have hundreds of either: each page has as many rows and columns as can be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator

from mailposture import models
from mailposture.core.reachability import CLASSES, FOREIGN, OWN, Reachability
from mailposture.services.pages import reaching
from mailposture.services.pages.reaching import Count

ROWS: Final = 40
# Classes of sender that connectors name, beside the three that every tenant has.
COLUMNS: Final = 9
DOMAINS: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Domains that are reached alike: the first of them, some others, and how many more."""

    first: str
    others: tuple[str, ...]
    more: int
    counts: tuple[Count, ...]

    @property
    def beside(self) -> int:
        """How many there are beside the first."""
        return len(self.others) + self.more


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One page of rows, and of columns; both pages know how many there are."""

    classes: tuple[str, ...]
    groups: tuple[Group, ...]
    rows: Page[Any]
    columns: Page[Any]


def load(
    tenant: models.Tenant,
    reach: Reachability,
    chosen: tuple[str, str],
    row_page: str = "",
    column_page: str = "",
) -> Table:
    """The rows and columns of these pages; of neither named, those with what is chosen."""
    scoped = reach.classes[len(CLASSES) :]
    columns = _page(scoped, COLUMNS, column_page, chosen[1])
    alike = _alike(reach)
    holding = next((names for names in alike if chosen[0] in names), None)
    rows = _page(alike, ROWS, row_page, holding)
    classes = (*CLASSES, *columns.object_list)
    return Table(
        classes=tuple(reaching.words(name) for name in classes),
        groups=tuple(_group(tenant, reach, names, classes, chosen) for names in rows.object_list),
        rows=rows,
        columns=columns,
    )


def _page(found: Sequence[Any], size: int, number: str, chosen: object) -> Page[Any]:
    """The page that was asked for, else the one that holds what is chosen."""
    at = found.index(chosen) // size + 1 if chosen in found else 1
    return Paginator(found, size).get_page(number or at)


def _alike(reach: Reachability) -> list[list[str]]:
    """Domains that are reached alike, the widest open first."""
    others = [name for name in reach.classes if name != OWN]
    rows: dict[str | int, tuple[int, ...]] = {}
    found: dict[tuple[int, tuple[int, ...]], list[str]] = {}
    for domain in reach.domains:
        same = reach.alike(domain)
        if same not in rows:
            rows[same] = tuple(id(reach.of(domain, name)) for name in others)
        found.setdefault((id(reach.of(domain, OWN)), rows[same]), []).append(domain)
    return sorted(found.values(), key=lambda names: -reach.of(names[0], FOREIGN).addresses.size)


def _group(
    tenant: models.Tenant,
    reach: Reachability,
    names: Sequence[str],
    classes: Sequence[str],
    chosen: tuple[str, str],
) -> Group:
    counts, at = [], reaching.address(tenant)
    for sender_class in classes:
        is_chosen = chosen[0] in names and chosen[1] == sender_class
        href = f"{at}?{urlencode({'domain': names[0], 'class': sender_class})}#shown"
        found = reaching.count(reach.of(names[0], sender_class), href, chosen=is_chosen)
        counts.append(replace(found, sender=reaching.words(sender_class)))
    return Group(
        first=reaching.named(names[0]),
        others=tuple(reaching.named(name) for name in names[1 : DOMAINS + 1]),
        more=max(0, len(names) - 1 - DOMAINS),
        counts=tuple(counts),
    )
