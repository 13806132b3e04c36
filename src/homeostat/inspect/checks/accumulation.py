"""Accumulation: gradients that are summed over several passes are divided by their number."""

from __future__ import annotations

import statistics

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.recording import Recording
from homeostat.record.check import Checks, Found

LEAST_PASSES = 3
LEAST_STEPS = 2
LEAST_REPORTS = 3
SAME = 1e-3
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
            yield from _reported(found, run, slope)
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


def _reported(found: Found, run: Recording, slope: float) -> Checks:
    """A loss that is reported is the loss, and not what was divided for the sake of the sum."""
    for name in sorted({n for report in run.reports for n in report.metrics if "loss" in n}):
        shares = []
        for number, report in enumerate(run.reports):
            passes = [b.loss / slope for b in run.backwards if b.report == number]
            if name not in report.metrics or not passes or not all(passes):
                break
            shares.append([report.metrics[name] / v for v in _summaries(passes, 1 / slope)])
        else:
            off = {round(x, 4) for x in (slope, slope * slope, 1 / slope)}
            columns = list(zip(*shares, strict=True)) if len(shares) >= LEAST_REPORTS else []
            if any(all(abs(x - 1) < SAME for x in column) for column in columns):
                continue
            for column in columns:
                share = statistics.median(column)
                if round(share, 4) in off and all(abs(x / share - 1) < SAME for x in column):
                    yield found.warning(
                        f"{name} is reported as {share:.3g} times the loss: it is divided for "
                        "accumulation, and reported so or divided once more.",
                        "Report the loss before it is divided.",
                        share=share,
                    )
                    break


def _summaries(losses: list[float], passes: float) -> list[float]:
    """What a report may say of its losses: the last one, their mean, that of the last step."""
    last = losses[-max(1, round(passes)) :]
    return [losses[-1], statistics.fmean(losses), statistics.fmean(last)]


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
