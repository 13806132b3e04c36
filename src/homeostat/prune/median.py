"""Median: stop a trial that is worse than the median of those that completed, at the same step.

With several objectives it stops only if it is worse than the median in every one of them: a trial
that is good at something is left to run. With one that is the usual rule (Golovin et al. 2017,
Google Vizier, section 3.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from homeostat.prune.curve import Curve

STARTUP = 10
"""Trials that must complete before the first is stopped."""


@dataclass(frozen=True)
class Median:
    """The median rule."""

    steps: frozenset[int]
    """The steps at which it is asked."""

    def rungs(self, trial: int) -> frozenset[int]:
        return self.steps

    def reason(self, curve: Curve, past: Sequence[Curve]) -> str:
        step = int(curve.steps_N[-1])
        then = [other.at(step) for other in past if other.completed and other.reached(step)]
        if len(then) < STARTUP:
            return ""
        medians_O = np.median(np.array(then), axis=0)
        if not (curve.final_O > medians_O).all():
            return ""
        where = "" if len(medians_O) == 1 else " in every objective"
        return f"worse than the median of {len(then)} trials{where} at step {step}"
