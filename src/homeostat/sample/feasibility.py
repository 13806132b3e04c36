"""Feasibility: how likely a proposal is to survive, from the trials that did and did not."""

from __future__ import annotations

import numpy as np

# In units of the space's diagonal, for one trial; narrower as trials become more.
_WIDTH = 0.14
# What an estimate starts from, as a share of one trial at the very same place.
_PRIOR = 0.1


class Feasibility:
    """The chance to survive at a point: the share of survivors among trials nearby.

    A kernel average (Nadaraya and Watson) over N trials of P parameters, each in 0..1; far from
    every trial it is the share that survived altogether.
    """

    def __init__(self, points_NP: np.ndarray, survived_N: np.ndarray) -> None:
        n, p = points_NP.shape
        self._points_NP = points_NP
        self._survived_N = survived_N.astype(float)
        self._width = _WIDTH * np.sqrt(p) * n ** (-1 / (p + 4))

    def chance(self, point_P: np.ndarray) -> float:
        distance2_N = ((self._points_NP - point_P) ** 2).sum(axis=1)
        weight_N = np.exp(-distance2_N / (2 * self._width**2))
        prior = _PRIOR * self._survived_N.mean()
        return float((weight_N @ self._survived_N + prior) / (weight_N.sum() + _PRIOR))
