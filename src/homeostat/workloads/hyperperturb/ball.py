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


def clip_norm(v_ND: Tensor, radius: float) -> Tensor:
    """Shorten vectors longer than `radius` to it (clipped hyperbolic networks)."""
    return v_ND * (radius / safe_norm(v_ND)).clamp(max=1.0)
