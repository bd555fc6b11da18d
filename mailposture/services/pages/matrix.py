"""The observed matrix: host by domain by sender class, strangers before approved sources."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from mailposture import models
from mailposture.core.states import State
from mailposture.core.verdict import ASKED, SenderClass, Verdict
from mailposture.services import putting_off
from mailposture.services.pages.answers import Answer, Place
from mailposture.services.pages.reasons import Reason, gather, why

DOMAINS_A_PAGE: Final = 12
DOMAINS_A_BAND: Final = 3
WORST_FIRST: Final = (State.OPEN, State.PARTLY_OPEN, State.UNKNOWN, State.CLOSED)


@dataclass(frozen=True, kw_only=True, slots=True)
class GridCell:
    """One path: its state, the conversation that shows it, and why."""

    state: str
    href: str
    why: str
    how: str
    contradicts: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class GridRow:
    """One host with its cells: by domain, in each by sender class."""

    name: str
    address: str
    approved: bool
    cells: tuple[tuple[GridCell, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Band:
    """As many domains as stand side by side; folded where they answer as the first ones do."""

    domains: tuple[str, ...]
    rows: tuple[GridRow, ...]
    folded: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """One page of the matrix, what it counts, and why the Unknown ones are unknown."""

    bands: tuple[Band, ...]
    classes: tuple[str, ...]
    counts: str
    reasons: tuple[Reason, ...]
    put_off: tuple[str, ...]
    states: frozenset[str]
    domains: int
    page: int
    pages: int

    @property
    def before(self) -> int:
        """The page before this one; the first has no number in the address."""
        return self.page - 1

    @property
    def after(self) -> int:
        """The page after this one."""
        return self.page + 1

    @property
    def first(self) -> int:
        """The number of the first domain shown."""
        return (self.page - 1) * DOMAINS_A_PAGE + 1

    @property
    def last(self) -> int:
        """The number of the last domain shown."""
        return min(self.domains, self.page * DOMAINS_A_PAGE)


def build(
    found: Sequence[Answer],
    states: Mapping[str, State],
    sources: Iterable[models.ApprovedSource],
    page: int,
    left_out: int = 0,
) -> Grid:
    """The domains of one page, the worst first, in bands of a few. `left_out`: partners that are
    not asked for.
    """
    names = sorted(states, key=lambda d: (WORST_FIRST.index(states[d]), d))
    pages = max(1, -(-len(names) // DOMAINS_A_PAGE))
    page = min(max(1, page), pages)
    shown = names[(page - 1) * DOMAINS_A_PAGE : page * DOMAINS_A_PAGE]
    titles = {s.vantage_point_id: s.name for s in sources if s.vantage_point_id}
    hosts = {a.place.pk: a.place for a in found}
    cells: Cells = {}
    for a in found:
        cells.setdefault((a.place.pk, a.domain, a.sender_class), []).append(a)
    classes = tuple(c for c in SenderClass if c in ASKED or any(c is a.sender_class for a in found))
    bands: list[Band] = []
    for n in range(0, len(shown), DOMAINS_A_BAND):
        domains = tuple(shown[n : n + DOMAINS_A_BAND])
        rows = tuple(_row(place, titles, domains, classes, cells) for place in hosts.values())
        alike = bool(bands) and _pattern(rows) <= _pattern(bands[0].rows)
        bands.append(Band(domains=domains, rows=rows, folded=alike))
    return Grid(
        bands=tuple(bands),
        classes=classes,
        counts=f"{_counts(found)}{_left_out(left_out)}",
        reasons=tuple(gather(found)),
        put_off=tuple(putting_off.sentences(a.put_off for a in found)),
        states=frozenset(a.state for a in found),
        domains=len(names),
        page=page,
        pages=pages,
    )


type Cells = dict[tuple[int, str, SenderClass], list[Answer]]


def _row(
    place: Place,
    titles: Mapping[int, str],
    domains: Sequence[str],
    classes: Sequence[SenderClass],
    cells: Cells,
) -> GridRow:
    return GridRow(
        name=titles.get(place.pk, place.name),
        address=place.address,
        approved=not place.stranger,
        cells=tuple(
            tuple(_cell(cells.get((place.pk, d, c), []), c) for c in classes) for d in domains
        ),
    )


# Of several partners the one that is told: who gets in, where nothing is known, who is refused.
_TOLD_FIRST: Final = (Verdict.OPEN, Verdict.UNKNOWN, Verdict.CLOSED)


def _cell(asked: Sequence[Answer], sender_class: SenderClass) -> GridCell:
    if not asked:
        of_partners = sender_class is SenderClass.PARTNER
        who = "is asked for no partner" if of_partners else "does not probe this domain"
        return GridCell(state="none", href="", why=f"This host {who}.", how="")
    # What contradicts is never hidden behind another partner that fares as badly.
    answer = min(asked, key=lambda a: (_TOLD_FIRST.index(a.verdict), not a.contradicts))
    href = reverse("observation", args=[answer.observation]) if answer.observation else ""
    return GridCell(
        state=answer.state,
        href=href,
        why=f"{_named(answer, asked)}{_why(answer)}",
        how=answer.how,
        contradicts=next((apart(a) for a in (answer, *asked) if a.contradicts), ""),
    )


def _named(answer: Answer, asked: Sequence[Answer]) -> str:
    """In whose name a partner's cell was asked, and how many more there are."""
    if not answer.sender_domain:
        return ""
    alike = sum(a.state == answer.state for a in asked)
    more = f"; {alike} of {len(asked)} partners alike" if len(asked) > 1 else ""
    return f"As {answer.sender_domain}{more}. "


