"""Auto: stop a trial whose chance of ending among the best few has become small.

Where a curve will end is extrapolated from where it stands and where it is heading. How far to
trust that is not assumed but measured: on the trials that have completed, whose curves are cut off
at the same step and whose ends are known. The spread of those errors, wider for a curve that is
still moving fast or stands far from the others, gives the chance.
"""

# N reports, O objectives, C completed curves, M draws of a possible end.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from homeostat.prune.curve import Curve, dominators

STARTUP = 6
"""Trials that must complete before the first is stopped: fewer say nothing about the spread."""
BEST = 3
"""A trial that may end among this many best goes on: the very best may just be lucky."""
CHANCE = 0.05
"""A trial with a smaller chance than this is stopped."""
DRAWS = 400
FAR = 0.3
"""How much wider the spread is for a curve far from the best end, as a share of that distance."""
# Of the line: where it starts is left to the trials, its slope is expected to be a half.
_PRIOR = np.array([0.0, 0.5])
_PRECISION = np.diag([1e-9, 4.0])


@dataclass(frozen=True)
class Auto:
    """Pruning by extrapolated curves."""

    steps: frozenset[int]
    """The steps at which it is asked."""
    last: int
    """The step at which a trial ends."""

    def rungs(self, trial: int) -> frozenset[int]:
        return self.steps

    def reason(self, curve: Curve, past: Sequence[Curve]) -> str:
        step = int(curve.steps_N[-1])
        done = [other for other in past if other.completed and other.reached(step)]
        if len(done) < STARTUP:
            return ""
        finals_CO = np.array([other.final_O for other in done])
        ends_MO = possible_ends(curve, [other.until(step) for other in done], finals_CO, self.last)
        chance = float((dominators(ends_MO, finals_CO) < BEST).mean())
        if chance >= CHANCE:
            return ""
        return f"a chance of {100 * chance:.0f} % at step {step} to end among the best {BEST}"


def expected_end(curve: Curve, past: Sequence[Curve], last: int) -> np.ndarray | None:
    """Where a curve is likely to end, given those that have completed; none while they are few."""
    step = int(curve.steps_N[-1])
    done = [other for other in past if other.completed and other.reached(step)]
    if len(done) < STARTUP:
        return None
    finals_CO = np.array([other.final_O for other in done])
    ends_MO = possible_ends(curve, [other.until(step) for other in done], finals_CO, last)
    end_O: np.ndarray = np.median(ends_MO, axis=0)
    return end_O


def possible_ends(
    curve: Curve, others: Sequence[Curve], finals_CO: np.ndarray, last: int
) -> np.ndarray:
    """Draws of where a curve may end, given where `others`, as long as it is, have ended.

    What is still to come, end - level, is taken as a line in where the curve is heading. The line
    is fitted to the others with a prior: half of what a straight continuation (in the logarithm of
    the step) would bring, give or take as much.
    """
    count, num_objectives = finals_CO.shape
    level_O, drift_O = outlook(curve, last)
    level_CO, drift_CO = map(np.array, zip(*(outlook(c, last) for c in others), strict=True))
    ends_MO = np.empty((DRAWS, num_objectives))
    for o in range(num_objectives):
        change_C, best = finals_CO[:, o] - level_CO[:, o], finals_CO[:, o].min()
        floor = np.median(np.abs(change_C)) + 1e-3 * np.ptp(finals_CO[:, o]) + 1e-12
        gap_C = np.maximum(level_CO[:, o] - best, 0.0)
        scale_C = floor + np.abs(drift_CO[:, o]) + FAR * gap_C
        x_C2 = np.stack([np.ones(count), drift_CO[:, o]], axis=1) / scale_C[:, None]
        y_C = change_C / scale_C
        line_2 = np.linalg.solve(x_C2.T @ x_C2 + _PRECISION, x_C2.T @ y_C + _PRECISION @ _PRIOR)
        spread = np.sqrt(((y_C - x_C2 @ line_2) ** 2).sum() / (count - 1) * (1 + 1 / count))
        scale = floor + abs(drift_O[o]) + FAR * max(level_O[o] - best, 0.0)
        centre = level_O[o] + line_2[0] + line_2[1] * drift_O[o]
        ends_MO[:, o] = centre + scale * spread * student(count - 1, o)
    return ends_MO


def outlook(curve: Curve, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Where a curve stands and what is to come if it goes on as in its second half.

    A line through the later half of the reports, over the logarithm of the step: training curves
    flatten.
    """
    half = len(curve.steps_N) // 2
    time_N = np.log1p(curve.steps_N[half:] - min(0, int(curve.steps_N[0])))
    bad_NO = curve.bad_NO[half:]
    if len(time_N) < 3:
        return curve.final_O, np.zeros_like(curve.final_O)
    centred_N = time_N - time_N.mean()
    slope_O = centred_N @ bad_NO / (centred_N @ centred_N)
    level_O = bad_NO.mean(axis=0) + slope_O * centred_N[-1]
    return level_O, slope_O * (np.log1p(max(last, curve.steps_N[-1])) - time_N[-1])


@lru_cache(maxsize=1_000)
def student(freedom: int, objective: int) -> np.ndarray:
    """M evenly spread draws of Student's t; those of different objectives are independent."""
    from scipy.special import stdtrit

    # Additive recurrences with irrational steps fill the square evenly.
    step = np.sqrt((2.0, 3.0, 5.0, 7.0, 11.0, 13.0)[objective % 6])
    draws_M: np.ndarray = stdtrit(freedom, (0.5 / DRAWS + np.arange(DRAWS) * step) % 1.0)
    return draws_M
