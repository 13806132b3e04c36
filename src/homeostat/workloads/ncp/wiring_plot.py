"""A wiring as a picture: layers left to right, excitation and inhibition by colour."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from homeostat.workloads.ncp.wirings import Signs, Wiring

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KIND_COLOURS = {"input": "#8a8f3c", "inter": "#3b75af", "command": "#6d3fa0", "motor": "#d9822b"}
SIGN_COLOURS = {1: "#2f8f4e", -1: "#c0392b"}
SIGN_NAMES = {1: "excites", -1: "inhibits"}

# Inside a column synapses are arcs that swing out by this share of the column's distance.
ARC = 0.35


def draw(wiring: Wiring, path: Path | str | None = None) -> Figure:
    """Draw a circuit, and save it when `path` names a .png, .svg or .pdf file.

    Inputs stand at the left and the circuit's layers follow in the order of the signal. Returns
    the Matplotlib figure, for a notebook or further work.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    inputs_I2 = column(wiring.input_size, x=0.0)
    neurons_N2 = np.zeros((wiring.units, 2))
    for depth, layer in enumerate(wiring.layers, start=1):
        neurons_N2[list(layer)] = column(len(layer), x=float(depth))

    tallest = max(wiring.input_size, *(len(layer) for layer in wiring.layers))
    figure = Figure(figsize=(3 + 2 * len(wiring.layers), min(10.0, 2 + 0.25 * tallest)))
    axes = figure.add_subplot()
    for sign, colour in SIGN_COLOURS.items():
        lines = _lines(wiring.sensory_IN, sign, inputs_I2, neurons_N2)
        lines += _lines(wiring.synapses_NN, sign, neurons_N2, neurons_N2)
        axes.add_collection(LineCollection(lines, colors=colour, linewidths=0.7, alpha=0.55))

    kinds = ["input"] * wiring.input_size + [wiring.kind(neuron) for neuron in range(wiring.units)]
    points = np.concatenate([inputs_I2, neurons_N2])
    axes.scatter(points[:, 0], points[:, 1], s=70, c=[KIND_COLOURS[k] for k in kinds], zorder=3)
    axes.set_axis_off()
    axes.set_title(
        f"{wiring.units} neurons, {wiring.num_synapses} synapses and "
        f"{wiring.num_sensory_synapses} from {wiring.input_size} inputs"
    )
    handles = [
        Line2D([], [], marker="o", linestyle="", color=KIND_COLOURS[kind], label=kind)
        for kind in KIND_COLOURS
        if kind in kinds
    ] + [
        Line2D([], [], color=colour, label=SIGN_NAMES[sign])
        for sign, colour in SIGN_COLOURS.items()
    ]
    axes.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    if path is not None:
        figure.savefig(path, bbox_inches="tight", dpi=150)
    return figure


def column(count: int, x: float) -> np.ndarray:
    """Places of so many nodes in a column, (count, 2), the first on top."""
    heights = (np.arange(count) - (count - 1) / 2) / max(count - 1, 1)
    return np.asarray(np.column_stack([np.full(count, x), -heights]))


def _lines(signs: Signs, sign: int, sources: np.ndarray, targets: np.ndarray) -> list[np.ndarray]:
    return [
        _path(sources[source], targets[target])
        for source, target in zip(*np.nonzero(signs == sign), strict=True)
    ]


def _path(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """A straight line between columns, an arc inside one, a small loop onto oneself."""
    along = np.linspace(0.0, 1.0, 12)
    line: np.ndarray = start + (end - start) * along[:, None]
    if start[0] == end[0]:
        line[:, 0] += ARC * np.sin(np.pi * along)
        if start[1] == end[1]:
            line[:, 1] += 0.04 * np.sin(2 * np.pi * along)
    return line