def apart(answer: Answer) -> str:
    """What parts prediction and answer, as the tooltip says it."""
    return f"{believed(answer)}, answered {_word(answer.state)}"


def believed(answer: Answer) -> str:
    """What the configuration says of a path: Predicted Closed by Lock to gateway."""
    if answer.predicted is Verdict.UNKNOWN:
        return "Not predicted"
    by = f" by {answer.predicted_by}" if answer.predicted_by else ""
    return f"Predicted {_word(answer.believed)}{by}"


def _word(state: str) -> str:
    return state.replace("_", " ").capitalize()


def _why(answer: Answer) -> str:
    seen = f", seen until {answer.seen_at:%Y-%m-%d %H:%M} UTC" if answer.seen_at else ""
    foreseen = "" if answer.predicted is Verdict.UNKNOWN else f". {believed(answer)}"
    if answer.verdict is Verdict.UNKNOWN:
        return f"Unknown: {why(answer).says}{seen}{foreseen}"
    return f"{answer.code or answer.reason}{seen}{foreseen}"


def _pattern(rows: Iterable[GridRow]) -> set[tuple[str, ...]]:
    """How each host fares at a domain; two bands with the same patterns say the same."""
    return {
        (row.name, *(f"{c.state} {c.how} {bool(c.contradicts)}" for c in cells))
        for row in rows
        for cells in row.cells
    }


COUNTED: Final = (
    ("open", "open"),
    ("closed", "closed"),
    ("gets_in", "get in"),
    ("cut_off", "cut off"),
    ("unknown", "Unknown"),
)


def _left_out(partners: int) -> str:
    if not partners:
        return ""
    who = "partner of its connectors is" if partners == 1 else "partners of its connectors are"
    return f" {partners:,} more {who} not asked for."


def _counts(found: Sequence[Answer]) -> str:
    states = [a.state for a in found]
    if not found:
        return ""
    said = [f"{states.count(s)} {word}" for s, word in COUNTED if s in states]
    if apart := sum(a.contradicts for a in found):
        said.append(f"{apart} against what was predicted")
    return f"{len(found):,} path{'s' if len(found) != 1 else ''}: {', '.join(said)}."
