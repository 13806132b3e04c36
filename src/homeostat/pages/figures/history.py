"""Every trial's value against the default's and what its seeds alone vary by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from homeostat.pages.figures.scale import scale_of
from homeostat.pages.figures.style import (
    BLUE,
    FAINT,
    GREEN,
    ORANGE,
    RED,
    dressed,
    literal,
    see_through,
    settings_of,
)
from homeostat.record.outcome import Outcome
from homeostat.workload.goal import Goal

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from homeostat.study.records import TrialRow

MOST_TOLD = 2_000
"""With more trials a point shows no settings: the page would carry megabytes of text."""


@dataclass(frozen=True)
class Noise:
    """What the default scores, and the band in which luck alone moves such a value."""

    mean: float
    half: float | None
    """Half of the band's width; None where the default ran on one seed only."""


def history(
    trials: Sequence[TrialRow], *, metric: str, goal: str, noise: Noise | None = None,
    chosen: int | None = None,
) -> go.Figure:  # fmt: skip
    """One point for each trial with a value, the running best, the default and its noise band.

    Values far beyond all others are triangles at the edge; trials without one are crosses along
    it, with their reason.

    Args:
        trials: All of a study.
        noise: Of the default.
        chosen: The trial to take, which is ringed.
    """
    import plotly.graph_objects as go

    told = [t for t in trials if np.isfinite(t.values.get(metric, np.nan))]
    done = [t for t in told if t.outcome is Outcome.COMPLETED]
    scale = scale_of((t.values[metric] for t in told), goal, shows=noise.mean if noise else None)
    figure = go.Figure()
    if noise is not None:
        _default(figure, noise)
    beyond_bounds = [t for t in told if t.outcome is Outcome.INFEASIBLE]
    cut = [t for t in told if t.outcome not in (Outcome.COMPLETED, Outcome.INFEASIBLE)]
    groups = (
        (cut, "stopped early", FAINT), (beyond_bounds, "infeasible", RED), (done, "a trial", BLUE)
    )  # fmt: skip
    for group, name, colour in groups:
        own = np.array([t.values[metric] for t in group])
        values, beyond = scale.clipped(own)
        some_beyond = bool(beyond.any())
        symbols = np.where(beyond, "triangle-up", "circle") if some_beyond else "circle"
        # WebGL where there are many; a page has only a few contexts for it.
        gl = len(group) > MOST_TOLD
        draw = figure.add_scattergl if gl else figure.add_scatter
        draw(
            x=np.array([t.number for t in group]), y=values, mode="markers", name=name,
            showlegend=bool(group), **({} if gl else {"cliponaxis": False}),
            marker={"color": colour, "size": 7, "opacity": 0.8, "symbol": symbols},
            customdata=own if some_beyond else None,
            text=[told_of(t) for t in group] if len(told) <= MOST_TOLD else None,
            hovertemplate=f"trial %{{x}}: %{{{'customdata' if some_beyond else 'y'}:.5g}}"
                          "<br>%{text}<extra></extra>",
        )  # fmt: skip
    best = Goal(goal).best_so_far(np.array([t.values[metric] for t in done]))
    turns = sorted({0, *np.flatnonzero(np.diff(best)) + 1, len(done) - 1}) if done else []
    figure.add_scatter(
        x=[done[turn].number for turn in turns], y=best[turns], mode="lines", name="best so far",
        line={"color": ORANGE, "width": 2, "shape": "hv"}, hoverinfo="skip",
    )  # fmt: skip
    ring = [t for t in done if t.number == chosen]
    if ring:
        figure.add_scatter(
            x=[t.number for t in ring], y=[t.values[metric] for t in ring], mode="markers",
            name=f"trial {chosen}, to take", hoverinfo="skip",
            marker={"symbol": "circle-open", "size": 15, "color": ORANGE, "line": {"width": 2.5}},
        )  # fmt: skip
    numbers = {t.number for t in told}
    counts = [t for t in trials if t.outcome.final and t.outcome is not Outcome.FORGOTTEN]
    lost = [t for t in counts if t.number not in numbers]
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
    dressed(figure, x="trial", y=metric)
    figure.update_layout(yaxis=scale.axis())
    return figure


def told_of(trial: TrialRow) -> str:
    """A trial's settings, and why it does not count."""
    return "<br>".join(filter(None, (settings_of(trial), literal(trial.reason))))


def _default(figure: go.Figure, noise: Noise) -> None:
    figure.add_hline(y=noise.mean, line={"color": GREEN, "width": 1.5, "dash": "dash"})
    if noise.half:
        figure.add_hrect(
            y0=noise.mean - noise.half, y1=noise.mean + noise.half, line_width=0,
            fillcolor=see_through(GREEN, 0.16), layer="below",
        )  # fmt: skip
    figure.add_scatter(  # the legend's entry: lines across a figure have none
        x=[None], y=[None], mode="lines", name="the default, with its noise",
        line={"color": GREEN, "width": 1.5, "dash": "dash"},
    )  # fmt: skip
