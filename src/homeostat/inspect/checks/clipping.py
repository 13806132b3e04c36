"""Clipping: at the right place, and neither idle nor always at work."""

from __future__ import annotations

import math

import numpy as np

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found
from homeostat.wording import plural

LEAST = 5
ALWAYS = 10.0
NEVER = 1e-3


def check(bench: ShortRuns) -> Checks:
    found = Found("clipping")
    run = bench.anatomy
    clips = run.clips
    if not clips:
        yield found.skipped("Gradients are not clipped.")
        return
    misplaced = [c for c in clips if not c.backward_since_step]
    scaled = [c for c in clips if c.scaled and c.backward_since_step]
    shrunk = _scaled_by_hand(bench)
    if len(misplaced) > 0.5 * len(clips):
        yield found.fault(
            f"{len(misplaced)} of {len(clips)} clips come when there is no new gradient: after the "
            "step, or before the backward pass. They change nothing.",
            "Clip between loss.backward() and optimizer.step().",
        )
    elif scaled or shrunk:
        total = float(np.median([c.total for c in clips]))
        yield found.fault(
            f"The gradient is clipped before it is unscaled: its norm is {total:.3g} with the loss "
            f"scale still in it, against a limit of {clips[0].limit:g}, in "
            f"{len(scaled) or shrunk} of {len(clips)} steps.",
            "Call scaler.unscale_(optimizer) before clip_grad_norm_, or divide by the scale first.",
        )
    elif len(clips) >= LEAST:
        ratios = [c.total / c.limit for c in clips if c.limit > 0 and math.isfinite(c.total)]
        if ratios and min(ratios) > 1 and float(np.median(ratios)) > ALWAYS:
            yield found.warning(
                f"Every step is clipped, {np.median(ratios):.3g} times over: the limit of "
                f"{clips[0].limit:g} sets the length of each step, not the rate.",
                f"Raise the limit to about {np.percentile([c.total for c in clips], 90):.2g}, or "
                "see why gradients are this long.",
            )
        elif ratios and max(ratios) < NEVER:
            yield found.warning(
                f"Clipping never acts: the longest gradient is {max(c.total for c in clips):.3g}, "
                f"the limit {clips[0].limit:g}.",
                "Leave it out, or lower the limit to where it would act.",
            )
        else:
            acting = float(np.mean([ratio > 1 for ratio in ratios])) if ratios else 0.0
            yield found.ok(f"Clipping acts in {100 * acting:.0f} % of {len(clips)} steps.")
    else:
        yield found.ok(f"Clipping is in its place ({plural(len(clips), 'step')} seen).")


def _scaled_by_hand(bench: ShortRuns) -> int:
    """Steps whose gradient became much smaller between clipping and the step."""
    run = bench.anatomy
    count = 0
    for update in run.updates:
        before = [c for c in run.clips if c.time < update.time]
        if not before or not update.grad_norm:
            continue
        after = min(before[-1].total, before[-1].limit)
        count += after > 8 * update.grad_norm and before[-1].backward_since_step
    return count if count > 0.5 * len(run.updates) else 0
