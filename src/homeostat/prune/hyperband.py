"""Hyperband: successive halving that begins earlier for some trials and later for others.

How early a curve can be judged is not known beforehand; so trials take turns between brackets,
whose first rung is ever later, up to the one in which nothing is stopped (Li et al. 2018,
arXiv:1603.06560). A trial is compared with those of its own bracket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from homeostat.prune.curve import Curve
from homeostat.prune.halving import not_among_best


@dataclass(frozen=True)
class Hyperband:
    """Hyperband."""

    steps: tuple[int, ...]
    """The rungs, the earliest first."""

    def bracket(self, trial: int) -> int:
        """How many of the first rungs a trial skips."""
        return trial % (len(self.steps) + 1)

    def rungs(self, trial: int) -> frozenset[int]:
        return frozenset(self.steps[self.bracket(trial) :])

    def reason(self, curve: Curve, past: Sequence[Curve]) -> str:
        mine = self.bracket(curve.trial)
        return not_among_best(curve, [c for c in past if self.bracket(c.trial) == mine])
