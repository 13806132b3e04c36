"""Scores on the test part: what a workload measured on data that no choice has seen.

A workload leaves them in `trial.extra["test"]`, as numbers by name, or reports them as metrics
whose names begin with "test". They are shown beside the objective, and nothing is chosen by them.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from homeostat.record.outcome import Outcome
from homeostat.record.runs import RunRecord

PART = "test"


def held_out_scores(run: RunRecord) -> dict[str, dict[int, float]]:
    """Score -> seed -> its last value, of the seeds that completed; empty without a test part."""
    found: dict[str, dict[int, float]] = {}
    for attempt in run.attempts:
        if attempt.outcome is not Outcome.COMPLETED:
            continue
        left = attempt.extra.get(PART)
        scores = dict(left) if isinstance(left, Mapping) else {}
        for name in run.curves()[attempt.seed].metrics:
            if name.lower().startswith(PART) and name not in run.objectives:
                scores[name] = run.curves()[attempt.seed].last(name)
        for name, value in scores.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                told = name if name.lower().startswith(PART) else f"{PART} {name}"
                found.setdefault(told, {})[attempt.seed] = float(value)
    return found


def in_words(values: Mapping[int, float]) -> str:
    """A score over its seeds: the mean, and the s.d. between seeds where there are several."""
    mean = statistics.fmean(values.values())
    if len(values) < 2:
        return f"{mean:.4g}"
    return f"{mean:.4g} ± {statistics.stdev(values.values()):.2g}"


def table_of(runs: Mapping[str, RunRecord]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Head and rows: each score with what every run has of it; no rows without a test part."""
    scores = {name: held_out_scores(run) for name, run in runs.items()}
    names = dict.fromkeys(name for of_run in scores.values() for name in of_run)
    rows = [
        (name, *(in_words(found[name]) if name in found else "" for found in scores.values()))
        for name in names
    ]
    return ("on the test part", *runs), rows
