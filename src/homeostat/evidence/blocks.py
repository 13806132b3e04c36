"""Intervals over blocks of time: neighbours in time err alike, so whole stretches are resampled.

Source: the circular block bootstrap, Politis & Romano 1992.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

RESAMPLES = 2_000


def block_interval(
    values: Values,
    of: Callable[[Values], Values],
    *,
    length: int | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """An interval for a statistic of sums over a series, from resampled stretches of it.

    Args:
        values: (N, C), in order of time.
        of: From sums over resampled rows, (R, C), to the statistic of each, (R,).
        length: Of a stretch; the square root of N by default.
        level: Share of such intervals that hold the truth.

    >>> series = np.arange(100.0)[:, None] % 2
    >>> low, high = block_interval(series, lambda sums: sums[:, 0] / 100)
    >>> low < 0.5 < high
    True
    """
    total = len(values)
    size = min(length or max(round(total**0.5), 1), total)
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, total, (RESAMPLES, -(-total // size)))
    rows = (starts[:, :, None] + np.arange(size)).reshape(RESAMPLES, -1)[:, :total] % total
    # How often each row was drawn: sums are then one product, however many columns there are.
    drawn = np.zeros((RESAMPLES, total))
    np.add.at(drawn, (np.arange(RESAMPLES)[:, None], rows), 1.0)
    tail = 50 * (1.0 - level)
    low, high = np.percentile(of(drawn @ values), (tail, 100 - tail))
    return float(low), float(high)
