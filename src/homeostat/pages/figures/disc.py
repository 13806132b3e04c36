"""Points of a hyperbolic space on the Poincaré disc, the few that matter by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from homeostat.pages.figures.style import FAINT, GRID, INK, SCALE, dressed, literal

if TYPE_CHECKING:
    import plotly.graph_objects as go

FARTHEST = 6
"""Circles of equal distance are drawn at 1, 2, ... up to here; beyond, they crowd the boundary."""


@dataclass(frozen=True)
class Flattened:
    """Points of a ball brought onto a disc of radius 1.

    Attributes:
        points_N2: Inside the unit circle.
        distance_N: Of each point from the centre, in the whole ball.
        share: The part of the squared distances that lies within the disc's plane.
    """

    points_N2: NDArray[np.float64]
    distance_N: NDArray[np.float64]
    share: float


def flatten(points_ND: NDArray[np.floating], curvature: float = 1.0) -> Flattened:
    """Project a ball onto the plane through its centre that its points lie nearest to.

    Points walk to the tangent space at the centre, are projected there (principal directions, not
    centred, so that the centre stays where it is), and walk back: distances to the centre never
    grow. Two dimensions are only turned.
    """
    ball_ND = np.asarray(points_ND, dtype=np.float64) * np.sqrt(curvature)
    radius_N1 = np.linalg.norm(ball_ND, axis=1, keepdims=True)
    if not np.all(radius_N1 < 1):
        raise ValueError("a point lies on the boundary of the ball, or outside")
    tangent_ND = ball_ND * _ratio(np.arctanh(radius_N1), radius_N1)
    _, sizes, directions = np.linalg.svd(tangent_ND, full_matrices=False)
    # A singular vector's sign is arbitrary; with this one the same points give the same picture.
    strongest = np.argmax(np.abs(directions), axis=1)
    directions *= np.sign(directions[np.arange(len(directions)), strongest])[:, None]
    flat_N2 = np.zeros((len(ball_ND), 2))
    flat = tangent_ND @ directions[:2].T
    flat_N2[:, : flat.shape[1]] = flat
    length_N1 = np.linalg.norm(flat_N2, axis=1, keepdims=True)
    total = float((sizes**2).sum())
    return Flattened(
        points_N2=flat_N2 * _ratio(np.tanh(length_N1), length_N1),
        distance_N=2 * np.arctanh(radius_N1[:, 0]) / np.sqrt(curvature),
        share=float((sizes[:2] ** 2).sum()) / total if total else 1.0,
    )


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(above, below, out=np.ones_like(above), where=below > 0)


def disc(
    flat: Flattened,
    *,
    names: Sequence[str],
    values: Sequence[float],
    marked: Sequence[bool],
    value: str,
    marks: str,
    curvature: float = 1.0,
) -> go.Figure:
    """The disc with its boundary; circles lie at distances 1, 2, ... from the centre.

    Args:
        flat: Where the points are.
        names: Of the points, shown when hovered.
        values: What colours them.
        marked: Those drawn as diamonds with their names beside them.
        value: What the values are.
        marks: What the marked are.
        curvature: Of the ball, for the circles.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    _rings(figure, float(flat.distance_N.max(initial=0.0)), curvature)
    is_marked = np.asarray(marked, dtype=bool)
    lowest, highest = float(np.min(values)), float(np.max(values))
    for group, name, symbol, size in (
        (~is_marked, "a point", "circle", 7),
        (is_marked, marks, "diamond", 11),
    ):
        chosen = np.flatnonzero(group).tolist()
        shown = [literal(names[i]) for i in chosen]
        figure.add_scatter(
            x=flat.points_N2[chosen, 0], y=flat.points_N2[chosen, 1], name=name, showlegend=False,
            mode="markers+text" if group is is_marked else "markers",
            text=shown if group is is_marked else None,
            textposition=[_outward(*flat.points_N2[i]) for i in chosen] or None,
            customdata=[
                [label, float(values[i]), float(flat.distance_N[i])]
                for label, i in zip(shown, chosen, strict=True)
            ],
            hovertemplate=(
                f"%{{customdata[0]}}<br>{literal(value)}: %{{customdata[1]:.3g}}<br>"
                "distance from the centre: %{customdata[2]:.3g}<extra></extra>"
            ),
            marker={
                "color": [float(values[i]) for i in chosen], "colorscale": SCALE,
                "cmin": lowest, "cmax": highest, "symbol": symbol, "size": size, "opacity": 0.9,
                "line": {"color": INK, "width": 1.5 if group is is_marked else 0},
                "showscale": group is is_marked,
                "colorbar": {"title": {"text": value, "side": "top"}, "orientation": "h",
                             "y": -0.02, "yanchor": "top", "thickness": 10, "len": 0.7},
            },
        )  # fmt: skip
    dressed(figure, height=560)
    edge = {"visible": False, "range": [-1.08, 1.08]}
    figure.update_xaxes(**edge, constrain="domain")
    figure.update_yaxes(**edge, constrain="domain", scaleanchor="x")
    figure.update_layout(margin={"l": 10, "r": 10, "t": 10, "b": 70})
    return figure


def _outward(x: float, y: float) -> str:
    """Where a name is placed, so that the names of neighbours do not overlap."""
    height = "middle" if abs(y) < abs(x) / 2 else ("top" if y > 0 else "bottom")
    side = "center" if abs(x) < abs(y) / 2 else ("right" if x > 0 else "left")
    return f"{height} {side}"


def _rings(figure: go.Figure, farthest: float, curvature: float) -> None:
    figure.add_shape(type="circle", x0=-1, y0=-1, x1=1, y1=1, line={"color": INK, "width": 2})
    for distance in range(1, min(FARTHEST, int(farthest) + 1) + 1):
        radius = float(np.tanh(distance * np.sqrt(curvature) / 2))
        figure.add_shape(
            type="circle", x0=-radius, y0=-radius, x1=radius, y1=radius, layer="below",
            line={"color": GRID, "width": 1},
        )  # fmt: skip
        figure.add_annotation(
            x=0, y=-radius, text=str(distance), showarrow=False, yshift=-8,
            font={"size": 10, "color": FAINT},
        )  # fmt: skip
