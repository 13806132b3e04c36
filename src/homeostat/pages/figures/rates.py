"""The loss of short runs against their learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeostat.pages.figures.scale import scale_of
from homeostat.pages.figures.style import BLUE, ORANGE, dressed

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from homeostat.design.lr_find import RangeTest


def rates(test: RangeTest, goal: str) -> go.Figure:
    """A point for each rate; those that failed are crosses at the upper edge."""
    import plotly.graph_objects as go

    sound = [rung for rung in test.rungs if not rung.failed]
    failed = [rung for rung in test.rungs if rung.failed]
    scale = scale_of([rung.loss for rung in sound], goal)
    shown, _ = scale.clipped(rung.loss for rung in sound)
    figure = go.Figure()
    figure.add_scatter(
        x=[rung.rate for rung in sound], y=shown, mode="lines+markers", name="trained",
        customdata=[rung.loss for rung in sound], line={"color": BLUE}, marker={"size": 7},
        hovertemplate="%{x:.3g}: %{customdata:.5g}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=[rung.rate for rung in failed], y=[scale.high] * len(failed), mode="markers",
        name="failed", marker={"symbol": "x", "color": ORANGE, "size": 9},
        text=[f"{rung.outcome}: {rung.reason}" for rung in failed], showlegend=bool(failed),
        hovertemplate="%{x:.3g}: %{text}<extra></extra>",
    )  # fmt: skip
    if test.suggested is not None:
        figure.add_vline(x=test.suggested, line={"color": ORANGE, "dash": "dash", "width": 1.5})
    dressed(figure, x=test.parameter, y=test.metric)
    figure.update_layout(yaxis=scale.axis())
    figure.update_xaxes(type="log", exponentformat="power", dtick=1)
    return figure
