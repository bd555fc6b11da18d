"""The values of the matrix of paths, and its form for narrow rooms."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One path's last answer. `contradicts` is the sentence of what was predicted, or empty."""

    state: str = "none"
    href: str = ""
    why: str = ""
    contradicts: str = ""
    how: str = ""  # "stale", "probing"


@dataclass(frozen=True, kw_only=True, slots=True)
class MatrixRow:
    """One host: its cells by domain, and in each by sender class."""

    name: str
    address: str
    cells: tuple[tuple[Cell, ...], ...]
    approved: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A domain in the narrow form; `same` where it answers as the one before it."""

    domain: str
    rows: tuple[tuple[MatrixRow, tuple[Cell, ...]], ...]
    same: bool

    @property
    def contradictions(self) -> int:
        return sum(1 for _, cells in self.rows for cell in cells if cell.contradicts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Matrix:
    """Hosts by domains by sender classes. Strangers come first, then approved sources."""

    domains: tuple[str, ...]
    classes: tuple[str, ...]
    rows: tuple[MatrixRow, ...]

    @property
    def marked(self) -> list[tuple[MatrixRow, bool]]:
        """Rows in order, and whether a heavy divider stands above each."""
        ordered = sorted(self.rows, key=lambda row: row.approved)
        first = next((n for n, row in enumerate(ordered) if row.approved), 0)
        return [(row, n == first and n > 0) for n, row in enumerate(ordered)]

    @property
    def blocks(self) -> list[Block]:
        """A block a domain; those that answer as the first of their kind are folded."""
        seen: set[tuple[str, ...]] = set()
        found = []
        for n, domain in enumerate(self.domains):
            rows = tuple((row, row.cells[n]) for row, _ in self.marked)
            shape = tuple(_shape(cells for _, cells in rows))
            found.append(Block(domain=domain, rows=rows, same=shape in seen))
            seen.add(shape)
        return found


def _shape(rows: Iterable[Sequence[Cell]]) -> Iterable[str]:
    return (f"{cell.state} {bool(cell.contradicts)} {cell.how}" for cells in rows for cell in cells)
