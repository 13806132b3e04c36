"""Simulated neurons of primary visual cortex, whose rates are known exactly."""

# T frames, N neurons, H = W pixels of the window, L lags.  Rates are spikes per frame.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.signal import lfilter

from homeostat.workloads.visioncore.gaze import FRAME_HZ, Gaze
from homeostat.workloads.visioncore.images import PX_PER_DEG

Floats = NDArray[np.float64]
Array32 = NDArray[np.float32]

WINDOW_PX = 24
KERNEL_LAGS = 16
DT = 1.0 / FRAME_HZ


@dataclass(frozen=True)
class Neurons:
    """The truth about one session's neurons; every field has one row per neuron."""

    centre_N2: Floats
    """Centre of the receptive field in the window, pixels (x, y) from its middle."""
    frequency_N: Floats
    """Preferred spatial frequency, cycles per degree."""
    orientation_N: Floats
    phase_N: Floats
    simple_N: NDArray[np.bool_]
    """Half are simple (half-squared Gabor), half complex (energy of a quadrature pair)."""
    kernel_NL: Floats
    """Biphasic response in time, lag 0 first."""
    rate_N: Floats
    """Mean rate, spikes per frame."""
    stimulus_bits_N: Floats
    """Bits per spike that all inputs together are worth; sets the spontaneous share."""
    saccade_gain_N: Floats
    """Strength of the suppression and rebound around saccades, in log rate."""
    position_gain_N2: Floats
    """Slope of the log rate with eye position, per 10 degrees."""


def draw_neurons(count: int, rng: np.random.Generator, *, median_hz: float = 12.0) -> Neurons:
    """Neurons with the variety of a recording: foveal fields, about 2 cycles per degree."""
    hz = np.clip(median_hz * np.exp(0.5 * rng.normal(size=count)), 4.0, 40.0)
    return Neurons(
        centre_N2=rng.uniform(-5.0, 5.0, (count, 2)),
        frequency_N=np.clip(2.0 * np.exp(0.4 * rng.normal(size=count)), 0.8, 4.0),
        orientation_N=rng.uniform(0.0, np.pi, count),
        phase_N=rng.uniform(0.0, 2.0 * np.pi, count),
        simple_N=np.arange(count) % 2 == 0,
        kernel_NL=np.stack([_biphasic(rng) for _ in range(count)]),
        rate_N=hz * DT,
        stimulus_bits_N=rng.uniform(0.65, 0.95, count),
        saccade_gain_N=rng.uniform(0.6, 1.4, count),
        position_gain_N2=rng.normal(0.0, 0.5, (count, 2)),
    )


def _biphasic(rng: np.random.Generator) -> Floats:
    """A fast gamma minus a slower one: rises in about 40 ms, dips at about 90."""
    time_s = (np.arange(KERNEL_LAGS) + 0.5) * DT
    fast_s = rng.uniform(0.008, 0.011)
    fast = (time_s / fast_s) ** 4 * np.exp(-time_s / fast_s)
    slow = (time_s / (1.7 * fast_s)) ** 4 * np.exp(-time_s / (1.7 * fast_s))
    kernel = fast / fast.sum() - rng.uniform(0.6, 0.9) * slow / slow.sum()
    return np.asarray(kernel / np.abs(kernel).sum())


def gabor_NHW(
    centre_N2: Floats,
    frequency_N: Floats,
    orientation_N: Floats,
    phase_N: Floats,
    *,
    envelope_cycles: float = 0.5,
) -> Array32:
    """Unit-norm Gabors on the window's pixels; frequency in cycles per degree.

    An envelope with a standard deviation of half a cycle gives V1's bandwidth, about 1.4 octaves.
    """
    axis = np.arange(WINDOW_PX) - (WINDOW_PX - 1) / 2.0
    y_HW, x_HW = np.meshgrid(axis, axis, indexing="ij")
    x = x_HW[None] - centre_N2[:, 0, None, None]
    y = y_HW[None] - centre_N2[:, 1, None, None]
    cycles_px = (frequency_N / PX_PER_DEG)[:, None, None]
    theta = orientation_N[:, None, None]
    envelope = np.exp(-0.5 * (x**2 + y**2) * (cycles_px / envelope_cycles) ** 2)
    carrier = np.cos(
        2.0 * np.pi * cycles_px * (x * np.cos(theta) + y * np.sin(theta)) - phase_N[:, None, None]
    )
    gabor = envelope * carrier
    gabor -= envelope * (gabor.sum((1, 2)) / envelope.sum((1, 2)))[:, None, None]
    unit = gabor / np.linalg.norm(gabor, axis=(1, 2), keepdims=True)
    return np.asarray(unit, dtype=np.float32)


