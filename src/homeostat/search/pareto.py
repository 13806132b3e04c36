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

FLAT = 1e-6
"""A bulge of the front, as a share of its range, that is rounding."""


@dataclass(frozen=True)
class Pareto:
    """The front of a study.

    Attributes:
        objectives: Metric -> goal.
        front: Its trials, sorted by the first objective, the best first.
        hypervolume: The part that the front dominates of the box between its own best and its own
            worst values (its ideal and its nadir point), 0 to 1: 1/2 for a straight line, more
            where it bulges. None where there is no box, with one point.
        knee: The trial of the front farthest beyond the plane through its extremes: past it,
            gaining a little in one objective costs much in another. None where nothing lies beyond:
            with fewer than three points, on a straight or a hollow front.
        trials: How many were compared; those that are dominated count for nothing else.
    """

    objectives: Mapping[str, str]
    front: tuple[TrialRow, ...]
    hypervolume: float | None
    knee: TrialRow | None
    trials: int

    @property
    def sentence(self) -> str:
        """How many trials are on the front, and how much of its own box that dominates."""
        told = f"{len(self.front)} of {self.trials} trials are beaten by no other in everything"
        if self.hypervolume is None:
            return f"{told}: there is nothing to trade."
        told += (
            f"; they dominate {self.hypervolume:.1%} of the box between their own worst and best"
        )
        if self.knee is not None:
            return f"{told}. The knee is trial {self.knee.number}."
        return f"{told}. There is no knee: no trial lies beyond the plane through the extremes."

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
    costs = _costs(best, objectives)
    low, high = costs.min(axis=0), costs.max(axis=0)
    varying = high > low
    scaled = (costs[:, varying] - low[varying]) / (high - low)[varying]
    volume = _volume(scaled) if varying.any() else None
    return Pareto(dict(objectives), tuple(best), volume, _knee(best, scaled), len(done))


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
    """What the front dominates of the unit box, its own; Optuna's hypervolume."""
    from optuna._hypervolume import compute_hypervolume

    return float(compute_hypervolume(scaled, np.ones(scaled.shape[1])))


def _knee(trials: Sequence[TrialRow], scaled: np.ndarray) -> TrialRow | None:
    """The trial farthest beyond the plane through the best of each objective, if any is beyond it.

    Source: Das 1999, Structural Optimization 18:107 (the normal boundary's bulge).
    """
    if len(np.unique(scaled, axis=0)) < 3:
        return None
    extremes = scaled[scaled.argmin(axis=0)]
    try:
        normal = np.linalg.solve(extremes, np.ones(len(extremes)))
    except np.linalg.LinAlgError:  # one trial is the best in two of three
        normal = np.ones(scaled.shape[1])
    beyond = (1.0 - scaled @ normal) / np.linalg.norm(normal)
    farthest = int(np.argmax(beyond))
    return trials[farthest] if beyond[farthest] > FLAT else None
