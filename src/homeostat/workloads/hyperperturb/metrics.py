"""Scores of a prediction against the half of the cells it never saw.

G genes, P perturbations. Effects are in units of each gene's standard deviation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from homeostat.workloads.hyperperturb.screen import FloatArray


def policy_kl(target_GP: FloatArray, predicted_GP: FloatArray) -> float:
    """Mean over genes of KL(target || predicted), in nats; 0 is perfect."""
    predicted_GP = np.maximum(predicted_GP, 1e-12)
    ratio_GP = np.maximum(target_GP, 1e-12) / predicted_GP
    return float((target_GP * np.log(ratio_GP)).sum(1).mean())


def value_mae(target_G: FloatArray, predicted_G: FloatArray) -> float:
    """Mean absolute error of how strongly each gene responds on average."""
    return float(np.abs(target_G - predicted_G).mean())


def pearson_delta(
    observed_PG: FloatArray, predicted_PG: FloatArray, reference_G: FloatArray | None = None
) -> float:
    """Correlation over genes of observed and predicted effects, averaged over perturbations.

    Against the control unless `reference_G` is given: subtracting the mean observed effect there
    leaves what is specific to a perturbation, which a shared response cannot score on. A constant
    prediction counts as 0.
    """
    if reference_G is not None:
        observed_PG, predicted_PG = observed_PG - reference_G, predicted_PG - reference_G
    return float(np.mean([_pearson(o, p) for o, p in zip(observed_PG, predicted_PG, strict=True)]))


def _pearson(a_G: FloatArray, b_G: FloatArray) -> float:
    a_G, b_G = a_G - a_G.mean(dtype=np.float64), b_G - b_G.mean(dtype=np.float64)
    scale = float(np.sqrt((a_G**2).sum() * (b_G**2).sum()))
    # Below this the vector is constant but for rounding, and a correlation would be noise.
    return float((a_G * b_G).sum()) / scale if scale > 1e-9 else 0.0


def mse_top(observed_PG: FloatArray, predicted_PG: FloatArray, num_top: int = 20) -> float:
    """Mean squared error over each perturbation's `num_top` most moved genes."""
    top_PK = np.argsort(-np.abs(observed_PG), axis=1, kind="stable")[:, :num_top]
    gap_PK = np.take_along_axis(observed_PG - predicted_PG, top_PK, 1)
    return float((gap_PK**2).mean())


def discrimination_rank(observed_PG: FloatArray, predicted_PG: FloatArray) -> float:
    """How often a prediction is nearer to its own perturbation than to another; 0.5 is chance.

    Nearness is the cosine between effects; ties count half.
    """
    cosine_PP = _unit_rows(predicted_PG) @ _unit_rows(observed_PG).T
    own_P1 = np.diag(cosine_PP)[:, None]
    others = ~np.eye(len(cosine_PP), dtype=bool)
    wins_PP = (cosine_PP < own_P1) + 0.5 * (cosine_PP == own_P1)
    return float(wins_PP[others].mean())


def _unit_rows(x_PG: FloatArray) -> NDArray[np.float64]:
    length_P1 = np.sqrt((x_PG.astype(np.float64) ** 2).sum(1, keepdims=True))
    # Rounded so that equal rows tie exactly, however they were summed.
    unit_PG: NDArray[np.float64] = np.round(x_PG / np.where(length_P1 > 0, length_P1, 1.0), 12)
    return unit_PG


def energy_distance(x_NG: FloatArray, y_MG: FloatArray) -> float:
    """2 E|x - y| - E|x - x'| - E|y - y'| between two groups of cells; 0 if they are the same.

    Self-pairs are left out, so small groups are not favoured; it can then be slightly negative.
    Source: Székely and Rizzo 2013; used for perturbation screens by Peidli et al. 2024.
    """
    return 2 * _mean_distance(x_NG, y_MG) - _spread(x_NG) - _spread(y_MG)


def _mean_distance(x_NG: FloatArray, y_MG: FloatArray) -> float:
    squares = (x_NG**2).sum(1)[:, None] + (y_MG**2).sum(1)[None] - 2.0 * x_NG @ y_MG.T
    return float(np.sqrt(np.maximum(squares, 0.0)).mean(dtype=np.float64))


def _spread(x_NG: FloatArray) -> float:
    num = len(x_NG)
    if num < 2:
        return 0.0  # one cell is no group: it has no spread of its own
    squares = (x_NG**2).sum(1)[:, None] + (x_NG**2).sum(1)[None] - 2.0 * x_NG @ x_NG.T
    np.fill_diagonal(squares, 0.0)
    return float(np.sqrt(np.maximum(squares, 0.0)).sum(dtype=np.float64)) / (num * (num - 1))
