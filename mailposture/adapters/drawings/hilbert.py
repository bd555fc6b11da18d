"""Where IPv4 addresses lie on a Hilbert curve: neighbours stay neighbours, networks stay squares.

The curve begins at the top left and ends at the top right, at every order alike, so that a longer
prefix lies inside the square of a shorter one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

BITS: Final = 32

# Of each of the four turns of the curve: where its quarters lie (x, y), and how each turns itself.
_QUARTERS: Final = (
    ((0, 0, 1), (0, 1, 0), (1, 1, 0), (1, 0, 2)),
    ((0, 0, 0), (1, 0, 1), (1, 1, 1), (0, 1, 3)),
    ((1, 1, 3), (0, 1, 2), (0, 0, 2), (1, 0, 0)),
    ((1, 1, 2), (1, 0, 3), (0, 0, 3), (0, 1, 1)),
)


@dataclass(frozen=True, slots=True)
class Square:
    """A part of the map, in shares of its side; `turn` is how the curve runs in it."""

    x: float
    y: float
    side: float
    turn: int = 0


WHOLE: Final = Square(0.0, 0.0, 1.0)


def quarter(of: Square, number: int) -> Square:
    """One quarter of a square, in the order of the curve."""
    dx, dy, turn = _QUARTERS[of.turn][number]
    half = of.side / 2
    return Square(of.x + dx * half, of.y + dy * half, half, turn)


def square(first: int, length: int, within: Square = WHOLE, below: int = 0) -> Square:
    """Where a network of an even prefix length lies in the square of a shorter one (`below`)."""
    found = within
    for bits in range(below, length, 2):
        found = quarter(found, first >> (BITS - 2 - bits) & 3)
    return found


def squares(first: int, length: int) -> tuple[Square, ...]:
    """Where a network lies: one square, or two side by side where its prefix length is odd."""
    if length % 2 == 0:
        return (square(first, length),)
    half = 1 << (BITS - length - 1)
    return square(first, length + 1), square(first + half, length + 1)


def curve(order: int, within: Square = WHOLE) -> Iterator[tuple[float, float]]:
    """The points of the curve, the middles of its 4 to the power of `order` squares."""
    if order == 0:
        yield within.x + within.side / 2, within.y + within.side / 2
        return
    for number in range(4):
        yield from curve(order - 1, quarter(within, number))
