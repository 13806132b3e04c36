"""Compare runs: each against the first, paired by seed, with intervals and Holm's correction."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from homeostat.errors import RecordError, WorkloadError
from homeostat.evidence.statistics import (
    Interval,
    equivalence,
    holm,
    iqm,
    mean_interval,
    paired_difference,
    probability_of_improvement,
)
from homeostat.record.runs import RunRecord
from homeostat.workload.goal import Goal

ALPHA = 0.05
"""Chance of a wrong verdict over all comparisons together."""
EQUIVALENT_WITHIN = 0.01
"""Differences within 1 % of the baseline count as none, if shown (TOST)."""


@dataclass(frozen=True)
class ComparedRun:
    """One run in the comparison."""

    name: str
    seeds: int
    mean: float
    sd: float
    iqm: float
    interval: Interval


@dataclass(frozen=True)
class RunDifference:
    """One run against the baseline, over the seeds both completed.

    Attributes:
        difference: Mean of run - baseline, in the metric's unit.
        relative: The same as a part of the baseline's mean; nan if that is 0.
        p_value: Paired t test, adjusted by Holm for the number of contrasts.
        improvement: Probability that a seed of the run beats a seed of the baseline.
        verdict: better, worse, the same (within 1 %), or undecided.
    """

    name: str
    pairs: int
    difference: float
    interval: Interval
    relative: float
    p_value: float
    improvement: float
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """What a set of runs says about one metric; the first run is the baseline."""

    metric: str
    goal: Goal
    arms: tuple[ComparedRun, ...]
    contrasts: tuple[RunDifference, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The same as a dictionary."""
        return asdict(self)


def compare(
    runs: Sequence[RunRecord], *, metric: str | None = None, goal: str | None = None
) -> Comparison:
    """Compare runs with the first of them.

    Args:
        runs: At least two runs that report the same metric.
        metric: Which one; the first run's objective when None.
        goal: "minimize" or "maximize", of a metric that is none of the runs' objectives.

    Raises:
        RecordError: If there are fewer than two runs, or one has no value of the metric.
        WorkloadError: If nothing says whether the metric is to be low or high.
    """
    if len(runs) < 2:
        raise RecordError("A comparison needs two runs.", hint="homeostat compare RUN RUN ...")
    metric = metric or runs[0].metric
    aim = _goal(runs, metric, goal)
    values = [_values(run, metric) for run in runs]
    raw = [
        _contrast(runs[0], values[0], run, v, aim)
        for run, v in zip(runs[1:], values[1:], strict=True)
    ]
    adjusted = holm([contrast.p_value for contrast in raw])
    contrasts = tuple(
        _judged(contrast, p, aim, values[0], v)
        for contrast, p, v in zip(raw, adjusted, values[1:], strict=True)
    )
    arms = tuple(_arm(run.name, list(v.values())) for run, v in zip(runs, values, strict=True))
    return Comparison(metric, aim, arms, contrasts, _notes(runs, contrasts))


def _goal(runs: Sequence[RunRecord], metric: str, asked: str | None) -> Goal:
    """Whether a metric is to be low or high: as asked, else as the runs' workloads say."""
    declared = {Goal.of(r.objectives[metric], metric) for r in runs if metric in r.objectives}
    if asked is not None:
        return Goal.of(asked, metric)
    if not declared:
        raise WorkloadError(
            f"Is a high {metric} good or bad? It is no objective of these runs, so nothing says.",
            hint="Say which:  --goal maximize   or   --goal minimize",
        )
    if len(declared) > 1:
        raise WorkloadError(
            f"Some of these runs are to minimize {metric}, and others to maximize it.",
            hint="Say which counts here:  --goal maximize   or   --goal minimize",
        )
    return declared.pop()


def _values(run: RunRecord, metric: str) -> dict[int, float]:
    values = run.values(metric)
    if not values:
        raise RecordError(
            f"The run {run.name} has no completed seed ({run.outcome}).", hint=run.reason
        )
    return values


def _arm(name: str, values: list[float]) -> ComparedRun:
    sd = statistics.stdev(values) if len(values) > 1 else math.nan
    return ComparedRun(
        name, len(values), statistics.fmean(values), sd, iqm(values), mean_interval(values)
    )


def _contrast(
    base: RunRecord,
    base_values: dict[int, float],
    run: RunRecord,
    values: dict[int, float],
    goal: Goal,
) -> RunDifference:
    common = [seed for seed in base_values if seed in values]
    if not common:
        raise RecordError(f"{base.name} and {run.name} have no seed in common.")
    a = [base_values[seed] for seed in common]
    b = [values[seed] for seed in common]
    paired = paired_difference(a, b)
    centre = abs(statistics.fmean(a))
    return RunDifference(
        name=run.name,
        pairs=len(common),
        difference=paired.mean,
        interval=paired.interval,
        relative=paired.mean / centre if centre else math.nan,
        p_value=paired.p_value,
        improvement=probability_of_improvement(a, b, goal=goal),
        verdict="",
    )


def _judged(
    contrast: RunDifference,
    p_value: float,
    goal: Goal,
    base: dict[int, float],
    values: dict[int, float],
) -> RunDifference:
    verdict = "undecided"
    if p_value < ALPHA:
        verdict = "better" if goal.better(contrast.difference, than=0.0) else "worse"
    common = [seed for seed in base if seed in values]
    a = [base[seed] for seed in common]
    margin = EQUIVALENT_WITHIN * abs(statistics.fmean(a))
    if margin > 0 and equivalence(a, [values[seed] for seed in common], margin) < ALPHA:
        verdict = "the same"
    return replace(contrast, p_value=p_value, verdict=verdict)


def _notes(runs: Sequence[RunRecord], contrasts: Sequence[RunDifference]) -> tuple[str, ...]:
    notes = []
    budgets = {run.budget for run in runs}
    if len(budgets) > 1:
        notes.append(
            f"The budgets differ ({', '.join(map(str, sorted(budgets)))}): not a fair comparison."
        )
    if any(contrast.pairs < 3 for contrast in contrasts):
        notes.append("Fewer than three pairs decide nothing; run more seeds with --seeds.")
    if len({run.workload for run in runs}) > 1:
        notes.append("The runs are of different workloads.")
    return tuple(notes)
