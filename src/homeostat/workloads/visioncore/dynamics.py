"""Neurons that follow gaze-gated dynamics with known time constants: a truth to be recovered."""

# T frames, N neurons.  Rates (lambda) per second; alphas per frame.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from homeostat.workloads.visioncore.gaze import Gaze, saccade_gate, speed_T
from homeostat.workloads.visioncore.images import PX_PER_DEG
from homeostat.workloads.visioncore.neurons import DT, Array32, Floats, gabor_NHW

NUM_ORIENTATIONS = 16
CYCLES_PER_PX = 0.15
ENVELOPE_CYCLES = 0.3


@dataclass(frozen=True)
class TimeConstants:
    """How fast amplitudes relax in fixations and saccades, and two moving averages forget."""

    lambda_fix: float = 20.0
    lambda_sac: float = 60.0
    alpha_fast: float = 0.65
    alpha_slow: float = 0.92


@dataclass(frozen=True)
class DynamicNeurons:
    """Each neuron pools the amplitude of one Gabor pair and reads one summary of its past."""

    centre_N2: Floats
    orientation_N: Floats
    rate_N: Floats
    stimulus_bits_N: Floats
    constants: TimeConstants


def draw_dynamic_neurons(
    count: int, rng: np.random.Generator, constants: TimeConstants
) -> DynamicNeurons:
    """Thirds of the neurons read the relaxed amplitude, its fast and its slow moving average."""
    return DynamicNeurons(
        centre_N2=rng.uniform(-5.0, 5.0, (count, 2)),
        orientation_N=rng.integers(0, NUM_ORIENTATIONS, count) * np.pi / NUM_ORIENTATIONS,
        rate_N=np.clip(15.0 * np.exp(0.4 * rng.normal(size=count)), 5.0, 40.0) * DT,
        stimulus_bits_N=rng.uniform(0.65, 0.95, count),
        constants=constants,
    )


def relax_TN(drive_TN: Floats, lambda_T: Floats) -> Floats:
    """Follow a drive: x <- x e + (1 - e) drive, with e = exp(-lambda dt), lambda per second."""
    keep_T = np.exp(-lambda_T * DT)
    state = drive_TN[0].copy()
    relaxed = np.empty_like(drive_TN)
    for t in range(len(drive_TN)):
        state = keep_T[t] * state + (1.0 - keep_T[t]) * drive_TN[t]
        relaxed[t] = state
    return relaxed


def average_TN(signal_TN: Floats, alpha: float) -> Floats:
    """The moving average that keeps `alpha` of itself each frame, started at the first value."""
    state = signal_TN[0].copy()
    averaged = np.empty_like(signal_TN)
    for t in range(len(signal_TN)):
        state = alpha * state + (1.0 - alpha) * signal_TN[t]
        averaged[t] = state
    return averaged


def summary_TN(neurons: DynamicNeurons, windows_THW: Array32, gaze: Gaze) -> Floats:
    """The summary that each neuron reads, standardised over time."""
    constants = neurons.constants
    gate_T = saccade_gate(speed_T(gaze.position_T2))
    lambda_T = (1.0 - gate_T) * constants.lambda_fix + gate_T * constants.lambda_sac
    relaxed_TN = relax_TN(amplitude_TN(neurons, windows_THW), lambda_T)
    summaries = (
        relaxed_TN,
        average_TN(relaxed_TN, constants.alpha_fast),
        average_TN(relaxed_TN, constants.alpha_slow),
    )
    chosen_TN = np.stack([summaries[n % 3][:, n] for n in range(relaxed_TN.shape[1])], axis=1)
    return np.asarray((chosen_TN - chosen_TN.mean(0)) / chosen_TN.std(0))


def amplitude_TN(neurons: DynamicNeurons, windows_THW: Array32) -> Floats:
    """Amplitude of a quadrature pair, pooled over 3 x 3 pixels with a Gaussian mask."""
    count = len(neurons.rate_N)
    frequency_N = np.full(count, CYCLES_PER_PX * PX_PER_DEG)
    flat = windows_THW.reshape(len(windows_THW), -1)
    pooled, total = np.zeros((len(flat), count)), 0.0
    for shift in np.ndindex(3, 3):
        offset = np.asarray(shift) - 1.0
        weight = float(np.exp(-0.5 * offset @ offset))
        pair = [
            gabor_NHW(
                neurons.centre_N2 + offset,
                frequency_N,
                neurons.orientation_N,
                np.full(count, phase),
                envelope_cycles=ENVELOPE_CYCLES,
            )
            for phase in (0.0, np.pi / 2.0)
        ]
        even_TN, odd_TN = (flat @ filters.reshape(count, -1).T for filters in pair)
        pooled += weight * np.sqrt(even_TN**2 + odd_TN**2)
        total += weight
    return np.asarray(pooled / total)