def stimulus_drive_TN(neurons: Neurons, windows_THW: Array32) -> Floats:
    """What the image alone makes of each neuron: filtered, squared, normalised, mean 1."""
    quarter = neurons.phase_N + np.pi / 2.0
    shape = (neurons.centre_N2, neurons.frequency_N, neurons.orientation_N)
    even_TN = _filtered(neurons, windows_THW, gabor_NHW(*shape, neurons.phase_N))
    odd_TN = _filtered(neurons, windows_THW, gabor_NHW(*shape, quarter))
    energy_TN = np.where(neurons.simple_N, np.maximum(even_TN, 0.0) ** 2, even_TN**2 + odd_TN**2)
    energy_TN /= energy_TN.mean(0)
    # Divisive normalisation by the session's pool (Heeger 1992).
    drive_TN = energy_TN / (1.0 + energy_TN.mean(1, keepdims=True))
    return np.asarray(drive_TN / drive_TN.mean(0))


def _filtered(neurons: Neurons, windows_THW: Array32, filters_NHW: Array32) -> Floats:
    count = len(filters_NHW)
    linear_TN = windows_THW.reshape(len(windows_THW), -1) @ filters_NHW.reshape(count, -1).T
    columns = [lfilter(neurons.kernel_NL[n], [1.0], linear_TN[:, n]) for n in range(count)]
    return np.stack(columns, axis=1)


def behaviour_gain_TN(neurons: Neurons, gaze: Gaze) -> Floats:
    """What the eyes alone make of each rate: saccadic suppression and rebound, eye position."""
    frame_s = np.arange(len(gaze.position_T2)) * DT
    around_T = np.zeros(len(frame_s))
    for onset_s in gaze.onset_s:
        first = int(np.ceil(onset_s * FRAME_HZ))
        after_s = frame_s[first : first + 30] - onset_s
        around_T[first : first + 30] += _saccade_kernel(after_s)
    saccadic_TN = around_T[:, None] * neurons.saccade_gain_N
    position_TN = gaze.position_T2 / 10.0 @ neurons.position_gain_N2.T
    return np.exp(saccadic_TN + position_TN)


def _saccade_kernel(after_s: Floats) -> Floats:
    """Log gain after a saccade's start: down at 30 ms, up at 110 ms."""
    down = np.exp(-0.5 * ((after_s - 0.030) / 0.015) ** 2)
    up = np.exp(-0.5 * ((after_s - 0.110) / 0.030) ** 2)
    return np.asarray(0.7 * up - down)


def shared_gain_T(num_frames: int, rng: np.random.Generator, *, spread: float = 0.15) -> Floats:
    """A slow gain of mean 1 that all neurons share and no model is told (2 s memory)."""
    keep = np.exp(-DT / 2.0)
    noise = rng.normal(size=num_frames) * np.sqrt(1.0 - keep**2)
    log_gain = spread * lfilter([1.0], [1.0, -keep], noise)
    return np.asarray(np.exp(log_gain - spread**2 / 2.0))


def rates_TN(neurons: Neurons, drive_TN: Floats, gain_TN: Floats) -> Floats:
    """Rates whose mean is `rate_N`, with the spontaneous share that meets `stimulus_bits_N`.

    The best rates a model of image and gaze could predict: the shared gain, of mean 1, is left out.
    """
    columns = []
    for n, target in enumerate(neurons.stimulus_bits_N):
        share = _spontaneous_share(drive_TN[:, n], gain_TN[:, n], float(target))
        raw = (share + (1.0 - share) * drive_TN[:, n]) * gain_TN[:, n]
        columns.append(neurons.rate_N[n] * raw / raw.mean())
    return np.stack(columns, axis=1)


def _spontaneous_share(drive_T: Floats, gain_T: Floats, target_bits: float) -> float:
    """The part of a rate that ignores the image, such that all inputs are worth the target."""

    def excess(share: float) -> float:
        raw = (share + (1.0 - share) * drive_T) * gain_T
        rate = raw / raw.mean()
        return expected_bits(rate) - target_bits

    # A neuron outside the reach of the share keeps the nearer end.
    if excess(0.0) <= 0.0:
        return 0.0
    if excess(1.0) >= 0.0:
        return 1.0
    return float(brentq(excess, 0.0, 1.0, xtol=1e-3))


def expected_bits(rate_T: Floats) -> float:
    """Bits per spike of knowing a rate against knowing its mean: E[r log2(r / mean)] / mean."""
    relative = np.maximum(rate_T / rate_T.mean(), 1e-9)
    return float(np.mean(relative * np.log2(relative)))
