"""Successive halving: at each rung only the best third goes on.

The asynchronous form (Li et al. 2020, arXiv:1810.05934, with stopping in place of promotion):
a trial is compared with all that have reached its rung so far and never waits for others, so
nothing is trained twice and nothing has to be resumed. With several objectives the order is by how
many trials dominate one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from homeostat.prune.curve import Curve, dominators

REDUCTION = 3
"""One trial in this many goes on; each rung is this many times further than the last."""


def halving_steps(budget: int, least: int = 1) -> tuple[int, ...]:
    """The last step of budget / 3, budget / 9, ... down to `least` steps."""
    sizes = []
    size = budget // REDUCTION
    while size >= least:
        sizes.append(size)
        size //= REDUCTION
    return tuple(size - 1 for size in reversed(sizes))


@dataclass(frozen=True)
class Halving:
    """Successive halving."""

    steps: frozenset[int]
    """The rungs."""

    def rungs(self, trial: int) -> frozenset[int]:
        return self.steps

    def reason(self, curve: Curve, past: Sequence[Curve]) -> str:
        return not_among_best(curve, past)


def not_among_best(curve: Curve, past: Sequence[Curve]) -> str:
    """Why a trial is not in the best third of those that have reached its step, if it is not."""
    step = int(curve.steps_N[-1])
    then_CO = np.array([curve.final_O, *(c.at(step) for c in past if c.reached(step))])
    if len(then_CO) < REDUCTION:
        return ""
    worse_than_C = dominators(then_CO, then_CO)
    place = int((worse_than_C < worse_than_C[0]).sum()) + 1
    if place <= len(then_CO) // REDUCTION:
        return ""
    return f"place {place} of {len(then_CO)} at step {step}"
