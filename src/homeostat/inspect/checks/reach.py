"""Reach: what a metric can be, by the workload's own formula, against what is asked of it."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found


def check(bench: ShortRuns) -> Checks:
    found = Found("reach")
    workload = bench.workload
    if workload.reachable is None:
        yield found.skipped("The workload gives no formula of what can be reached.")
        return
    run = bench.plain()
    metrics = {name for report in run.reports for name in report.metrics}
    metrics |= set(workload.objectives) | set(workload.bounds)
    fine = True
    for metric in sorted(metrics):
        ends = workload.reachable(bench.config, metric, workload.budget)
        if ends is None:
            continue
        low, high = ends
        for knob, target in _targets(bench, metric):
            if not low <= target <= high:
                fine = False
                yield found.fault(
                    f"{knob} asks for {metric} {target:g}, but no setting can take it outside "
                    f"{low:g} to {high:g} within {workload.budget} {workload.unit}s.",
                    "Change the target or the budget.",
                    metric=metric, reachable=[low, high],
                )  # fmt: skip
        if low == high and metric in workload.objectives:
            fine = False
            yield found.fault(
                f"{metric} can only be {low:g} within {workload.budget} {workload.unit}s, whatever "
                "is set: there is nothing to search.",
                "Give it a longer budget, or another objective.",
                metric=metric, reachable=[low, high],
            )  # fmt: skip
        bound = workload.bounds.get(metric)
        if bound is not None:
            floor, ceiling = bound
            if (floor is not None and high < floor) or (ceiling is not None and low > ceiling):
                fine = False
                yield found.fault(
                    f"{metric} is bound to {floor} to {ceiling}, and can only be {low:g} to "
                    f"{high:g}.",
                    "Change the bound, or the budget.",
                    metric=metric, reachable=[low, high],
                )  # fmt: skip
    if fine:
        yield found.ok("Everything that is asked for can be reached, by the workload's formula.")


def _targets(bench: ShortRuns, metric: str) -> list[tuple[str, float]]:
    """Parameters that name a target for a metric: `target` alone, or with the metric's name."""
    found = []
    for name, value in bench.config.items():
        about = name.lower()
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or ("target" not in about and "goal" not in about):
            continue
        rest = about.replace("target", "").replace("goal", "").strip("_")
        if rest in ("", metric.lower()) or rest in metric.lower() or metric.lower() in rest:
            found.append((name, float(value)))
    return found
