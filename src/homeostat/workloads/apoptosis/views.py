"""What a finished run shows: the vitality of its layers, who died, and from whom who was born."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeostat.wording import plural
from homeostat.workload.view import Kept, View

if TYPE_CHECKING:
    import plotly.graph_objects as go

FILE = "lifelines.npz"
MOST_PX = 600
FRESH = -1
"""Stands for a parent where there is none: fresh weights."""


def lifelines(kept: Kept) -> View | None:
    """Layers over time: dark where they are fit, with deaths and births."""
    import plotly.graph_objects as go

    from homeostat.pages.figures.style import GROWING, dressed
    from homeostat.workloads.apoptosis.lifelines import ZONES

    found = kept.artifact(FILE)
    if found is None:
        return None
    num_layers = found["vitality_SL"].shape[1]
    height = min(34, MOST_PX // num_layers) * num_layers
    roles = [[ZONES[zone] for zone in zones] for zones in found["zones_SL"].T.tolist()]
    figure = go.Figure(
        go.Heatmap(
            x=found["steps"], y=list(range(num_layers)), z=found["vitality_SL"].T.tolist(),
            zmin=0, zmax=1, colorscale=GROWING, customdata=roles, ygap=2,
            hovertemplate="step %{x}, layer %{y}: vitality %{z:.2f}, %{customdata}<extra></extra>",
            colorbar={"title": {"text": "vitality", "side": "top"}, "orientation": "h",
                      "thickness": 10, "len": 0.5, "yanchor": "top",
                      "y": -66 / (height + 30)},
        )
    )  # fmt: skip
    _deaths(figure, found["events"])
    dressed(figure, x="steps done", y="layer", height=height + 195)
    figure.update_layout(
        margin={"t": 50, "b": 115}, legend={"yref": "container", "y": 0.99, "yanchor": "top"}
    )
    figure.update_yaxes(dtick=1, showgrid=False)
    figure.update_xaxes(showgrid=False)
    return View("Lives of the layers", figure, _caption(found, num_layers))


def _deaths(figure: go.Figure, events: list[dict[str, Any]]) -> None:
    from homeostat.pages.figures.style import INK, ORANGE

    born = [e for e in events if e["parent"] not in (FRESH, e["layer"])]
    if born:
        rows = [(e["step"], e["parent"], e["layer"]) for e in born]
        figure.add_scatter(
            x=[x for step, _, _ in rows for x in (step, step, None)],
            y=[y for _, parent, child in rows for y in (parent, child, None)],
            mode="lines", line={"color": INK, "width": 1.5, "dash": "dot"}, name="inherits from",
            hoverinfo="skip",
        )  # fmt: skip
    if events:
        figure.add_scatter(
            x=[e["step"] for e in events], y=[e["layer"] for e in events], mode="markers",
            marker={"color": ORANGE, "symbol": "x", "size": 9, "line": {"color": INK, "width": 1}},
            name="death and birth", text=[_told(e) for e in events],
            hovertemplate="step %{x}: %{text}<extra></extra>",
        )  # fmt: skip


def _told(event: dict[str, Any]) -> str:
    if event["neurons"]:
        return f"{event['neurons']} neurons of layer {event['layer']} are replaced"
    source = "fresh weights" if event["parent"] == FRESH else f"the weights of {event['parent']}"
    return f"layer {event['layer']} dies at vitality {event['vitality']:.2f}; {source} follow"


def _caption(found: dict[str, Any], num_layers: int) -> str:
    drawn, total = len(found["events"]), found["num_events"]
    rest = f", the first {drawn} of them drawn" if drawn < total else ""
    neurons = sum(event["neurons"] for event in found["events"])
    if neurons:
        return (
            f"Each row is one of {num_layers} layers, which do not age here: {neurons} neurons "
            f"died in their place, at {total} crosses{rest}."
        )
    return (
        f"Each row is one of {num_layers} layers, the more colour the fitter; a cross is a death "
        f"and the birth in its place, a dotted line leads from whose weights the newborn starts: "
        f"{plural(total, 'death')}{rest}."
    )


VIEWS = (lifelines,)
