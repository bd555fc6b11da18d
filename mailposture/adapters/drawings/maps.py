"""The two forms of the mail-flow map, and its key."""

from collections.abc import Sequence
from typing import Final

from mailposture.adapters.drawings import flow, svg
from mailposture.adapters.drawings.flow import FlowLine, MailFlow

WIDTH: Final = 972
WALL: Final = 632
NODE: Final = 230
NODE_WIDTH: Final = 188
SOURCE_WIDTH: Final = 150
ROOM: Final = 692
NARROW: Final = 358
NARROW_WALL: Final = 206

type Placed = Sequence[tuple[FlowLine, float]]


def mail_flow(spec: MailFlow) -> str:
    """Both forms; one of them is shown."""
    return wide(spec) + narrow(spec)


def wide(spec: MailFlow) -> str:
    placed, height = _place(spec.ordered)
    room = svg.element("rect", x=WALL, y=0, width=WIDTH - WALL, height=height, class_="room")
    head = svg.text(
        svg.fitted(f"Exchange Online, {spec.tenant}", 40), x=ROOM, y=22, class_="strong"
    )
    parts = [room, head, _sources(spec, placed), flow.wall(placed, WALL, height)]
    parts += [_wide_line(line, y) for line, y in placed]
    return _frame(spec, parts, WIDTH, height, "flow only-wide")


def _frame(spec: MailFlow, parts: Sequence[str], width: float, height: float, css: str) -> str:
    named = f"Mail flow to {spec.tenant}: " + "; ".join(line.words for line in spec.ordered)
    return svg.element(
        "svg",
        *parts,
        class_=css,
        view_box=f"0 0 {svg.number(width)} {svg.number(height)}",
        role="group",
        aria_label=named,
    )


def _height(line: FlowLine) -> float:
    return 38 + 18 * max(1, min(2, len(line.details)))


def _place(lines: Sequence[FlowLine]) -> tuple[list[tuple[FlowLine, float]], float]:
    """Give every line its y: strangers stand close together, other hosts apart."""
    placed: list[tuple[FlowLine, float]] = []
    top, before = 36.0, None
    for line in lines:
        top += 0 if before is None else 22 if before.kind == line.kind else 32
        height = max(_height(line), 56 + 15 * (len(line.notes) - 1))
        placed.append((line, top + height / 2))
        top, before = top + height, line
    return placed, top + 24


def _wide_line(line: FlowLine, y: float) -> str:
    apart = 7 if line.predicted else 0
    start = NODE + NODE_WIDTH
    words = svg.text(svg.fitted(line.above, 27), x=start + 14, y=y - apart - 9, class_="said")
    words += svg.text(svg.fitted(line.below, 34), x=start + 14, y=y + apart + 19, class_="said")
    lift = 0 if not line.notes else 8 if len(line.notes) == 1 else 15
    room = flow.answers(line, ROOM, y - lift)
    room += svg.lines(line.notes[:2], ROOM, y - lift + 29, 17, "said")
    lines = flow.pair(line, start, WALL, y)
    return flow.linked(line, _node(line, y), words, lines, room)


def _node(line: FlowLine, y: float) -> str:
    height = _height(line)
    top = y - height / 2
    css = "node contra" if line.contradicts else "node"
    box = svg.element(
        "rect", x=NODE + 0.5, y=top + 0.5, width=NODE_WIDTH - 1, height=height - 1, rx=6, class_=css
    )
    most = flow.MOST_MONO if line.mono else flow.MOST_SANS
    details = [svg.fitted(words, most) for words in line.details[:2]]
    return (
        box
        + svg.symbol(line.icon, NODE + 14, top + 12, 16, "icon")
        + svg.text(svg.fitted(line.title, 20), x=NODE + 39, y=top + 25, class_="strong")
        + svg.lines(details, NODE + 14, top + 44, 17, "mono" if line.mono else "detail")
    )


def _sources(spec: MailFlow, placed: Placed) -> str:
    """Where mail comes from, with an arrow to each host that hands it on."""
    strangers = [y for line, y in placed if line.kind == "stranger"]
    gateways = [y for line, y in placed if line.kind == "gateway" and line.by_mx]
    premises = [y for line, y in placed if line.on_premises]
    drawn = ""
    if strangers or gateways:
        drawn += _internet(spec, gateways, strangers)
    if premises:
        middle = sum(premises) / len(premises)
        drawn += _source("i-building", "On premises", "own mail servers", middle)
        drawn += "".join(_elbow(middle, y) for y in premises)
    return drawn


