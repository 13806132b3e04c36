"""Differences: what the pairs of two runs show, where rare values may not have been seen.

Student's t with an interval that reaches further for few differences and towards a long tail (see
`skew`): an effect is claimed where that interval excludes nothing, and its absence where it lies
within a margin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import special

from homeostat.evidence.skew import reach
from homeostat.evidence.statistics import LEVEL, Interval, moments

FEW = 1.6
"""What few differences cost."""


def interval(differences: Sequence[float], *, level: float = LEVEL) -> Interval:
    """An interval of the mean that may be skewed; nan where one difference gives none."""
    count = len(differences)
    if count < 2:
        return Interval(math.nan, math.nan)
    mean, error = _centre(differences)
    half, sides = (
        float(special.stdtrit(count - 1, 0.5 + level / 2)) * error,
        reach(differences, FEW),
    )
    return Interval(mean - half * sides.below, mean + half * sides.above)


def p_differs(differences: Sequence[float]) -> float:
    """The least alpha at which the interval excludes 0; nan for fewer than two."""
    if len(differences) < 2:
        return math.nan
    return min(1.0, 2 * min(_p_beyond(differences, 0.0), _p_beyond(_negated(differences), 0.0)))


def p_within(differences: Sequence[float], margin: float) -> float:
    """The least alpha at which the interval lies within +-margin; nan for fewer than two.

    Two one-sided tests (Schuirmann 1987), by the same interval as the difference: each at half.
    """
    if len(differences) < 2 or not margin > 0:
        return math.nan
    below, above = _p_beyond(differences, -margin), _p_beyond(_negated(differences), -margin)
    return min(1.0, 2 * max(below, above))


def _p_beyond(differences: Sequence[float], bound: float) -> float:
    """One-sided: how surely the mean is above a bound."""
    mean, error = _centre(differences)
    count, lead = len(differences), mean - bound
    if error == 0.0:
        return 0.0 if lead > 0 else 1.0
    t = lead / (error * reach(differences, FEW).below)
    return float(special.stdtr(count - 1, -t))


def _centre(differences: Sequence[float]) -> tuple[float, float]:
    """The mean and its standard error, which is nothing where they differ by rounding alone."""
    mean, spread = moments(differences)
    rounding = 1e-15 * max(abs(difference) for difference in differences)
    return mean, spread / math.sqrt(len(differences)) if spread > rounding else 0.0


def _negated(differences: Sequence[float]) -> list[float]:
    return [-difference for difference in differences]
