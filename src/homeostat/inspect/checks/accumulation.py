"""Accumulation: gradients that are summed over several passes are divided by their number."""

from __future__ import annotations

import statistics

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.recording import Recording
from homeostat.record.check import Checks, Found

LEAST_PASSES = 3
LEAST_STEPS = 2
WHOLE = 0.8
"""A sum of slopes of at least this share of the number of passes was not divided."""


def check(bench: ShortRuns) -> Checks:
    found = Found("accumulation")
    run = bench.anatomy
    for index, counts in run.facts.per_step.items():
        counts = [c for c in counts if c]
        if len(counts) < LEAST_STEPS:
            continue
        passes = int(statistics.median(counts))
        if passes < LEAST_PASSES:
            continue
        slope = _slope(run)
        name = run.optimizers[index].name
        if slope is None:
            continue
        if slope < WHOLE:
            yield found.ok(f"{name} accumulates {passes} passes, whose losses are divided.")
            continue
        knob = next(
            (n for n, v in bench.config.items() if isinstance(v, int) and v == passes
             and not isinstance(v, bool)), "",
        )  # fmt: skip
        by = f" ({knob})" if knob else ""
        yield found.warning(
            f"{name} accumulates {passes} backward passes{by} for each step, and their mean "
            f"losses are not divided by {passes}: the gradient is their sum, as if the rate were "
            f"{passes} times higher.",
            f"Divide the loss by {knob or 'the number of passes'} before backward(), unless a sum "
            "is meant.",
            passes=passes, slope=slope,
        )  # fmt: skip


def _slope(run: Recording) -> float | None:
    """How a pass's root changes with the one mean loss in it; None if that is not one."""
    slopes = []
    functions = set()
    for backward in run.backwards:
        if len(backward.slopes) == 1:
            name, slope = backward.slopes[0]
            functions.add(name)
            slopes.append(slope)
    if len(functions) != 1 or len(slopes) < LEAST_PASSES:
        return None
    return statistics.median(slopes)
