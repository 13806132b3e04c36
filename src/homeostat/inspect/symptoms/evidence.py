"""What symptoms look at: one seed of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from homeostat.record.outcome import Outcome
from homeostat.record.runs import RunRecord
from homeostat.workload.goal import Goal
from homeostat.workload.workload import Workload

_TRAIN = re.compile(r"^train(ing)?_(loss|error|nll)$|^loss$")
_RATE = re.compile(r"^(lr|learning_rate|rate)$")
SPENT = 0.02
"""Of a rate below this share of its largest nothing more is to be had."""
LEAST_RATES = 3

Points = list[tuple[int, float]]


@dataclass(frozen=True)
class Seen:
    """What a rule looks at: one seed of a run, and what the seeds have in common."""

    config: Any
    steps: int
    curves: Mapping[str, Points]
    metric: str
    goal: str
    outcome: Outcome = Outcome.COMPLETED
    reason: str = ""
    scores: tuple[float, ...] = ()
    """The final score of every seed."""
    space: Any = None
    floor: float | None = None
    """The best that can be had (a noise floor or ceiling), where the workload knows it."""
    builtin: bool = False
    """Whether the workload came with Homeostat: nobody widens its ranges."""

    rates: tuple[float, ...] = ()
    """The learning rate at each report, where it was seen or reported."""

    def last(self, metric: str) -> float | None:
        """The last value of a metric, or None where it was never reported."""
        points = self.curves.get(metric)
        return points[-1][1] if points else None

    def values(self, metric: str) -> list[float]:
        """All values of a metric."""
        return [value for _, value in self.curves.get(metric, [])]

    @property
    def rate_spent(self) -> bool:
        """Whether the learning rate ends at next to nothing of what it was."""
        names = (name for name in self.curves if _RATE.match(name))
        rates = list(self.rates) or self.values(next(names, ""))
        return len(rates) >= LEAST_RATES and rates[-1] < SPENT * max(rates)

    @property
    def training(self) -> list[float]:
        """The training loss, by the names it usually has; nothing if it is not reported."""
        names = (name for name in self.curves if _TRAIN.match(name) and name != self.metric)
        return self.values(next(names, ""))

    @property
    def objective(self) -> list[float]:
        """The main metric, turned so that lower is better."""
        sign = Goal(self.goal).sign
        return [sign * value for value in self.values(self.metric)]


def of_record(run: RunRecord, seed: int, workload: Workload) -> Seen:
    """What a recorded run shows of one seed."""
    curves = run.curves()[seed]
    attempt = next(a for a in run.attempts if a.seed == seed)
    points: dict[str, Points] = {}
    for metric in curves.metrics:
        steps, values = curves.of(metric)
        points[metric] = [(int(s), float(v)) for s, v in zip(steps, values, strict=True)]
    return Seen(
        config=workload.space.resolve(run.given, inherited=tuple(run.given)),
        steps=(attempt.last_step or 0) + 1,
        curves=points,
        metric=run.metric,
        goal=run.goal,
        outcome=attempt.outcome,
        reason=attempt.reason,
        scores=tuple(a.values[run.metric] for a in run.attempts if run.metric in a.values),
        space=workload.space,
        floor=attempt.extra.get("noise_floor"),
        builtin=workload.builtin,
    )
