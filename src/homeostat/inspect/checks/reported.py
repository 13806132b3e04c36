"""Reported: a training loss is reported as large as it was when it was trained on."""

from __future__ import annotations

import statistics

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.recording import BackwardPass, Recording
from homeostat.record.check import Checks, Found

LEAST_REPORTS = 4
SAME = 1e-3
LESS = 0.9
"""A constant share below this is no rounding; a sum over passes or rows is above 1."""


def check(bench: ShortRuns) -> Checks:
    found = Found("reported losses")
    run = bench.anatomy
    fine = False
    for name in sorted({n for report in run.reports[:3] for n in report.metrics if "loss" in n}):
        share = _share(run, name)
        if share is None:
            continue
        if share >= LESS:
            fine = True
            continue
        yield found.warning(
            f"{name} is reported as {share:.3g} times the loss that was trained on, in each "
            "report: it is divided by the number of passes or rows once too often.",
            "Report the mean of the losses as they were before they were divided.",
            share=share,
        )
    if fine:
        yield found.ok("Training losses are reported as large as they are.")


def _share(run: Recording, name: str) -> float | None:
    """A metric over the losses of its report, if that is one number in all reports.

    The largest, where several ways to sum up the losses explain it.
    """
    rows: list[list[float]] = []
    for number, report in enumerate(run.reports):
        passes = [b for b in run.backwards if b.report == number]
        told = report.metrics.get(name)
        if told is None or not passes or any(b.loss <= 0 for b in passes):
            return None
        rows.append([told / v for v in _summaries(passes)])
    if len(rows) < LEAST_REPORTS:
        return None
    shares = []
    for column in zip(*rows, strict=True):
        middle = statistics.median(column)
        if middle > 0 and all(abs(x / middle - 1) < SAME for x in column):
            shares.append(middle)
    return max(shares, default=None)


def _summaries(passes: list[BackwardPass]) -> list[float]:
    """What a report may say of its losses: the last one, or their mean; of what is in them too,
    where each was divided before its pass."""
    losses = [b.loss for b in passes]
    found = [losses[-1], statistics.fmean(losses)]
    slopes = {round(s, 6) for b in passes for _, s in b.slopes}
    one_each = all(len(b.slopes) == 1 for b in passes)  # a mean of several losses is no division
    if one_each and len(slopes) == 1 and 0 < (slope := slopes.pop()) < 1:
        few = max(1, round(1 / slope))
        last = losses[-few:]
        found = [v / slope for v in (*found, statistics.fmean(last))]
    return found
