"""Parallel coordinates: each trial is a line through its settings, coloured by its value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from homeostat.pages.figures.style import dressed
from homeostat.space import Float, Int, Space
from homeostat.workload.goal import Goal

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from homeostat.study.records import TrialRow

MOST_AXES = 12


def parallel(
    trials: Sequence[TrialRow], *, metric: str, goal: str, space: Space, names: Sequence[str] = ()
) -> go.Figure:
    """One axis for each parameter that every trial has, the objective last.

    Args:
        trials: Those with a value are drawn.
        names: Which parameters, in which order; the first dozen that every trial has by default.
    """
    import plotly.graph_objects as go

    told = [t for t in trials if metric in t.values and np.isfinite(t.values[metric])]
    common = [
        n for n in (told[0].parameters if told else {}) if all(n in t.parameters for t in told)
    ]
    chosen = [n for n in (names or common) if n in common][:MOST_AXES]
    values = np.array([t.values[metric] for t in told])
    axes = [_axis(name, [t.parameters[name] for t in told], space) for name in chosen]
    axes.append({"label": metric, "values": values})
    figure = go.Figure(
        go.Parcoords(
            dimensions=axes,
            line={
                "color": values,
                "colorscale": "Viridis",
                "reversescale": Goal(goal).minimizes,
                "cmin": float(np.percentile(values, 0)) if len(values) else 0.0,
                "cmax": float(np.percentile(values, 90)) if len(values) else 1.0,
            },
            labelangle=-15,
        )
    )
    dressed(figure, height=420)
    figure.update_layout(margin={"l": 70, "r": 70, "t": 90, "b": 30})
    return figure


def _axis(name: str, values: list[Any], space: Space) -> dict[str, Any]:
    parameter = space.get(name)
    if isinstance(parameter, Float | Int):
        if not parameter.log:
            return {"label": name, "values": values}
        low, high = np.log10(parameter.low), np.log10(parameter.high)
        ticks = np.linspace(low, high, 4)
        return {
            "label": name, "values": np.log10(values), "range": [low, high], "tickvals": ticks,
            "ticktext": [f"{10**tick:.2g}" for tick in ticks],
        }  # fmt: skip
    options = sorted({str(value) for value in values})
    return {
        "label": name, "values": [options.index(str(value)) for value in values],
        "tickvals": list(range(len(options))), "ticktext": options,
    }  # fmt: skip
