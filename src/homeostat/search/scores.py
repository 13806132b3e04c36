"""Scores: what a configuration did in the search it was chosen in, and on fresh seeds.

The two are never the same kind of number: the best of many trials is partly the luckiest, so its
value in the search is optimistic; on seeds that had no part in the choice it is what to expect.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from homeostat.workload.goal import Goal

SPREAD = "s.d. between seeds"
"""What stands behind a ±, everywhere."""


@dataclass(frozen=True)
class FreshScore:
    """One configuration on seeds that had no part in choosing it."""

    values: Mapping[int, float]
    """Seed -> the metric; seeds without a value are missing."""
    seeds: int
    """How many were tried."""
    lost: Mapping[int, str] = field(default_factory=dict)
    """Seed -> how its attempt ended, of those without a value, where that is known."""

    @property
    def n(self) -> int:
        """How many seeds have a value."""
        return len(self.values)

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values.values()) if self.values else math.nan

    @property
    def sd(self) -> float:
        """Between seeds (n - 1); nan with fewer than two."""
        return statistics.stdev(self.values.values()) if self.n > 1 else math.nan

    @property
    def missing(self) -> str:
        """Which seeds are not counted, and why; empty if all are."""
        if self.n == self.seeds:
            return ""
        ends = Counter(self.lost.values())
        told = ", ".join(f"{count} ended as {word}" for word, count in ends.items())
        return f"{self.n} of {self.seeds} seeds" + (f": {told}" if told else "")

    def __str__(self) -> str:
        if not self.n:
            return f"no value ({self.missing})"
        spread = "" if math.isnan(self.sd) else f" ± {self.sd:.2g}"
        missing = f" ({self.missing})" if self.missing else ""
        return f"{self.mean:.5g}{spread}{missing}"

    def to_json(self) -> dict[str, Any]:
        values = {str(seed): value for seed, value in self.values.items()}
        lost = {str(seed): word for seed, word in self.lost.items()}
        spread = {"mean": self.mean, "sd": self.sd, "n": self.n, "seeds": self.seeds}
        return {**spread, "values": values, "lost": lost}


@dataclass(frozen=True)
class Gain:
    """One configuration against the default, on the same fresh seeds."""

    n: int
    """Pairs: seeds on which both have a value."""
    mean: float
    """Above 0 where the configuration is better than the default, whatever the goal."""
    low: float
    high: float
    """The 95 % interval of the mean; nan with fewer than two pairs."""
    among: int = 1
    """Of how many on the same seeds it is the best, which the interval allows for."""

    @property
    def decided(self) -> bool:
        """Whether the interval says which of the two is better."""
        return self.low > 0 or self.high < 0

    @property
    def conclusion(self) -> str:
        """What the interval says."""
        if self.low > 0:
            return "an improvement"
        if self.high < 0:
            return "a loss: keep the default"
        if self.n < 2:
            return "undecided, because one pair has no interval"
        return f"undecided with {self.n} seeds"

    def __str__(self) -> str:
        if self.n < 2:
            return f"{self.mean:.3g}: {self.conclusion}"
        allows = f", for the best of {self.among}" if self.among > 1 else ""
        interval = f"95 % interval {self.low:.3g} .. {self.high:.3g}{allows}"
        return f"{self.mean:.3g} ({interval}): {self.conclusion}"


def gain_over(default: FreshScore, score: FreshScore, goal: Goal, *, among: int = 1) -> Gain | None:
    """The difference over the seeds on which both have a value; None if there is none.

    Args:
        among: How many were run on these seeds, of which this was chosen.
    """
    common = [seed for seed in score.values if seed in default.values]
    if not common:
        return None
    # SciPy takes half a second to import, which only a confirmed study needs.
    from homeostat.evidence.differences import interval
    from homeostat.evidence.statistics import LEVEL

    gains = [goal.gain(score.values[s], over=default.values[s]) for s in common]
    reach = interval(gains, level=1 - (1 - LEVEL) / among)
    return Gain(len(gains), statistics.fmean(gains), reach.low, reach.high, among)


def standing(score: FreshScore, goal: Goal) -> tuple[int, float]:
    """What to sort configurations by on fresh seeds: how many values are missing, then the mean."""
    return score.seeds - score.n, goal.sign * score.mean if score.n else math.inf
