"""Parallel coordinates: each trial is a line through its settings, coloured by its value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from homeostat.pages.figures.scale import scale_of
from homeostat.pages.figures.style import FAINT, INK, SCALE, dressed, literal
from homeostat.space import Float, Int, Space
from homeostat.space.values import show
from homeostat.workload.goal import Goal

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from homeostat.study.records import TrialRow

MOST_AXES = 12
MOST_TICKS = 6
AXIS_PX = 92
"""What an axis needs in width to be read; on a phone the figure scrolls."""


def parallel(
    trials: Sequence[TrialRow], *, metric: str, goal: str, space: Space, names: Sequence[str] = ()
) -> go.Figure:
    """One axis for each parameter, the objective last; the best are orange.

    A trial without a setting passes its axis at the mark "–", below all values.

    Args:
        trials: Those with a value are drawn.
        names: Which parameters, in which order; the first dozen by default.
    """
    import plotly.graph_objects as go

    told = [t for t in trials if metric in t.values and np.isfinite(t.values[metric])]
    known = list(dict.fromkeys(n for t in told for n in t.parameters))
    chosen = [n for n in (names or known) if n in known][:MOST_AXES]
    scale = scale_of([t.values[metric] for t in told], goal)
    values, _ = scale.clipped(t.values[metric] for t in told)
    places = np.log10(values) if scale.log else values
    axes = [_axis(name, [t.parameters.get(name) for t in told], space) for name in chosen]
    axes.append({"label": literal(metric), "values": places, **_value_ticks(places, log=scale.log)})
    # By rank, so that the good ones differ in colour however near they lie.
    order = np.argsort(np.argsort(-Goal(goal).sign * values, kind="stable"), kind="stable")
    figure = go.Figure(
        go.Parcoords(
            dimensions=axes,
            line={"color": order / max(len(order) - 1, 1), "colorscale": SCALE},
            unselected={"line": {"color": FAINT, "opacity": 0.12}},
            labelangle=-20, labelfont={"color": INK, "size": 13},
            tickfont={"color": INK, "size": 12}, rangefont={"color": "rgba(0,0,0,0)", "size": 1},
        )
    )  # fmt: skip
    dressed(figure, height=420)
    figure.update_layout(
        margin={"l": 60, "r": 60, "t": 90, "b": 20}, meta={"width": 120 + AXIS_PX * len(chosen)}
    )
    return figure


def _axis(name: str, settings: list[Any], space: Space) -> dict[str, Any]:
    parameter = space.get(name)
    if isinstance(parameter, Float | Int):
        log = parameter.log
        places = [None if s is None else float(np.log10(s) if log else s) for s in settings]
        ends = np.log10([parameter.low, parameter.high]) if log else (parameter.low, parameter.high)
        ticks = _ticks(parameter)
    else:
        options = sorted({show(s) for s in settings if s is not None})
        places = [None if s is None else float(options.index(show(s))) for s in settings]
        ends, ticks = (0, len(options) - 1), dict(enumerate(o[:14] for o in options))
    low, high = float(ends[0]), float(ends[1])
    if None in places:  # conditional: some trials do not have it
        missing = low - 0.12 * ((high - low) or 1.0)
        ticks, low = {missing: "–", **ticks}, missing
        places = [missing if place is None else place for place in places]
    if low == high:
        low, high = low - 1, high + 1
    return {
        "label": literal(name), "values": places, "range": [low, high],
        "tickvals": list(ticks), "ticktext": [literal(text) for text in ticks.values()],
    }  # fmt: skip


def _ticks(parameter: Float | Int) -> dict[float, str]:
    """Place -> what stands there; whole numbers for counts."""
    low, high = parameter.low, parameter.high
    if parameter.log:
        found = 10 ** np.linspace(np.log10(low), np.log10(high), MOST_TICKS - 1)
    elif isinstance(parameter, Int) and high - low < MOST_TICKS:
        found = np.arange(low, high + 1, dtype=float)
    else:
        found = np.linspace(low, high, MOST_TICKS - 1)
    if isinstance(parameter, Int):
        found = np.unique(np.round(found))
    text = "d" if isinstance(parameter, Int) else ".2g"
    value = int if isinstance(parameter, Int) else float
    return {float(np.log10(v) if parameter.log else v): format(value(v), text) for v in found}


def _value_ticks(places: np.ndarray, *, log: bool) -> dict[str, Any]:
    if not len(places):
        return {}
    low, high = float(places.min()), float(places.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    ticks = np.linspace(low, high, MOST_TICKS - 1)
    shown = [f"{10**tick if log else tick:.3g}" for tick in ticks]
    return {"range": [low, high], "tickvals": ticks.tolist(), "ticktext": shown}
