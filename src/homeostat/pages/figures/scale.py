"""The axis of a metric: logarithmic where it helps, and not spoilt by a few terrible values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homeostat.workload.goal import Goal

DECADES = 1.0
"""From so many factors of ten between the least and all but the largest tenth on."""
FAR = 4.0
"""Values farther from the best than this many times the middle one is are drawn at the edge."""


@dataclass(frozen=True)
class MetricAxis:
    """Which values an axis shows, and how.

    Attributes:
        log: Whether it is logarithmic.
        low, high: Its ends, in the metric's own unit.
    """

    log: bool
    low: float
    high: float

    def axis(self) -> dict[str, Any]:
        """Settings of a plotly axis."""
        if not self.log:
            return {"type": "linear", "range": [self.low, self.high]}
        return {"type": "log", "range": np.log10([self.low, self.high]).tolist()} | log_ticks(
            self.low, self.high
        )

    def clipped(self, values: Iterable[float]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The values as they are drawn, and which of them lie beyond an end."""
        found = np.asarray(list(values), dtype=float)
        shown = np.clip(found, self.low, self.high)
        return shown, shown != found


def scale_of(values: Iterable[float], goal: str, *, shows: float | None = None) -> MetricAxis:
    """The scale on which the finite ones of some values are best told apart.

    Args:
        shows: A value that must lie on it, however far from the others.
    """
    found = np.asarray([v for v in values if np.isfinite(v)], dtype=float)
    if not len(found):
        return MetricAxis(log=False, low=0.0, high=1.0)
    better = Goal(goal)
    usual = found
    if found.min() > 0:
        low, high = np.percentile(found, [0, 90])
        if np.log10(high / low) > DECADES:
            usual = np.log10(found)
    log = usual is not found
    best, worst = better.best(usual), better.worst(usual)
    spread = abs(float(np.median(usual)) - best) or abs(best) * 0.05 or 1.0
    far = better.best([worst, best + better.sign * (FAR / 2 if log else FAR) * spread])
    if shows is not None and (shows > 0 or not log):
        far = better.worst([far, float(np.log10(shows)) if log else shows])
    room = 0.06 * abs(far - best) or 0.1 * spread
    low, high = sorted([best - better.sign * room, far + better.sign * room])
    return MetricAxis(log, float(10**low), float(10**high)) if log else MetricAxis(log, low, high)


def log_ticks(low: float, high: float) -> dict[str, Any]:
    """Round values to stand along a logarithmic axis, closer together where it is short."""
    decades = np.log10(high / low)
    digits = (1, 2, 5) if decades < 2 else (1, 3) if decades < 3.5 else (1,)
    step = max(1, round(decades / 7))
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [d * 10.0**p for p in powers if p % step == 0 for d in digits]
    shown = [tick for tick in ticks if low <= tick <= high]
    return {"tickvals": shown, "ticktext": [f"{tick:.6g}" for tick in shown]}
