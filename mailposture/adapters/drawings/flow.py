"""The mail-flow map: hosts that exist, the pair of lines to the wall, the answer behind it.

Two forms are drawn, one wide and one for narrow rooms; the style sheet shows one of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mailposture.adapters.drawings import states, svg

PASSES: Final = frozenset({"open", "partly", "gets_in"})
PREMISES: Final = frozenset({"hybrid", "server", "relay"})
ICONS: Final = {"gateway": "i-shield", "stranger": "i-user"}
MOST_SANS: Final = 27
MOST_MONO: Final = 23


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowLine:
    """What one host, with one or more sender classes, is told at the door.

    `observed` and `predicted` name states; None is *not probed* and *no prediction*.
    """

    kind: str  # gateway, stranger, hybrid, relay, server
    title: str
    details: tuple[str, ...] = ()
    mono: bool = True
    observed: str | None = None
    predicted: str | None = None
    above: str = ""
    below: str = ""
    notes: tuple[str, ...] = ()
    href: str = ""
    how: str = ""  # "stale", "probing"
    by_mx: bool = False  # an MX leads to this host

    @property
    def contradicts(self) -> bool:
        """Only an answer that is known can part from what was predicted."""
        known = {self.observed, self.predicted}.isdisjoint({None, "unknown"})
        return known and (self.observed in PASSES) is not (self.predicted in PASSES)

    @property
    def on_premises(self) -> bool:
        return self.kind in PREMISES

    @property
    def icon(self) -> str:
        return ICONS.get(self.kind, "i-server")

    @property
    def words(self) -> str:
        """The line named in words, for the tooltip and for those who cannot see it."""
        answer = states.state(self.observed).word if self.observed else "Not probed"
        said = f"{self.title}, {', '.join(self.details)}: " if self.details else f"{self.title}: "
        before = f"predicted {states.state(self.predicted).word}, " if self.predicted else ""
        answered = f"answered {answer}" if self.observed else "not probed"
        return f"{said}{before}{answered}"


@dataclass(frozen=True, kw_only=True, slots=True)
class MailFlow:
    """All lines to one tenant's door: gateways, then strangers, then hosts on premises."""

    tenant: str
    lines: tuple[FlowLine, ...]
    mx: str = "follows the MX"

    @property
    def ordered(self) -> tuple[FlowLine, ...]:
        order = {"gateway": 0, "stranger": 1}
        return tuple(sorted(self.lines, key=lambda line: order.get(line.kind, 2)))


def passes(state: str | None) -> bool:
    return state in PASSES


def ends(state: str, wall: float) -> float:
    """Where a line ends: 34 px behind the wall, or 13 px before it."""
    if passes(state):
        return wall + 34
    return wall - (26 if state == "unknown" else 13)


def pair(line: FlowLine, start: float, wall: float, y: float) -> str:
    """Dashed what is believed, solid what was seen, 14 px apart; alone, the seen one is centred."""
    apart = 7 if line.predicted else 0
    drawn = ""
    if line.predicted:
        drawn += _stroke(line.predicted, "predicted", start, wall, y - apart)
    if line.observed:
        how = f"observed {line.how}".strip()
        drawn += _stroke(line.observed, how, start, wall, y + apart)
    if not drawn:
        drawn = svg.element("line", x1=start, x2=wall - 13, y1=y, y2=y, class_="unasked")
    return drawn


def _stroke(state: str, how: str, start: float, wall: float, y: float) -> str:
    end = ends(state, wall)
    if passes(state):
        tip = f"M{svg.number(end - 7)} {svg.number(y - 6)}l7 6-7 6"
    elif state == "unknown":
        tip = ""
    else:
        tip = f"M{svg.number(end)} {svg.number(y - 5.5)}v11"
    body = svg.path(f"M{svg.number(start)} {svg.number(y)}H{svg.number(end)}", class_="body")
    ending = svg.path(tip, class_="tip") if tip else ""
    asked = svg.text("?", x=end + 6, y=y + 4.5, class_="asked") if state == "unknown" else ""
    return svg.element("g", body, ending, asked, class_=f"{how} {states.state(state).css}")


def gaps(lines: Sequence[tuple[FlowLine, float]]) -> list[tuple[float, float]]:
    """Where the wall opens: only where a line passes, wide enough for its head."""
    found: list[tuple[float, float]] = []
    for line, y in lines:
        apart = 7 if line.predicted else 0
        ys = [y - apart] if passes(line.predicted) else []
        ys += [y + apart] if passes(line.observed) else []
        if ys:
            found.append((min(ys) - 11, max(ys) + 11))
    return found


def wall(lines: Sequence[tuple[FlowLine, float]], x: float, height: float) -> str:
    """The tenant's SMTP door, 5 px of ink, with its gaps."""
    top, pieces = 0.0, []
    for start, end in [*gaps(lines), (height, height)]:
        if start > top:
            pieces.append((top, start))
        top = max(top, end)
    return "".join(
        svg.element("rect", x=x - 2.5, y=a, width=5, height=b - a, class_="wall") for a, b in pieces
    )


# Widths of the words in the 13 px semibold face, so that a badge fits its word.
WIDTHS: Final = {
    "Open": 32,
    "Partly open": 70,
    "Closed": 41,
    "Unknown": 57,
    "Gets in": 42,
    "Cut off": 41,
    "Contradicts": 70,
    "Agrees": 42,
    "Not measured": 85,
}


def badge(name: str, x: float, y: float) -> tuple[str, float]:
    """A verdict badge around the middle y, and the x where it ends."""
    shown = states.state(name)
    plain = name in {"agrees", "none"}
    width = (0 if plain else 16) + (23 if shown.gate else 0) + WIDTHS[shown.word]
    left = x + (0 if plain else 8)
    parts = (
        ""
        if plain
        else svg.element(
            "rect", x=x + 0.5, y=y - 11.5, width=width - 1, height=23, rx=3, class_="box"
        )
    )
    if shown.gate:
        parts += svg.symbol(f"g-{shown.gate}", left, y - 8.5, 17, "gate")
        left += 23
    parts += svg.text(shown.word, x=left, y=y + 4.5, class_="word")
    return svg.element("g", parts, class_=f"sign {shown.css}"), x + width


def answers(line: FlowLine, x: float, y: float) -> str:
    """The verdict and, where there was a prediction, whether the two agree."""
    drawn, end = badge(line.observed or "none", x, y)
    if line.predicted and line.observed and line.observed != "unknown":
        drawn += badge("contradicts" if line.contradicts else "agrees", end + 14, y)[0]
    return drawn


def linked(line: FlowLine, *parts: str) -> str:
    """A line with all that belongs to it, as one link to its evidence."""
    named = svg.title(line.words)
    if line.href:
        return svg.element("a", named, *parts, href=line.href, class_="flow-line")
    return svg.element("g", named, *parts, class_="flow-line")
