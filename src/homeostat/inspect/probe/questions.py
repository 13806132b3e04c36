"""Questions that need no pattern, by the name under which each is asked."""

from __future__ import annotations

from collections.abc import Callable

from homeostat.inspect.checks import (
    accumulation,
    alike,
    answers,
    averages,
    copies,
    counts,
    equalities,
    first_loss,
    foreign,
    frozen,
    half,
    inputs,
    links,
    metric,
    one_module,
    outer,
    output_range,
    padding,
    randomness,
    rates,
    rebirth,
    rows,
    scale,
    scored,
    shift,
    shuffling,
    summands,
    training_rows,
    validation_rows,
)
from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks

QUESTIONS: dict[str, Callable[[ShortRuns], Checks]] = {
    "loss terms": summands.check,
    "gradients of others": foreign.check,
    "accumulation": accumulation.check,
    "equalities": equalities.check,
    "optimiser life": rebirth.check,
    "rate": rates.check,
    "loading": copies.check,
    "broadcast": outer.check,
    "output range": output_range.check,
    "last operation": links.check,
    "first loss": first_loss.check,
    "input scale": scale.check,
    "scored inputs": scored.check,
    "validation rows": validation_rows.check,
    "training rows": training_rows.check,
    "shuffling": shuffling.check,
    "accuracy": metric.check,
    "units": alike.check,
    "shared layers": one_module.check,
    "frozen parts": frozen.check,
    "running statistics": averages.check,
    "half precision": half.check,
    "empty means": counts.check,
    "target shift": shift.check,
    # These ask the trained model again.
    "rows": rows.check,
    "answers": answers.check,
    "padding": padding.check,
    "inputs": inputs.check,
    "randomness": randomness.check,
}
