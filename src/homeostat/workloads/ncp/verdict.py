"""What a trained network is worth: beside the simple forecasters and detectors, on both parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from homeostat.evidence.blocks import block_interval
from homeostat.workload.beside import beside
from homeostat.workloads.ncp.alarms import calibrated, in_words
from homeostat.workloads.ncp.problem import Array, Problem, Scores
from homeostat.workloads.ncp.series import in_units

if TYPE_CHECKING:
    from homeostat.workload.trial import Trial

Values = npt.NDArray[np.float64]

LEVELS = (0.8, 0.95)
NETWORK = "the network"
PARTS = {"val": "validation", "test": "test"}


def verdict(
    problem: Problem, outputs: dict[str, Array], best_epoch: int, trial: Trial
) -> dict[str, Any]:
    """Keep the table beside the scores; returns what a prediction needs to know later."""
    if problem.errors is not None and problem.rivals is not None:
        return _forecasts(problem, outputs, best_epoch, trial)
    if problem.oddness is not None:
        return _detections(problem, outputs, trial)
    return {}


def _forecasts(
    problem: Problem, outputs: dict[str, Array], best_epoch: int, trial: Trial
) -> dict[str, Any]:
    assert problem.errors is not None and problem.rivals is not None
    rows: dict[str, dict[str, Any]] = {}
    errors = {name: problem.errors(name, outputs[name]) for name in PARTS}
    for name, word in PARTS.items():
        everyone = {NETWORK: errors[name], **problem.rivals(name)}
        for who, wrong in everyone.items():
            scores = in_units(wrong, problem.mase_scale)
            own = rows.setdefault(who, {})
            own |= {f"{word} {score}": value for score, value in scores.items()}
            if name == "test" and who != NETWORK:
                own["squared error of the network against it"] = _against(errors[name], wrong)
    widths = {str(level): width(errors["val"], level) for level in LEVELS}
    held = {level: float(np.mean(np.abs(errors["test"]) <= half)) for level, half in widths.items()}
    spans = {level: coverage(errors["test"], half) for level, half in widths.items()}
    framing = problem.framing
    notes = [
        f"{framing.names[framing.target]}, {framing.horizon} ahead, in its own unit; mase is in "
        f"errors of no change over the training part ({problem.mase_scale:.4g}).",
        f"{len(errors['val'])} validation and {len(errors['test'])} test observations; intervals "
        "(95 %) are over stretches of the test part's time.",
        "; ".join(
            f"{100 * float(level):.0f} % intervals held {100 * share:.0f} %"
            + (f" ({_percent(spans[level])})" if 0 < share < 1 else "")
            for level, share in held.items()
        )
        + " of the test part; they are the validation part's errors.",
        f"It corrects: {framing.anchor.name}.",
        f"Cycle: {framing.period:.4g} usual steps." if framing.period else "No cycle was found.",
    ]
    if best_epoch < 0:
        notes.append(
            f"No epoch did better than the {framing.anchor.name} it starts from, which is kept."
        )
    beside(trial, "Beside simple forecasters", rows, notes)
    return {"framing": framing.facts(), "widths": widths, "coverage": held}


def width(wrong: Values, level: float) -> float:
    """Half the width of an interval that a new error stays within, as often as `level` says.

    The conformal quantile of absolute errors on data that was not trained on (Vovk et al. 2005).
    """
    ranked = np.sort(np.abs(wrong))
    place = min(int(np.ceil((len(ranked) + 1) * level)), len(ranked)) - 1
    return float(ranked[place])


def coverage(wrong: Values, half: float) -> tuple[float, float]:
    """An interval of how often errors stay within `half`, over stretches of time."""
    inside = (np.abs(wrong) <= half).astype(float)[:, None]
    return block_interval(inside, lambda sums: np.asarray(sums[:, 0] / len(wrong)))


def _percent(reach: tuple[float, float]) -> str:
    return f"{100 * reach[0]:.0f} .. {100 * reach[1]:.0f}"


def _against(own: Values, other: Values) -> str:
    """By how much the squared error differs from another's, with an interval."""
    squares = np.column_stack([own**2, other**2])

    def ratio(sums_R2: Values) -> Values:
        return np.asarray(sums_R2[:, 0] / np.maximum(sums_R2[:, 1], 1e-300) - 1.0)

    here = float(ratio(squares.sum(axis=0)[None])[0])
    low, high = block_interval(squares, ratio)
    return f"{100 * here:+.0f} % ({100 * low:+.0f} .. {100 * high:+.0f})"


def _detections(problem: Problem, outputs: dict[str, Array], trial: Trial) -> dict[str, Any]:
    assert problem.oddness is not None
    truths = problem.truths or {}
    chosen = calibrated(problem.oddness("val", outputs["val"]), truths.get("val"))
    if problem.score is not None and problem.beside is not None:
        rows: dict[str, Scores] = {NETWORK: {}}
        for name, word in PARTS.items():
            everyone = {NETWORK: problem.score(name, outputs[name]), **problem.beside(name)}
            for who, scores in everyone.items():
                named = {f"{word} {score}": value for score, value in scores.items()}
                rows.setdefault(who, {}).update(named)
        notes = [
            in_words(chosen),
            "Every detector but |value| had all four ways of judging to choose from, by the "
            "validation part's labels.",
        ]
        beside(trial, "Beside simple detectors", rows, notes)
    return {"frame": vars(problem.framing), "alarm": chosen}
