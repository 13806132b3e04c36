"""Metric: an accuracy is what the scored answers give when it is counted anew."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import torch

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.facts import Equal
from homeostat.inspect.tracer.recording import Recording
from homeostat.record.check import Checks, Found

LEAST_ROWS = 16
LEAST_REPORTS = 3
ACCURACY = re.compile(r"(^|_)(acc|accuracy)(_|$)")
LARGE_GAP = 0.15


def check(bench: ShortRuns) -> Checks:
    found = Found("accuracy")
    run = bench.anatomy
    counted_anew = list(_counted(found, run))
    yield from counted_anew
    if counted_anew:
        return
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


def _counted(found: Found, run: Recording) -> Checks:
    """A reported share of right answers is that of the answers compared for this report."""
    right: dict[int, list[tuple[int, int]]] = {}
    for equal in run.facts.equals:
        if equal.call.evaluation:
            same = int((equal.left == equal.right).sum())
            right.setdefault(equal.report, []).append((same, equal.left.numel()))
    reports = [n for n in range(len(run.reports)) if n in right][:-1]
    if len(reports) < LEAST_REPORTS or reports[0] != 0 or reports != list(range(len(reports))):
        return
    hits = np.array([sum(h for h, _ in right[n]) for n in reports], dtype=float)
    rows = np.array([sum(r for _, r in right[n]) for n in reports], dtype=float)
    if not hits.all() or len(set(rows)) > 1:
        return
    alone, ever = hits / rows, hits.cumsum() / rows.cumsum()
    for name in sorted(run.reports[0].metrics):
        told = np.array([run.reports[n].metrics.get(name, np.nan) for n in reports])
        percent = 100.0 if np.nanmax(told) > 1 and np.allclose(told, 100 * ever, rtol=1e-3) else 1.0
        if np.allclose(told, alone * percent, rtol=1e-3, atol=1e-3 * percent):
            continue
        if np.allclose(told, ever * percent, rtol=1e-4):
            yield found.warning(
                f"{name} counts the right answers of all reports so far: it says "
                f"{told[-1]:.4g} where those of this report alone are right in "
                f"{percent * alone[-1]:.4g}. The counts are never reset.",
                "Set the counts to 0 before each evaluation.",
                reported=float(told[-1]), counted=float(alone[-1]),
            )  # fmt: skip
            continue
        times = told / alone
        accuracy = ACCURACY.search(name.lower()) is not None
        if accuracy and np.ptp(times) < 1e-4 * times[0] and not _usual(float(times[0])):
            say = found.fault if told.max() > 1 else found.warning
            yield say(
                f"{name} is reported as {told[-1]:.4g}, {times[0]:.3g} times the share of answers "
                f"that are right ({alone[-1]:.4g}): it is divided by another number than the "
                f"{int(rows[0])} rows that were compared.",
                "Divide the number of right answers by the number of rows, not of batches or of "
                "one batch's rows.",
                times=float(times[0]),
            )


def _usual(times: float) -> bool:
    return any(abs(times / usual - 1) < 1e-3 for usual in (1.0, 100.0))
