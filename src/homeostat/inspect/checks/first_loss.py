"""First loss: an untrained network knows nothing, and its first loss says so."""

from __future__ import annotations

import math

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found

HIGH = 3.0


def check(bench: ShortRuns) -> Checks:
    found = Found("first loss")
    for m in bench.anatomy.facts.meetings:
        if m.update or m.function != "cross_entropy" or len(m.shape) < 2 or m.shape[1] < 2:
            continue
        if m.target is None or m.target.is_floating_point() or not math.isfinite(m.loss):
            continue
        guess = math.log(m.shape[1])
        per_row = m.loss / max(m.target.numel(), 1)
        if m.loss > HIGH * guess + 1 and not 0.3 * guess < per_row < HIGH * guess:
            yield found.warning(
                f"The first loss of {m.model} is {m.loss:.3g}, where a network that knows nothing "
                f"about {m.shape[1]} classes has log({m.shape[1]}) = {guess:.3g}: it starts "
                "confident, and wrong. Its inputs or its initial weights are too large.",
                "Normalise inputs, and initialise the last layer with small weights.",
                loss=m.loss, guess=guess,
            )  # fmt: skip
        else:
            yield found.ok(
                f"The first loss of {m.model} is {m.loss:.3g}; guessing among {m.shape[1]} classes "
                f"gives {guess:.3g}."
            )
        return
