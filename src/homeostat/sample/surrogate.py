"""Surrogate: a Gaussian process over numbers, choices and conditions, with the noise of seeds.

The kernel is a sum of two. One is Matern 5/2 of a distance to which every parameter contributes by
its own weight: numbers by how far they are apart, choices by whether they differ (the overlap
kernel). The other adds the effects of single parameters, each as large as it is: smooth in a
number (cosines of falling size), free for each option. Where effects add up, few trials tell which
of many parameters matter; where they do not, the first kernel has the rest. Of a parameter that
does not act, the effect is nothing and the place is the middle.

Source: Rasmussen and Williams 2006, equations 2.25, 2.26, 5.8 and 5.9; additive kernels, Duvenaud
2011; priors that widen with the number of parameters, Hvarfner 2024.
"""

# N trials, M candidates, P parameters, E columns of features.

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.optimize import minimize

from homeostat.sample.coordinates import Coordinates

WAVES = 5
"""How many cosines an effect has."""
ROUNDS = 40
"""Of the optimiser, at most."""
TINY = 1e-6
"""Added to the diagonal, so that equal trials do no harm."""
_SQRT5 = math.sqrt(5.0)


@dataclass(frozen=True)
class Features:
    """Rows as columns that products of matrices are made of."""

    near_NE: np.ndarray
    """Squared distances of these are what the first kernel sees."""
    add_NF: np.ndarray
    """Products of these are the effects that add up."""


class Shape:
    """Which column belongs to which parameter."""

    def __init__(self, coordinates: Coordinates) -> None:
        options = coordinates.options_P
        self.parameters = len(options)
        self._options = options
        self.near_E = np.repeat(np.arange(len(options)), np.maximum(options, 1))
        self.add_F = np.repeat(np.arange(len(options)), np.where(options == 0, WAVES, options))

    def features(self, rows_NP: np.ndarray) -> Features:
        near, add = [], []
        order = np.arange(1, WAVES + 1)
        for i, k in enumerate(self._options):
            column = rows_NP[:, i]
            acts = ~np.isnan(column)
            if k:
                hot = (column[:, None] == np.arange(k)).astype(float)
                near.append(hot / math.sqrt(2))
                add.append(hot)
            else:
                place = np.where(acts, column, 0.5)
                near.append(place[:, None])
                add.append(acts[:, None] * np.cos(math.pi * order * place[:, None]) / order)
        return Features(np.concatenate(near, axis=1), np.concatenate(add, axis=1))


@dataclass(frozen=True)
class Scales:
    """The logarithms of the kernel's parameters."""

    near_P: np.ndarray
    """The weight of each parameter in the distance."""
    add_P: np.ndarray
    """The variance of the effect of each."""
    signal: float
    """The variance of the first kernel."""
    noise: float
    """The variance of noise."""

    @classmethod
    def of(cls, theta: np.ndarray) -> Scales:
        p = (len(theta) - 2) // 2
        return cls(theta[:p], theta[p : 2 * p], float(theta[-2]), float(theta[-1]))


