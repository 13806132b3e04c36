"""Update times: how long training steps take, told from what else a loop does.

Between two reports a loop may also validate, test and draw. From one update of an optimiser to the
next is one training step, but for the few between which it does so: the median is one without.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

from homeostat.execute.loop.optimizer_steps import OutermostSteps


class UpdateTimes:
    """Notes when the first optimiser that is seen makes a step.

    updates.watch(); ...; updates.typical_s, updates.count
    """

    def __init__(self) -> None:
        self._times: list[float] = []
        self._first: int | None = None
        self._handles: list[Any] = []

    def watch(self) -> None:
        """Begin; nothing is noted of a loop that has not imported PyTorch by now."""
        if "torch" not in sys.modules:
            return
        from torch.optim.optimizer import (
            register_optimizer_step_post_hook,
            register_optimizer_step_pre_hook,
        )

        outermost = OutermostSteps(after=self._note)
        self._handles = [
            register_optimizer_step_pre_hook(outermost.before),
            register_optimizer_step_post_hook(outermost.after),
        ]

    def forget(self) -> None:
        """Take the hooks away."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _note(self, optimizer: Any, *_: Any) -> None:
        if self._first is None:
            self._first = id(optimizer)
        if id(optimizer) == self._first:  # of several that take turns, one round is a step
            self._times.append(time.perf_counter())

    @property
    def count(self) -> int:
        """Updates that were made."""
        return len(self._times)

    @property
    def typical_s(self) -> float | None:
        """From one update to the next; none where there were not three."""
        if len(self._times) < 3:
            return None
        between = [b - a for a, b in zip(self._times, self._times[1:], strict=False)]
        return statistics.median(between)
