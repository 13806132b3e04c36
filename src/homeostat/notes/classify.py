"""What kind of run it was, from its curve alone; and what several runs together rule out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Rows = Mapping[Any, Mapping[str, float]]
"""Epoch or step -> metrics; of a log, an epoch may be a fraction."""

TENFOLD = 10.0
"""A loss that ends this many times above its first and its lowest value diverged."""
STILL_FALLING = 0.05
"""A loss whose later half brings more than this share of all it gained is still improving."""
TINY = 1e-12
FLAT = 0.01
"""A loss that moved by less than this share of itself did not move."""
SEVERAL_FOLD = 2.0
"""A rate has to change by this factor before an unchanged failure says anything about it."""


@dataclass(frozen=True)
class CurveBehaviour:
    """A run's class: nan, diverged, overfitting, flat, improving, levelled or unclear."""

    kind: str
    text: str
    at: float | None = None
    """The epoch where it began, for nan and diverged."""


def main_loss(names: Sequence[str]) -> str | None:
    """The metric that stands for the training: the training loss, if there is one."""
    for wanted in ("loss", "train_loss", "train/loss", "train_loss_epoch", "training_loss"):
        if wanted in names:
            return wanted
    losses = [name for name in names if "loss" in name.lower() and "val" not in name.lower()]
    return losses[0] if losses else next(iter(names), None)


def classify(rows: Rows, unit: str = "epoch") -> CurveBehaviour:
    """The class of one run.

    {1: {"loss": 4.2}, 2: {"loss": nan}}  ->  nan, "NaN from epoch 2"
    """
    bad = first_nonfinite(rows)
    if bad is not None:
        at, name = bad
        if all(row[name] != row[name] for k, row in rows.items() if k >= at and name in row):
            return CurveBehaviour("nan", f"NaN from {unit} {at}", at)
        return CurveBehaviour("nan", f"not finite at {unit} {at} ({name})", at)
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    loss = main_loss(names)
    curve = [(at, row[loss]) for at, row in rows.items() if loss in row] if loss else []
    if len(curve) < 2:
        return CurveBehaviour("unclear", f"too few values of {loss or 'any metric'} to say")
    values = [value for _, value in curve]
    lowest = min(values)
    if values[-1] > TENFOLD * max(abs(values[0]), abs(lowest), TINY):
        at = next(at for at, value in curve if value > TENFOLD * max(abs(values[0]), TINY))
        return CurveBehaviour("diverged", f"{loss} grows tenfold by {unit} {at}", at)
    validation = _overfitting(rows, names, unit)
    if validation:
        return validation
    moved = values[0] - values[-1]
    if abs(moved) < FLAT * max(abs(values[0]), TINY):
        return CurveBehaviour("flat", f"{loss} stays where it began")
    if moved < 0:
        return CurveBehaviour("unclear", f"{loss} ends above where it began")
    late = values[len(values) // 2] - values[-1]
    if late > STILL_FALLING * moved and len(values) > 3:
        return CurveBehaviour("improving", f"{loss} falls and is still falling at the end")
    return CurveBehaviour("levelled", f"{loss} falls and levels off")


def first_nonfinite(rows: Rows) -> tuple[float, str] | None:
    """Where the first value that is not finite stands: its epoch and its metric."""
    for at, row in rows.items():
        for name, value in row.items():
            if not math.isfinite(value):
                return at, name
    return None


def _overfitting(rows: Rows, names: list[str], unit: str) -> CurveBehaviour | None:
    held_out = next((n for n in names if "val" in n.lower() and "loss" in n.lower()), None)
    curve = [(at, row[held_out]) for at, row in rows.items() if held_out in row] if held_out else []
    if len(curve) < 4:
        return None
    best_at, best = min(curve, key=lambda point: point[1])
    end = curve[-1][1]
    # The rise has to be large against what was gained, or it is noise.
    if best_at < curve[-1][0] and end - best > 0.2 * max(curve[0][1] - best, 0.05 * abs(best)):
        return CurveBehaviour(
            "overfitting", f"{held_out} is best at {unit} {best_at} and rises after"
        )
    return None


def across(runs: Sequence[tuple[float | None, CurveBehaviour]]) -> str | None:
    """What runs at different learning rates say together, if anything.

    Args:
        runs: Learning rate and class of each.

    [(5e-4, NaN from epoch 2), (1e-5, NaN from epoch 2)]
        ->  "NaN from epoch 2, insensitive to a 50x change of learning rate"
    """
    failures = [(r, b) for r, b in runs if r and b.kind in ("nan", "diverged")]
    healthy = [r for r, b in runs if r and b.kind not in ("nan", "diverged", "unclear")]
    for _, behaviour in reversed(failures):
        alike = [r for r, b in failures if (b.kind, b.at) == (behaviour.kind, behaviour.at)]
        low, high = min(alike), max(alike)
        # Where a rate in between was fine, the rate matters, or something else was changed.
        if high / low >= SEVERAL_FOLD and not any(low <= r <= high for r in healthy):
            return f"{behaviour.text}, insensitive to a {high / low:.3g}x change of learning rate"
    return None
