"""Predictions with kept weights: forecasts with intervals, or how odd each row is.

L observations, T steps of a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from homeostat.errors import DataError, RecordError
from homeostat.space import Config
from homeostat.wording import some
from homeostat.workload.prediction import Prediction, Trained
from homeostat.workload.weights import read_weights
from homeostat.workloads.ncp.alarms import combined, curves
from homeostat.workloads.ncp.anomalies import Frame
from homeostat.workloads.ncp.network import Network
from homeostat.workloads.ncp.own_series import TimeSeries, read_series
from homeostat.workloads.ncp.problem import Array
from homeostat.workloads.ncp.series import Framing
from homeostat.workloads.ncp.space import space
from homeostat.workloads.ncp.tasks import configured_series
from homeostat.workloads.ncp.timesteps import TimeScaling


def predict(trained: Trained, file: Path | None) -> Prediction:
    """What the network says of each observation of a CSV file, or of its own series.

    Forecasting: for each observation what the target will be `horizon` later, with intervals of 80
    and 95 %; the last rows are not observed yet. Anomalies: how odd each row is, and the alarm.

    Raises:
        DataError: If the file has not the columns that were trained on.
        RecordError: If the task has no series to predict.
    """
    if "framing" in trained.facts:
        return _forecast(trained, file)
    if "frame" in trained.facts:
        return _detect(trained, file)
    raise RecordError(
        f"The task {trained.config.task} has no series of one's own to predict.",
        hint="Train on one:  homeostat run ncp --set task=forecasting --set file=FILE.csv",
    )


def load(path: str | Path) -> tuple[Network, dict[str, Any]]:
    """The trained network of a weights.safetensors, ready to use, and the facts kept with it.

    The network takes inputs (B, T, I) and steps (B, T), and gives outputs (B, T, O), all scaled as
    the facts say.

    Raises:
        DataError: If the file is no weights of this workload.
    """
    weights, facts = read_weights(Path(path))
    if "inputs" not in facts:
        raise DataError(f"{path} holds no weights of an ncp run.")
    return build(space.resolve(facts["given"]), weights, facts), facts


def build(config: Config, weights: Any, facts: Any) -> Network:
    """The configured network with trained weights in it."""
    import torch

    network = Network(config, facts["inputs"], facts["outputs"], np.random.default_rng(0))
    tensors = {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
    network.load_state_dict(tensors, strict=True)
    return network.eval()


def _forecast(trained: Trained, file: Path | None) -> Prediction:
    framing = Framing.of_facts(trained.facts["framing"])
    series = _series(trained.config, file, framing.names, framing.origin, framing.unit)
    seen = framing.seen(series)
    x_LI, dt_L, answer = framing.inputs(series, seen)
    first, outputs = _at_each(trained, x_LI, dt_L)
    due = framing.due(series)[first:]
    forecast = framing.unscaled(answer[first:] + outputs[:, 0], due)
    columns: dict[str, Any] = {
        "from": [series.written(time) for time in series.times[first:]],
        "time": [series.written(time) for time in due],
        "forecast": forecast,
    }
    for level, half in trained.facts["widths"].items():
        percent = f"{100 * float(level):.0f}"
        columns |= {f"low {percent} %": forecast - half, f"high {percent} %": forecast + half}
    truth = framing.unscaled(seen.truth[first:], due)
    columns["observed"] = [float(v) if np.isfinite(v) else None for v in truth]
    there = np.isfinite(truth)
    wrong = (forecast - truth)[there]
    scores = {"rmse": float(np.sqrt(np.mean(wrong**2)))} if len(wrong) else {}
    name = framing.names[framing.target]
    rows = "row is" if framing.horizon == 1 else f"{framing.horizon} rows are"
    remark = f"{name}, {framing.horizon} ahead of each observation; the last {rows} still to come."
    return Prediction(columns, (remark,), scores)


def _detect(trained: Trained, file: Path | None) -> Prediction:
    frame = Frame(**trained.facts["frame"])
    series = _series(trained.config, file, frame.names, frame.origin, frame.unit)
    values, there = frame.filled(series)
    x_LC = values.astype(np.float32)
    dt_L = np.diff(series.times, append=series.times[-1] + 1.0).astype(np.float32)
    first, outputs = _at_each(trained, x_LC, dt_L)
    expected = values[first:-1] + outputs[:-1]
    after = slice(first + 1, None)
    alarm = trained.facts["alarm"]
    odd = combined(curves(values[after] - expected, values[after]), alarm)
    raised = (odd >= alarm["threshold"]) & there[after]
    times = series.times[after]
    return Prediction(
        {
            "time": [series.written(time) for time in times],
            "oddness": odd / alarm["threshold"],
            "alarm": raised.astype(int),
        },
        (f"{int(raised.sum())} alarms in {len(odd)} rows; they are raised from an oddness of 1.",),
    )


def _series(
    config: Config, file: Path | None, names: Sequence[str], origin: float, unit: float
) -> TimeSeries:
    """The series to predict, with the columns trained on in their order, on its clock."""
    series = configured_series(config) if file is None else read_series(file)
    missing = [name for name in names if name not in series.names]
    if missing:
        raise DataError(
            f"{file} has no column {some(missing)}, which the network was trained on.",
            hint=f"It needs: {', '.join(names)}.",
        )
    order = [series.names.index(name) for name in names]
    return series.picked(order).on_clock(origin, unit)


def _at_each(trained: Trained, x_LI: Array, dt_L: Array) -> tuple[int, npt.NDArray[np.float64]]:
    """The network's output at each observation from the first with some past, and which that is.

    Each has as much past as a training window, or all there is.
    """
    import torch

    window = int(trained.config.window)
    total = len(x_LI)
    first = min(window // 2, total // 2)
    dt_L = TimeScaling(**trained.facts["scaling"])(dt_L)
    network = build(trained.config, trained.weights, trained.facts)

    def run(rows: npt.NDArray[np.intp]) -> Array:
        with torch.no_grad():
            x, dt = torch.from_numpy(x_LI[rows]), torch.from_numpy(dt_L[rows])
            answer: Array = network(x, dt).numpy()
            return answer

    length = min(window, total)
    made = [run(np.arange(length)[None])[0, first:]]
    ends = np.arange(length, total)
    for some_ends in np.array_split(ends, max(len(ends) // 512, 1)):
        if len(some_ends):
            rows = some_ends[:, None] - np.arange(length - 1, -1, -1)
            made.append(run(rows)[:, -1])
    return first, np.concatenate(made).astype(float)
