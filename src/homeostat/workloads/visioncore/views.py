"""What a finished run shows: predicted and recorded rates, the eye's path, receptive fields."""

# T frames, N neurons.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from homeostat.workload.view import Kept, View
from homeostat.workloads.visioncore.gaze import FRAME_HZ, speed_T
from homeostat.workloads.visioncore.images import PX_PER_DEG

if TYPE_CHECKING:
    import plotly.graph_objects as go

FILE = "portrait.npz"
SMOOTHED = np.array([1, 2, 3, 2, 1]) / 9
"""Frames over which single spikes are spread, to be seen beside a rate: 40 ms."""
SACCADE_DEG_S = 30.0
COLUMNS = 4
SMOOTH_PX = 1.5
"""An eighth of a degree: neurons see nothing as fine, and the strides of a model leave a grid."""


def rates(kept: Kept) -> View | None:
    """The best, the middle and the worst predicted neuron over time."""
    from plotly.subplots import make_subplots

    from homeostat.pages.figures.style import INK, ORANGE, dressed

    found = kept.artifact(FILE)
    if found is None or not found["shown"]:
        return None
    titles = [
        f"neuron {n}, correlation {r:.2f}"
        for n, r in zip(found["shown"], found["correlations"], strict=True)
    ]
    figure = make_subplots(
        rows=len(titles), shared_xaxes=True, vertical_spacing=0.09, subplot_titles=titles
    )
    seconds = (np.arange(len(found["gaze_T2"])) / FRAME_HZ).tolist()
    for row in range(1, len(titles) + 1):
        for name, values_T, look in (
            ("recorded", _visible(found, row - 1), {"color": INK, "width": 1.2}),
            ("predicted", found["predicted_TN"][:, row - 1], {"color": ORANGE, "width": 2}),
        ):
            figure.add_scatter(
                x=seconds, y=(values_T * FRAME_HZ).tolist(), mode="lines", name=name, line=look,
                legendgroup=name, showlegend=row == 1, row=row, col=1,
                hovertemplate="%{x:.2f} s: %{y:.1f}",
            )  # fmt: skip
    dressed(figure, height=130 + 170 * len(titles))
    figure.update_layout(
        margin={"t": 60}, legend={"yref": "container", "y": 0.99, "yanchor": "top"}
    )
    figure.update_annotations(font={"size": 12})
    figure.update_yaxes(rangemode="tozero")
    figure.update_yaxes(title_text="spikes / s", row=(len(titles) + 1) // 2)
    figure.update_xaxes(title_text="seconds", row=len(titles))
    recorded = (
        f"the mean over {found['repeats']} repeats of one stimulus"
        if found["repeats"]
        else "single spikes, spread over 40 ms"
    )
    return View(
        "Predicted and recorded rates",
        figure,
        f"The best, the middle and the worst predicted of {found['neurons']} neurons of "
        f"session {found['session']} in frames that training never saw; recorded is {recorded}.",
    )


def _visible(found: dict[str, Any], place: int) -> np.ndarray:
    counts_T = found["recorded_TN"][:, place]
    return counts_T if found["repeats"] else np.convolve(counts_T, SMOOTHED, mode="same")


def gaze(kept: Kept) -> View | None:
    """Where the eye went meanwhile."""
    import plotly.graph_objects as go

    from homeostat.pages.figures.style import GRID, SCALE, dressed

    found = kept.artifact(FILE)
    if found is None:
        return None
    gaze_T2 = found["gaze_T2"].astype(np.float64)
    jumps_T = speed_T(gaze_T2) > SACCADE_DEG_S
    seconds = np.arange(len(gaze_T2)) / FRAME_HZ
    figure = go.Figure()
    figure.add_scatter(
        x=gaze_T2[:, 0].tolist(), y=gaze_T2[:, 1].tolist(), mode="lines", hoverinfo="skip",
        line={"color": GRID, "width": 1}, showlegend=False,
    )  # fmt: skip
    for name, chosen, symbol, size in (
        ("fixating", ~jumps_T, "circle", 5), ("in a saccade", jumps_T, "x-thin-open", 6),
    ):  # fmt: skip
        figure.add_scatter(
            x=gaze_T2[chosen, 0].tolist(), y=gaze_T2[chosen, 1].tolist(), mode="markers",
            name=name, customdata=seconds[chosen].tolist(),
            hovertemplate="%{customdata:.2f} s: %{x:.2f}, %{y:.2f}",
            marker={
                "color": seconds[chosen].tolist(), "colorscale": SCALE, "symbol": symbol,
                "size": size, "cmin": 0, "cmax": float(seconds[-1]),
                "showscale": symbol == "circle",
                "colorbar": {"title": {"text": "s", "side": "top"}, "thickness": 10},
            },
        )  # fmt: skip
    dressed(figure, x="degrees to the right", y="degrees down", height=460)
    figure.update_yaxes(autorange="reversed", scaleanchor="x")
    starts = int(np.sum(jumps_T[1:] & ~jumps_T[:-1]))
    return View(
        "Path of the eye",
        figure,
        f"The recorded gaze in the same {seconds[-1]:.1f} s, {starts} saccades (faster than "
        f"{SACCADE_DEG_S:.0f} degrees a second) between fixations; the image moves with it.",
    )


def fields(kept: Kept) -> View | None:
    """What part of the image the best predicted neurons answer to."""
    from plotly.subplots import make_subplots
    from scipy.ndimage import gaussian_filter

    from homeostat.pages.figures.style import dressed

    found = kept.artifact(FILE)
    if found is None or not found["field_neurons"]:
        return None
    neurons, ms = found["field_neurons"], 1000 / FRAME_HZ
    num_rows = -(-len(neurons) // COLUMNS)
    figure = make_subplots(
        rows=num_rows, cols=COLUMNS, horizontal_spacing=0.02,
        vertical_spacing=0.1 / num_rows + 0.04,
        subplot_titles=[
            f"{n}, {lag * ms:.0f} ms" for n, lag in zip(neurons, found["field_lags"], strict=True)
        ],
    )  # fmt: skip
    for place, field_HW in enumerate(found["fields_NHW"]):
        smooth_HW = gaussian_filter(field_HW, SMOOTH_PX)
        _field(figure, smooth_HW, place // COLUMNS + 1, place % COLUMNS + 1)
    dressed(figure, height=40 + 160 * num_rows)
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, constrain="domain")
    figure.update_layout(margin={"l": 5, "r": 5, "t": 30, "b": 5})
    figure.update_annotations(font={"size": 12})
    for place in range(len(neurons)):
        suffix = "" if place == 0 else str(place + 1)
        figure.update_layout({f"yaxis{suffix}": {"scaleanchor": f"x{suffix}"}})
    side_deg = found["fields_NHW"].shape[1] / PX_PER_DEG
    return View(
        "Receptive fields",
        figure,
        f"What in the image ({side_deg:.0f} by {side_deg:.0f} degrees about the gaze) raised "
        f"(orange) or lowered (blue) the predicted rate of the {len(neurons)} best predicted "
        "neurons at their highest moment, and how long before it; smoothed over an eighth of a "
        "degree, each in its own scale.",
    )


def _field(figure: go.Figure, field_HW: np.ndarray, row: int, column: int) -> None:
    from homeostat.pages.figures.style import DIVERGING

    largest = float(np.abs(field_HW).max()) or 1.0
    figure.add_heatmap(
        z=field_HW.tolist(), colorscale=DIVERGING, zmin=-largest, zmax=largest, showscale=False,
        row=row, col=column, hovertemplate="%{x}, %{y}: %{z:.3g}<extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", row=row, col=column)


VIEWS = (rates, gaze, fields)
