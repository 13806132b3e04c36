"""Two objectives against each other, and the trials that none beats in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from homeostat.pages.figures.style import BLUE, ORANGE, dressed
from homeostat.search.pareto import front

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from homeostat.study.records import TrialRow


def pareto(trials: Sequence[TrialRow], *, objectives: Mapping[str, str]) -> go.Figure:
    """The first two objectives; the front is a line, and its trials can be hovered."""
    import plotly.graph_objects as go

    x, y = list(objectives)[:2]
    told = [t for t in trials if x in t.values and y in t.values]
    best = front(told, {x: objectives[x], y: objectives[y]})
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
