"""Trend: does a curve fall, rise or stay, beyond how much its neighbours waver?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

LEAST = 4
"""Fewer values than this have no trend."""
SMALL = 0.01
"""A change of less than this share is none."""


@dataclass(frozen=True)
class Trend:
    """Where a curve begins and ends (means of a fifth each), and what that makes it."""

    word: Literal["falls", "rises", "stays", "unseen"]
    first: float = math.nan
    last: float = math.nan

    @property
    def told(self) -> str:
        return f"{self.word} ({self.first:.4g} to {self.last:.4g})"


def trend(values: Sequence[float]) -> Trend:
    """The trend of a curve; values that are not finite are left out."""
    curve = np.array([v for v in values if math.isfinite(v)], dtype=float)
    if len(curve) < LEAST:
        return Trend("unseen")
    few = max(1, len(curve) // 5)
    first, last = float(curve[:few].mean()), float(curve[-few:].mean())
    rough = float(np.median(np.abs(np.diff(curve)))) / math.sqrt(few)
    least = max(2 * rough, SMALL * abs(first), 1e-12)
    if last - first > least:
        return Trend("rises", first, last)
    return Trend("falls" if first - last > least else "stays", first, last)
