"""What all plotly figures share: font, axes, colours by token, and how they become documents.

Colours are names of the style sheet's tokens, `var(--open)`: the page's script fills in what
they are in the theme that is shown, so that one document serves both.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any, Final

import plotly.graph_objects as go

type Document = dict[str, Any]

SANS: Final = '"Plex Sans", ui-sans-serif, system-ui, "Segoe UI", sans-serif'
CLEAR: Final = "rgba(0,0,0,0)"


def layout(height: float, **more: Any) -> go.Layout:
    """What every figure has in common."""
    font = {"family": SANS, "size": 12, "color": "var(--ink-2)"}
    common = {
        "height": height,
        "font": font,
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "margin": {"l": 0, "r": 0, "t": 8, "b": 24},
        "bargap": 0.12,
        "showlegend": False,
        "dragmode": "pan",
        "transition": {"duration": 0},
        "separators": ".,",
        "hoverlabel": {
            "bgcolor": "var(--raised)",
            "bordercolor": "var(--line-2)",
            "font": {**font, "color": "var(--ink)"},
        },
    }
    return go.Layout(**{**common, **more})


def time_axis(first: object, last: object, **more: Any) -> dict[str, Any]:
    return {
        "type": "date",
        "range": [first, last],
        "showgrid": False,
        "showline": True,
        "linecolor": "var(--line-2)",
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": "var(--line-2)",
        "tickformatstops": [
            {"dtickrange": [None, 86_399_999], "value": "%H:%M\n%-d %b"},
            {"dtickrange": [86_400_000, None], "value": "%-d %b"},
        ],
        "hoverformat": "%Y-%m-%d %H:%M UTC",
        "automargin": True,
        **more,
    }


def document(figure: go.Figure, zooms: Sequence[tuple[str, float]] = ()) -> Document:
    """The figure as JSON-safe values; `zooms` are the spans in days offered above it."""
    figure.update_layout(meta={"zooms": [list(zoom) for zoom in zooms]}, template=None)
    found: Document = figure.to_plotly_json()
    return found


def plain(words: str) -> str:
    """Plotly reads a few tags in texts; foreign words must stay words."""
    return escape(words, quote=False)


def stamp(moment: datetime) -> str:
    """Without a zone: plotly would shift it to where the reader is."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"


def said(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else "not seen"
