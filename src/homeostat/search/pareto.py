"""Pareto: the trials that no other dominates, their hypervolume and their knee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from homeostat.errors import StudyError
from homeostat.record.outcome import Outcome
from homeostat.study.records import TrialRow
from homeostat.workload.goal import Goal


@dataclass(frozen=True)
class Pareto:
    """The front of a study.

    Attributes:
        objectives: Metric -> goal.
        front: Its trials, sorted by the first objective, the best first.
        hypervolume: The part of the box between the worst and the best values seen that the front
            dominates, 0 to 1.
        knee: The trial of the front farthest beyond the plane through its extremes: past it,
            gaining a little in one objective costs much in another. None with fewer than three.
        trials: How many were compared.
    """

    objectives: Mapping[str, str]
    front: tuple[TrialRow, ...]
    hypervolume: float
    knee: TrialRow | None
    trials: int

    def to_json(self) -> dict[str, Any]:
        return {
            "objectives": dict(self.objectives),
            "trials": self.trials,
            "hypervolume": self.hypervolume,
            "knee": self.knee.number if self.knee is not None else None,
            "front": [
                {"number": t.number, "values": dict(t.values), "parameters": dict(t.parameters)}
                for t in self.front
            ],
        }


def pareto(trials: Sequence[TrialRow], objectives: Mapping[str, str]) -> Pareto:
    """The front of the completed trials.

    Raises:
        StudyError: If there are fewer than two objectives, or no trial has all of them.
    """
    if len(objectives) < 2:
        raise StudyError(
            f"A front needs two objectives or more; there is {', '.join(objectives)}.",
            hint="See the best:  homeostat best --study S",
        )
    done = [t for t in trials if t.outcome is Outcome.COMPLETED and _whole(t, objectives)]
    if not done:
        raise StudyError("No trial has completed with every objective.")
    best = front(done, objectives)
    points = _costs(done, objectives)
    low, high = points.min(axis=0), points.max(axis=0)
    spread = np.where(high > low, high - low, 1.0)
    scaled = (_costs(best, objectives) - low) / spread
    return Pareto(dict(objectives), tuple(best), _volume(scaled), _knee(best, scaled), len(done))


def front(trials: Sequence[TrialRow], objectives: Mapping[str, str]) -> list[TrialRow]:
    """The trials that no other is at least as good as in everything and better in something.

    Sorted by the first objective, the best first.
    """
    told = [t for t in trials if _whole(t, objectives)]
    if not told:
        return []
    costs = _costs(told, objectives)
    kept = []
    for trial, mine in zip(told, costs, strict=True):
        beaten = ((costs <= mine).all(axis=1) & (costs < mine).any(axis=1)).any()
        if not beaten:
            kept.append((float(mine[0]), trial.number, trial))
    return [trial for _, _, trial in sorted(kept, key=lambda entry: entry[:2])]


def _whole(trial: TrialRow, objectives: Mapping[str, str]) -> bool:
    return all(np.isfinite(trial.values.get(name, np.nan)) for name in objectives)


def _costs(trials: Sequence[TrialRow], objectives: Mapping[str, str]) -> np.ndarray:
    """Trials x objectives, lower is better."""
    signs = np.array([Goal(goal).sign for goal in objectives.values()])
    costs: np.ndarray = signs * np.array([[t.values[n] for n in objectives] for t in trials])
    return costs


def _volume(scaled: np.ndarray) -> float:
    """What the front dominates of the unit box; Optuna's hypervolume."""
    from optuna._hypervolume import compute_hypervolume

    return float(compute_hypervolume(scaled, np.ones(scaled.shape[1])))


def _knee(trials: Sequence[TrialRow], scaled: np.ndarray) -> TrialRow | None:
    """Source: Das 1999, Structural Optimization 18:107 (the normal boundary's bulge)."""
    if len(trials) < 3:
        return None
    beyond = 1.0 - scaled.sum(axis=1)
    return trials[int(np.argmax(beyond))]
