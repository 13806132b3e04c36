"""Resume: a run that is cut between two steps and gone on with gives what it would have given."""

from __future__ import annotations

import contextlib
import copy
import io
from typing import Any

from homeostat.execute.loop.control import Control, Stop
from homeostat.execute.loop.drive import pull
from homeostat.execute.loop.isolation import Isolation, capture, install
from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.probe.compare import same
from homeostat.own_time import own_time
from homeostat.record.check import Checks, Found
from homeostat.record.outcome import Outcome
from homeostat.wording import some
from homeostat.workload.report import Report
from homeostat.workload.trial import SnapshotDoesNotFit, Trial

LONGEST = 40
"""Steps of the run that is cut."""
KEEP = (
    "Show what it trains with to trial.watch(...), keep what it counts with trial.keep(...), and "
    "draw data by trial.rng(...), not from an iterator that a resumed run would begin again."
)


def check(bench: ShortRuns) -> Checks:
    found = Found("resume")
    if bench.plain().ending.outcome is not Outcome.COMPLETED or bench.left_s < 0:
        yield found.skipped("The short run did not complete, so nothing was cut.")
        return
    budget = min(bench.budget, LONGEST)
    limit_s = max(3 * bench.plain().seconds, 1.0)
    cut = budget // 2
    whole, state, _ = _drive(bench, budget, limit_s, cut=cut)
    if state is None:
        yield found.skipped(
            "The loop does not run over trial.steps(), or has too few steps: an interrupted run "
            "starts from the beginning."
        )
        return
    rest, _, lost = _drive(bench, budget, limit_s, state=state)
    expected = [report for report in whole if report.step >= cut]
    if len(rest) < len(expected) and not lost:
        yield found.skipped("The run that was resumed was cut by the clock.")
        return
    pairs = zip(expected, rest, strict=False)
    gap = next((one.step for one, two in pairs if not same(one, two, bench.noisy)), None)
    if gap is None and not lost:
        yield found.ok(f"Cut before step {cut} and resumed, it goes on bit for bit.", cut=cut)
        return
    what = f"; it cannot put back {some(lost)}" if lost else ""
    where = f"other numbers from step {gap} on" if gap is not None else "the same numbers so far"
    yield found.warning(
        f"Cut before step {cut} and resumed, it gives {where}{what}.", KEEP, cut=cut, lost=lost
    )


def _drive(
    bench: ShortRuns,
    budget: int,
    limit_s: float,
    *,
    cut: int | None = None,
    state: dict[str, Any] | None = None,
) -> tuple[list[Report], dict[str, Any] | None, list[str]]:
    """The reports of one run, its state before step `cut`, and what it could not take back."""
    trial = Trial(bench.config, seed=bench.seed, budget=budget)
    taken: dict[str, Any] = {}
    began = own_time()

    def between(step: int) -> None:
        if step == cut:
            # Copied, since the loop goes on with what it is made of.
            taken.update(copy.deepcopy({"trial": trial.state(step), "process": capture()}))
        if own_time() - began > limit_s:
            raise Stop(Outcome.TIMEOUT, "long enough")

    trial.between_steps.append(between)
    if state is not None:
        process = state["process"]
        trial.resume_from(state["trial"], lambda: install(process))
    isolation = Isolation(bench.seed, loop=bench.workload.loop)
    isolation.enter()
    reports: list[Report] = []
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            reports += list(pull(bench.workload, trial, control=Control(timeout_s=limit_s)))
    except SnapshotDoesNotFit as error:
        return reports, None, [str(error)]
    finally:
        isolation.leave()
    return reports, taken or None, list(trial.lost)
