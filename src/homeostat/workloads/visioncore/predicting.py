"""Predictions with kept weights: every neuron's rate in every frame of a recording.

T frames, N neurons.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from homeostat.errors import DataError
from homeostat.wording import some
from homeostat.workload.prediction import Prediction, Trained
from homeostat.workload.weights import read_weights
from homeostat.workloads.visioncore.build import load_clips
from homeostat.workloads.visioncore.clips import BURN_IN, CLIP_FRAMES, Clips
from homeostat.workloads.visioncore.metrics import bits_per_spike_N
from homeostat.workloads.visioncore.recorded import read_recorded
from homeostat.workloads.visioncore.training import Model, rebuilt

ROWS_AT_ONCE = 32


def load(path: str | Path) -> tuple[Model, dict[str, Any]]:
    """The trained model of a weights.safetensors, ready to use, and the facts kept with it.

    Raises:
        DataError: If the file is no weights of this workload.
    """
    weights, facts = read_weights(Path(path))
    if "plan" not in facts:
        raise DataError(f"{path} holds no weights of a visioncore run.")
    return _built(weights, facts), facts


def _built(weights: Any, facts: Any) -> Model:
    model = rebuilt(facts["plan"])
    model.load_state_dict({name: torch.from_numpy(np.array(w)) for name, w in weights.items()})
    return model.eval()


def predict(trained: Trained, file: Path | None) -> Prediction:
    """Spikes per frame of every neuron in a recording of a session that was trained on.

    The file's name is the session's, and its neurons are the session's, in their order. The first
    frames, in which the model's memory fills, are left out.

    Raises:
        DataError: If the file is of another session, or of other neurons.
    """
    model = _built(trained.weights, trained.facts)
    neurons: dict[str, int] = trained.facts["plan"]["neurons"]
    if file is None:
        name, session = next(iter(load_clips(trained.config, "cpu").items()))
    else:
        recorded = read_recorded(file)
        name, session = recorded.name, Clips(recorded, torch.device("cpu"))
    if name not in neurons or session.session.num_neurons != neurons.get(name):
        told = [f"{session} ({count} neurons)" for session, count in neurons.items()]
        raise DataError(
            f"{name} has {session.session.num_neurons} neurons; the network has readouts for "
            f"{some(told)}.",
            hint="A file's name says which session it is of.",
        )
    frames, rates = _rates(model, name, session)
    truth = session.session
    spikes = truth.spikes_TN[frames].astype(float)
    null = np.asarray(trained.facts["null_rates"][name])
    bits_N = bits_per_spike_N(rates, spikes, null, truth.valid_T[frames])
    columns: dict[str, Any] = {"frame": frames}
    columns |= {f"neuron {n}": rates[:, n] for n in range(rates.shape[1])}
    return Prediction(
        columns,
        (f"{name}: spikes per frame of {rates.shape[1]} neurons, from frame {BURN_IN} on.",),
        {"bits per spike": float(np.nanmean(bits_N))},
    )


@torch.no_grad()
def _rates(model: Model, name: str, session: Clips) -> tuple[np.ndarray, np.ndarray]:
    """Frames after the first burn-in, and the rates in each, (T, N)."""
    step = CLIP_FRAMES - BURN_IN
    last = len(session.gaze_T2) - CLIP_FRAMES
    starts = np.append(np.arange(0, last, step), last)
    frames = (starts[:, None] + np.arange(BURN_IN, CLIP_FRAMES)).ravel()
    made = []
    for first in range(0, len(starts), ROWS_AT_ONCE):
        clip = session.cut(starts[first : first + ROWS_AT_ONCE])
        made.append(model({name: clip})[name][:, BURN_IN:].flatten(0, 1).float().numpy())
    frames, once = np.unique(frames, return_index=True)
    return frames, np.concatenate(made).astype(float)[once]
