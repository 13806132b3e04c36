"""Answers: different examples get different answers."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.asking import (
    LEAST_ROWS,
    Asked,
    evaluating,
    limited,
    main_calls,
    row_axes,
)
from homeostat.record.check import Checks, Found

SAME = 1e-4
"""Spread over examples, against the size of the answers, below which they are one answer."""
LEAST_UPDATES = 8


def check(bench: ShortRuns) -> Checks:
    found = Found("answers")
    run = bench.anatomy
    if run.num_updates < LEAST_UPDATES:
        return
    fine = ""
    for call in main_calls(run):
        if 0 not in row_axes(run, call):
            continue
        with evaluating(call.module):
            asked = limited(Asked(call))
            answer = asked.steady() if asked.fits and asked.count >= LEAST_ROWS else None
        shown = asked.inputs[0].double() if asked.fits else None
        if answer is None or shown is None or answer.shape[:1] != (asked.count,):
            continue
        if float(shown.std(0).max()) == 0:
            continue  # it was asked the same each time
        rows = answer.double().reshape(asked.count, -1)
        between = float(rows.std(0).max())
        size = float(rows.abs().mean())
        targets = [p.target for p in call.pairs if p.target.is_floating_point()]
        wanted = float(targets[0].double().std()) if targets and targets[0].numel() > 1 else 0.0
        if between <= SAME * max(size, wanted):
            yield found.fault(
                f"{call.model} gives one answer to {asked.count} different examples: over them "
                f"its output varies by {between:.2g}, at a size of {size:.2g}.",
                "See whether its units are dead or saturated, its inputs are scaled, and its last "
                "layer is given what depends on the example.",
                between=between, size=size,
            )  # fmt: skip
        else:
            fine = call.model
    if fine:
        yield found.ok(f"{fine} gives different examples different answers.")
