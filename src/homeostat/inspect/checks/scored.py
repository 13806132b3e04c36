"""Scored inputs: what is scored is of the kind that was trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.recording import Call
from homeostat.record.check import Checks, Found

LEAST_ROWS, LEAST_COLUMNS = 16, 8
MOST_COLUMNS = 4096
SHIFT, RATIO = 1.0, 2.0
"""Means this many standard deviations apart, or spreads this many times, are remarkable."""
RESCALED = 4.0
"""With so large a ratio, alike in all columns, the scale is another."""


def check(bench: ShortRuns) -> Checks:
    found = Found("scored inputs")
    run = bench.anatomy
    fine = ""
    for module in {id(c.module): c.module for c in run.calls if c.learnt_from}.values():
        calls = [c for c in run.calls if c.module is module and c.inputs and not c.derived]
        learnt = _table([c for c in calls if c.learnt_from])
        scored = _table([c for c in calls if c.evaluation])
        if learnt is None or scored is None or learnt.shape[1] != scored.shape[1]:
            continue
        name = calls[0].model
        spread = learnt.std(0)
        live = spread > 1e-6 * max(float(spread.max()), 1e-12)
        if not live.any():
            continue
        shift = float(np.median(np.abs(scored.mean(0) - learnt.mean(0))[live] / spread[live]))
        ratios = scored.std(0)[live] / spread[live]
        ratio = float(np.median(ratios))
        far = ratio > RATIO or ratio < 1 / RATIO
        if shift <= SHIFT and not far:
            fine = name
            continue
        saw = (
            f"{name} is scored on inputs of another scale than it is trained on: in the median "
            f"column their mean lies {shift:.2g} standard deviations away, and their spread is "
            f"{ratio:.2g} times as large (mean {scored.mean():.3g}, s.d. {scored.std():.3g} "
            f"against {learnt.mean():.3g}, {learnt.std():.3g})."
        )
        remedy = (
            "Normalise validation data with the mean and deviation of the training data, by the "
            "same code; and augment training data only."
        )
        alike = float(np.quantile(ratios, 0.75) / max(np.quantile(ratios, 0.25), 1e-12)) < 3
        rescaled = max(ratio, 1 / max(ratio, 1e-12)) >= RESCALED and alike
        sure = rescaled and int(live.sum()) >= LEAST_COLUMNS
        say = found.fault if sure else found.warning
        yield say(saw, remedy, shift=shift, ratio=ratio)
    if fine:
        yield found.ok("What is scored has the scale of what is trained on.")


def _table(calls: list[Call]) -> Any:
    """The first inputs of calls as rows and columns; None if they are tokens or few."""
    parts: list[Any] = []
    for call in calls:
        shown = call.inputs[0]
        if not shown.is_floating_point() or shown.ndim < 2:
            return None
        if parts and shown[0].numel() != parts[0].shape[1]:
            continue
        parts.append(shown.detach().cpu().to(torch.float64).reshape(len(shown), -1).numpy())
    if not parts:
        return None
    rows = np.concatenate(parts)[:4000]
    step = max(1, rows.shape[1] // MOST_COLUMNS)
    rows = rows[:, ::step]
    return rows if len(rows) >= LEAST_ROWS and np.isfinite(rows).all() else None
