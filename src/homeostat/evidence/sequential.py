"""A test one may look at after every pair: always-valid intervals for a mean, spread unknown.

An ordinary 95 % interval, looked at after each new pair until it clears zero, errs far more often
than one time in twenty. The interval here holds for all numbers of pairs at once, so one may stop
when it decides, go on later, and never pay for having looked.

For n differences with t = mean / (s.d. / sqrt(n)), the ratio

    B(t) = g^(-1/2) [ (1 + t^2 / (n-1)) / (1 + t^2 / (g (n-1))) ]^(n/2),   g = 1 + n w^2

compares "the mean is mu" with "it is off by a normal w standard deviations". While the first is
true, B is a martingale that starts at 1, so it ever passes 1/alpha with chance alpha at most
(Ville). The interval is the set of all mu that B has not refused. That holds for normal noise; it
reaches further for what a skewed one may hide (see `skew`), and nothing is decided by a handful.

Source: Lai 1976, Ann. Stat. 4:265; Wang and Ramdas 2025, arXiv:2310.03722, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from homeostat.evidence.skew import reach, usual_reach
from homeostat.evidence.statistics import moments

WIDTH = 1.0
"""w: the sizes of effect the test is quickest at, in standard deviations of a difference."""
FEWEST = 8
"""Differences below which nothing is decided: a rare value has hardly had a chance to show."""
FEW = 0.7
"""What few differences cost, beyond what B asks for already."""


@dataclass(frozen=True)
class SequentialInterval:
    """A mean with an interval that holds at every number of pairs."""

    mean: float
    low: float
    high: float
    count: int
    spread: float
    """Standard deviation of a difference."""


def interval(differences: Sequence[float], *, alpha: float = 0.05) -> SequentialInterval:
    """The always-valid interval of the mean; unbounded below `FEWEST` differences."""
    count = len(differences)
    mean, spread = moments(differences)
    if count < FEWEST:
        return SequentialInterval(mean, -math.inf, math.inf, count, spread)
    half, sides = half_width(count, spread, alpha=alpha), reach(differences, FEW)
    return SequentialInterval(
        mean, mean - half * sides.below, mean + half * sides.above, count, spread
    )


def half_width(count: int, spread: float, *, alpha: float = 0.05) -> float:
    """Half of the interval's width on normal noise: `count` differences of this spread (s.d.)."""
    if count < 2:
        return math.inf
    g = 1.0 + count * WIDTH**2
    ratio = (math.sqrt(g) / alpha) ** (2.0 / count)
    if ratio >= g:  # too few to refuse any mean, however far
        return math.inf
    t_squared = (count - 1) * (ratio - 1.0) / (1.0 - ratio / g)
    return math.sqrt(t_squared) * spread / math.sqrt(count)


def p_value(differences: Sequence[float]) -> float:
    """The least alpha at which a mean of zero has been refused so far; valid at any time."""
    best = 1.0
    for count in range(FEWEST, len(differences) + 1):
        best = min(best, 1.0 / _ratio(differences[:count]))
    return best


def _ratio(differences: Sequence[float]) -> float:
    """B(t) for a mean of zero, on the side on which the mean lies."""
    count = len(differences)
    mean, spread = moments(differences)
    g = 1.0 + count * WIDTH**2
    if spread == 0.0:
        return math.inf if mean != 0.0 else 1.0 / math.sqrt(g)
    sides = reach(differences, FEW)
    wider = sides.below if mean > 0.0 else sides.above
    t_squared = (mean / (spread * wider)) ** 2 * count
    log_ratio = 0.5 * count * (
        math.log1p(t_squared / (count - 1)) - math.log1p(t_squared / (g * (count - 1)))
    ) - 0.5 * math.log(g)
    return math.exp(min(log_ratio, 700.0))


def pairs_needed(
    effect: float, spread: float, *, alpha: float = 0.05, power: float = 0.8, most: int = 100_000
) -> int:
    """About how many pairs show an effect of this size, with this chance, at the latest.

    That many leave the interval narrower than the effect by the part of its error that `power`
    asks for. The answer is `most` when even that many would not do.
    """
    ahead = NormalDist().inv_cdf(power)
    low, high = FEWEST, most
    while low < high:
        middle = (low + high) // 2
        half = half_width(middle, spread, alpha=alpha) * usual_reach(middle, FEW)
        if half + ahead * spread / math.sqrt(middle) <= effect:
            high = middle
        else:
            low = middle + 1
    return low
