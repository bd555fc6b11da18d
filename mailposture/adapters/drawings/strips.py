"""Exposure strips of many days, their axis, and the ticks of a round in progress."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from mailposture.adapters.drawings import states, svg

HEIGHT: Final = 30.0
MINUTES_A_DAY: Final = 1440
MOST_TICKS: Final = 160
WORST_FIRST: Final = ("cut_off", "open", "partly", "unknown", "closed", "gets_in", "none")


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """One day of a tenant: how long it stood open, partly open, unknown.

    `watched` false is a day before the first look. What is left of a watched day was closed.
    """

    day: date
    open_minutes: float = 0.0
    partly_minutes: float = 0.0
    unknown_minutes: float = 0.0
    watched: bool = True

    @property
    def state(self) -> str:
        """What the bar shows: the worst that was seen, else whether anything was."""
        for minutes, name in (
            (self.open_minutes, "open"),
            (self.partly_minutes, "partly"),
            (self.unknown_minutes, "unknown"),
        ):
            if minutes > 0:
                return name
        return "closed" if self.watched else "none"

    @property
    def share(self) -> float:
        minutes = self.open_minutes if self.open_minutes > 0 else self.partly_minutes
        return min(1.0, minutes / MINUTES_A_DAY)


def strip(days: Sequence[Day], name: str = "") -> str:
    """A bar a day: height is the share of the day. Closed is a low line, unknown is hatched."""
    step = 100 / max(1, len(days))
    bars = "".join(_bar(day, n * step, step) for n, day in enumerate(days))
    grid = "".join(
        svg.element("line", x1=f"{x:.2f}%", x2=f"{x:.2f}%", y1=0, y2="100%", class_="month")
        for x, _ in _months(days)
    )
    return svg.element(
        "svg",
        svg.title(summary(days, name)),
        grid,
        bars,
        class_="strip",
        width="100%",
        height=HEIGHT,
        role="img",
    )


def _bar(day: Day, x: float, step: float) -> str:
    state = day.state
    low = HEIGHT - 1
    height = {"closed": 3.0, "unknown": low, "none": 1.5}.get(state, max(3.0, low * day.share))
    width = step * (0.34 if state == "none" else 0.84)
    # A page has nine hundred of them, of numbers and our own words alone: written as they are.
    return (
        f'<rect x="{x + step * 0.08:.2f}%" y="{svg.number(low - height)}" width="{width:.2f}%"'
        f' height="{svg.number(height)}" class="{states.state(state).css}"></rect>'
    )


def summary(days: Sequence[Day], name: str = "") -> str:
    """The strip in one sentence."""
    minutes = sum(day.open_minutes for day in days)
    partly = sum(day.partly_minutes for day in days)
    unknown = sum(1 for day in days if day.state == "unknown")
    said = [f"open for {minutes:,.0f} min"]
    said += [f"partly open for {partly:,.0f} min"] if partly else []
    said += [f"unknown on {unknown} of them"] if unknown else []
    who = f"{name}, " if name else ""
    return f"{who}{len(days)} days: {', '.join(said)}"


def _months(days: Sequence[Day]) -> list[tuple[float, date]]:
    step = 100 / max(1, len(days))
    return [(n * step, day.day) for n, day in enumerate(days) if day.day.day == 1]


def axis(days: Sequence[Day]) -> str:
    """The firsts of the months, and today at the right end; stands above the strips."""
    labels = "".join(
        svg.text(f"{day.day} {day:%b}", x=f"{x:.2f}%", y=13) for x, day in _months(days) if x < 90
    )
    today = svg.text("today", x="100%", y=13, text_anchor="end", class_="now")
    return svg.element(
        "svg", labels, today, class_="strip-axis", width="100%", height=20, aria_hidden="true"
    )


def ticks(answers: Sequence[str], total: int) -> str:
    """A tick a path in order of arrival, open ones twice as high; `total` counts those to come."""
    shown = _bucketed([*answers, *["none"] * max(0, total - len(answers))])
    step = 100 / max(1, len(shown))
    marks = (
        svg.element(
            "rect",
            x=f"{n * step + step * 0.06:.2f}%",
            y=0 if _is_bad(state) else 3.5,
            width=f"{step * 0.88:.2f}%",
            height=14 if _is_bad(state) else 7,
            class_=states.state(state).css,
        )
        for n, state in enumerate(shown)
    )
    named = svg.title(f"{len(answers)} of {total} answered")
    return svg.element("svg", named, *marks, class_="ticks", width="100%", height=14, role="img")


def _is_bad(state: str) -> bool:
    return state in {"open", "cut_off", "partly"}


def _bucketed(found: Sequence[str]) -> list[str]:
    """Many paths share a tick, which then shows the worst of them."""
    if len(found) <= MOST_TICKS:
        return list(found)
    size = -(-len(found) // MOST_TICKS)
    groups = (found[n : n + size] for n in range(0, len(found), size))
    return [min(group, key=WORST_FIRST.index) for group in groups]
