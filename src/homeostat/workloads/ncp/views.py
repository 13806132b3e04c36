"""What a finished run shows: its circuit, and its neurons at work on one sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from homeostat.workload.view import Kept, View

if TYPE_CHECKING:
    import plotly.graph_objects as go

FILE = "network.npz"
ANSWER_PX, LAYER_PX, ABOVE_PX, BELOW_PX = 180, 210, 40, 110


def wiring(kept: Kept) -> View | None:
    """Which neurons excite and inhibit which; None for a fully connected layer."""
    from homeostat.pages import figures
    from homeostat.workloads.ncp.wiring_plot import KIND_COLOURS, column

    found = kept.artifact(FILE)
    if found is None or found["wiring"] is None:
        return None
    circuit = found["wiring"]
    sensory_IN, synapses_NN = circuit["sensory_IN"], circuit["synapses_NN"]
    num_inputs, num_neurons = sensory_IN.shape
    neurons_N2 = np.zeros((num_neurons, 2))
    # A circuit without an order of its own stands on a circle: in a column arcs would hide it.
    ordered = len(circuit["layers"]) > 1
    for depth, layer in enumerate(circuit["layers"], start=1):
        neurons_N2[layer] = column(len(layer), x=float(depth)) if ordered else _circle(len(layer))
    edges = [
        (int(a), int(b) + num_inputs, float(sensory_IN[a, b])) for a, b in np.argwhere(sensory_IN)
    ]
    edges += [
        (int(a) + num_inputs, int(b) + num_inputs, float(synapses_NN[a, b]))
        for a, b in np.argwhere(synapses_NN)
    ]
    kinds = ["input"] * num_inputs + list(circuit["kinds"])
    inputs = [f"{circuit['inputs']} {i}" for i in range(num_inputs)]
    figure = figures.graph(
        np.concatenate([column(num_inputs, x=0.0), neurons_N2]), edges,
        names=inputs + [f"{kind} neuron {n}" for n, kind in enumerate(circuit["kinds"])],
        kinds=kinds, colours=KIND_COLOURS, columns=ordered,
    )  # fmt: skip
    path = "Signals pass from left to right through" if ordered else "Signals enter at the left:"
    deep = " of the first layer" if kept.config["num_layers"] > 1 else ""
    return View(
        "Wiring",
        figure,
        f"{path} {num_neurons} neurons{deep}; colour is the sign "
        f"of each trained connection, width its strength: {len(edges)} of them, "
        f"{sum(w > 0 for *_, w in edges)} excite.",
    )


def _circle(count: int) -> np.ndarray:
    angle = np.pi - np.arange(count) * 2 * np.pi / count
    return np.column_stack([1.5 + 0.9 * np.cos(angle), 0.5 * np.sin(angle)])


def states(kept: Kept) -> View | None:
    """What was asked, what was answered, and every neuron in between."""
    from plotly.subplots import make_subplots

    from homeostat.pages.figures.style import dressed

    found = kept.artifact(FILE)
    if found is None:
        return None
    told, layers = found["states"], found["states"]["layers"]
    heights = [ANSWER_PX] + [LAYER_PX - 30 * (len(layers) - 1)] * len(layers)
    figure = make_subplots(
        rows=len(heights), shared_xaxes=True, vertical_spacing=0.04, row_heights=heights
    )
    _answer(figure, told)
    largest = max(float(np.abs(layer).max()) for layer in layers) or 1.0
    for depth, layer in enumerate(layers, start=1):
        _neurons(figure, told, layer, depth, largest)
    dressed(figure, height=sum(heights) + ABOVE_PX + BELOW_PX)
    figure.update_layout(margin={"t": ABOVE_PX, "b": BELOW_PX})
    figure.data[-1].update(
        showscale=True,
        colorbar={"orientation": "h", "thickness": 10, "len": 0.6, "yanchor": "top",
                  "y": -64 / sum(heights)},
    )  # fmt: skip
    figure.update_xaxes(showgrid=False)
    figure.update_yaxes(title_text="output", row=1)
    figure.update_xaxes(title_text="time passed, as the network is told it", row=len(heights))
    for depth in range(1, len(layers) + 1):
        word = "neuron" if len(layers) == 1 else f"neuron, layer {depth}"
        figure.update_yaxes(title_text=word, row=depth + 1, showgrid=False, autorange="reversed")
    column = f", output {told['column']} of {told['columns']}" if told["columns"] > 1 else ""
    return View(
        "States over time",
        figure,
        f"Validation sequence {told['row']}{column}, the one whose target moves most: above what "
        "was asked and what the network answered, below each neuron's state after each step, "
        "orange above zero and blue below.",
    )


def _answer(figure: go.Figure, told: dict[str, Any]) -> None:
    from homeostat.pages.figures.style import INK, ORANGE

    answer = "probability given" if told["probability"] else "answered"
    for name, values, look in (
        ("asked", told["target_T"], {"color": INK, "dash": "dot", "width": 1.5}),
        (answer, told["output_T"], {"color": ORANGE, "width": 2}),
    ):
        figure.add_scatter(
            x=told["time_T"].tolist(), y=values.tolist(), mode="lines+markers", name=name,
            line=look, marker={"size": 4}, row=1, col=1,
            hovertemplate="%{x:.3g}: %{y:.3g}",
        )  # fmt: skip


def _neurons(
    figure: go.Figure, told: dict[str, Any], layer: np.ndarray, depth: int, largest: float
) -> None:
    from homeostat.pages.figures.style import DIVERGING, INK

    kinds = told["kinds"] or ["neuron"] * layer.shape[1]
    figure.add_heatmap(
        x=told["time_T"].tolist(), z=layer.T.tolist(), colorscale=DIVERGING,
        zmin=-largest, zmax=largest, showscale=False,
        customdata=[[kind] * len(layer) for kind in kinds], row=depth + 1, col=1,
        hovertemplate="%{x:.3g}, %{customdata} %{y}: %{z:.3g}<extra></extra>",
    )  # fmt: skip
    for neuron in range(1, len(kinds)):
        if kinds[neuron] != kinds[neuron - 1]:
            figure.add_hline(y=neuron - 0.5, line={"color": INK, "width": 1}, row=depth + 1)


VIEWS = (wiring, states)
