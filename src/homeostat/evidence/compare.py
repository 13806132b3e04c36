"""Compare runs: each against the first, paired by seed, corrected for how many there are.

A seed on which one side diverged and the other did not gives no difference. Such seeds are counted:
a run that lost some is not called better or the same, and one that lost many by more than luck is
worse.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from scipy import stats

from homeostat.errors import RecordError, WorkloadError
from homeostat.evidence.differences import interval, p_differs, p_within
from homeostat.evidence.statistics import (
    Interval,
    holm_pairs,
    iqm,
    mean_interval,
    probability_of_improvement,
)
from homeostat.record.outcome import Outcome
from homeostat.record.runs import RunRecord
from homeostat.wording import plural
from homeostat.workload.goal import Goal

ALPHA = 0.05
"""Chance of a wrong verdict over all comparisons together."""
EQUIVALENT_WITHIN = 0.01
"""Differences within 1 % of the baseline count as none, if shown (TOST)."""
FEW_PAIRS = 8


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
        interval: Of that, for this run alone; wide enough for skewed noise.
        relative: The same as a part of the baseline's mean; nan if that is 0.
        p_value: Of no difference, adjusted for the number of runs.
        improvement: Probability that a seed of the run beats a seed of the baseline.
        verdict: better, worse, the same (within 1 %), or undecided.
        diverged: Seeds that diverged here and completed in the baseline.
        saved: Seeds that diverged in the baseline and completed here.
    """

    name: str
    pairs: int
    difference: float
    interval: Interval
    relative: float
    p_value: float
    improvement: float
    verdict: str
    diverged: int = 0
    saved: int = 0


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

    Example:
        >>> import homeostat as hs
        >>> space = hs.Space(lr=hs.Float(0.01, 1.0, log=True), unused=hs.Float(0.0, 1.0))
        >>> @hs.workload(space=space, metric="loss", goal="minimize", budget=5)
        ... def valley(config, trial):
        ...     x = 1.0
        ...     for step in trial.steps():
        ...         x -= config.lr * x
        ...         yield hs.Report(step, loss=x * x)
        >>> base, faster = (hs.run(valley, {"lr": lr}, seeds=3) for lr in (0.1, 0.5))
        >>> [difference] = hs.compare([base, faster]).contrasts
        >>> difference.verdict, difference.pairs
        ('better', 3)
    """
    if len(runs) < 2:
        raise RecordError("A comparison needs two runs.", hint="homeostat compare RUN RUN ...")
    metric = metric or runs[0].metric
    aim = _goal(runs, metric, goal)
    values = [_values(run, metric) for run in runs]
    pairs = [
        _pairs(runs[0], values[0], run, v) for run, v in zip(runs[1:], values[1:], strict=True)
    ]
    adjusted = holm_pairs([(_p_differs(pair), _p_same(pair)) for pair in pairs])
    differences = tuple(
        _judged(pair, *p, aim) for pair, p in zip(pairs, adjusted, strict=True)
    )  # fmt: skip
    arms = tuple(_arm(run.name, list(v.values())) for run, v in zip(runs, values, strict=True))
    return Comparison(metric, aim, arms, differences, _notes(runs, values, differences))


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


@dataclass(frozen=True)
class _Paired:
    """A run beside the baseline, seed by seed."""

    name: str
    base: tuple[float, ...]
    """Of the seeds that both completed."""
    values: tuple[float, ...]
    diverged: int
    saved: int

    @property
    def differences(self) -> list[float]:
        return [new - old for old, new in zip(self.base, self.values, strict=True)]


def _pairs(
    base: RunRecord, base_values: dict[int, float], run: RunRecord, values: dict[int, float]
) -> _Paired:
    common = [seed for seed in base_values if seed in values]
    if not common:
        raise RecordError(f"{base.name} and {run.name} have no seed in common.")
    return _Paired(
        run.name,
        tuple(base_values[seed] for seed in common),
        tuple(values[seed] for seed in common),
        diverged=len(_diverged(run) & base_values.keys()),
        saved=len(_diverged(base) & values.keys()),
    )


def _diverged(run: RunRecord) -> set[int]:
    return {a.seed for a in run.attempts if a.outcome is Outcome.DIVERGED}


def _p_differs(pair: _Paired) -> float:
    """Of no difference in the values; nor in how often a side diverges, where one did."""
    p = p_differs(pair.differences)
    lost = pair.diverged + pair.saved
    if not lost:
        return p
    by_sign = float(stats.binomtest(pair.diverged, lost).pvalue)
    return min(1.0, 2 * min(p, by_sign)) if not math.isnan(p) else by_sign


def _p_same(pair: _Paired) -> float:
    return p_within(pair.differences, EQUIVALENT_WITHIN * abs(statistics.fmean(pair.base)))


def _judged(pair: _Paired, p_value: float, p_same: float, goal: Goal) -> RunDifference:
    mean = statistics.fmean(pair.differences)
    centre = abs(statistics.fmean(pair.base))
    return RunDifference(
        name=pair.name,
        pairs=len(pair.base),
        difference=mean,
        interval=interval(pair.differences),
        relative=mean / centre if centre else math.nan,
        p_value=p_value,
        improvement=probability_of_improvement(pair.base, pair.values, goal=goal),
        verdict=_verdict(pair, p_value, p_same, goal.better(mean, than=0.0)),
        diverged=pair.diverged,
        saved=pair.saved,
    )


def _verdict(pair: _Paired, p_value: float, p_same: float, gained: bool) -> str:
    if p_same < ALPHA and not pair.diverged and not pair.saved:
        return "the same"
    if not p_value < ALPHA:
        return "undecided"
    # What speaks for "better" (True) or "worse" (False); where both do, neither is said.
    signs = {gained} if p_differs(pair.differences) < ALPHA else set[bool]()
    signs |= {False} if pair.diverged else set()
    signs |= {True} if pair.saved else set()
    if len(signs) != 1:
        return "undecided"
    return "better" if signs.pop() else "worse"


def _notes(
    runs: Sequence[RunRecord],
    values: Sequence[dict[int, float]],
    differences: Sequence[RunDifference],
) -> tuple[str, ...]:
    notes = []
    budgets = {run.budget for run in runs}
    if len(budgets) > 1:
        notes.append(
            f"The budgets differ ({', '.join(map(str, sorted(budgets)))}): not a fair comparison."
        )
    for run, of_run in zip(runs, values, strict=True):
        if len(of_run) < len(run.seeds) and run.outcome is not Outcome.DIVERGED:
            notes.append(
                f"{run.name} ({run.outcome}) has a value on {len(of_run)} of "
                f"{plural(len(run.seeds), 'seed')}: the others are left out."
            )
    for one in differences:
        if one.diverged:
            notes.append(
                f"{one.name} diverged on {plural(one.diverged, 'seed')} on which {runs[0].name} "
                "did not: so it is neither better nor the same, whatever the others say."
            )
        if one.saved:
            notes.append(
                f"{runs[0].name} diverged on {plural(one.saved, 'seed')} on which {one.name} did "
                "not: so that is neither worse nor the same, whatever the others say."
            )
    if any(one.pairs < 3 for one in differences):
        notes.append("Fewer than three pairs decide nothing; run more seeds with --seeds.")
    elif any(one.pairs < FEW_PAIRS and one.verdict == "undecided" for one in differences):
        notes.append(
            f"Fewer than {FEW_PAIRS} pairs decide large differences alone: a rare bad seed may not "
            "have been seen yet. Run more with --seeds."
        )
    if len({run.workload for run in runs}) > 1:
        notes.append("The runs are of different workloads.")
    return tuple(notes)
