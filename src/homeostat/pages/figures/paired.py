"""Two configurations on the same seeds: what each seed gains or loses."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import TYPE_CHECKING

from homeostat.pages.figures.scale import log_ticks, scale_of
from homeostat.pages.figures.style import BLUE, FAINT, ORANGE, dressed

if TYPE_CHECKING:
    import plotly.graph_objects as go


def paired(
    before: Mapping[int, float], after: Mapping[int, float], *, names: tuple[str, str],
    metric: str, goal: str,
) -> go.Figure:  # fmt: skip
    """A row for each seed that both have, from the first configuration's value to the second's.

    Args:
        before, after: Seed -> value.
        names: Of the two configurations.
    """
    import plotly.graph_objects as go

    seeds = [seed for seed in before if seed in after]
    rows = [f"seed {seed}" for seed in seeds]
    figure = go.Figure()
    figure.add_scatter(
        x=[v for s in seeds for v in (before[s], after[s], None)],
        y=[v for row in rows for v in (row, row, None)],
        mode="lines", line={"color": FAINT, "width": 2}, hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    for values, name, colour in ((before, names[0], BLUE), (after, names[1], ORANGE)):
        found = [values[seed] for seed in seeds]
        figure.add_scatter(
            x=found, y=rows, mode="markers", name=f"{name}, mean {fmean(found):.4g}",
            marker={"color": colour, "size": 11},
            hovertemplate=f"%{{y}}: %{{x:.5g}}<extra>{name}</extra>",
        )  # fmt: skip
        figure.add_vline(x=fmean(found), line={"color": colour, "width": 1.2, "dash": "dot"})
    dressed(figure, x=metric, height=110 + 26 * len(rows))
    both = [*before.values(), *after.values()]
    if scale_of(both, goal).log:
        figure.update_xaxes(type="log", **log_ticks(0.5 * min(both), 2 * max(both)))
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure
