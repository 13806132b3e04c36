"""A ranking with intervals: importances, effects, verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from homeostat.pages.figures.style import BLUE, FAINT, INK, dressed

if TYPE_CHECKING:
    import plotly.graph_objects as go

Bar = tuple[str, float, float, float]


def ranking(bars: Sequence[Bar], *, title: str, floor: float | None = None) -> go.Figure:
    """Horizontal bars, the largest on top.

    Args:
        bars: (name, value, low, high) of each.
        title: What the values are.
        floor: Drawn as a line; bars whose interval does not clear it are grey.
    """
    import plotly.graph_objects as go

    ordered = sorted(bars, key=lambda bar: bar[1])
    figure = go.Figure(
        go.Bar(
            x=[value for _, value, _, _ in ordered],
            y=[name for name, *_ in ordered],
            orientation="h",
            marker={
                "color": [
                    FAINT if floor is not None and low <= floor else BLUE
                    for _, _, low, _ in ordered
                ]
            },
            error_x={
                "type": "data", "symmetric": False, "color": INK, "thickness": 1.3, "width": 4,
                "array": [max(0.0, high - value) for _, value, _, high in ordered],
                "arrayminus": [max(0.0, value - low) for _, value, low, _ in ordered],
            },
            hovertemplate="%{y}: %{x:.3g}<extra></extra>",
        )
    )  # fmt: skip
    if floor is not None:
        figure.add_vline(x=floor, line={"color": INK, "dash": "dash", "width": 1})
    return dressed(figure, x=title, height=max(220, 60 + 26 * len(ordered)))
