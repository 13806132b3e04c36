"""Every trial's value, and the best so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from homeostat.pages.figures.style import BLUE, FAINT, ORANGE, dressed
from homeostat.workload.goal import Goal

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from homeostat.study.records import TrialRow


def history(trials: Sequence[TrialRow], *, metric: str, goal: str) -> go.Figure:
    """One point for each trial with a value, and the running best as a line.

    Trials without a value (diverged, failed) are crosses on the lower edge, with their reason.
    """
    import plotly.graph_objects as go

    told = [t for t in trials if metric in t.values and np.isfinite(t.values[metric])]
    values = np.array([t.values[metric] for t in told])
    best = Goal(goal).best_so_far(values)
    figure = go.Figure()
    figure.add_scatter(
        x=[t.number for t in told], y=values, mode="markers", name="a trial",
        marker={"color": BLUE, "size": 7, "opacity": 0.6},
        text=[_settings(t) for t in told], hovertemplate="trial %{x}: %{y:.5g}<br>%{text}",
    )  # fmt: skip
    figure.add_scatter(
        x=[t.number for t in told], y=best, mode="lines", name="best so far",
        line={"color": ORANGE, "width": 2, "shape": "hv"}, hoverinfo="skip",
    )  # fmt: skip
    lost = [t for t in trials if t.outcome.final and metric not in t.values]
    if lost:
        figure.add_scatter(
            x=[t.number for t in lost], y=[0.02] * len(lost), yaxis="y2", mode="markers",
            name="no value", marker={"color": FAINT, "symbol": "x", "size": 7},
            text=[f"{t.outcome.value}: {t.reason}" for t in lost],
            hovertemplate="trial %{x}<br>%{text}<extra></extra>",
        )  # fmt: skip
        figure.update_layout(
            yaxis2={"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True}
        )
    return dressed(figure, x="trial", y=metric)


def _settings(trial: TrialRow) -> str:
    parts = [
        f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value}"
        for name, value in trial.parameters.items()
    ]
    return "<br>".join(parts).replace("<script", "&lt;script")
