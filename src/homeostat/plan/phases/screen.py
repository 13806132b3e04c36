"""Screen: where a space is large and there is time, find out first which parameters matter."""

from __future__ import annotations

from homeostat.design.screen.measurements import REPLICATES
from homeostat.design.screen.screen import screen as run_screen
from homeostat.design.screen.screening import WALKS
from homeostat.plan.afford import MARGIN, affordable_steps, pace_of
from homeostat.plan.context import Context
from homeostat.plan.phase import PhaseResult
from homeostat.plan.phases.search import timeout_s
from homeostat.wording import format_duration

FEWEST_PARAMETERS = 8
"""With fewer parameters a search learns which matter as fast as a screening would."""


def screen(context: Context, allowance_s: float) -> PhaseResult:
    """Walk through the space, at shorter attempts if need be; later phases search what matters."""
    names = [n for n in context.workload.space.searched() if n not in context.held]
    pace = pace_of(context)
    if len(names) < FEWEST_PARAMETERS:
        return _skipped(f"{len(names)} parameters are few enough to search them all.")
    if pace is None:
        return _skipped("The pace is not known.")
    runs = REPLICATES + WALKS * (len(names) + 1)
    steps = affordable_steps(context, allowance_s / MARGIN, runs)
    needed_s = MARGIN * pace.attempt_s(steps) * runs / context.jobs
    if needed_s > allowance_s:
        return _skipped(
            f"{runs} runs, even at {steps} of {context.steps} {context.workload.unit}s, take about "
            f"{format_duration(needed_s)} and there are {format_duration(allowance_s)}."
        )
    # As many more as fit, in case noise calls for a forest.
    runs = max(runs, int(allowance_s / MARGIN * context.jobs / pace.attempt_s(steps)))
    found = run_screen(
        context.workload, runs=runs, walks=WALKS, pins=context.held, budget=steps,
        results=context.folder, engine=context.engine, jobs=context.jobs, device=context.device,
        timeout_s=timeout_s(context, allowance_s), on_event=context.on_event,
    )  # fmt: skip
    screening = found.screening
    if screening is None:
        return PhaseResult("screen", "interrupted", ("Stopped while screening.",))
    facts = found.to_json() | {"kept": list(found.kept), "steps": steps}
    strongest = ", ".join(f"{p.name} {p.importance:.2g}" for p in screening.parameters if p.kept)
    sentences = (
        f"{len(names)} parameters in {screening.runs} runs of {steps} {context.workload.unit}s "
        f"({screening.method}; noise {screening.noise:.2g}, spread {screening.spread:.2g}): "
        + (f"{strongest} clear the noise." if strongest else "none clears the noise."),
        *screening.notes,
    )
    if not found.kept:
        decision = "Search by tiers, because nothing stood out from the noise."
    else:
        decision = (
            f"Search {', '.join(found.kept)}; the others stay at the default, because moving them "
            "made no difference beyond the noise."
        )
    return PhaseResult("screen", "done", sentences, (decision,), facts)


def _skipped(why: str) -> PhaseResult:
    return PhaseResult("screen", "skipped", (why,))
