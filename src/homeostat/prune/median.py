"""Median: stop a trial that is worse than the median of those that completed, at the same step.

With several objectives "worse" is counted in trials that dominate it, being at least as good in
everything and better in something: it stops when more do than dominate the median trial. With one
objective that is the usual rule (Golovin et al. 2017, Google Vizier, section 3.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from homeostat.prune.curve import Curve, dominators

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
        then_CO = np.array(then)
        usual = np.median(dominators(then_CO, then_CO))
        worse_than = int(dominators(curve.final_O[None], then_CO)[0])
        if worse_than <= usual:
            return ""
        return f"worse than {worse_than} of {len(then)} trials at step {step}"
