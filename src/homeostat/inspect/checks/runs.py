"""Runs: does the loop get through a short run at all, and what does it report?"""

from __future__ import annotations

from homeostat.execute.rerun import command, set_options, spoken
from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found
from homeostat.record.outcome import Outcome
from homeostat.wording import plural
from homeostat.workload.load import reference_or_name


def check(bench: ShortRuns) -> Checks:
    found = Found("runs")
    run = bench.plain()
    ending, workload = run.ending, bench.workload
    unit = workload.unit
    if ending.outcome is Outcome.FAILED:
        yield found.fault(
            f"It fails after {plural(len(run.reports), 'report')}: {ending.reason}",
            "Fix the line that is named; nothing else can be judged before.",
            reason=ending.reason,
            traceback=ending.traceback,
        )
        return
    if ending.outcome is Outcome.DIVERGED:
        violation = ending.violation
        assert violation is not None
        yield found.fault(
            f"It diverges: at {unit} {violation.step} {violation.metric} is {violation.value:g}.",
            f"See what failed first:  {_diagnose(bench)}",
            step=violation.step,
            metric=violation.metric,
        )
        return
    if not run.reports and not run.num_updates:
        yield found.skipped(
            f"No report within {run.seconds:.1f} s; report more often, or give more time "
            "(--seconds)."
        )
        return
    values = run.curve(workload.metric)
    told = f"{workload.metric} {values[0]:.4g} -> {values[-1]:.4g}" if values else "no score yet"
    yield found.ok(
        f"{bench.length} in {run.seconds:.2g} s, {run.num_updates} optimiser steps, {told}.",
        seconds=run.seconds,
        updates=run.num_updates,
    )
    if len(values) >= 5 and len(set(values)) == 1 and bench.whole and values[0] not in (0.0, 1.0):
        yield found.fault(
            f"{workload.metric} is {values[0]:g} in all {len(values)} reports: nothing that is "
            "trained reaches it.",
            "Compute it from the network as it is at that step.",
            value=values[0],
        )


def _diagnose(bench: ShortRuns) -> str:
    """The command that looks at what was probed, with its settings."""
    reference = spoken(reference_or_name(bench.workload))
    return command("homeostat diagnose", reference, set_options(bench.config.given))