def prior(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the s.d. of every logarithm beforehand."""
    p = shape.parameters
    means = np.r_[
        np.full(p, math.log(3.0 / p**0.5)), np.full(p, math.log(0.3 / p)), math.log(0.5), -3.5
    ]
    sds = np.r_[np.full(p, 1.6), np.full(p, 1.6), 1.0, 1.5]
    return means, sds


def fit(shape: Shape, features: Features, y_N: np.ndarray) -> Scales:
    """The likeliest scales, given standardised values and the prior."""
    means, sds = prior(shape)
    p, n = shape.parameters, len(y_N)
    near, add = features.near_NE, features.add_NF
    squares_NE = near**2

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        scales = Scales.of(theta)
        w_E = np.exp(scales.near_P)[shape.near_E]
        a_F = np.exp(scales.add_P)[shape.add_F]
        signal, noise = math.exp(scales.signal), math.exp(scales.noise)
        r_NN = _SQRT5 * np.sqrt(_distance2(near, near, w_E))
        decay_NN = np.exp(-r_NN)
        matern_NN = (1 + r_NN + r_NN**2 / 3) * decay_NN
        k_NN = signal * matern_NN + (add * a_F) @ add.T
        k_NN.flat[:: n + 1] += noise + TINY
        lower, failed = dpotrf(k_NN, lower=1)
        off = (theta - means) / sds
        if failed:
            return 1e10, off / sds
        alpha_N = cho_solve((lower, True), y_N)
        value = 0.5 * y_N @ alpha_N + np.log(np.diagonal(lower)).sum() + 0.5 * off @ off
        inverse, _ = dpotri(lower, lower=1)
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        g_NN = 0.5 * (inverse - np.outer(alpha_N, alpha_N))  # the slope by each covariance
        # The slope of Matern 5/2 by a squared distance is -5/6 (1 + r) exp(-r).
        h_NN = g_NN * (-5.0 / 6.0 * signal) * (1 + r_NN) * decay_NN
        by_E = 2 * (h_NN.sum(axis=1) @ squares_NE - ((h_NN @ near) * near).sum(axis=0))
        by_F = ((g_NN @ add) * add).sum(axis=0)
        slope = np.r_[
            np.bincount(shape.near_E, by_E * w_E, p),
            np.bincount(shape.add_F, by_F * a_F, p),
            signal * (g_NN * matern_NN).sum(),
            noise * np.trace(g_NN),
        ]
        return float(value), slope + off / sds

    bounds = [(m - 5 * s, m + 5 * s) for m, s in zip(means, sds, strict=True)]
    bounds[-1] = (math.log(1e-5), math.log(2.0))
    found = minimize(
        loss, means, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": ROUNDS}
    )
    return Scales.of(found.x)


def _distance2(a_NE: np.ndarray, b_ME: np.ndarray, w_E: np.ndarray) -> np.ndarray:
    root = np.sqrt(w_E)
    a_NE, b_ME = a_NE * root, b_ME * root
    squared: np.ndarray = -2 * a_NE @ b_ME.T
    squared += (a_NE**2).sum(axis=1)[:, None]
    squared += (b_ME**2).sum(axis=1)
    np.maximum(squared, 1e-12, out=squared)
    return squared


class Posterior:
    """What is believed of every configuration, given some values."""

    def __init__(self, shape: Shape, scales: Scales, rows_NP: np.ndarray, y_N: np.ndarray) -> None:
        self._shape = shape
        self._w_E = np.exp(scales.near_P)[shape.near_E]
        self._a_F = np.exp(scales.add_P)[shape.add_F]
        self._signal = math.exp(scales.signal)
        self._noise = math.exp(scales.noise)
        self._known = shape.features(rows_NP)
        self._y_N = y_N
        self._solve()

    def _solve(self) -> None:
        k_NN = self._covariance(self._known)
        k_NN.flat[:: len(k_NN) + 1] += self._noise + TINY
        lower, failed = dpotrf(k_NN, lower=1)
        assert not failed
        self._lower = lower
        self._alpha_N = cho_solve((lower, True), self._y_N)

    def _covariance(self, features: Features) -> np.ndarray:
        """Between features M and what is known N: shape (M, N)."""
        return self._between(features, self._known)

    def _between(self, a: Features, b: Features) -> np.ndarray:
        r = _SQRT5 * np.sqrt(_distance2(a.near_NE, b.near_NE, self._w_E))
        k_MN: np.ndarray = self._signal * (1 + r + r * r / 3) * np.exp(-r)
        k_MN += (a.add_NF * self._a_F) @ b.add_NF.T
        return k_MN

    def __call__(self, rows_MP: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The mean and the s.d. of each row's value without noise."""
        features = self._shape.features(rows_MP)
        k_MN = self._covariance(features)
        half_NM = solve_triangular(self._lower, k_MN.T, lower=True, check_finite=False)
        own_M = self._signal + (features.add_NF**2) @ self._a_F
        variance_M = own_M - np.einsum("nm,nm->m", half_NM, half_NM)
        return k_MN @ self._alpha_N, np.sqrt(np.maximum(variance_M, 1e-10))

    def draws(self, rows_MP: np.ndarray, rng: np.random.Generator, count: int) -> np.ndarray:
        """Draws of the values of all rows together, without noise: (count, M)."""
        features = self._shape.features(rows_MP)
        k_MN = self._covariance(features)
        half_NM = solve_triangular(self._lower, k_MN.T, lower=True, check_finite=False)
        k_MM = self._between(features, features) - half_NM.T @ half_NM
        values, vectors = np.linalg.eigh(k_MM)
        root_MM = vectors * np.sqrt(np.maximum(values, 0.0))
        draws_DM: np.ndarray = rng.normal(size=(count, len(rows_MP))) @ root_MM.T
        draws_DM += k_MN @ self._alpha_N
        return draws_DM

    def mean(self, rows_MP: np.ndarray) -> np.ndarray:
        """The mean of each row's value without noise."""
        mean_M: np.ndarray = self._covariance(self._shape.features(rows_MP)) @ self._alpha_N
        return mean_M
