"""How well time constants can be known: what is left unexplained at other values than the true.

Filters are given and noise is absent, so this is the most that any fit could tell.  For each set
of constants, every neuron's true summary is fitted by the best weights on what Polar-V1 offers
(the relaxed amplitude, two moving averages, the change), in clips as in training.  Printed is the
part of the variance that is left, in per mille.
"""

from __future__ import annotations

import numpy as np
import torch

from homeostat.workloads.visioncore import dynamics, experiment, images
from homeostat.workloads.visioncore.gaze import (
    GazeSettings,
    saccade_gate,
    simulate_gaze,
    speed_T,
)
from homeostat.workloads.visioncore.layers import moving_average
from homeostat.workloads.visioncore.polar import DT, relaxation_weights

NUM_FRAMES, NUM_NEURONS = 20_000, 30
TRUTH = {"lambda_fix": 20.0, "lambda_sac": 60.0, "alpha_fast": 0.65, "alpha_slow": 0.92}
PROFILES = {
    "lambda_fix": (10.0, 15.0, 20.0, 25.0, 30.0),
    "lambda_sac": (20.0, 40.0, 60.0, 90.0),
    "alpha_fast": (0.5, 0.6, 0.65, 0.7, 0.75),
    "alpha_slow": (0.88, 0.92, 0.94, 0.96, 0.98),
}


def simulate() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Amplitudes, the saccade gate, and each neuron's true summary of its whole past."""
    rng = np.random.default_rng(0)
    pictures = images.load_images()
    gaze = simulate_gaze(GazeSettings(), NUM_FRAMES, 10.5, rng)
    shown = np.repeat(rng.integers(0, len(pictures), NUM_FRAMES // 480 + 1), 480)[:NUM_FRAMES]
    windows = experiment.windows_THW(pictures, shown, gaze.position_T2)
    neurons = dynamics.draw_dynamic_neurons(NUM_NEURONS, rng, dynamics.TimeConstants(**TRUTH))
    gate = saccade_gate(speed_T(gaze.position_T2))
    amplitude = dynamics.amplitude_TN(neurons, windows)
    return amplitude, gate, dynamics.summary_TN(neurons, windows, gaze)


def unexplained(
    constants: dict[str, float], data: tuple[np.ndarray, ...], clip_frames: int, burn_in: int
) -> float:
    """The part of the true summaries' variance that the best weights leave."""
    amplitude, gate, summary = data
    starts = np.arange(200, NUM_FRAMES - clip_frames, clip_frames - burn_in)
    frames = starts[:, None] + np.arange(clip_frames)
    gate_BT = torch.from_numpy(gate[frames])
    rate = (1.0 - gate_BT) * constants["lambda_fix"] + gate_BT * constants["lambda_sac"]
    weight, start = relaxation_weights(rate * DT)
    rest = torch.from_numpy(amplitude.mean(0))
    relaxed = weight @ torch.from_numpy(amplitude[frames]) + start[..., None] * rest
    offered = [relaxed, torch.ones_like(relaxed)]
    for name in ("alpha_fast", "alpha_slow"):
        offered.append(moving_average(relaxed, torch.tensor(constants[name])))
    offered.append(torch.diff(relaxed, dim=1, prepend=relaxed[:, :1]))
    features = torch.stack(offered, dim=-1)[:, burn_in:].flatten(0, 1).transpose(0, 1)
    target = torch.from_numpy(summary[frames][:, burn_in:]).flatten(0, 1).T[..., None]
    fitted = features @ torch.linalg.lstsq(features, target).solution
    return float((target - fitted).square().mean())


if __name__ == "__main__":
    torch.set_num_threads(1)
    simulated = simulate()
    for clip_frames, burn_in in ((48, 16), (144, 96)):
        print(f"clips of {clip_frames} frames, of which {burn_in} fill the memory")
        for name, values in PROFILES.items():
            left = [
                f"{value:g}: "
                f"{1e3 * unexplained({**TRUTH, name: value}, simulated, clip_frames, burn_in):.2f}"
                for value in values
            ]
            print(f"  {name:11s} " + "   ".join(left))
