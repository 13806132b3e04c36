"""The Poincaré ball seen from its centre: `exp0` onto it, `log0` back, in two versions.

N nodes, D dimensions; c is the curvature, the ball has radius 1 / sqrt(c).

`DocumentedMaps` are the notes' formulas, word for word. Their norm is sqrt(sum x^2), whose gradient
at exactly 0 is infinite times zero; and v / (|v| + 1e-8) shrinks a tiny v quadratically, so that
rows do reach 0. (`torch.linalg.norm` would hide it: its gradient at 0 is defined as 0.)

`SafeMaps` compute the same functions without a singular point.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

# Below this scaled norm tanh(n)/n and atanh(n)/n are taken from their series: exact to rounding
# there, since the next term is smaller than n^4.
SERIES_BELOW = 1e-3


class Maps(Protocol):
    """Maps between the tangent space at the centre and the ball."""

    def exp0(self, v_ND: Tensor, c: Tensor) -> Tensor:
        """The point reached by walking along `v_ND` from the centre."""

    def log0(self, y_ND: Tensor, c: Tensor) -> Tensor:
        """The tangent vector that leads from the centre to `y_ND`; undoes `exp0`."""


def singular_norm(x_ND: Tensor) -> Tensor:
    """sqrt(sum x^2) along the last axis, shape (N, 1); its gradient at 0 is not finite."""
    return x_ND.pow(2).sum(-1, keepdim=True).sqrt()


def safe_norm(x_ND: Tensor, eps: float = 1e-7) -> Tensor:
    """sqrt(sum x^2 + eps^2) along the last axis, shape (N, 1); smooth everywhere.

    `eps` is small against any norm that matters, and its square (1e-14) is far above the smallest
    float32.
    """
    return (x_ND.pow(2).sum(-1, keepdim=True) + eps * eps).sqrt()


class DocumentedMaps:
    """The maps of the notes: clip the norm, add 1e-8 afterwards."""

    largest_step = 10.0
    largest_radius = 0.999
    eps = 1e-8

    def exp0(self, v_ND: Tensor, c: Tensor) -> Tensor:
        n_N1 = (c.sqrt() * singular_norm(v_ND)).clamp(0.0, self.largest_step)
        return torch.tanh(n_N1) * v_ND / (n_N1 + self.eps)

    def log0(self, y_ND: Tensor, c: Tensor) -> Tensor:
        n_N1 = (c.sqrt() * singular_norm(y_ND)).clamp(0.0, self.largest_radius)
        return torch.atanh(n_N1) * y_ND / (n_N1 + self.eps)


class SafeMaps:
    """The same maps with a smooth norm and a series near 0."""

    largest_step = 15.0  # tanh is 1 in either precision by then

    def exp0(self, v_ND: Tensor, c: Tensor) -> Tensor:
        n_N1 = (c.sqrt() * safe_norm(v_ND)).clamp(max=self.largest_step)
        return v_ND * torch.where(n_N1 < SERIES_BELOW, 1 - n_N1**2 / 3, torch.tanh(n_N1) / n_N1)

    def log0(self, y_ND: Tensor, c: Tensor) -> Tensor:
        n_N1 = (c.sqrt() * safe_norm(y_ND)).clamp(max=1 - boundary_gap(y_ND.dtype) / 2)
        return y_ND * torch.where(n_N1 < SERIES_BELOW, 1 + n_N1**2 / 3, torch.atanh(n_N1) / n_N1)


MAPS: dict[str, Maps] = {"singular": DocumentedMaps(), "safe": SafeMaps()}


def boundary_gap(dtype: torch.dtype) -> float:
    """How far inside the boundary points are kept: what the precision can still resolve.

    Source: the values of geoopt's Poincaré ball.
    """
    return 1e-5 if dtype == torch.float64 else 4e-3


def project(y_ND: Tensor, c: Tensor) -> Tensor:
    """Pull points on or beyond the boundary back inside; leave the others alone."""
    largest = (1 - boundary_gap(y_ND.dtype)) / c.sqrt()
    n_N1 = safe_norm(y_ND)
    return torch.where(n_N1 > largest, y_ND / n_N1 * largest, y_ND)


def squared_distances(x_ND: Tensor, y_KD: Tensor, c: Tensor) -> Tensor:
    """A quarter of the squared distance on the ball between every two points, shape (N, K).

    At c -> 0 it is |x - y|^2. Source: Ganea et al. 2018, arXiv:1805.09112, by
    |(-x) + y|^2 = |x - y|^2 / (1 - 2 c x.y + c^2 |x|^2 |y|^2) for the Möbius sum.
    """
    xx_N1, yy_K = x_ND.pow(2).sum(-1, keepdim=True), y_KD.pow(2).sum(-1)
    xy_NK = x_ND @ y_KD.T
    apart_NK = (xx_N1 + yy_K - 2 * xy_NK).clamp(min=0.0)
    u_NK = c * apart_NK / (1 - 2 * c * xy_NK + c * c * xx_N1 * yy_K)  # tanh^2 of the half distance
    # A series near 0, where the square root has no finite gradient.
    root_NK = u_NK.clamp(min=SERIES_BELOW, max=1 - boundary_gap(x_ND.dtype) ** 2 / 4).sqrt()
    series_NK = u_NK * (1 + u_NK * (2 / 3 + u_NK * 23 / 45))
    return torch.where(u_NK < SERIES_BELOW, series_NK, torch.atanh(root_NK).pow(2)) / c


def midpoints(weights_NN: Tensor, x_ND: Tensor, c: Tensor) -> Tensor:
    """Of each row's weights, the point in the middle of the points so weighted; the mean at c -> 0.

    The gyromidpoint, which is Einstein's midpoint and the Lorentz model's centroid, written for
    this ball: nearer to the edge, a point weighs more. Source: Ungar 2008; Shimizu et al. 2021,
    arXiv:2006.08210.
    """
    pull_N1 = 1 / (1 - c * x_ND.pow(2).sum(-1, keepdim=True)).clamp(min=1e-6)
    # Half the conformal factor; the denominator's is the factor less one.
    sum_ND = weights_NN @ (2 * pull_N1 * x_ND)
    twice_ND = sum_ND / (weights_NN @ (2 * pull_N1 - 1)).clamp(min=1e-12)
    root_N1 = (1 - c * twice_ND.pow(2).sum(-1, keepdim=True)).clamp(min=0.0).add(1e-12).sqrt()
    return twice_ND / (1 + root_N1)


def clip_norm(v_ND: Tensor, radius: float) -> Tensor:
    """Shorten vectors longer than `radius` to it (clipped hyperbolic networks)."""
    return v_ND * (radius / safe_norm(v_ND)).clamp(max=1.0)
