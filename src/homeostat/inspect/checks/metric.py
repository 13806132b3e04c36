"""Metric: an accuracy is what the scored answers give when it is counted anew."""

from __future__ import annotations

from typing import Any

import torch

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.facts import Equal
from homeostat.record.check import Checks, Found

LEAST_ROWS = 16
LARGE_GAP = 0.15


def check(bench: ShortRuns) -> Checks:
    found = Found("accuracy")
    run = bench.anatomy
    wrong: list[tuple[float, float, float, Equal]] = []
    looked = 0
    for equal in run.facts.equals:
        output = equal.call.output
        if not equal.call.evaluation or output is None or output.ndim != 2:
            continue
        rows, classes = output.shape
        if classes < 2 or rows < LEAST_ROWS or tuple(equal.left.shape) != (rows,):
            continue
        looked += 1
        best = output.argmax(1)
        if any(torch.equal(best, g.to(best.dtype)) for g in (equal.left, equal.right)):
            continue
        target = _target(run.facts.equals, equal)
        if target is None or not 0 <= int(target.min()) <= int(target.max()) < classes:
            continue
        predicted = equal.right if target is equal.left else equal.left
        reported = float((predicted == target).double().mean())
        counted = float((best == target).double().mean())
        others = float((predicted != best).double().mean())
        wrong.append((reported, counted, others, equal))
    if not wrong:
        if looked:
            yield found.ok("Accuracies are those of the largest answer of each row.")
        return
    reported, counted, others, equal = max(wrong, key=lambda w: abs(w[1] - w[0]))
    shape = tuple(equal.call.output.shape)
    over = [
        s for s in run.facts.softmaxes.values()
        if not s.grad and s.shape == shape and s.axis == 0
    ]  # fmt: skip
    saw = (
        f"The accuracy of {equal.call.model} is counted from other predictions than the largest "
        f"of each row's {shape[1]} answers: {100 * others:.0f} % of them differ. It says "
        f"{reported:.3f}, and the same answers are right in {counted:.3f}"
    )
    if over:
        yield found.fault(
            f"{saw}. The softmax at {over[0].where} is taken over axis 0, the batch.",
            "Take argmax over the axis of classes, dim=1; a softmax is not needed for it.",
            reported=reported, counted=counted,
        )  # fmt: skip
    elif counted - reported > LARGE_GAP:
        yield found.warning(
            f"{saw}.",
            "See over which axis the prediction is taken, and whether it meets its own targets.",
            reported=reported, counted=counted,
        )  # fmt: skip


def _target(equals: list[Equal], one: Equal) -> Any:
    """Which of the two compared is the target: it is the same for the same rows each time."""
    later = [
        e for e in equals
        if e is not one and e.call.module is one.call.module and e.call.rows == one.call.rows
        and e.left.shape == one.left.shape and e.report != one.report
    ]  # fmt: skip
    for other in reversed(later):
        left = torch.equal(one.left, other.left)
        right = torch.equal(one.right, other.right)
        if left != right:
            return one.left if left else one.right
    return None
