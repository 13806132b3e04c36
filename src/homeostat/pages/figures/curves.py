"""What runs reported, step by step: the mean over seeds, and the band between its extremes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from homeostat.pages.figures.style import COLOURS, dressed, see_through

if TYPE_CHECKING:
    import plotly.graph_objects as go

Curve = tuple[Sequence[int], Sequence[float]]
MOST_POINTS = 400


def curves(runs: Mapping[str, Sequence[Curve]], *, metric: str, unit: str) -> go.Figure:
    """One line per run, with a band from the lowest to the highest of its seeds.

    Args:
        runs: Name -> (steps, values) of each seed.
        metric, unit: What is on the axes.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for number, (name, seeds) in enumerate(runs.items()):
        seeds = [curve for curve in seeds if len(curve[0])]
        if not seeds:
            continue
        colour = COLOURS[number % len(COLOURS)]
        steps = common_steps(seeds)
        table = np.array([np.interp(steps, s, v, right=np.nan) for s, v in seeds])
        if len(seeds) > 1:
            with np.errstate(invalid="ignore"):
                low, high = np.nanmin(table, axis=0), np.nanmax(table, axis=0)
            figure.add_scatter(
                x=np.concatenate([steps, steps[::-1]]), y=np.concatenate([high, low[::-1]]),
                fill="toself", fillcolor=see_through(colour, 0.18), line={"width": 0},
                hoverinfo="skip", showlegend=False, legendgroup=name,
            )  # fmt: skip
        figure.add_scatter(
            x=steps, y=np.nanmean(table, axis=0), mode="lines", name=name, legendgroup=name,
            line={"color": colour, "width": 2},
            hovertemplate=f"{unit} %{{x}}: %{{y:.5g}}",
        )  # fmt: skip
    return dressed(figure, x=unit, y=metric)


def common_steps(seeds: Sequence[Curve], most: int = MOST_POINTS) -> np.ndarray:
    """Steps at which every seed can be read, thinned to what a screen shows."""
    steps = np.unique(np.concatenate([np.asarray(s) for s, _ in seeds]))
    last = max(s[-1] for s, _ in seeds)
    steps = steps[steps <= last]
    if len(steps) > most:
        steps = steps[np.linspace(0, len(steps) - 1, most).astype(int)]
    return steps
