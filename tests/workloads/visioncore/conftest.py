"""A small made-up batch of two sessions, which needs no simulation."""

import numpy as np
import pytest
import torch

from homeostat.workloads.visioncore.clips import BURN_IN, CLIP_FRAMES, Clip
from homeostat.workloads.visioncore.gaze import GazeSettings, simulate_gaze

NEURONS = {"ana": 3, "ben": 2}


def make_clip(num_clips: int, num_neurons: int, seed: int = 0) -> Clip:
    rng = np.random.default_rng(seed)
    gaze = simulate_gaze(GazeSettings(), num_clips * CLIP_FRAMES, 10.0, rng).position_T2
    mask = torch.zeros(num_clips, CLIP_FRAMES, dtype=torch.bool)
    mask[:, BURN_IN:] = True
    return Clip(
        stimulus_BTHW=torch.from_numpy(
            rng.normal(size=(num_clips, CLIP_FRAMES, 24, 24)).astype(np.float32)
        ),
        gaze_BT2=torch.from_numpy(gaze.reshape(num_clips, CLIP_FRAMES, 2).astype(np.float32)),
        spikes_BTN=torch.from_numpy(
            rng.poisson(0.15, (num_clips, CLIP_FRAMES, num_neurons)).astype(np.float32)
        ),
        mask_BT=mask,
    )


@pytest.fixture
def batch():
    return {name: make_clip(2, count, seed) for seed, (name, count) in enumerate(NEURONS.items())}


@pytest.fixture(autouse=True)
def _same_weights():
    torch.manual_seed(0)
    torch.set_num_threads(1)
