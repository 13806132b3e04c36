"""Gaits: the beat that a body's muscles share, and how strongly and when each takes part in it.

T frames, M muscles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

SLOWEST_HZ = 0.2
LEAST_S = 4.0
"""Shorter stretches hold too few beats."""
STILL = 1e-3
"""Root mean square strain below which nothing moves."""
FINER = 8
"""The spectrum is computed at so many times its own resolution, and refined from there."""


@dataclass(frozen=True)
class Gait:
    """How a body moves.

    strain of muscle m  ~  amplitude_M[m] cos(2 pi (beat_hz t + phase_M[m]))
    """

    beat_hz: float
    """The frequency that holds most of the movement of all muscles together."""
    share: float
    """How much of the movement is that one beat, 0..1: regular walkers are near 1."""
    amplitude_M: Array
    """Of each muscle's strain at the beat."""
    phase_M: Array
    """In turns, 0..1, after the muscle that moves most."""


def strain_of(nodes_TN3: Array, ends_M2: Array) -> Array:
    """Length of each muscle over its mean length, less 1: (T, M)."""
    length_TM = np.linalg.norm(nodes_TN3[:, ends_M2[:, 0]] - nodes_TN3[:, ends_M2[:, 1]], axis=2)
    return np.asarray(length_TM / np.maximum(length_TM.mean(axis=0), 1e-6) - 1.0)


def gait_of(strain_TM: Array, frames_per_s: float) -> Gait | None:
    """The gait in some frames; None if they are too few, or if nothing moves."""
    num_frames = len(strain_TM)
    if num_frames < LEAST_S * frames_per_s or not strain_TM.shape[1]:
        return None
    swing_TM = strain_TM - strain_TM.mean(axis=0)
    if np.sqrt((swing_TM**2).mean()) < STILL:
        return None
    window_T = np.hanning(num_frames)
    spectrum_FM = np.fft.rfft(swing_TM * window_T[:, None], FINER * num_frames, axis=0)
    power_F = (np.abs(spectrum_FM) ** 2).sum(axis=1)
    hz_F = np.fft.rfftfreq(FINER * num_frames, 1.0 / frames_per_s)
    beat_hz = _peak(hz_F, power_F)
    if beat_hz is None:
        return None
    seconds_T = np.arange(num_frames) / frames_per_s
    turned = (swing_TM * (window_T * np.exp(-2j * np.pi * beat_hz * seconds_T))[:, None]).sum(0)
    wave_M = 2.0 * turned / window_T.sum()
    # A sine of amplitude A has variance A^2 / 2; the window weighs both alike.
    moved = float((swing_TM**2 * window_T[:, None]).sum() / window_T.sum())
    lead = np.angle(wave_M[int(np.argmax(np.abs(wave_M)))])
    return Gait(
        beat_hz=beat_hz,
        share=min(1.0, float((np.abs(wave_M) ** 2).sum() / 2.0 / moved)),
        amplitude_M=np.abs(wave_M),
        phase_M=np.mod((np.angle(wave_M) - lead) / (2.0 * np.pi), 1.0),
    )


def _peak(hz_F: Array, power_F: Array) -> float | None:
    """The top of the parabola through the highest peak and its neighbours; None without a peak.

    A peak stands above both neighbours: the foot of a drift slower than `SLOWEST_HZ` does not.
    """
    inner = power_F[1:-1]
    peaks = (inner > power_F[:-2]) & (inner >= power_F[2:]) & (hz_F[1:-1] >= SLOWEST_HZ)
    if not peaks.any():
        return None
    top = 1 + int(np.argmax(np.where(peaks, inner, -1.0)))
    left, middle, right = (float(power_F[top + k]) for k in (-1, 0, 1))
    offset = 0.5 * (left - right) / (left - 2.0 * middle + right)
    return float(hz_F[top] + offset * (hz_F[1] - hz_F[0]))
