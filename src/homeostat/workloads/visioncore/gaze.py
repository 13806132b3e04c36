"""Simulated eye movements of free viewing: fixations, drift and saccades on the main sequence."""

# T frames at 120 Hz.  Positions in degrees of visual angle, speeds in deg/s, times in seconds.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln

Floats = NDArray[np.float64]

FRAME_HZ = 120.0
MAX_AMPLITUDE_DEG = 15.0
MIN_AMPLITUDE_DEG = 0.3
MAX_DURATION_S = 0.0156 + 0.00295 * MAX_AMPLITUDE_DEG


@dataclass(frozen=True, kw_only=True)
class GazeSettings:
    """The statistics of one observer's eyes; the defaults are those of public eye traces."""

    amplitude_deg: float = 4.7
    """Median saccade amplitude, degrees."""
    amplitude_spread: float = 0.6
    """Standard deviation of the amplitude's logarithm."""
    fixation_shape: float = 3.0
    """Shape of the gamma distribution of fixation times."""
    fixation_scale_s: float = 0.075
    """Scale of that gamma distribution, seconds."""
    refractory_s: float = 0.090
    """Least time between saccades; with the rest it makes 2.9 saccades a second."""
    drift_arcmin2_s: float = 30.0
    """Diffusion constant D of the drift: mean squared distance = 4 D t."""


@dataclass(frozen=True)
class Gaze:
    """One eye trace, and the saccades in it."""

    position_T2: Floats
    """Where the eye points at each frame, degrees right of and below the centre."""
    onset_s: Floats
    """When each saccade starts."""
    amplitude_deg: Floats
    """How far each saccade goes."""


def saccade_duration_s(amplitude_deg: Floats) -> Floats:
    """How long a saccade of this size lasts: 15.6 ms + 2.95 ms per degree."""
    return 0.0156 + 0.00295 * amplitude_deg


def peak_speed(amplitude_deg: Floats) -> Floats:
    """The main sequence: a saccade's top speed in deg/s from its size in degrees."""
    return 552.0 * (1.0 - np.exp(-amplitude_deg / 3.28))


# A saccade's speed is (u (1 - u))^p over its duration, u in [0, 1]: p = 2 is the minimum-jerk
# movement, whose peak is 1.875 times its mean speed.  The published duration and peak speed ask
# for a ratio of 2.1 to 2.7, so p is chosen for each amplitude to meet both.
_POWERS = np.linspace(0.0, 12.0, 481)
_PEAK_TO_MEAN = np.exp(-_POWERS * np.log(4.0) - betaln(_POWERS + 1.0, _POWERS + 1.0))


def saccade_power(amplitude_deg: Floats) -> Floats:
    """The p of the speed profile that gives this amplitude its duration and its top speed."""
    ratio = peak_speed(amplitude_deg) * saccade_duration_s(amplitude_deg) / amplitude_deg
    return np.interp(ratio, _PEAK_TO_MEAN, _POWERS)


def saccade_progress(time_s: Floats, amplitude_deg: float) -> Floats:
    """The part of a saccade that is behind it `time_s` after its start, from 0 to 1."""
    amplitude = np.asarray(amplitude_deg, dtype=np.float64)
    u = np.clip(time_s / saccade_duration_s(amplitude), 0.0, 1.0)
    p = saccade_power(amplitude)
    progress: Floats = betainc(p + 1.0, p + 1.0, u)
    return progress


def simulate_gaze(
    settings: GazeSettings, num_frames: int, half_field_deg: float, rng: np.random.Generator
) -> Gaze:
    """One eye exploring a square field of 2 x `half_field_deg`, sampled at the frames."""
    frame_s = np.arange(num_frames) / FRAME_HZ
    drift_T2 = _brownian(settings, num_frames, rng)
    landing_T2 = np.zeros((num_frames, 2))
    here = rng.uniform(-0.5, 0.5, 2) * half_field_deg
    landing_T2[:] = here
    onsets, amplitudes = [], []
    now_s = 0.0
    while True:
        now_s += settings.refractory_s
        now_s += rng.gamma(settings.fixation_shape, settings.fixation_scale_s)
        first = int(np.ceil(now_s * FRAME_HZ))
        if first >= num_frames:
            break
        # Saccades start from where drift has carried the eye, and bring it back into the field.
        start = here + drift_T2[first] - drift_T2[0]
        step = _choose_step(settings, start, half_field_deg, rng)
        amplitude = float(np.hypot(*step))
        landed = first + int(np.ceil(MAX_DURATION_S * FRAME_HZ))
        flown = saccade_progress(frame_s[first:landed, None] - now_s, amplitude)
        landing_T2[first:landed] = here + flown * step
        here = here + step
        landing_T2[landed:] = here
        onsets.append(now_s)
        amplitudes.append(amplitude)
        now_s += float(saccade_duration_s(np.asarray(amplitude)))
    position_T2 = landing_T2 + drift_T2 - drift_T2[0]
    return Gaze(position_T2, np.asarray(onsets), np.asarray(amplitudes))


def _brownian(settings: GazeSettings, num_frames: int, rng: np.random.Generator) -> Floats:
    step_deg = np.sqrt(2.0 * settings.drift_arcmin2_s / FRAME_HZ) / 60.0
    return np.cumsum(rng.normal(0.0, step_deg, (num_frames, 2)), axis=0)


def _choose_step(
    settings: GazeSettings, start: Floats, half_field_deg: float, rng: np.random.Generator
) -> Floats:
    """A saccade of a drawn amplitude in the first of some random directions that stays inside."""
    while True:
        amplitude = settings.amplitude_deg * np.exp(settings.amplitude_spread * rng.normal())
        angles = rng.uniform(0.0, 2.0 * np.pi, 32)
        if not MIN_AMPLITUDE_DEG <= amplitude <= MAX_AMPLITUDE_DEG:
            continue
        steps = amplitude * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        inside = np.all(np.abs(start + steps) <= half_field_deg, axis=1)
        if inside.any():
            step: Floats = steps[int(np.argmax(inside))]
            return step


def speed_T(position_T2: Floats) -> Floats:
    """Speed at each frame in deg/s, from the frame before; 0 at the first."""
    steps = np.diff(position_T2, axis=0, prepend=position_T2[:1])
    return np.hypot(steps[:, 0], steps[:, 1]) * FRAME_HZ


def saccade_gate(speed: Floats) -> Floats:
    """Near 0 while the eye fixates and near 1 while it jumps, from speed in deg/s."""
    return 1.0 / (1.0 + np.exp(-0.05 * (speed - 200.0)))
