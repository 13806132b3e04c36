"""Causality: a model that predicts what comes next does not see it, and favours what is recent.

Later inputs are changed: earlier outputs must not move. And the last output is asked how much it
depends on each input time: an average that was turned round in time weighs the oldest most.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import torch

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.probe.perturb import change_later
from homeostat.inspect.tracer.recording import Call
from homeostat.inspect.tracer.tensors import first_tensor
from homeostat.record.check import Check, Checks, Found

LEAST_TIMES = 4
MOVES = 1e-4
"""A relative change of an earlier output that is more than rounding."""
SHIFTED = 0.9
"""If more targets than this equal the next input, the model predicts its inputs."""
GEOMETRIC = 0.995
"""R^2 above which the weights of an average fall by a constant factor a step."""
TURNED = 1.3
"""The oldest input weighs more than the newest by this factor: the average is turned round."""


def check(bench: ShortRuns) -> Checks:
    found = Found("causality")
    # The models are called again, as they are at the end of the run; that may draw random numbers.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        findings = list(_ask_again(found, bench))
    yield from findings
    if not any(finding.name == found.name for finding in findings):
        yield found.skipped("No model was seen that predicts its own next inputs.")


def _ask_again(found: Found, bench: ShortRuns) -> Checks:
    calls: dict[int, Call] = {}
    for call in bench.anatomy.calls:
        if call.learnt_from and call.inputs and call.inputs[0].ndim >= 2:
            calls.setdefault(id(call.module), call)
    for call in calls.values():
        for axis in (1, 0):
            if call.inputs[0].shape[axis] >= LEAST_TIMES and _predicts_next(call, axis):
                yield _looks_ahead(found, call, axis)
                break
        yield from _turned_round(Found("time order"), call)


def _predicts_next(call: Call, axis: int) -> bool:
    """Whether its targets are its inputs, one step ahead."""
    shown = call.inputs[0]
    times = shown.shape[axis]
    later = shown.narrow(axis, 1, times - 1)
    for pair in call.pairs:
        target = pair.target
        if target.dtype.is_floating_point != shown.dtype.is_floating_point:
            continue
        for length, start in ((times, 0), (times - 1, 0)):
            shape = list(shown.shape)
            shape[axis] = length
            if target.numel() != math.prod(shape):
                continue
            told = target.reshape(shape).narrow(axis, start, times - 1)
            if bool(((told - later).abs() <= 1e-6 * (1 + later.abs())).float().mean() > SHIFTED):
                return True
    return False


def _run(call: Call, inputs: Any) -> Any:
    return first_tensor(call.again(inputs))


def _asked(call: Call) -> bool:
    """Whether its module can be called again as it was."""
    try:
        call.module.eval()
        with torch.no_grad():
            return _run(call, call.inputs[0]) is not None
    except (TypeError, RuntimeError, ValueError, AttributeError, IndexError):
        return False


def _looks_ahead(found: Found, call: Call, axis: int) -> Check:
    if not _asked(call):
        return found.skipped(
            f"{call.model} could not be called again with the inputs it was given."
        )
    earlier = change_later(call, axis)
    if earlier is None:
        return found.skipped(f"Nothing that {call.model} computes last has an axis of time.")
    cut, gap, size, seen = earlier.cut, earlier.gap, earlier.size, earlier.moved
    if seen > MOVES:
        others = [d for d in range(gap.ndim) if d != earlier.axis]
        first = int((gap.amax(others) > MOVES * size).nonzero()[0])
        return found.fault(
            f"{call.model} sees the future: changing the inputs from time {cut} on moves its "
            f"output at time {first} (by {seen:.2g} of its size), and its targets are its next "
            "inputs.",
            "Mask attention to later places (is_causal=True), pad convolutions on the left only, "
            "and use no bidirectional recurrence or statistics over time.",
            first=first, moved=seen,
        )  # fmt: skip
    return found.ok(f"{call.model}: later inputs do not move earlier outputs (from time {cut}).")


def _turned_round(found: Found, call: Call) -> Checks:
    """The last output depends on the oldest input most, by a constant factor a step."""
    shown = call.inputs[0]
    if not shown.is_floating_point() or shown.ndim not in (2, 3) or not _asked(call):
        return
    axis = 1
    times = shown.shape[axis]
    if times < (LEAST_TIMES if shown.ndim == 3 else 2 * LEAST_TIMES):
        return
    inputs = shown.clone().requires_grad_(True)
    output = _run(call, inputs)
    if output.ndim >= 3 and output.shape[1] == times:
        output = output[:, -1]
    elif output.ndim == 2 and output.shape[1] == times and shown.ndim == 2:
        output = output[:, -1:]
    output.square().sum().backward()
    slope = inputs.grad
    if slope is None:
        return
    others = [d for d in range(slope.ndim) if d != axis]
    weights = slope.double().square().sum(others).sqrt().numpy()
    if not np.isfinite(weights).all() or weights.min() <= 0:
        return
    logs = np.log(weights)
    steps = np.arange(times)
    line = np.polyfit(steps, logs, 1)
    left = logs - np.polyval(line, steps)
    fits = 1 - left.var() / max(logs.var(), 1e-12)
    if line[0] < 0 and fits > GEOMETRIC and weights[0] > TURNED * weights[-1]:
        ratio = weights[0] / weights[-1]
        yield found.fault(
            f"{call.model} weighs the oldest input most: its last output depends {ratio:.3g} times "
            f"as much on time 0 as on time {times - 1}, a factor of {math.exp(-line[0]):.3g} a "
            "step.",
            "Turn the weights of the average round in time: the newest gets the largest.",
            ratio=ratio,
        )
