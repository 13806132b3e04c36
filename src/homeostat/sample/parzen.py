"""Parzen: where good trials lie, one parameter at a time.

Bergstra et al. 2011: proposals are drawn where good trials are dense, and the one is taken at which
they are densest compared with the rest.
"""

# N trials, M rows, P parameters.

from __future__ import annotations

import math

import numpy as np

from homeostat.sample.coordinates import Coordinates

NARROWEST = 0.03
"""A kernel's least width, a share of the scale."""


class Density:
    """The density of rows, as if parameters were independent; one uniform row is always added."""

    def __init__(self, coordinates: Coordinates, rows_NP: np.ndarray) -> None:
        self._coordinates = coordinates
        self._numbers = coordinates.numbers
        self._at_ND = rows_NP[:, self._numbers]
        self._acts_ND = ~np.isnan(self._at_ND)
        n_D = np.maximum(self._acts_ND.sum(axis=0), 1)
        at_ND = np.where(self._acts_ND, self._at_ND, 0.0)
        mean_D = at_ND.sum(axis=0) / n_D
        sd_D = np.sqrt((self._acts_ND * (at_ND - mean_D) ** 2).sum(axis=0) / n_D)
        self._width_D = np.maximum(NARROWEST, 1.06 * sd_D * n_D**-0.2)
        self._at_ND = at_ND
        self._shares: dict[int, np.ndarray] = {}
        for i in coordinates.choices:
            column = rows_NP[:, i]
            k = int(coordinates.options_P[i])
            counts = np.bincount(column[~np.isnan(column)].astype(int), minlength=k) + 1.0 / k
            self._shares[int(i)] = counts / counts.sum()

    def draw(self, rng: np.random.Generator, m: int) -> np.ndarray:
        """Whole rows."""
        rows_MP = self._coordinates.random(rng, m)
        for d, i in enumerate(self._numbers):
            at = self._at_ND[self._acts_ND[:, d], d]
            if len(at):
                place = rng.integers(len(at) + 1, size=m)
                moved = at[np.minimum(place, len(at) - 1)] + self._width_D[d] * rng.normal(size=m)
                inside = (place < len(at)) & (moved >= 0) & (moved <= 1)
                rows_MP[:, i] = np.where(inside, moved, rows_MP[:, i])
        for at_i, share in self._shares.items():
            rows_MP[:, at_i] = np.minimum(
                np.searchsorted(share.cumsum(), rng.random(m), side="right"), len(share) - 1
            )
        return self._coordinates.snapped(rows_MP)

    def log(self, rows_MP: np.ndarray) -> np.ndarray:
        """The logarithm of the density of each row, over the parameters that act in it."""
        at_MD = rows_MP[:, self._numbers]
        z_MND = (np.nan_to_num(at_MD)[:, None] - self._at_ND) / self._width_D
        kernel_MND = np.exp(-0.5 * z_MND**2) / (self._width_D * math.sqrt(2 * math.pi))
        n_D = self._acts_ND.sum(axis=0)
        density_MD = (1.0 + (kernel_MND * self._acts_ND).sum(axis=1)) / (1.0 + n_D)
        total_M: np.ndarray = np.where(np.isnan(at_MD), 0.0, np.log(density_MD)).sum(axis=1)
        for i, share in self._shares.items():
            column = rows_MP[:, i]
            acts = ~np.isnan(column)
            total_M += np.where(acts, np.log(share[np.where(acts, column, 0).astype(int)]), 0.0)
        return total_M
