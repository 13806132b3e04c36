"""Curve: what one seed of a trial has reported, in the terms of the rules that prune.

Every rule is shown the curve of the attempt that runs and the `past` ones of the same seed, so that
what a seed does to every trial is no reason to stop one.
"""

# N reports, O objectives, C curves, M points; values are "bad": the lower the better.

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from homeostat.workload.goal import Goal


@dataclass(frozen=True)
class Curve:
    """The reports of one attempt.

    curve.at(9)     the values at step 9: those of the last report until then
    curve.until(9)  the curve as it was then
    """

    trial: int
    steps_N: np.ndarray
    bad_NO: np.ndarray
    completed: bool = False
    """Whether it ran to its end. One that was pruned or diverged did not."""

    @property
    def final_O(self) -> np.ndarray:
        final_O: np.ndarray = self.bad_NO[-1]
        return final_O

    def at(self, step: int) -> np.ndarray:
        """The values at a step that it has reached (see `reached`)."""
        bad_O: np.ndarray = self.bad_NO[np.searchsorted(self.steps_N, step, side="right") - 1]
        return bad_O

    def reached(self, step: int) -> bool:
        """Whether it has reported before and at a step, or after it."""
        has_begun = len(self.steps_N) > 0 and self.steps_N[0] <= step
        return bool(has_begun and (self.completed or self.steps_N[-1] >= step))

    def until(self, step: int) -> Curve:
        count = int(np.searchsorted(self.steps_N, step, side="right"))
        return Curve(self.trial, self.steps_N[:count], self.bad_NO[:count])


def make_curve(
    trial: int,
    rows: Iterable[tuple[int, Mapping[str, float]]],
    objectives: Mapping[str, str],
    *,
    completed: bool = False,
) -> Curve:
    """A curve from (step, {metric: value}); reports without every objective are left out."""
    signs_O = np.array([Goal(goal).sign for goal in objectives.values()])
    whole = [
        (step, [r[m] for m in objectives]) for step, r in rows if objectives.keys() <= r.keys()
    ]
    steps_N = np.array([step for step, _ in whole], dtype=np.int64)
    values_NO = np.array([row for _, row in whole], dtype=np.float64).reshape(-1, len(signs_O))
    return Curve(trial, steps_N, signs_O * values_NO, completed)


class PruningRule(Protocol):
    """Says at which steps it wants to be asked about a trial, and whether to stop it there.

    rule.rungs(trial=3)         frozenset({9, 19, 29})
    rule.reason(curve, past)    "" to go on, or why to stop, in a sentence
    """

    def rungs(self, trial: int) -> frozenset[int]: ...
    def reason(self, curve: Curve, past: Sequence[Curve]) -> str: ...


def dominators(bad_MO: np.ndarray, others_CO: np.ndarray) -> np.ndarray:
    """Of each of M points, how many others are as good in every objective and better in one."""
    no_worse_MC = (others_CO <= bad_MO[:, None]).all(axis=2)
    better_MC = (others_CO < bad_MO[:, None]).any(axis=2)
    count_M: np.ndarray = (no_worse_MC & better_MC).sum(axis=1)
    return count_M
