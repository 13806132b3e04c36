"""Shapes: what a curve looks like, for curves in which lower is better."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

LEAST = 6
"""Fewer values than this have no shape."""


def _clean(values: Sequence[float]) -> np.ndarray:
    return np.array([v for v in values if math.isfinite(v)], dtype=float)


def _parts(values: np.ndarray) -> tuple[float, float, float]:
    """Means of the first and the last fifth, and how far neighbours lie apart."""
    few = max(1, len(values) // 5)
    rough = float(np.median(np.abs(np.diff(values)))) / math.sqrt(few)
    return float(values[:few].mean()), float(values[-few:].mean()), rough


def flat(values: Sequence[float]) -> bool:
    """It ends about where it began, and was not much better in between."""
    curve = _clean(values)
    if len(curve) < LEAST:
        return False
    first, last, rough = _parts(curve)
    return first - last < max(2 * rough, 0.01 * abs(first)) and not rising(values)


def rising(values: Sequence[float]) -> bool:
    """It got better, then clearly worse."""
    curve = _clean(values)
    if len(curve) < LEAST:
        return False
    best = int(np.argmin(curve))
    _, last, rough = _parts(curve)
    span = float(curve.max() - curve.min())
    return best < 0.7 * len(curve) and last - curve[best] > max(
        4 * rough, 0.1 * span, 0.01 * abs(float(curve[best]))
    )


def falling(values: Sequence[float]) -> bool:
    """Still on its way down at the end: the last fifth brings a twentieth of it all, or more."""
    curve = _clean(values)
    if len(curve) < LEAST:
        return False
    few = max(1, len(curve) // 5)
    first, last, rough = _parts(curve)
    gained = float(curve[-2 * few : -few].mean()) - last
    return gained > max(2 * rough, 0.05 * abs(first - last)) and first > last


def climbing(values: Sequence[float]) -> bool:
    """Still on its way up at the end."""
    return falling([-v for v in values])


def spikes(values: Sequence[float]) -> bool:
    """It jumps up by many times the usual step, and comes back."""
    curve = _clean(values)
    if len(curve) < 2 * LEAST:
        return False
    steps = np.diff(curve)
    usual = float(np.median(np.abs(steps))) or 1e-12
    jumps = np.flatnonzero(steps > 10 * usual)
    return bool(any(curve[i + 1] > curve[: i + 1].mean() for i in jumps))


def oscillating(values: Sequence[float]) -> bool:
    """It goes up and down in turn, by much of its whole span, to the end."""
    curve = _clean(values)
    if len(curve) < 2 * LEAST:
        return False
    steps = np.diff(curve[len(curve) // 2 :])
    turns = float(np.mean(steps[1:] * steps[:-1] < 0))
    span = float(curve.max() - curve.min()) or 1e-12
    return turns > 0.8 and float(np.median(np.abs(steps))) > 0.1 * span


SHAPES: dict[str, Callable[[Sequence[float]], bool]] = {
    "flat": flat,
    "rising": rising,
    "still falling": falling,
    "still rising": climbing,
    "spikes": spikes,
    "oscillating": oscillating,
}
