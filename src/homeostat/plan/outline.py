"""Outline: what a plan will do with a budget on this machine, before it is done."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeostat.errors import WorkloadError
from homeostat.execute import run
from homeostat.execute.run import checked_budget
from homeostat.plan.afford import Pace, measured
from homeostat.plan.budget import parse_duration
from homeostat.plan.context import Context
from homeostat.plan.tune import phases_of
from homeostat.workload import load

if TYPE_CHECKING:
    from homeostat.workload.workload import Workload

CALIBRATION_S = 10.0


@dataclass(frozen=True)
class PlannedPhase:
    """One phase of the outline: the time it may take, and what that buys."""

    name: str
    purpose: str
    seconds: float
    attempts: int
    """Whole attempts that fit."""
    risk: str
    payoff: str


@dataclass(frozen=True)
class Outline:
    """A plan with its times."""

    budget_s: float
    step_s: float
    attempt_s: float
    entries: tuple[PlannedPhase, ...]

    def to_json(self) -> dict[str, Any]:
        """The same as a dictionary."""
        return asdict(self)


def outline(
    workload: Workload | str | Path,
    *,
    budget: str | float = "10m",
    config: Mapping[str, Any] | None = None,
    steps: int | None = None,
    plan: str = "own",
    jobs: int = 1,
) -> Outline:
    """Say what `tune` would do, with times calibrated by a short run on this machine.

    Raises:
        WorkloadError: If the short run reports nothing to calibrate by.
    """
    load.refuse_while_loading()
    found = load.find(workload)
    with tempfile.TemporaryDirectory(prefix="homeostat_plan_") as folder:
        context = Context(
            workload=found,
            pins=dict(config or {}),
            steps=checked_budget(found, steps),
            budget_s=parse_duration(budget),
            study=found.name,
            results=Path(folder),
            jobs=jobs,
        )
        pace = _calibrate(context)
        phases = phases_of(context, plan)
    attempt_s = pace.attempt_s(context.steps)
    total = sum(phase.share for phase in phases)
    entries = []
    for phase in phases:
        seconds = context.budget_s * phase.share / total
        attempts = int(seconds * jobs / attempt_s)
        entries.append(
            PlannedPhase(phase.name, phase.purpose, seconds, attempts, phase.risk, phase.payoff)
        )
    return Outline(context.budget_s, pace.step_s, attempt_s, tuple(entries))


def _calibrate(context: Context) -> Pace:
    """What an attempt takes, from as much of one attempt as fits in a few seconds."""
    record = run(
        context.workload,
        context.config,
        budget=context.steps,
        results=context.results,
        timeout_s=CALIBRATION_S,
    )
    attempt = record.attempts[0]
    if attempt.last_step is None:
        raise WorkloadError(
            f"{context.workload.name} reported nothing in {CALIBRATION_S:g} s ({attempt.outcome}: "
            f"{attempt.reason}), so there is nothing to calibrate by."
        )
    pace = measured([attempt])
    assert pace is not None  # it reported
    return pace
