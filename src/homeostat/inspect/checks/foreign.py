"""Foreign gradients: an optimiser steps on the gradient of its own loss only."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found

MOSTLY = 0.6
LEAST_STEPS = 4


def check(bench: ShortRuns) -> Checks:
    found = Found("gradients of others")
    run = bench.anatomy
    facts = run.facts
    if len(facts.per_step) < 2:
        return
    fine = True
    for index, others in facts.foreign.items():
        looked = len(facts.per_step.get(index, ()))
        for other, times in others.items():
            if looked < LEAST_STEPS or times < MOSTLY * looked:
                continue
            fine = False
            mine, theirs = run.optimizers[index].name, run.optimizers[other].name
            yield found.fault(
                f"{mine} steps on a gradient into which the loss of {theirs} went as well, in "
                f"{times} of {looked} steps: that pass also reached its weights, and nothing "
                "cleared them before its own.",
                f"Call zero_grad() of {mine} right before its own backward pass.",
                times=times,
            )
    if fine:
        yield found.ok("Each optimiser steps on the gradients of its own passes.")
