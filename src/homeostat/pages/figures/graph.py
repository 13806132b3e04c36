"""Nodes and signed connections between them: who excites whom and who inhibits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from homeostat.pages.figures.style import INK, dressed, literal, see_through

if TYPE_CHECKING:
    import plotly.graph_objects as go

EXCITES, INHIBITS = "#2f9e5b", "#d0493b"
BENDS = 12
# Connections are drawn in this many widths: a line of its own for each would be thousands.
WIDTHS = ((0.0, 0.33, 0.6), (0.33, 0.66, 1.2), (0.66, 1.01, 2.2))

SIGNS = ((1, "excites", EXCITES), (-1, "inhibits", INHIBITS))
CROWD = 250
"""As many connections as the eye can tell apart; more are drawn fainter."""

Edge = tuple[int, int, float]


def graph(
    places: NDArray[np.float64],
    edges: Sequence[Edge],
    *,
    names: Sequence[str],
    kinds: Sequence[str],
    colours: Mapping[str, str],
    columns: bool = True,
) -> go.Figure:
    """Draw nodes where they are told to be, and connections by sign and strength.

    Args:
        places: Of the nodes, shape (N, 2).
        edges: (source, target, signed strength) of each connection.
        names: Of the nodes, shown when hovered.
        kinds: Of the nodes; each kind is an entry of the legend.
        colours: Kind -> colour.
        columns: Whether nodes stand in columns: connections within one then are arcs.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    largest = max((abs(weight) for _, _, weight in edges), default=1.0) or 1.0
    for _, word, colour in SIGNS:
        figure.add_scatter(
            x=[None], y=[None], mode="lines", name=word, legendgroup=word,
            line={"color": colour, "width": 2.5},
        )  # fmt: skip
    # Strong ones over weak ones, and the more there are, the thinner.
    thin = min(1.0, (CROWD / max(len(edges), 1)) ** 0.5)
    for low, high, width in WIDTHS:
        for sign, word, colour in SIGNS:
            chosen = [
                (a, b) for a, b, w in edges if w * sign > 0 and low <= abs(w) / largest < high
            ]
            if not chosen:
                continue
            lines = np.concatenate(
                [_line(places[a], places[b], itself=a == b, columns=columns) for a, b in chosen]
            )
            figure.add_scatter(
                x=lines[:, 0], y=lines[:, 1], mode="lines", name=word, legendgroup=word,
                line={"color": see_through(colour, max(thin, 0.6) * (0.35 + 0.2 * width)),
                      "width": max(0.5, thin * width)},
                hoverinfo="skip", showlegend=False,
            )  # fmt: skip
    _nodes(figure, places, edges, names, kinds, colours)
    dressed(figure, height=max(320, min(640, 160 + 14 * _tallest(places))))
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.update_layout(
        margin={"l": 10, "r": 10, "t": 10, "b": 60}, legend={"y": -0.02, "yanchor": "top"}
    )
    return figure


def _nodes(
    figure: go.Figure,
    places: NDArray[np.float64],
    edges: Sequence[Edge],
    names: Sequence[str],
    kinds: Sequence[str],
    colours: Mapping[str, str],
) -> None:
    ends_E2 = np.array([(a, b) for a, b, _ in edges], dtype=int).reshape(-1, 2)
    told, heard = (np.bincount(ends_E2[:, side], minlength=len(places)) for side in (0, 1))
    for kind, colour in colours.items():
        chosen = [i for i, of in enumerate(kinds) if of == kind]
        if chosen:
            figure.add_scatter(
                x=places[chosen, 0], y=places[chosen, 1], mode="markers", name=kind,
                marker={"color": colour, "size": 11, "line": {"color": INK, "width": 1}},
                text=[f"{literal(names[i])}<br>hears {heard[i]}, tells {told[i]}" for i in chosen],
                hovertemplate="%{text}<extra></extra>",
            )  # fmt: skip


def _line(
    start: NDArray[np.float64], end: NDArray[np.float64], *, itself: bool, columns: bool
) -> NDArray[np.float64]:
    """A straight line between columns, an arc inside one, a loop onto oneself; then a gap."""
    bent = itself or (columns and start[0] == end[0])
    along = np.linspace(0.0, 1.0, BENDS if bent else 2)
    line: NDArray[np.float64] = start + (end - start) * along[:, None]
    if bent:
        line[:, 0] += (0.12 if itself else 0.3) * np.sin(np.pi * along)
    if itself:
        line[:, 1] += 0.03 * np.sin(2 * np.pi * along)
    return np.vstack([line, [np.nan, np.nan]])


def _tallest(places: NDArray[np.float64]) -> int:
    """The most nodes of one column."""
    return int(np.unique(places[:, 0], return_counts=True)[1].max(initial=1))
