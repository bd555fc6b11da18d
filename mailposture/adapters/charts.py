"""The two figures: a tenant's timeline and the fleet's exposure, each with its table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import plotly.graph_objects as go

from mailposture.adapters.bands import Window
from mailposture.adapters.drawings.states import state
from mailposture.adapters.drawings.strips import Day
from mailposture.adapters.figures import (
    CLEAR,
    Document,
    document,
    layout,
    plain,
    said,
    stamp,
    time_axis,
)
from mailposture.adapters.labels import Mark, short, sides

DAY_MS: Final = 86_400_000
CHANGES, PROBES, WINDOWS = 2.5, 1.5, 0.5
HEAT: Final = tuple((n / 4, f"var(--heat-{n + 1})") for n in range(5))
EFFECTS: Final = {
    "opens": ("diamond", "var(--open)"),
    "closes": ("diamond", "var(--closed)"),
    "neutral": ("diamond-open", "var(--ink-2)"),
}
# state of a bucket: (colour, height in its lane)
TICKS: Final = {
    "open": ("var(--open)", 0.62),
    "cut_off": ("var(--open)", 0.62),
    "partly": ("var(--part)", 0.46),
    "unknown": ("var(--unk)", 0.38),
    "closed": ("var(--closed-line)", 0.26),
    "gets_in": ("var(--closed-line)", 0.26),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A configuration change: a diamond, filled by its effect (opens, closes, neutral)."""

    at: datetime
    effect: str
    label: str
    href: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """The probes of some time, shown by their worst answer."""

    start: datetime
    end: datetime
    worst: str
    answers: int = 0
    href: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class TenantTimeline:
    """One tenant's lanes: configuration, probes, exposure windows."""

    start: datetime
    now: datetime
    changes: tuple[Change, ...] = ()
    buckets: tuple[Bucket, ...] = ()
    windows: tuple[Window, ...] = ()

    height: int = 196

    def figure(self) -> Document:
        traces = [*self._changes(), *self._buckets(), *self._windows()]
        names = [
            _lane("Configuration", self.changes),
            _lane("Probes", self.buckets),
            _lane("Exposure windows", self.windows),
        ]
        drawn = go.Figure(
            traces,
            layout(
                self.height,
                barmode="overlay",
                hovermode="closest",
                xaxis=time_axis(
                    stamp(self.start), stamp(self.now), showgrid=True, gridcolor="var(--line)"
                ),
                yaxis={
                    "range": [0, 3],
                    "tickvals": [CHANGES, PROBES, WINDOWS],
                    "ticktext": names,
                    "showgrid": False,
                    "zeroline": False,
                    "fixedrange": True,
                    "automargin": True,
                    "ticklabelstandoff": 10,
                },
                shapes=[_rule(1), _rule(2), _now(self.now)],
            ),
        )
        return document(drawn, (("Day", 1), ("7 d", 7), ("30 d", 30), ("All", 0)))

    def table(self) -> list[tuple[str, ...]]:
        """Head first: when, lane, what, effect or state, and until when; newest first."""
        rows = [
            (said(c.at), "Configuration", c.label, state(c.effect).word, "") for c in self.changes
        ]
        rows += [
            (said(b.start), "Probes", f"{b.answers:,} answers", state(b.worst).word, said(b.end))
            for b in self.buckets
        ]
        rows += [
            (said(w.first_open), "Exposure window", f"{w.label}; {_bounds(w)}", "Open", _closing(w))
            for w in self.windows
        ]
        head = ("When", "Lane", "What", "State", "Until")
        return [head, *sorted(rows, reverse=True)]

    def _changes(self) -> Iterable[go.Scatter]:
        marks = [Mark(c.at, c.at, c.label) for c in self.changes]
        beside = sides(marks, self.start, self.now)
        for effect, (symbol, colour) in EFFECTS.items():
            placed = [p for p in zip(self.changes, beside, strict=True) if p[0].effect == effect]
            found = [c for c, _ in placed]
            if not found:
                continue
            yield go.Scatter(
                x=[stamp(c.at) for c in found],
                y=[CHANGES] * len(found),
                mode="markers+text",
                text=[f" {plain(short(c.label))} " if side else "" for c, side in placed],
                textposition=[f"middle {side or 'right'}" for _, side in placed],
                textfont={"color": "var(--ink)"},
                marker={
                    "symbol": symbol,
                    "color": colour,
                    "size": 11,
                    "line": {"width": 1.4, "color": colour},
                },
                customdata=[c.href for c in found],
                hovertext=[
                    f"{state(effect).word}: {plain(c.label)}<br>{said(c.at)}" for c in found
                ],
                hoverinfo="text",
                cliponaxis=False,
            )

    def _buckets(self) -> Iterable[go.Bar]:
        for worst, (colour, height) in TICKS.items():
            found = [b for b in self.buckets if b.worst == worst]
            if not found:
                continue
            yield go.Bar(
                x=[stamp(b.start + (b.end - b.start) / 2) for b in found],
                y=[height] * len(found),
                base=PROBES - height / 2,
                width=[(b.end - b.start) / timedelta(milliseconds=1) * 0.8 for b in found],
                marker={"color": colour},
                customdata=[b.href for b in found],
                hovertext=[
                    f"{state(worst).word}: the worst of {b.answers:,} answers"
                    f"<br>{said(b.start)} to {said(b.end)}"
                    for b in found
                ],
                hoverinfo="text",
            )

    def _windows(self) -> Iterable[go.Bar | go.Scatter]:
        if not self.windows:
            return
        surely = [(w, span) for w in self.windows for span in w.solid]
        yield _bars([w for w, _ in surely], [span for _, span in surely], {})
        doubt = {"shape": "/", "fgcolor": "var(--open)", "size": 6, "solidity": 0.25}
        unsure = [
            (w, span)
            for w in self.windows
            for span in (
                (w.last_closed, w.first_open),
                *w.unseen,
                (w.last_open, w.doubted_until),
            )
            if span[0] and span[1] and span[0] < span[1]
        ]
        if unsure:
            yield _bars([w for w, _ in unsure], [span for _, span in unsure], doubt)
        yield _labels(self.windows, self.start, self.now)


