"""What can be known of the time constants from rates that are linear in the summaries.

A neuron may weigh the relaxed amplitude and its two moving averages as it likes, so only the space
that the three responses span can be seen in its rate.
"""

import itertools

import numpy as np
import pytest
import torch

from homeostat.workloads.visioncore.layers import moving_average
from homeostat.workloads.visioncore.polar import DT, relaxation_weights

T = 96
TRUTH = (np.exp(-20.0 * DT), 0.65, 0.92)


def responses(relaxing, fast, slow, *, saccade=None):
    """Every response to a single frame: (start frame and time, the three summaries)."""
    rate = torch.full((1, T), -np.log(relaxing), dtype=torch.float64)
    if saccade is not None:
        rate[0, 20::40] = saccade * DT
    weight, _ = relaxation_weights(rate)
    averages = [moving_average(weight, torch.tensor(a), corrected=False) for a in (fast, slow)]
    columns = torch.stack([weight, *averages], dim=-1)
    return columns.reshape(-1, 3).numpy()


def unexplained(target, basis):
    """What is left of the target after the best weights, as a part of it."""
    fitted, *_ = np.linalg.lstsq(basis, target, rcond=None)
    return np.linalg.norm(target - basis @ fitted) / np.linalg.norm(target)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_without_saccades_the_constants_are_known_only_up_to_their_order(order):
    swapped = responses(*(TRUTH[i] for i in order))
    assert unexplained(responses(*TRUTH), swapped) < 1e-6


def test_other_constants_cannot_stand_in_for_them():
    other = responses(np.exp(-10.0 * DT), 0.74, 0.95)
    assert unexplained(responses(*TRUTH), other) > 0.01


def test_saccades_tell_which_of_them_relaxes():
    truth = responses(*TRUTH, saccade=60.0)
    swapped = responses(TRUTH[2], TRUTH[1], TRUTH[0], saccade=60.0)
    assert unexplained(truth, responses(*TRUTH, saccade=60.0)) < 1e-10
    assert unexplained(truth, swapped) > 1e-3
