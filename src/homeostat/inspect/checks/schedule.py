"""Schedule: the rate goes the way it was meant to, and weight decay leaves norms alone."""

from __future__ import annotations

import math

import torch
from torch import nn

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.recording import Optimizer, Recording
from homeostat.record.check import Checks, Found
from homeostat.wording import some

NORMS = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
)
FEW_RATES = 8
MOST_PULL = 3.0
FIRST = 3
"""Updates, before the two pulls have come to balance."""
USUAL_DECAY = 0.01
"""AdamW's own default, which is often left on everything; a higher value is a decision."""


def check(bench: ShortRuns) -> Checks:
    found = Found("schedule")
    run = bench.anatomy
    scheduled = [o for o in run.optimizers if o.scheduler_steps and o.steps]
    for optimizer in scheduled:
        problem = list(_pace(found, bench, optimizer))
        yield from problem
        if not problem:
            yield found.ok(
                f"{optimizer.scheduler} made {optimizer.scheduler_steps} steps for "
                f"{optimizer.steps} of {optimizer.name}."
            )
    if not scheduled:
        yield found.skipped("No scheduler was seen.")
    yield from _decay(Found("weight decay"), bench)


def _pace(found: Found, bench: ShortRuns, optimizer: Optimizer) -> Checks:
    steps, scheduled = optimizer.steps, optimizer.scheduler_steps
    if scheduled > steps + 1 and not bench.anatomy.scaler:
        yield found.fault(
            f"{optimizer.scheduler} is stepped {scheduled} times for {steps} steps of "
            f"{optimizer.name}: the rate runs {scheduled / steps:.2g} times ahead of training.",
            "Step the scheduler once for each step of the optimiser, or once an epoch.",
            scheduler_steps=scheduled, optimizer_steps=steps,
        )  # fmt: skip
    elif any("lr_scheduler.step()` before `optimizer.step()" in w for w in bench.anatomy.warnings):
        yield found.warning(
            f"{optimizer.scheduler} is stepped before the first step of {optimizer.name}: the "
            "first rate of the schedule is never used.",
            "Step the optimiser first.",
        )
    rates = [r for rates in optimizer.rates for r in rates if math.isfinite(r)]
    used = [max(rates, default=0.0) for rates in optimizer.rates]
    idle = sum(1 for r in used if r == 0)
    if rates and max(rates) > 0 and len(used) >= 10 and idle > 0.5 * len(used) and bench.whole:
        yield found.fault(
            f"The rate of {optimizer.name} is 0 in {idle} of {len(used)} steps: the schedule ends "
            "before training does.",
            "Give the schedule as many steps as it will be stepped.",
            idle=idle,
        )
    low = _turns(used) if optimizer.scheduler == "CosineAnnealingLR" else None
    if low is not None:
        yield found.fault(
            f"The rate of {optimizer.name} falls to {used[low]:.2g} by step {low + 1} of "
            f"{len(used)}, and rises again to {max(used[low:]):.2g}: the schedule is shorter than "
            "training.",
            "Give T_max the number of times that the schedule will be stepped.",
            low=low,
        )


def _turns(rates: list[float]) -> int | None:
    """Where a rate that should only fall is lowest, if it rises again from there."""
    if len(rates) < FEW_RATES:
        return None
    low = min(range(len(rates)), key=rates.__getitem__)
    turns = rates[low] < 0.05 * rates[0] and low < 0.8 * len(rates)
    return low if turns and max(rates[low:]) > 0.2 * rates[0] else None


def _pull(run: Recording) -> float:
    """Of the first updates: what decay adds to the gradient over the gradient itself.

    Decoupled decay (AdamW) adds to a step that is about 1 for each weight instead.
    """
    ratios = []
    for update in run.updates[:FIRST]:
        groups = run.optimizers[update.optimizer].thing.param_groups
        decay = min(float(g.get("weight_decay", 0.0)) for g in groups)
        apart = "AdamW" in run.optimizers[update.optimizer].kind or groups[0].get(
            "decoupled_weight_decay", False
        )
        size = sum(p.numel() for g in groups for p in g["params"]) ** 0.5
        against = size if apart else update.grad_norm
        if against > 0:
            ratios.append(decay * update.weight_norm / against)
    return sorted(ratios)[len(ratios) // 2] if ratios else 0.0


def _decay(found: Found, bench: ShortRuns) -> Checks:
    run = bench.anatomy
    decayed = []
    most = 0.0
    for weight in run.weights:
        if not isinstance(weight.owner, NORMS) or not weight.trainable:
            continue
        for i, g in weight.optimizers:
            optimizer = run.optimizers[i]
            decay = optimizer.thing.param_groups[g].get("weight_decay", 0.0)
            decay = float(decay) if not isinstance(decay, torch.Tensor) else decay.item()
            if decay > USUAL_DECAY:
                decayed.append(weight.name)
                most = max(most, decay)
    pull = _pull(run)
    if pull > MOST_PULL:
        yield found.warning(
            f"Weight decay pulls {pull:.2g} times as hard as the loss at the first steps: it "
            "decides where the weights go.",
            "Decay of 1e-5 to 1e-2 is usual; try it without (weight_decay=0).",
            pull=pull,
        )
    if decayed:
        yield found.warning(
            f"Weight decay of {most:g} also pulls on normalisation layers: {some(decayed)}.",
            "Put the parameters of norms, and biases, in a group with weight_decay=0.",
            weights=decayed,
        )
