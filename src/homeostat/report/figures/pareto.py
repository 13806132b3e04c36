"""Two objectives against each other, and the trials that none beats in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from homeostat.report.figures.style import BLUE, ORANGE, dressed

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from homeostat.search.rows import TrialRow


def front(trials: Sequence[TrialRow], objectives: Mapping[str, str]) -> list[TrialRow]:
    """The trials that no other is at least as good as in everything and better in something."""
    told = [t for t in trials if all(name in t.values for name in objectives)]
    signs = {name: -1.0 if goal == "maximize" else 1.0 for name, goal in objectives.items()}
    points = [tuple(signs[n] * t.values[n] for n in objectives) for t in told]
    return [
        trial
        for trial, mine in zip(told, points, strict=True)
        if not any(
            all(a <= b for a, b in zip(other, mine, strict=True)) and other != mine
            for other in points
        )
    ]


def pareto(trials: Sequence[TrialRow], *, objectives: Mapping[str, str]) -> go.Figure:
    """The first two objectives; the front is a line, and its trials can be hovered."""
    import plotly.graph_objects as go

    x, y = list(objectives)[:2]
    told = [t for t in trials if x in t.values and y in t.values]
    best = sorted(front(told, {x: objectives[x], y: objectives[y]}), key=lambda t: t.values[x])
    figure = go.Figure()
    for group, name, colour, mode in (
        (told, "a trial", BLUE, "markers"),
        (best, "front", ORANGE, "lines+markers"),
    ):
        figure.add_scatter(
            x=[t.values[x] for t in group], y=[t.values[y] for t in group], mode=mode, name=name,
            marker={"color": colour, "size": 8, "opacity": 0.9 if group is best else 0.45},
            line={"color": colour, "width": 1.5, "dash": "dot"},
            text=[str(t.number) for t in group],
            hovertemplate=f"trial %{{text}}<br>{x} %{{x:.5g}}<br>{y} %{{y:.5g}}<extra></extra>",
        )  # fmt: skip
    return dressed(figure, x=f"{x} ({objectives[x]})", y=f"{y} ({objectives[y]})")
