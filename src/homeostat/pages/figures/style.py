"""How every interactive figure looks: readable on a light page and on a dark one."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from homeostat.space.values import show

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from homeostat.study.records import TrialRow

BLUE, ORANGE, GREEN, RED = "#2a6fdb", "#e07b39", "#2c9c69", "#c2453d"
COLOURS = (BLUE, ORANGE, GREEN, "#8e5bd0", RED, "#3aa6b9")

# Grey in the middle: seen on white and on black alike.
INK, GRID, FAINT = "#7b8594", "rgba(123,133,148,0.25)", "rgba(123,133,148,0.55)"
GREY_BAND = "rgba(123,133,148,0.2)"
# From little to much, seen on both as well.
SCALE = ((0.0, BLUE), (0.5, "#a9859c"), (1.0, ORANGE))
# From below zero to above; nothing is the page itself.
DIVERGING = ((0.0, BLUE), (0.5, "rgba(123,133,148,0.06)"), (1.0, ORANGE))
# From nothing, the page itself, to all.
GROWING = ((0.0, "rgba(44,156,105,0)"), (1.0, "rgba(44,156,105,0.9)"))


def dressed(figure: go.Figure, *, x: str = "", y: str = "", height: int = 380) -> go.Figure:
    """Give a figure the common fonts, margins and axes, and return it."""
    axis = {
        "gridcolor": GRID, "zeroline": False, "linecolor": GRID, "ticks": "outside",
        "tickcolor": GRID, "automargin": True,
    }  # fmt: skip
    clear = "rgba(0,0,0,0)"
    figure.update_layout(
        template="none",
        height=height,
        paper_bgcolor=clear,
        plot_bgcolor=clear,
        font={"family": "system-ui, sans-serif", "size": 13, "color": INK},
        margin={"l": 60, "r": 20, "t": 20, "b": 50},
        hovermode="closest",
        colorway=list(COLOURS),
        modebar={"bgcolor": clear, "color": INK},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    )
    figure.update_xaxes(title={"text": x, "font": {"size": 13}}, **axis)
    figure.update_yaxes(title={"text": y, "font": {"size": 13}}, **axis)
    return figure


def see_through(colour: str, opacity: float) -> str:
    """A #rrggbb colour made translucent."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def literal(text: object) -> str:
    """A name as a figure shows it: what looks like a tag in it stays text."""
    return html.escape(str(text), quote=False)


def settings_of(trial: TrialRow) -> str:
    """A trial's settings, a line each, as a figure shows them."""
    return "<br>".join(
        f"{literal(name)} = {literal(f'{v:.4g}' if isinstance(v, float) else show(v))}"
        for name, v in trial.parameters.items()
    )
