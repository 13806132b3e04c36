"""Best of m: what the best of another number of trials would have been.

The bootstrap of the best, without drawing: of m trials drawn with replacement from N sorted ones,
the best is among the first i with chance 1 - ((N - i) / N)^m.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from homeostat.workload.goal import Goal

LEVEL = 0.95


@dataclass(frozen=True)
class BestOf:
    """The best of m trials: its mean, and the interval it lies in with a chance of 95 %."""

    mean: float
    low: float
    high: float


def best_of(values: Sequence[float], m: int, *, goal: str) -> BestOf:
    """The best of m trials drawn from those with these values.

    Args:
        values: One for each trial, at least one; assumed to come in no particular order, which
            trials of an adaptive search do only roughly.
        m: How many are drawn, at least one.
        goal: "minimize" or "maximize".

    Source: the bootstrap of the best, as in the Deep Learning Tuning Playbook.
    """
    best_first_N = np.array(Goal(goal).ranked(values, key=float), dtype=float)
    n = len(best_first_N)
    until_N = 1 - ((n - np.arange(1, n + 1)) / n) ** m
    mean = float(np.diff(until_N, prepend=0.0) @ best_first_N)
    tail = (1 - LEVEL) / 2
    places = np.searchsorted(until_N, (tail, 1 - tail))
    ends = sorted(float(best_first_N[min(place, n - 1)]) for place in places)
    return BestOf(mean, *ends)
