"""The value against one setting: a small figure for each, as many as fit side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from homeostat.pages.figures.scale import log_ticks, scale_of
from homeostat.pages.figures.style import BLUE, ORANGE, dressed
from homeostat.space import Float, Int, Space
from homeostat.space.values import show

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from homeostat.study.records import TrialRow


def sliced(
    trials: Sequence[TrialRow], name: str, *, metric: str, goal: str, space: Space,
    chosen: int | None = None,
) -> go.Figure:  # fmt: skip
    """Every trial that has the setting; the trial to take is ringed.

    Args:
        trials: Those with a value, of which some may not have the setting.
        chosen: The trial to take.
    """
    import plotly.graph_objects as go

    shown = [t for t in trials if name in t.parameters]
    scale = scale_of([t.values[metric] for t in trials], goal)
    places, axis = places_of([t.parameters[name] for t in shown], space.get(name))
    heights, beyond = scale.clipped(t.values[metric] for t in shown)
    figure = go.Figure()
    figure.add_scatter(
        x=places, y=heights, mode="markers", showlegend=False, cliponaxis=False,
        marker={"color": BLUE, "size": 6, "opacity": 0.75,
                "symbol": np.where(beyond, "triangle-up", "circle")},
        text=[f"trial {t.number}: {name} = {show(t.parameters[name])}" for t in shown],
        customdata=[t.values[metric] for t in shown],
        hovertemplate="%{text}<br>%{customdata:.5g}<extra></extra>",
    )  # fmt: skip
    ring = [i for i, t in enumerate(shown) if t.number == chosen]
    figure.add_scatter(
        x=[places[i] for i in ring], y=[heights[i] for i in ring], mode="markers",
        showlegend=False, hoverinfo="skip",
        marker={"symbol": "circle-open", "size": 14, "color": ORANGE, "line": {"width": 2.5}},
    )  # fmt: skip
    dressed(figure, x=name, y=metric, height=230)
    figure.update_layout(margin={"l": 50, "r": 10, "t": 10, "b": 45}, yaxis=scale.axis())
    figure.update_xaxes(**axis)
    return figure


def places_of(values: Sequence[Any], parameter: Any) -> tuple[list[Any], dict[str, Any]]:
    """Where settings stand on an axis, and the axis: numbers as such, options side by side."""
    if isinstance(parameter, Float | Int):
        axis: dict[str, Any] = {"type": "log" if parameter.log else "linear"}
        if parameter.log:
            axis |= log_ticks(float(parameter.low), float(parameter.high))
        elif isinstance(parameter, Int):
            axis |= {"tickformat": "d"}
            if parameter.high - parameter.low <= 10:
                axis |= {"dtick": 1}
        return list(values), axis
    options = sorted({show(value) for value in values})
    ticks = {"tickvals": list(range(len(options))), "ticktext": [o[:18] for o in options]}
    return [options.index(show(v)) for v in values], {
        **ticks, "range": [-0.5, len(options) - 0.5]
    }  # fmt: skip
