"""Baseline: what the default scores, how noisy that is, and what a step costs here."""

from __future__ import annotations

import time
from typing import Any

from homeostat.execute import resume, run
from homeostat.plan.afford import Pace, measured
from homeostat.plan.context import Context
from homeostat.plan.phase import PhaseResult
from homeostat.record.index import DamagedRun, read_or_tell, run_folders
from homeostat.record.outcome import Outcome
from homeostat.record.runs import RunRecord
from homeostat.wording import format_duration, plural

NAME = "baseline"
NUM_SEEDS = 3
LEAST_PART = 3
"""One seed may take a third of the time that is left: without a default, nothing is compared."""
NOTABLE_START_S = 0.5


def baseline(context: Context, allowance_s: float) -> PhaseResult:
    """Run the default configuration over a few seeds; every later claim is measured against it.

    A seed that needs longer than a third of what is left of the plan's time is cut off; what it did
    until then still tells the pace. Where that much is needed for one, the others are not run.
    """
    allowance_s = max(1.0, allowance_s, context.left_s / LEAST_PART)
    until_s = time.time() + allowance_s
    record = _resumed(context) or run(
        context.workload,
        context.config,
        seeds=NUM_SEEDS,
        budget=context.steps,
        engine=context.engine,
        jobs=context.jobs,
        device=context.device,
        results=context.folder,
        name=NAME,
        timeout_s=allowance_s,
        until_s=until_s,
        on_event=context.on_event,
    )
    return _conclude(context, record, time_is_up=time.time() >= until_s)


def _resumed(context: Context) -> RunRecord | None:
    """Go on with a baseline that a stop or a kill left unfinished."""
    for folder in reversed(run_folders(context.folder)):
        record = read_or_tell(folder)
        if isinstance(record, DamagedRun):
            continue
        if record.name.startswith(NAME) and not record.outcome.final and not record.alive:
            return resume(
                folder, workload=context.workload, engine=context.engine, jobs=context.jobs,
                on_event=context.on_event,
            )  # fmt: skip
    return None


def _conclude(context: Context, record: RunRecord, *, time_is_up: bool) -> PhaseResult:
    pace = measured(record.attempts)
    pace_s = pace.step_s if pace is not None else None
    steps = max((a.last_step + 1 for a in record.attempts if a.last_step is not None), default=0)
    facts: dict[str, Any] = {
        "folder": str(record.folder),
        "outcome": record.outcome.value,
        "values": {str(seed): value for seed, value in record.values().items()},
        "mean": record.mean if record.values() else None,
        "sd": record.sd if len(record.values()) > 1 else None,
        "step_s": pace_s,
        "start_s": pace.start_s if pace is not None else None,
        "steps_reached": steps,
    }
    metric, unit = context.workload.metric, context.workload.unit
    if record.outcome in (Outcome.INTERRUPTED, Outcome.RUNNING) and not time_is_up:
        return PhaseResult("baseline", "interrupted", ("Stopped during the baseline.",))
    cut = {Outcome.TIMEOUT, Outcome.INTERRUPTED, Outcome.RUNNING}
    if not record.values() and record.outcome not in cut:
        ended = {f"seed {a.seed}: {a.outcome} ({a.reason})" for a in record.attempts}
        return PhaseResult(
            "baseline", "done", ("The default configuration does not train.", *sorted(ended)),
            ("Look for the cause first, because a search would try more of the same.",),
            facts | {"trains": False},
        )  # fmt: skip
    if not record.values():
        return PhaseResult(
            "baseline", "done",
            (f"One seed of {context.steps} {unit}s takes longer than this phase may: it "
             f"{f'reached {unit} {steps}' if steps else 'had reported nothing'} "
             f"in {format_duration(max(a.wall_s for a in record.attempts))}.",),
            (f"Search with fewer {unit}s, because a whole attempt does not fit in the budget.",),
            facts,
        )  # fmt: skip
    spread = f" ± {record.sd:.2g}" if facts["sd"] is not None else ""
    sentence = (
        f"The default scores {metric} {record.mean:.4g}{spread} over "
        f"{plural(len(record.values()), 'seed')}; {_took(pace, unit)}."
    )
    return PhaseResult("baseline", "done", (sentence,), _decisions(context, facts), facts)


def _decisions(context: Context, facts: dict[str, Any]) -> tuple[str, ...]:
    sd, mean = facts["sd"], facts["mean"]
    if not isinstance(sd, float) or not isinstance(mean, float) or mean == 0:
        return ()
    return (
        f"Differences below {2 * sd:.2g} ({abs(200 * sd / mean):.2g} %) between single seeds are "
        "noise, so what is chosen is confirmed on fresh seeds.",
    )


def _took(pace: Pace | None, unit: str) -> str:
    if pace is None:
        return f"one {unit} takes an unknown time"
    step = f"one {unit} takes {_milliseconds(pace.step_s)}"
    if pace.start_s < NOTABLE_START_S:
        return step
    return f"one start takes {format_duration(pace.start_s)}, and {step}"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else format_duration(seconds)
