"""Statistics for a handful of seeds: intervals, paired differences, equivalence.

Notation: n seeds (or pairs), level is the coverage of an interval, alpha = 1 - level.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from homeostat.workload.goal import Goal

LEVEL = 0.95
BOOTSTRAP_FROM = 12
"""Below this many values an interval is Student's: resampling so few is too narrow."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval; both ends are nan where the data cannot give one."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def moments(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation (n - 1); in plain Python, which is quicker for a handful."""
    count = len(values)
    if count < 2:
        return (values[0] if count else math.nan), math.inf
    mean = math.fsum(values) / count
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))


def iqm(values: Sequence[float]) -> float:
    """The interquartile mean: the mean of the middle half, robust to a lucky or unlucky seed.

    Source: Agarwal et al. 2021, arXiv:2108.13264.
    """
    return float(stats.trim_mean(np.asarray(values, float), 0.25))


def mean_interval(values: Sequence[float], *, level: float = LEVEL, seed: int = 0) -> Interval:
    """A confidence interval for the mean.

    Student's t for few values, the bias-corrected and accelerated bootstrap from
    `BOOTSTRAP_FROM` on (Efron 1987).

    Args:
        values: n numbers; one gives no interval.
        level: Coverage, such as 0.95.
        seed: Of the resampling.
    """
    data = np.asarray(values, float)
    if len(data) < 2:
        return Interval(math.nan, math.nan)
    mean, error = float(data.mean()), float(stats.sem(data))
    if error <= abs(mean) * 1e-15:
        return Interval(mean, mean)
    if len(data) < BOOTSTRAP_FROM:
        half = float(stats.t.ppf(0.5 + level / 2, len(data) - 1)) * error
        return Interval(mean - half, mean + half)
    found = stats.bootstrap(
        (data,), np.mean, confidence_level=level, rng=np.random.default_rng(seed)
    ).confidence_interval
    return Interval(float(found.low), float(found.high))


def probability_of_improvement(
    a: Sequence[float], b: Sequence[float], *, goal: str = Goal.MINIMIZE
) -> float:
    """How often a random value of b beats a random one of a; ties count half.

    Source: Mann and Whitney 1947; Agarwal et al. 2021, arXiv:2108.13264.
    """
    lead = Goal(goal).sign * (np.asarray(a, float)[None, :] - np.asarray(b, float)[:, None])
    return float((lead > 0).mean() + 0.5 * (lead == 0).mean())


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for having asked several questions (Holm 1979); nan stays nan."""
    return _step_down(p_values, lambda asked, answered: len(asked) - len(answered))


def holm_pairs(p_values: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Adjust p-values of two claims about each of several things, that exclude each other.

    Such as "it differs" and "it is the same": whatever is so, at most one of the two can be wrong,
    so there are only as many ways to err as there are things.

    Source: Shaffer 1986, J. Am. Stat. Assoc. 81:826, section 2.
    """
    adjusted = _step_down(
        [p for pair in p_values for p in pair],
        # A thing of which both claims are made can give no further error.
        lambda asked, answered: len({i // 2 for i in asked - answered}),
    )
    return list(zip(adjusted[::2], adjusted[1::2], strict=True))


def _step_down(
    p_values: Sequence[float], can_err: Callable[[set[int], set[int]], int]
) -> list[float]:
    """From the smallest p-value on, each times the number of claims that could still be wrong."""
    adjusted = [math.nan] * len(p_values)
    asked = {i for i, p in enumerate(p_values) if not math.isnan(p)}
    running, answered = 0.0, set[int]()
    for i in sorted(asked, key=p_values.__getitem__):
        running = max(running, min(1.0, p_values[i] * can_err(asked, answered)))
        adjusted[i] = running
        answered.add(i)
    return adjusted
