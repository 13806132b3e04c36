"""The curves of many trials at once, in groups that the legend switches on and off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from homeostat.pages.figures.curves import Curve, common_steps
from homeostat.pages.figures.scale import scale_of
from homeostat.pages.figures.style import dressed

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_POINTS = 120
"""Of each curve: hundreds of them are drawn."""

Line = tuple[str, Curve]


def crowd(
    groups: Mapping[str, Sequence[Line]], colours: Mapping[str, tuple[str, float]], *, metric: str,
    unit: str, goal: str,
) -> go.Figure:  # fmt: skip
    """A thin line for each curve, a colour for each group; groups with one curve stand out.

    Args:
        groups: Group -> (name, (steps, values)) of each curve.
        colours: Group -> its colour and the width of its lines.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    last: list[float] = []
    for group, lines in groups.items():
        x: list[float | None] = []
        y: list[float | None] = []
        names: list[str] = []
        for name, curve in lines:
            steps = common_steps([curve], MOST_POINTS)
            values = np.interp(steps, *curve)
            last.extend(values[len(values) // 10 :])
            x += [*steps.tolist(), None]
            y += [*values.tolist(), None]
            names += [name] * (len(steps) + 1)
        colour, width = colours[group]
        figure.add_scatter(
            x=x, y=y, mode="lines", name=group, text=names,
            line={"color": colour, "width": width},
            hovertemplate=f"%{{text}}, {unit} %{{x}}: %{{y:.5g}}<extra></extra>",
        )  # fmt: skip
    dressed(figure, x=unit, y=metric)
    figure.update_layout(yaxis=scale_of(last, goal).axis())
    return figure