def _lane(name: str, found: Sequence[object]) -> str:
    return name if found else f"{name}: none"


def _rule(y: float) -> dict[str, Any]:
    line = {"color": "var(--line)", "width": 1}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line}


def _now(moment: datetime) -> dict[str, Any]:
    line = {"color": "var(--ink)", "width": 1.5}
    at = stamp(moment)
    return {"type": "line", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1, "line": line}


def _bounds(window: Window) -> str:
    return (
        f"last seen closed {said(window.last_closed)}, first seen open {said(window.first_open)}, "
        f"last seen open {said(window.last_open)}, first seen closed {said(window.first_closed)}"
    )


def _closing(window: Window) -> str:
    if window.first_closed:
        return said(window.first_closed)
    return "not seen closed" if window.doubt_until else "still open"


def _bars(windows: Sequence[Window], spans: Sequence[Any], pattern: dict[str, Any]) -> go.Bar:
    """Solid where it was seen open; with a pattern the time between two answers that differ."""
    hatched = {"color": CLEAR, "pattern": pattern}
    return go.Bar(
        orientation="h",
        base=[stamp(first) for first, _ in spans],
        # At least a minute, so that a window seen once is a mark and not nothing.
        x=[max(60_000.0, (last - first) / timedelta(milliseconds=1)) for first, last in spans],
        y=[WINDOWS] * len(spans),
        width=0.42,
        marker=hatched if pattern else {"color": "var(--open)"},
        customdata=[w.href for w in windows],
        hovertext=[f"{plain(w.label)}<br>{_bounds(w).replace(', ', '<br>')}" for w in windows],
        hoverinfo="text",
    )


def _labels(windows: Sequence[Window], start: datetime, now: datetime) -> go.Scatter:
    """The words beside a window: right of it, at the right edge left of it, or none."""
    marks = [
        Mark(
            max(start, w.last_closed or w.first_open),
            min(now, w.doubted_until or w.last_open),
            w.label,
        )
        for w in windows
    ]
    beside = sides(marks, start, now)
    return go.Scatter(
        x=[
            stamp(mark.begin if side == "left" else mark.end)
            for mark, side in zip(marks, beside, strict=True)
        ],
        y=[WINDOWS] * len(windows),
        mode="text",
        text=[
            f" {plain(short(mark.words))} " if side else ""
            for mark, side in zip(marks, beside, strict=True)
        ],
        textposition=[f"middle {side or 'right'}" for side in beside],
        textfont={"color": "var(--ink)"},
        hoverinfo="skip",
        cliponaxis=False,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class TenantDays:
    """One tenant's row of days; `href` opens the tenant."""

    name: str
    days: tuple[Day, ...]
    href: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetExposure:
    """Minutes a day in which strangers got in, a row a tenant, worst on top."""

    tenants: tuple[TenantDays, ...]

    @property
    def height(self) -> int:
        return 48 + 26 * max(1, len(self.tenants))

    def figure(self) -> Document:
        days = [day.day for row in self.tenants[:1] for day in row.days]
        traces = [_heat(self.tenants, days)] if days else []
        partly = {"color": "var(--part)"}
        hatch = {"shape": "/", "fgcolor": "var(--unk-line)", "size": 6, "solidity": 0.25}
        unknown = {"color": CLEAR, "pattern": hatch}
        for name, marker, width in (("partly", partly, 0.5), ("unknown", unknown, 0.86)):
            found = [(r, d) for r in self.tenants for d in r.days if d.state == name]
            traces += [_day_bars(found, marker, width)] if found else []
        axis = time_axis(*_ends(days)) if days else {"visible": False}
        drawn = go.Figure(traces, layout(self.height, barmode="overlay", hovermode="closest"))
        drawn.update_layout(xaxis=axis, yaxis=_names(self.tenants))
        return document(drawn, (("7 d", 7), ("30 d", 30), ("All", 0)))

    def table(self) -> list[tuple[str, ...]]:
        """Head first: the days on which something was not simply closed, newest first."""
        rows = [
            (str(d.day), row.name, state(d.state).word, *_minutes(d))
            for row in self.tenants
            for d in row.days
            if d.state in {"open", "partly", "unknown"}
        ]
        head = ("Day", "Tenant", "State", "Minutes open", "Minutes partly open", "Minutes unknown")
        return [head, *sorted(rows, reverse=True)]


def _minutes(day: Day) -> tuple[str, str, str]:
    found = (day.open_minutes, day.partly_minutes, day.unknown_minutes)
    first, second, third = (f"{minutes:,.0f}" for minutes in found)
    return first, second, third


def _ends(days: Sequence[date]) -> tuple[str, str]:
    return str(days[0]), str(days[-1] + timedelta(days=1))


def _names(tenants: Sequence[TenantDays]) -> dict[str, Any]:
    return {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": [plain(row.name) for row in reversed(tenants)],
        "range": [-0.5, len(tenants) - 0.5],
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        "automargin": True,
        "ticks": "",
        "ticklabelstandoff": 10,
        "tickfont": {"color": "var(--ink)"},
    }


def _heat(tenants: Sequence[TenantDays], days: Sequence[date]) -> go.Heatmap:
    """Zero shows the page: a day without exposure is no value at all."""
    return go.Heatmap(
        x=[f"{day}T12:00:00" for day in days],
        y=[plain(row.name) for row in tenants],
        z=[[day.open_minutes or None for day in row.days] for row in tenants],
        zmin=0,
        zmax=1440,
        colorscale=[list(step) for step in HEAT],
        showscale=False,
        xgap=2,
        ygap=2,
        customdata=[[row.href] * len(row.days) for row in tenants],
        hovertext=[[_day_words(row, day) for day in row.days] for row in tenants],
        hoverinfo="text",
        hoverongaps=False,
    )


def _day_words(row: TenantDays, day: Day) -> str:
    minutes = ", ".join(
        f"{word} for {count:,.0f} min"
        for word, count in (
            ("open", day.open_minutes),
            ("partly open", day.partly_minutes),
            ("unknown", day.unknown_minutes),
        )
        if count
    )
    return f"{plain(row.name)}, {day.day}<br>{minutes or state(day.state).word.lower()}"


def _day_bars(
    found: Sequence[tuple[TenantDays, Day]], marker: dict[str, Any], width: float
) -> go.Bar:
    return go.Bar(
        orientation="h",
        base=[f"{day.day}T00:00:00" for _, day in found],
        x=[DAY_MS * 0.92] * len(found),
        y=[plain(row.name) for row, _ in found],
        width=width,
        marker=marker,
        customdata=[row.href for row, _ in found],
        hovertext=[_day_words(row, day) for row, day in found],
        hoverinfo="text",
    )
