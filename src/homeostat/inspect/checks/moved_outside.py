"""Moved outside: between an optimiser's steps nothing else moves the weights that it trains."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found

LEAST = 2
VISIBLE = 1e-4


def check(bench: ShortRuns) -> Checks:
    found = Found("weights between steps")
    run = bench.anatomy
    fine = True
    for index in sorted({gap.optimizer for gap in run.facts.gaps}):
        gaps = [gap for gap in run.facts.gaps if gap.optimizer == index]
        crossing = [gap.moved for gap in gaps if gap.crossing]
        within = [gap.moved for gap in gaps if not gap.crossing]
        # What moves at every evaluation, and never between two steps within a report, is no rule
        # of training, such as clipped weights: it is what an evaluation leaves behind.
        if len(crossing) < LEAST or len(within) < LEAST or any(m > 0 for m in within):
            continue
        if not all(m > VISIBLE for m in crossing):
            continue
        fine = False
        name = run.optimizers[index].name
        yield found.warning(
            f"Each time a report is made, the weights of {name} are other ones afterwards: they "
            f"change by up to {100 * max(crossing):.2g} % in each of {len(crossing)} reports, and "
            "no step made that. Weights that were put in for scoring, such as an average, are not "
            "put back, and training goes on from them.",
            "Keep the trained weights aside before others are loaded for scoring, and load them "
            "again; or score a copy of the model. Averaging over clients does this on purpose.",
            reports=len(crossing), most=max(crossing),
        )  # fmt: skip
    if fine and run.facts.gaps:
        yield found.ok("Only their optimiser moves trained weights from report to report.")
