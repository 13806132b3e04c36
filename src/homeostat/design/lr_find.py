"""The learning-rate range test: short runs over a ladder of rates, and the rate they point to.

Every rung starts from the same weights and sees the same data, so the rungs differ in nothing but
the rate. A sweep of the rate inside one run is cheaper, but it confounds the rate with progress,
and it cannot reach into a loop that sets its own schedule; this works for any workload.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from homeostat import execute
from homeostat.errors import UnknownNameError, did_you_mean
from homeostat.execute.engines.table import make_engine
from homeostat.execute.job import Engine
from homeostat.record import Outcome
from homeostat.record.runs import RunRecord
from homeostat.space import Config, Float
from homeostat.workload import load
from homeostat.workload.goal import Goal
from homeostat.workload.workload import Workload

# Names under which workloads keep their rate, in the order in which they are looked for.
USUAL_NAMES = ("learning_rate", "lr", "peak_lr")

# Within a time budget a run may take this many times as long as the one before, and this at least.
TIMES, LEAST_S = 5.0, 10.0

# The suggestion stays this factor below the first rate that fails: a short test fails late.
MARGIN = 3.0


@dataclass(frozen=True)
class RateRung:
    """One rate: the loss at the end of its short run, and why it ended if it failed."""

    rate: float
    loss: float
    outcome: Outcome
    reason: str = ""

    @property
    def failed(self) -> bool:
        return not math.isfinite(self.loss)


@dataclass(frozen=True)
class RangeTest:
    """What a range test saw.

    Attributes:
        parameter: Name of the rate in the space.
        metric: The loss compared: `train_loss` where reported, else the workload's metric.
        rungs: Every rate tried, lowest first.
        suggested: Where to start; None when every rate failed, or none differs from another.
        why: How it was chosen, in a sentence.
    """

    parameter: str
    metric: str
    rungs: tuple[RateRung, ...]
    suggested: float | None
    why: str


def lr_find(
    workload: Workload | str,
    config: Config | Mapping[str, Any] | None = None,
    *,
    parameter: str | None = None,
    num_rates: int = 10,
    steps: int | None = None,
    seed: int = 42,
    engine: str = "inline",
    budget_s: float | None = None,
    on_rung: Callable[[RateRung], None] | None = None,
) -> RangeTest:
    """Train briefly at each of `num_rates` rates over the rate's whole range.

    Args:
        workload: A workload, or what `load.find` takes.
        config: Values to set; the rest is at its default.
        parameter: The rate's name; found automatically when it is a usual one.
        num_rates: Rungs of the ladder, evenly spaced in the logarithm.
        steps: Length of each run, in the workload's unit; a tenth of its budget by default.
        engine: Where they run; "local" can end one that hangs in a step.
        budget_s: Seconds for all of them. A run may take half of it, and five times as long as the
            one before; rates that there is no time for are left out.
        on_rung: Called after each rate.

    Raises:
        UnknownNameError: If the space has no such rate.
    """
    workload = load.find(workload)
    given = dict(config.given if isinstance(config, Config) else config or {})
    name = parameter or _usual_name(workload)
    rate = workload.space.searched().get(name)
    if not isinstance(rate, Float):
        raise UnknownNameError(
            f"{workload.name} has no learning rate {name!r} that varies. "
            f"{did_you_mean(name, workload.space.searched())}"
        )
    steps = max(workload.budget // 10, 2) if steps is None else steps
    rungs: list[RateRung] = []
    metric = workload.metric
    until_s = None if budget_s is None else time.time() + budget_s
    limit_s = None if budget_s is None else budget_s / 2
    with tempfile.TemporaryDirectory() as folder, _engine(engine) as running:
        for value in np.geomspace(max(rate.low, 1e-12), rate.high, num_rates):
            changes = given | {name: min(max(float(value), rate.low), rate.high)}
            record = execute.run(
                workload, changes, seeds=[seed], budget=steps, results=folder, flight=False,
                engine=running, timeout_s=limit_s, until_s=until_s,
            )  # fmt: skip
            if not record.outcome.final:
                break
            if limit_s is not None and record.outcome is Outcome.COMPLETED:
                limit_s = max(LEAST_S, TIMES * (record.wall_s or 0.0))
            rung, metric = _rung(changes[name], record, workload)
            rungs.append(rung)
            if on_rung is not None:
                on_rung(rung)
    suggested, why = suggest(
        rungs, workload.objectives.get(metric, Goal.MINIMIZE), metric
    )  # else it is a training loss
    if len(rungs) < num_rates:
        why = f"{why} There was time for {len(rungs)} of {num_rates} rates.".strip()
    return RangeTest(name, metric, tuple(rungs), suggested, why)


def _engine(name: str) -> AbstractContextManager[str | Engine]:
    """One engine for all rungs, so that its process is started once."""
    return nullcontext(name) if name == "inline" else make_engine(name, 1)


def suggest(
    rungs: Sequence[RateRung], goal: str = Goal.MINIMIZE, metric: str = "loss"
) -> tuple[float | None, str]:
    """The rate to start from, and why; None and why not, if nothing tells one rate from another.

    The rate with the best value of those that were tried, kept at most a third of the lowest rate
    that failed.
    """
    if not rungs:
        return None, "No rate was tried."
    sound = [rung for rung in rungs if not rung.failed]
    if not sound:
        return None, f"Every rate failed, down to {rungs[0].rate:.2g}: {rungs[0].reason}."
    if len(sound) > 1 and len({rung.loss for rung in sound}) == 1:
        ends = f"from {sound[0].rate:.2g} to {sound[-1].rate:.2g}"
        return None, (
            f"{metric} is {sound[0].loss:.4g} at all {len(sound)} rates {ends}: in runs this short "
            "it does not depend on the rate, if the rate is used at all."
        )
    aim = Goal(goal)
    best = aim.best(sound, key=lambda rung: rung.loss)
    saw = f"{metric} {best.loss:.4g}, the best of {len(rungs)} rates"
    broken = [rung.rate for rung in rungs if rung.failed and rung.rate > sound[0].rate]
    if broken and best.rate > broken[0] / MARGIN:
        safe = max(broken[0] / MARGIN, rungs[0].rate)
        return safe, (
            f"A third of {broken[0]:.2g}, the lowest rate that failed; {saw}, was at "
            f"{best.rate:.2g}, too close to it."
        )
    if best.rate == rungs[-1].rate:
        return best.rate, f"{saw}, and the highest of the range: a higher one may be better still."
    if best.rate == rungs[0].rate:
        return best.rate, f"{saw}, and the lowest of the range: a lower one may be better still."
    return best.rate, f"{saw}{_caution(sound, best, aim)}."


def _caution(sound: Sequence[RateRung], best: RateRung, aim: Goal) -> str:
    """A best that stands alone, both neighbours being worse than most, may be one run's luck."""
    place = sound.index(best)
    neighbours = [*sound[max(0, place - 1) : place], *sound[place + 1 : place + 2]]
    beside = [rung.loss for rung in neighbours]
    middle = float(np.median([rung.loss for rung in sound]))
    if len(sound) > 4 and all(aim.worse(loss, than=middle) for loss in beside):
        told = " and ".join(f"{loss:.4g}" for loss in beside)
        return f", but it stands alone (beside it: {told}): try it with more seeds"
    return ""


def _rung(rate: float, record: RunRecord, workload: Workload) -> tuple[RateRung, str]:
    (attempt,) = record.attempts
    curves = attempt.curves
    metric = "train_loss" if "train_loss" in curves else workload.metric
    last = curves.last(metric)
    if attempt.outcome is not Outcome.COMPLETED or last is None or not math.isfinite(last):
        return RateRung(rate, math.inf, attempt.outcome, attempt.reason), metric
    return RateRung(rate, float(last), attempt.outcome), metric


def _usual_name(workload: Workload) -> str:
    known = workload.space.searched()
    for name in USUAL_NAMES:
        if name in known:
            return name
    raise UnknownNameError(
        f"{workload.name} has no parameter called {' or '.join(USUAL_NAMES)}.",
        hint="Name it:  --param NAME",
    )
