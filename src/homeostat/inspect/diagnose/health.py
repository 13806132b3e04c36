"""Health: a light observer that says when a run first failed, and whether it trained at all."""

from __future__ import annotations

import math
from typing import Any

from homeostat.execute.loop.drive import Watcher
from homeostat.execute.loop.guard import check
from homeostat.execute.loop.optimizer_steps import OutermostSteps
from homeostat.inspect.diagnose.facts import is_finite
from homeostat.record.outcome import Outcome
from homeostat.workload.report import Report
from homeostat.workload.trial import Trial
from homeostat.workload.workload import Bounds


class Health(Watcher):
    """Watches reports, the gradients that optimisers step with, and the steps themselves.

    Args:
        bounds: The workload's essential variables.
        rate_factor: Multiplies every learning rate at the moment of each step, whatever the
            loop's schedule has set.
    """

    def __init__(self, bounds: Bounds, first_step: int = 0, *, rate_factor: float = 1.0) -> None:
        self._bounds = bounds
        self._factor = rate_factor
        self._seen: set[int] = set()
        self._handles: list[Any] = []
        self._step = first_step
        self._kept_rates: list[Any] = []
        self.failed_at: int | None = None
        """The first step with a metric out of bounds or an update by a non-finite gradient."""
        self.reason = ""
        self.out_of_bounds = False
        """Whether it failed by a finite metric beyond its bound."""
        self.num_updates = 0
        """Optimiser steps with finite gradients."""
        self.num_reports = 0
        self.rate: float | None = None
        """The learning rate of the first step, after the factor."""

    @property
    def failed(self) -> bool:
        return self.failed_at is not None

    def on_watch(self, trial: Trial) -> None:
        for optimizer in trial.optimizers.values():
            if id(optimizer) not in self._seen and hasattr(optimizer, "register_step_pre_hook"):
                self._seen.add(id(optimizer))
                steps = OutermostSteps(self._before_update, self._after_update)
                self._handles += [
                    optimizer.register_step_pre_hook(steps.before),
                    optimizer.register_step_post_hook(steps.after),
                ]

    def after_report(self, step: int, report: Report) -> None:
        self.num_reports += 1
        violation = check(report, self._bounds)
        if violation is not None:
            if not self.failed:
                self.out_of_bounds = math.isfinite(violation.value)
            self._fail(step, str(violation))
        self._step = step + 1

    def on_end(self, outcome: Outcome) -> None:
        for handle in self._handles:
            handle.remove()

    def _before_update(self, optimizer: Any, *_: Any) -> None:
        grads = [p.grad for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
        if all(is_finite(grad.detach()) for grad in grads):
            self.num_updates += 1
        else:
            self._fail(self._step, "an update by a gradient that is not finite")
        self._kept_rates = [group["lr"] for group in optimizer.param_groups if "lr" in group]
        for group in optimizer.param_groups:
            if "lr" in group:
                # In place where it is a tensor: the optimiser may keep a reference to it.
                group["lr"] = group["lr"] * self._factor
                self.rate = float(group["lr"]) if self.rate is None else self.rate

    def _after_update(self, optimizer: Any, *_: Any) -> None:
        groups = [group for group in optimizer.param_groups if "lr" in group]
        for group, rate in zip(groups, self._kept_rates, strict=True):
            group["lr"] = rate

    def _fail(self, step: int, reason: str) -> None:
        if self.failed_at is None:
            self.failed_at, self.reason = step, reason
