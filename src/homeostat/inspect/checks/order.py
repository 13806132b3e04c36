"""Order: clear the gradients, go backward, step; in that order, and once each."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found
from homeostat.wording import plural


def check(bench: ShortRuns) -> Checks:
    found = Found("order")
    run = bench.anatomy
    stepping = [o for o in run.optimizers if o.steps >= 2]
    carried = [step for step in run.hand_steps if not step.cleared]
    if len(carried) >= 3 and len(carried) > 0.5 * len(run.hand_steps):
        yield found.fault(
            "The weights are moved by hand, and their gradients are not cleared: "
            f"{len(carried)} of {len(run.hand_steps)} steps also take the gradients of steps "
            "before.",
            "Set weight.grad to None (model.zero_grad()) before each backward pass.",
        )
        return
    if not stepping:
        yield found.skipped("No optimiser made two steps.")
        return
    fine = True
    for optimizer in stepping:
        steps = optimizer.steps
        if optimizer.leftovers >= 2 and optimizer.leftovers >= 0.5 * (steps - 1):
            fine = False
            yield found.fault(
                f"{optimizer.name}: the gradients are not cleared between steps; "
                f"{optimizer.leftovers} of {steps} steps also take the gradients of steps before.",
                "Call optimizer.zero_grad() before each backward pass.",
                optimizer=optimizer.name,
            )
        if optimizer.wiped >= 2 and optimizer.wiped >= 0.5 * steps:
            fine = False
            yield found.fault(
                f"{optimizer.name}: zero_grad comes between backward and step in "
                f"{optimizer.wiped} of {steps} steps: there is nothing left to step with.",
                "Call zero_grad before the backward pass, not after it.",
                optimizer=optimizer.name,
            )
        elif optimizer.without_grad == steps and run.backwards:
            fine = False
            yield found.fault(
                f"{optimizer.name} makes {plural(steps, 'step')}, and none of its parameters ever "
                "has a gradient that is not 0.",
                "Step after loss.backward(), with the parameters of the network that is trained "
                "(not of a copy).",
                optimizer=optimizer.name,
            )
        if optimizer.stale >= 2:
            fine = False
            yield found.fault(
                f"{optimizer.name} steps between the forward and the backward pass of its own "
                f"network in {optimizer.stale} steps: each gradient belongs to weights that are "
                "gone.",
                "Step after loss.backward().",
                optimizer=optimizer.name,
            )
    if fine:
        yield found.ok(f"Gradients are cleared, computed and used in order, {run.num_updates} x.")
