"""Ranking: the completed trials of a study, the best in the search first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from homeostat.record.outcome import Outcome
from homeostat.study.records import StudyRow, TrialRow
from homeostat.workload.goal import Goal


def objectives_of(row: StudyRow) -> dict[str, Goal]:
    """Metric -> goal, the main one first."""
    objectives: Mapping[str, str] = row.definition["objectives"]
    return {metric: Goal.of(word, metric) for metric, word in objectives.items()}


def ranked(trials: Sequence[TrialRow], metric: str, goal: Goal) -> list[TrialRow]:
    """The completed trials with a value, best first; of equal ones the earlier comes first."""
    done = [
        trial for trial in trials
        if trial.outcome is Outcome.COMPLETED and math.isfinite(trial.values.get(metric, math.nan))
    ]  # fmt: skip
    done.sort(key=lambda trial: trial.number)
    return goal.ranked(done, key=lambda trial: trial.values[metric])


def forgotten(trials: Sequence[TrialRow]) -> list[int]:
    """The numbers of the trials that count for nothing."""
    return [trial.number for trial in trials if trial.outcome is Outcome.FORGOTTEN]


def all_equal(best_first: Sequence[TrialRow], metric: str) -> bool:
    """Whether different settings all score the same, so that none is the best.

    One setting that was drawn several times is no tie.
    """
    values = {trial.values.get(metric) for trial in best_first}
    settings = best_first[0].parameters if best_first else {}
    return len(values) == 1 and any(trial.parameters != settings for trial in best_first)


def tied(best_first: Sequence[TrialRow], metric: str) -> list[TrialRow]:
    """Trials with other settings than the first that score exactly as much as it does."""
    if not best_first:
        return []
    first = best_first[0]
    return [
        trial for trial in best_first[1:]
        if trial.values[metric] == first.values[metric] and trial.parameters != first.parameters
    ]  # fmt: skip
