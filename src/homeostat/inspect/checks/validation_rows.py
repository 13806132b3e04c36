"""Validation rows: the same examples are scored each time, as they are."""

from __future__ import annotations

from typing import Any

import torch

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.recording import Call, Recording
from homeostat.record.check import Checks, Found

LEAST_ROWS = 8
CLEARLY = 0.1
ALIKE = 0.5
"""Mean correlation of a row with the row in its place at the next evaluation."""
CLASSES = ("cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits")


def check(bench: ShortRuns) -> Checks:
    found = Found("validation rows")
    run = bench.anatomy
    labelled = {m.model for m in run.facts.meetings if m.function in CLASSES}
    for model in sorted(labelled):
        times = _evaluations(run, model)
        if len(times) < 2:
            continue
        first, second = times[0], times[1]
        rows, again = ({r for c in calls for r in c.rows} for calls in (first, second))
        if len(rows) < LEAST_ROWS or len(again) < LEAST_ROWS:
            continue
        if rows & again:
            yield found.ok(f"{model} is scored on the same rows each time.")
            continue
        alike = _alike(first[0], second[0])
        if alike is not None and (alike > ALIKE or _same_targets(first[0], second[0], alike)):
            yield found.warning(
                f"Validation is altered at random, as by augmentation: no row that {model} is "
                "scored on comes again in the next evaluation, though each is like the one in its "
                f"place before (correlation {alike:.2f}). Scores differ by luck and are not of "
                "the data itself.",
                "Score without augmentation: a data set of its own, without random transforms, "
                "for validation.",
                correlation=alike,
            )


def _same_targets(one: Call, two: Call, alike: float) -> bool:
    """Whether rows in the same places have the same targets, and are more alike than others."""
    first, second = ([p.target for p in call.pairs[:1]] for call in (one, two))
    if not first or not second or not torch.equal(first[0], second[0]):
        return False
    target = first[0]
    mixed = target.ndim > 0 and len(target) >= LEAST_ROWS and len(target.unique()) > 1
    if not mixed or bool((target.reshape(-1).diff() >= 0).all()):
        return False  # sorted targets are the same in each draw of fresh rows
    others = _alike(one, two, shift=1 + len(target) // 3)
    return others is not None and alike - others > CLEARLY


def _evaluations(run: Recording, model: str) -> list[list[Call]]:
    """Scoring calls of a model, by report."""
    groups: dict[int, list[Call]] = {}
    for call in run.calls:
        if call.model == model and call.evaluation and call.rows and not call.derived:
            groups.setdefault(call.report, []).append(call)
    return [groups[key] for key in sorted(groups)]


def _alike(one: Call, two: Call, shift: int = 0) -> float | None:
    """How much rows are like those in their place, or `shift` after it, at the next evaluation."""
    if not one.inputs or not two.inputs:
        return None
    a, b = one.inputs[0], two.inputs[0].roll(shift, 0)
    if a.shape != b.shape or not a.is_floating_point() or a.ndim < 2 or a[0].numel() < 4:
        return None
    centred: list[Any] = [t.double().reshape(len(t), -1) for t in (a, b)]
    mean = torch.cat(centred).mean(0)
    x, y = ((t - mean) for t in centred)
    norms = x.norm(dim=1) * y.norm(dim=1)
    live = norms > 0
    return float(((x * y).sum(1)[live] / norms[live]).mean()) if bool(live.any()) else None
