"""What symptoms see in a replay."""

from __future__ import annotations

from homeostat.execute.loop.drive import Watcher
from homeostat.inspect.diagnose.replay import Case, Replay
from homeostat.inspect.symptoms.evidence import Points, Seen
from homeostat.workload.report import Report


class ReplayCurves(Watcher):
    """Keeps every metric of a replay."""

    def __init__(self) -> None:
        self.points: dict[str, Points] = {}

    def after_report(self, step: int, report: Report) -> None:
        for name, value in report.metrics.items():
            self.points.setdefault(name, []).append((step, value))


def of_replay(case: Case, seen: Replay, curves: ReplayCurves) -> Seen:
    """What a replay showed."""
    workload, ending = case.workload, seen.ending
    score = ending.last.get(workload.metric)
    return Seen(
        config=case.config,
        steps=(ending.last_step or 0) + 1,
        curves=curves.points,
        metric=workload.metric,
        goal=workload.goal,
        outcome=ending.outcome,
        reason=ending.reason,
        scores=() if score is None else (score,),
        space=workload.space,
        floor=seen.trial.extra.get("noise_floor"),
        builtin=workload.builtin,
    )