def _internet(spec: MailFlow, gateways: Sequence[float], strangers: Sequence[float]) -> str:
    own = strangers or gateways
    middle = sum(own) / len(own)
    drawn = _source("i-world", "Internet", "any host, any sender", middle)
    drawn += "".join(_elbow(middle, y) for y in own)
    if not strangers:
        return drawn
    drawn += svg.text("walks past the MX", x=0, y=middle + 47, class_="said")
    for y in gateways:
        drawn += svg.path(
            f"M70 {svg.number(middle - 28)}V{svg.number(y + 14)}q0-14 14-14H{NODE - 4}",
            class_="way",
        )
        drawn += _head(y)
        drawn += svg.text(svg.fitted(spec.mx, 22), x=91, y=y - 10, class_="said")
    return drawn


def _source(icon: str, title: str, detail: str, y: float) -> str:
    box = svg.element(
        "rect", x=0.5, y=y - 27.5, width=SOURCE_WIDTH - 1, height=55, rx=6, class_="node"
    )
    return (
        box
        + svg.symbol(icon, 14, y - 16, 16, "icon")
        + svg.text(title, x=39, y=y - 3, class_="strong")
        + svg.text(detail, x=14, y=y + 17, class_="detail")
    )


def _elbow(start: float, y: float) -> str:
    """From a source's right edge to a host; rounded where the two are not level."""
    round_by = min(14.0, abs(y - start) / 2)
    if round_by < 1:
        way = f"M{SOURCE_WIDTH} {svg.number(y)}"
    else:
        r, to = svg.number(round_by), svg.number(round_by if y > start else -round_by)
        down = svg.number(y - (round_by if y > start else -round_by))
        way = f"M{SOURCE_WIDTH} {svg.number(start)}h{svg.number(40 - round_by)}"
        way += f"q{r} 0 {r} {to}V{down}q0 {to} {r} {to}"
    return svg.path(f"{way}H{NODE - 4}", class_="way") + _head(y)


def _head(y: float) -> str:
    return svg.path(f"M{NODE - 10} {svg.number(y - 5)}l6 5-6 5", class_="way")


def narrow(spec: MailFlow) -> str:
    """Hosts above their lines, the wall right of the middle."""
    placed = [(line, 92.0 + n * 100) for n, line in enumerate(spec.ordered)]
    height = 44.0 + 100 * len(placed)
    width = NARROW - NARROW_WALL
    room = svg.element("rect", x=NARROW_WALL, y=0, width=width, height=height, class_="room")
    head = svg.text("Exchange Online", x=NARROW_WALL + 16, y=20, class_="strong")
    parts = [room, head, flow.wall(placed, NARROW_WALL, height)]
    parts += [_narrow_line(line, y) for line, y in placed]
    return _frame(spec, parts, NARROW, height, "flow narrow only-narrow")


def _narrow_line(line: FlowLine, y: float) -> str:
    host = svg.symbol(line.icon, 0, y - 52, 16, "icon")
    host += svg.text(svg.fitted(line.title, 24), x=24, y=y - 39, class_="strong")
    host += svg.text(svg.fitted(", ".join(line.details), 27), x=0, y=y - 20, class_="detail")
    x = NARROW_WALL + 44
    room = flow.badge(line.observed or "none", x, y)[0]
    if line.contradicts:
        room += flow.badge("contradicts", NARROW_WALL + 36, y + 30)[0]
    elif line.predicted and line.observed not in {None, "unknown"}:
        room += svg.text("agrees", x=x, y=y + 28, class_="said")
    return flow.linked(line, host, flow.pair(line, 0, NARROW_WALL, y), room)


def key() -> str:
    """What the strokes mean, for the spine; the words stand beside it in the page."""
    rows = (
        ("predicted", '<path class="body" d="M0 8H34"/>', "predicted is-ink"),
        ("observed", '<path class="body" d="M0 8H34"/>', "observed is-ink"),
        (
            "passes",
            '<path class="body" d="M0 8H34"/><path class="post" d="M20 0v4M20 12v4"/>',
            "observed is-ink",
        ),
        (
            "stopped",
            '<path class="body" d="M0 8H14M14 3v10"/><path class="post" d="M21 0v16"/>',
            "observed is-ink",
        ),
    )
    items = (
        f'<li><svg class="flow-key" viewBox="0 0 34 16" aria-hidden="true">'
        f'<g class="{css}">{drawn}</g></svg>{word}</li>'
        for word, drawn, css in rows
    )
    return f'<ul class="flow-keys">{"".join(items)}</ul>'
