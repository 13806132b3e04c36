"""Basis: functions of one parameter whose squared weights are the variance that it explains.

Over values drawn as a random search draws them, each function has mean 0 and variance 1 and is
uncorrelated with the others. Ranges have cosines of the place along the range, slow ones first;
parameters with few values have as many functions as it takes to tell those apart.
"""

# N trials, K functions, L levels.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from homeostat.space import Bool, Choice, Float, Range
from homeostat.space.values import same

FUNCTIONS = 20
"""Cosines of a range: enough for a step or a narrow valley."""
LEVELS = 24
"""A whole number with more values than this is treated as a range."""
GRID = 4096
SMOOTHNESS = (1.0, 2.0)
"""Weights fall with the k-th cosine as k^-1 (kinks, steps) or k^-2 (smooth); both are tried."""


@dataclass(frozen=True)
class Basis:
    """The functions of one parameter at the values it had.

    Attributes:
        functions_NK: Their values; rows of trials without the parameter are 0.
        scales_SK: How large each weight may be beside the first, for each smoothness S.
    """

    functions_NK: np.ndarray
    scales_SK: np.ndarray


def make_basis(parameter: Range, values: Sequence[Any], active_N: np.ndarray) -> Basis:
    """The functions of a parameter over trials.

    Args:
        parameter: Its range.
        values: One for each trial in which it was active, in order.
        active_N: In which trials that was.
    """
    if isinstance(parameter, Choice | Bool):
        places = [_option(parameter, value) for value in values]
        shares_L = np.full(len(parameter.options), 1.0 / len(parameter.options))
        rows_KV = _told_apart(np.eye(len(shares_L))[:, 1:], shares_L)[places]
        return _spread(rows_KV, active_N, np.ones((len(SMOOTHNESS), rows_KV.shape[1])))
    units = () if isinstance(parameter, Float) else (np.arange(GRID) + 0.5) / GRID
    grid = [parameter.from_unit(u) for u in units]
    levels = sorted(set(grid))
    if 0 < len(levels) <= LEVELS:
        shares_L = np.array([grid.count(level) for level in levels]) / GRID
        middles_L = np.cumsum(shares_L) - shares_L / 2
        functions_LK = _told_apart(_cosines(middles_L, min(FUNCTIONS, len(levels) - 1)), shares_L)
        nearest = np.abs(np.subtract.outer(np.array(values, float), levels)).argmin(axis=1)
        rows = functions_LK[nearest]
    else:
        rows = _cosines(np.array([parameter.to_unit(value) for value in values]), FUNCTIONS)
    order_K = np.arange(1.0, rows.shape[1] + 1)
    return _spread(rows, active_N, np.stack([order_K**-power for power in SMOOTHNESS]))


def _option(parameter: Choice | Bool, value: Any) -> int:
    return next(i for i, option in enumerate(parameter.options) if same(option, value))


def _cosines(units_N: np.ndarray, count: int) -> np.ndarray:
    angles_NK = np.pi * np.multiply.outer(units_N, np.arange(1, count + 1))
    return np.asarray(np.sqrt(2.0) * np.cos(angles_NK))


def _told_apart(functions_LK: np.ndarray, shares_L: np.ndarray) -> np.ndarray:
    """The same span with mean 0, variance 1 and no correlation over levels with these shares."""
    centred_LK = functions_LK - shares_L @ functions_LK
    root_L1 = np.sqrt(shares_L)[:, None]
    orthonormal_LK, _ = np.linalg.qr(centred_LK * root_L1)
    return np.asarray(orthonormal_LK / root_L1)


def _spread(rows_VK: np.ndarray, active_N: np.ndarray, scales_SK: np.ndarray) -> Basis:
    functions_NK = np.zeros((len(active_N), rows_VK.shape[1]))
    functions_NK[active_N] = rows_VK
    return Basis(functions_NK, scales_SK)
