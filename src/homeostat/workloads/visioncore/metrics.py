"""How well predicted rates explain spikes: bits per spike, correlation, CCnorm."""

# T frames, N neurons, R repeats.  Rates and spikes are per frame, never per second.

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def bits_per_spike_N(
    rates_TN: Floats, spikes_TN: Floats, null_N: Floats, valid_T: Mask | None = None
) -> Floats:
    """How much better than a flat guess the rates predict each neuron's spikes, in bits per spike.

    Not held at 0: a model worse than the flat guess shows as negative. A neuron without a spike
    in the valid frames gets NaN.

    Args:
        rates_TN: Predicted spikes per frame, above 0.
        spikes_TN: Spike counts.
        null_N: The flat guess, each neuron's mean rate in the *training* data. (The mean of the
            evaluated data would lend the guess knowledge that no model had.)
        valid_T: Frames that count; None counts all.
    """
    keep = slice(None) if valid_T is None else valid_T
    rates, spikes = np.maximum(rates_TN[keep], 1e-9), spikes_TN[keep]
    null = np.maximum(null_N, 1e-9)
    gain_N = (spikes * np.log(rates / null) - (rates - null)).sum(0)
    count_N = spikes.sum(0).astype(np.float64)
    return np.asarray(
        np.divide(gain_N, count_N * np.log(2.0), out=np.full(len(null), np.nan), where=count_N > 0)
    )


def correlation_N(first_TN: Floats, second_TN: Floats, valid_T: Mask | None = None) -> Floats:
    """Pearson's correlation over time for each neuron; NaN where either does not vary."""
    keep = slice(None) if valid_T is None else valid_T
    first = first_TN[keep] - first_TN[keep].mean(0)
    second = second_TN[keep] - second_TN[keep].mean(0)
    scale_N = np.sqrt((first**2).sum(0) * (second**2).sum(0))
    return np.asarray(
        np.divide(
            (first * second).sum(0), scale_N, out=np.full(len(scale_N), np.nan), where=scale_N > 0
        )
    )


def ccnorm_N(
    rates_TN: Floats, repeats_RTN: Floats, rng: np.random.Generator, *, num_splits: int = 50
) -> Floats:
    """Correlation with the mean response as a part of the highest that the noise allows.

    The ceiling is estimated from split halves of the repeats: with r the mean correlation of two
    halves, the mean of all repeats correlates with the true rate by sqrt(2 / (1 + 1 / r)), by
    Spearman and Brown. NaN for neurons whose halves do not agree (r <= 0).

    Source: Schoppe et al. 2016, doi:10.3389/fncom.2016.00010; Hsu et al. 2004.
    """
    count = len(repeats_RTN)
    half_N = np.zeros(rates_TN.shape[1])
    for _ in range(num_splits):
        order = rng.permutation(count)
        first = repeats_RTN[order[: count // 2]].mean(0)
        second = repeats_RTN[order[count // 2 : 2 * (count // 2)]].mean(0)
        half_N += np.nan_to_num(correlation_N(first, second)) / num_splits
    reliable = half_N > 0.0
    ceiling_N = np.sqrt(2.0 / (1.0 + 1.0 / np.where(reliable, half_N, 1.0)))
    absolute_N = correlation_N(rates_TN, repeats_RTN.mean(0))
    return np.where(reliable, absolute_N / ceiling_N, np.nan)
