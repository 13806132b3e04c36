"""What symptoms see in a replay."""

from __future__ import annotations

from homeostat.execute.loop.drive import Watcher
from homeostat.inspect.diagnose.replay import Case, Replay
from homeostat.inspect.symptoms.evidence import Points, Seen
from homeostat.workload.report import Report
from homeostat.workload.trial import Trial


class ReplayCurves(Watcher):
    """Keeps every metric of a replay, and the learning rate at each report."""

    def __init__(self) -> None:
        self.points: dict[str, Points] = {}
        self.rates: list[float] = []
        self._trial: Trial | None = None

    def on_watch(self, trial: Trial) -> None:
        self._trial = trial

    def after_report(self, step: int, report: Report) -> None:
        for name, value in report.metrics.items():
            self.points.setdefault(name, []).append((step, value))
        optimizers = list(self._trial.optimizers.values()) if self._trial is not None else []
        rates = [float(g["lr"]) for o in optimizers[:1] for g in o.param_groups if "lr" in g]
        self.rates += rates[:1]


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
        rates=tuple(curves.rates),
    )
