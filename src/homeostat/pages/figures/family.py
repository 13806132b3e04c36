"""A quantity of many parts (influence_0, influence_1, ...) as a map over time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from homeostat.pages.figures.curves import MOST_POINTS, Curve
from homeostat.pages.figures.style import ORANGE, dressed

if TYPE_CHECKING:
    import plotly.graph_objects as go

_PART = re.compile(r"^(.*\D)_(\d+)$")
FEWEST = 3


def families(metrics: Iterable[str]) -> dict[str, list[str]]:
    """Stem -> its metrics by number, where there are three or more."""
    found: dict[str, dict[int, str]] = {}
    for name in metrics:
        part = _PART.match(name)
        if part:
            found.setdefault(part[1], {})[int(part[2])] = name
    return {
        stem: [parts[number] for number in sorted(parts)]
        for stem, parts in found.items()
        if len(parts) >= FEWEST
    }


def family(
    parts: Sequence[Curve], *, stem: str, unit: str, events: Sequence[tuple[int, str]] = ()
) -> go.Figure:
    """Part against step, coloured by value; events are marked along the lower edge.

    Args:
        parts: (steps, values) of each part, in order.
        stem: What the values are.
        unit: Of the steps.
        events: (step, what happened) of each.
    """
    import plotly.graph_objects as go

    steps = np.unique(np.concatenate([np.asarray(s) for s, _ in parts]))
    if len(steps) > MOST_POINTS:
        steps = steps[np.linspace(0, len(steps) - 1, MOST_POINTS).astype(int)]
    table = np.array([np.interp(steps, s, v) for s, v in parts])
    figure = go.Figure(
        go.Heatmap(
            x=steps, y=list(range(len(parts))), z=table, colorscale="Viridis",
            colorbar={"title": stem, "thickness": 14},
            hovertemplate=f"{unit} %{{x}}, part %{{y}}: %{{z:.4g}}<extra></extra>",
        )
    )  # fmt: skip
    if events:
        figure.add_scatter(
            x=[step for step, _ in events], y=[-0.75] * len(events), mode="markers",
            marker={"color": ORANGE, "symbol": "triangle-up", "size": 10},
            text=[what for _, what in events], name="events", showlegend=False,
            hovertemplate=f"{unit} %{{x}}: %{{text}}<extra></extra>",
        )  # fmt: skip
    dressed(figure, x=unit, y="part", height=120 + 34 * len(parts))
    figure.update_yaxes(dtick=1 if len(parts) <= 24 else None, showgrid=False)
    return figure


def rises(curve: Curve, what: str) -> list[tuple[int, str]]:
    """When a count went up: (step, "1 death", ...)."""
    steps, values = curve
    found, last = [], 0.0
    for step, value in zip(steps, values, strict=True):
        if value > last:
            found.append((int(step), f"{what} {value:g}"))
        last = max(last, value)
    return found
