"""The map of IPv4: who may deliver, drawn for every address at once on one square.

What may deliver has the heavy curve, what is refused the thin one. What is too small to be seen
gets an ink square, and the first of these a chain of insets, each a closer look.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from mailposture.adapters.drawings import hilbert, svg
from mailposture.adapters.drawings.hilbert import Square
from mailposture.core.addresses import AddressSet, counted, networks

SIDE: Final = 400
ORDER: Final = 6
# Networks of longer prefixes are under 3 px; coarser where a set is very broken.
FINEST: Final = (14, 12)
COARSEST: Final = 10
MOST_SQUARES: Final = 1500
MOST_MARKS: Final = 1100  # at a /10 a block there are 1,024
MOST_RANGES: Final = 60
INSET: Final = 112
INSETS_AT: Final = SIDE + 48
ROOM: Final = 24
# Blocks without public hosts (RFC 6890, RFC 5771), as far as they can be seen.
VEILED: Final = (
    (0, 8, ""),
    (10 << 24, 8, "10"),
    (127 << 24, 8, "127"),
    (100 << 24 | 64 << 16, 10, ""),
    (172 << 24 | 16 << 16, 12, ""),
    (224 << 24, 4, "multicast 224/4"),
    (240 << 24, 4, "reserved 240/4"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Map:
    """What is drawn: the addresses that may deliver; None where the configuration is not known.

    `key` tells this drawing from others on the page; `small` leaves out numbers and insets.
    """

    key: str
    addresses: AddressSet | None
    title: str = ""
    small: bool = False


def draw(spec: Map) -> str:
    """The map as SVG; its ranges can be stepped through with the arrow keys."""
    if spec.addresses is None:
        hatched = svg.element("rect", x=0, y=0, width=SIDE, height=SIDE, class_="not-known")
        return _frame(spec, "The configuration is not known.", [hatched], SIDE)
    found = [*zip(*networks(spec.addresses.v4, hilbert.BITS), strict=True)]
    shown, marks = _shown(found)
    parts = [
        svg.element("rect", x=0, y=0, width=SIDE, height=SIDE, class_="ground"),
        svg.path(_curve(ORDER), class_="thin"),
        _heavy(spec.key, shown),
        *(_veil(first, length) for first, length, _ in VEILED),
        *(() if spec.small else _numbers()),
        *_marks(marks),
        *(() if spec.small else _ranges(found)),
    ]
    width = SIDE
    if marks and not spec.small:
        parts += _insets(*marks[0])
        width = INSETS_AT + INSET + 1
    size = sum(last - first + 1 for first, last in spec.addresses.v4)
    return _frame(spec, f"IPv4: {counted(size)} may deliver.", parts, width)


def _frame(spec: Map, words: str, parts: Iterable[str], width: int) -> str:
    named = f"{spec.title}: {words}" if spec.title else words
    return svg.element(
        "svg",
        svg.title(named),
        *parts,
        view_box=f"-1 -1 {width + 2} {SIDE + 2}",
        class_=_class(spec, width),
        role="group",
        aria_label=named,
    )


def _class(spec: Map, width: int) -> str:
    if spec.small:
        return "internet small"
    return "internet closer" if width > SIDE else "internet"


# ---- what is seen --------------------------------------------------------------------------


def _shown(found: Sequence[tuple[int, int]]) -> tuple[list[Square], list[tuple[int, int]]]:
    """The squares of the heavy curve, and networks too small to be seen, one a block."""
    cuts = (_cut(found, finest) for finest in FINEST)
    few = (c for c in cuts if len(c[0]) <= MOST_SQUARES and len(c[1]) <= MOST_MARKS)
    return next(few, _cut(found, COARSEST))


def _cut(
    found: Sequence[tuple[int, int]], finest: int
) -> tuple[list[Square], list[tuple[int, int]]]:
    shown: list[Square] = []
    small: dict[int, list[tuple[int, int]]] = {}
    for first, length in found:
        if length <= finest:
            shown += hilbert.squares(first, length)
        else:
            small.setdefault(first >> (hilbert.BITS - finest), []).append((first, length))
    marks = []
    for block, within in small.items():
        held = sum(1 << (hilbert.BITS - length) for _, length in within)
        # More than half of a block that is hardly seen is drawn as all of it.
        if held * 2 > 1 << (hilbert.BITS - finest):
            shown.append(hilbert.square(block << (hilbert.BITS - finest), finest))
        else:
            marks.append(within[0])
    return shown, marks


def _heavy(key: str, shown: Sequence[Square]) -> str:
    if not shown:
        return ""
    name = f"may-{key}"
    outline = "".join(_outline(one) for one in shown)
    clip = svg.element("clipPath", svg.path(outline), id=name)
    body = svg.path(outline, class_="warm") + svg.path(_curve(ORDER), class_="heavy")
    return clip + svg.element("g", body, clip_path=f"url(#{name})")


def _outline(one: Square) -> str:
    x, y, side = (_px(v) for v in (one.x, one.y, one.side))
    return f"M{x} {y}h{side}v{side}h-{side}z"


def _px(share: float) -> str:
    return f"{share * SIDE:.3f}".rstrip("0").rstrip(".")


def _curve(order: int, within: Square = hilbert.WHOLE, size: float = SIDE) -> str:
    """The curve as one path: where it begins, and then only how far it goes."""
    points = [(x * size, y * size) for x, y in hilbert.curve(order, within)]
    steps = [f"M{svg.number(points[0][0])} {svg.number(points[0][1])}"]
    for (x, y), (nx, ny) in pairwise(points):
        way = f"h{_step(nx - x)}" if abs(nx - x) > abs(ny - y) else f"v{_step(ny - y)}"
        steps.append(way)
    return "".join(steps)


def _step(length: float) -> str:
    return f"{length:.3f}".rstrip("0").rstrip(".")


def _veil(first: int, length: int) -> str:
    outline = "".join(_outline(one) for one in hilbert.squares(first, length))
    return svg.path(outline, class_="veil")


def _numbers() -> Iterator[str]:
    """The first number of every sixteenth /8, and what is veiled."""
    for number in range(0, 224, 16):
        yield _written(str(number), hilbert.square(number << 24, 8), "number")
    for first, length, words in VEILED:
        if words:
            yield _written(words, hilbert.square(first, length), "number veiled")


def _written(words: str, at: Square, css: str) -> str:
    x, y = (at.x + at.side / 2) * SIDE, (at.y + at.side / 2) * SIDE
    return svg.text(words, x=x, y=y + 4, text_anchor="middle", class_=css)


def _marks(marks: Sequence[tuple[int, int]]) -> Iterator[str]:
    """One square for each network that is too small to be seen; all of them are one shape."""
    outline = []
    for first, length in marks:
        at = hilbert.squares(first, min(length, 16))[0]
        outline.append(f"M{_step(at.x * SIDE - 2.5)} {_step(at.y * SIDE - 2.5)}h5v5h-5z")
    if outline:
        yield svg.path(*outline, class_="spot")


def _ranges(found: Sequence[tuple[int, int]]) -> Iterator[str]:
    """The first ranges, each a place that the keyboard can reach and that says what it is."""
    for number, (first, length) in enumerate(found[:MOST_RANGES]):
        at = hilbert.squares(first, length)
        outline = "".join(_outline(_at_least(one)) for one in at)
        (written,) = AddressSet(v4=((first, first + (1 << (32 - length)) - 1),)).cidrs()
        said = f"{written}: {counted(1 << (32 - length))} may deliver"
        yield svg.element(
            "g",
            svg.title(said),
            svg.path(outline),
            class_="range",
            tabindex="0" if number == 0 else "-1",
            role="img",
            aria_label=said,
        )


def _at_least(one: Square) -> Square:
    """A square large enough to be pointed at."""
    least = 6 / SIDE
    if one.side >= least:
        return one
    middle = one.side / 2 - least / 2
    return Square(one.x + middle, one.y + middle, least)


# ---- closer looks --------------------------------------------------------------------------


def _insets(first: int, length: int) -> Iterator[str]:
    """The /8, the /16 in it and the /24 in that, as far as needed: each shows where the next is."""
    outer, corner = hilbert.square(first, 8), (0.0, 0.0, float(SIDE))
    sizes = [size for size in (8, 16, 24) if size < length]
    for step, (size, following) in enumerate(zip(sizes, [*sizes[1:], length], strict=True)):
        here = hilbert.square(first, size)
        box = (float(INSETS_AT), float(step * (INSET + ROOM)), float(INSET))
        yield from _joined(corner, outer, box)
        yield from _inset(first, size, here.turn, box)
        even = following - following % 2
        outer = hilbert.square(first, even, Square(0, 0, 1, here.turn), size)
        corner = box
    yield _spot(outer, corner)
    last = first + (1 << (hilbert.BITS - length)) - 1
    (written,) = AddressSet(v4=((first, last),)).cidrs()
    x, y, side = corner
    top = y + (16 if outer.y > 0.3 else side - 24)
    yield svg.text(written, x=x + 6, y=top, class_="where this")


def _joined(
    corner: tuple[float, float, float], at: Square, box: tuple[float, float, float]
) -> Iterator[str]:
    """The outline of what is looked at more closely, and its two hairlines."""
    x, y, side = corner
    left, top, size = x + at.x * side, y + at.y * side, max(at.side * side, 4)
    yield svg.element("rect", x=left, y=top, width=size, height=size, class_="looked-at")
    bx, by, bsize = box
    beside = x == 0  # the first inset stands beside the map, the others below one another
    begins = (left + size, top) if beside else (left, top + size)
    ends = (bx, by + bsize) if beside else (bx + bsize, by)
    yield _line(begins, (bx, by))
    yield _line((left + size, top + size), ends)


def _line(start: tuple[float, float], end: tuple[float, float]) -> str:
    return svg.element("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_="hair")


def _inset(first: int, size: int, turn: int, box: tuple[float, float, float]) -> Iterator[str]:
    x, y, side = box
    yield svg.element("rect", x=x, y=y, width=side, height=side, class_="ground edged")
    lines = svg.path(_curve(4, Square(0, 0, 1, turn), side), class_="thin")
    yield svg.element("g", lines, transform=f"translate({svg.number(x)} {svg.number(y)})")
    base = first >> (32 - size) << (32 - size)
    (written,) = AddressSet(v4=((base, base + (1 << (32 - size)) - 1),)).cidrs()
    yield svg.text(written, x=x + 6, y=y + side - 8, class_="where")


def _spot(at: Square, box: tuple[float, float, float]) -> str:
    x, y, side = box
    size = max(at.side * side, 6)
    return svg.element(
        "rect", x=x + at.x * side, y=y + at.y * side, width=size, height=size, class_="spot"
    )
