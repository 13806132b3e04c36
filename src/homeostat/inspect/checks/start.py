"""Start: a backward pass begins from 1, so that the gradient is that of the loss."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found

LEAST_PASSES = 4
LEAST_CHANGE = 0.01


def check(bench: ShortRuns) -> Checks:
    found = Found("backward start")
    passes = bench.anatomy.backwards
    starts = [b.start for b in passes]
    if len(starts) < LEAST_PASSES:
        return
    size = max(map(abs, starts))
    if max(starts) - min(starts) <= LEAST_CHANGE * size:
        yield found.ok("Each backward pass begins from the same gradient.")
        return
    itself = sum(abs(b.start - b.loss) <= 1e-5 * abs(b.loss) for b in passes)
    what = ", the loss itself" if itself > 0.9 * len(passes) else ""
    yield found.warning(
        f"backward() is given a gradient to start from that changes from {starts[0]:.3g} to "
        f"{starts[-1]:.3g}{what}: each gradient is multiplied by it, and is not the loss's own.",
        "Call loss.backward() without an argument.",
        starts=starts[:5],
    )
