"""A forest with shadows: importance in noisy data, and the importance that chance alone gives.

Beside every parameter the forest gets its shadow, the same column in shuffled order, which cannot
matter. Rows and shuffles are drawn anew many times; a parameter whose importance stays above that
of the shadows matters. (Staying above the best of all shadows loses a third of the real ones where
the noise is one and a half times the signal, and gains nothing: few others pass either way.)
Source: the shadows are those of Boruta, Kursa and Rudnicki 2010, J. Stat. Softw. 36(11).
"""

# N rows, D parameters, B resamples.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RESAMPLES = 20
TREES = 25
"""Trees for each resample."""
LEAF = 10
"""Least rows per leaf: smaller leaves would fit the noise."""
OUT_OF_BAG_TREES = 100


@dataclass(frozen=True)
class Forest:
    """Shares of the explained variance."""

    shares_BD: np.ndarray
    """Importance of each parameter in each resample."""
    floor: float
    """Mean importance of a shadow: what chance gives."""
    r2: float
    """Of the variance, the part that the forest predicts of rows it has not seen; may be < 0."""


def grow(
    points_ND: np.ndarray, values_N: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES
) -> Forest:
    """Fit the forests.

    Args:
        points_ND: Places in the unit cube.
        values_N: What was measured there; all finite.
    """
    from sklearn.ensemble import ExtraTreesRegressor

    rng = np.random.default_rng(seed)
    count, dimensions = points_ND.shape
    shares_BD, shadows = [], []
    for number in range(resamples):
        rows = rng.integers(count, size=count)
        shadows_ND = rng.permuted(points_ND, axis=0)
        trees = ExtraTreesRegressor(
            TREES, min_samples_leaf=LEAF, max_features=1 / 3, random_state=seed + number
        )
        both_ND2 = np.hstack([points_ND, shadows_ND])
        trees.fit(both_ND2[rows], values_N[rows])
        shares_BD.append(trees.feature_importances_[:dimensions])
        shadows.append(trees.feature_importances_[dimensions:].mean())
    return Forest(
        np.array(shares_BD), float(np.mean(shadows)), out_of_bag(points_ND, values_N, seed)
    )


def out_of_bag(points_ND: np.ndarray, values_N: np.ndarray, seed: int = 0) -> float:
    """R^2 of a forest on the rows that each of its trees has not seen."""
    from sklearn.ensemble import RandomForestRegressor

    if len(values_N) < 2 or float(np.ptp(values_N)) == 0.0:
        return 0.0
    forest = RandomForestRegressor(
        OUT_OF_BAG_TREES, min_samples_leaf=3, max_features=0.7, oob_score=True,
        random_state=seed,
    )  # fmt: skip
    forest.fit(points_ND, values_N)
    return float(forest.oob_score_)
