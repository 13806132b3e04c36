"""Shows the pruning rule of a study what it may know, and applies its decisions.

A trial is judged by the trials of whole earlier waves, as it is drawn by them: it makes no
difference which of several that run side by side is ahead. Its own curve is read from disk, where
it is whole also after an interruption.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from homeostat.execute.job import Job, Reported
from homeostat.prune.auto import expected_end
from homeostat.prune.curve import Curve, PruningRule, make_curve
from homeostat.prune.seedwise import reason_to_skip
from homeostat.record.attempt import Attempt
from homeostat.record.curves import FILE, read_curves
from homeostat.record.outcome import Outcome
from homeostat.study.records import ReportPoint, TrialRow
from homeostat.workload.goal import Goal


class TrialPruner:
    """Judges the trials of one study.

    pruner.learn(trial, points)      a trial has ended
    pruner.judge(3, reported)        whether trial 3 goes on from this rung
    pruner.judge_seeds(3, attempts)  whether trial 3 needs its other seeds
    pruner.reasons[3]                why it did not
    """

    def __init__(
        self,
        rule: PruningRule,
        *,
        objectives: Mapping[str, str],
        seeds: Sequence[int],
        wave: int,
        budget: int,
    ) -> None:
        self._rule = rule
        self._objectives = objectives
        self._seeds = tuple(seeds)
        self._wave = wave
        self._past: dict[int, list[Curve]] = {seed: [] for seed in seeds}
        self._last = budget - 1
        self.expected: dict[int, dict[str, float]] = {}
        """Objective -> where a trial that was stopped would have ended, by its number."""
        self.reasons: dict[int, str] = {}
        """Why a trial was stopped, by its number."""

    def rungs(self, trial: int) -> frozenset[int]:
        """At which steps it wants to be asked about a trial."""
        return self._rule.rungs(trial)

    def learn(self, trial: TrialRow, points: Iterable[ReportPoint]) -> None:
        """Take in a trial that has ended; one that is forgotten has no curves."""
        if trial.outcome is Outcome.FORGOTTEN:
            return
        reports: dict[int, dict[int, dict[str, float]]] = {}
        for point in points:
            reports.setdefault(point.seed, {}).setdefault(point.step, {})[point.name] = point.value
        completed = trial.outcome is Outcome.COMPLETED
        for seed, rows in reports.items():
            curve = make_curve(
                trial.number, sorted(rows.items()), self._objectives, completed=completed
            )
            if seed in self._past and len(curve.steps_N):
                self._past[seed].append(curve)

    def judge(self, trial: int, reported: Reported) -> bool:
        """Whether an attempt goes on from the rung at which it waits."""
        job, step = reported.job, reported.report.step
        curve = make_curve(trial, self._rows(job, step), self._objectives)
        if not len(curve.steps_N) or not self._is_rung(trial, curve.steps_N):
            return True
        past = self._before(trial, job.seed)
        goes_on = self._note(trial, self._rule.reason(curve, past))
        end_O = None if goes_on else expected_end(curve, past, self._last)
        if end_O is not None:
            goals = map(Goal, self._objectives.values())
            ends = zip(self._objectives, goals, end_O.tolist(), strict=True)
            self.expected[trial] = {name: goal.sign * end for name, goal, end in ends}
        return goes_on

    def judge_seeds(self, trial: int, attempts: Sequence[Attempt]) -> bool:
        """Whether a trial needs its other seeds, after those that have ended."""
        stopped = [a for a in attempts if a.outcome is not Outcome.COMPLETED]
        if stopped:
            first = stopped[0]
            return self._note(trial, self.reasons.get(trial, f"seed {first.seed} {first.outcome}"))
        by_seed = {attempt.seed: attempt for attempt in attempts}
        done = [by_seed[seed] for seed in self._seeds if seed in by_seed]
        if [a.seed for a in done] != list(self._seeds[: len(done)]):
            return True
        past = [
            {c.trial: c.final_O for c in self._before(trial, seed) if c.completed}
            for seed in self._seeds
        ]
        whole = [n for n in past[0] if all(n in of_seed for of_seed in past)]
        if not whole:
            return True
        complete_CSO = np.array([[of_seed[n] for of_seed in past] for n in whole])
        rows = [(0, dict(attempt.values)) for attempt in done]
        bad_JO = make_curve(trial, rows, self._objectives).bad_NO
        return self._note(trial, reason_to_skip(bad_JO, complete_CSO))

    def _note(self, trial: int, reason: str) -> bool:
        if reason:
            self.reasons[trial] = reason
        return not reason

    def _before(self, trial: int, seed: int) -> list[Curve]:
        """What may be known of a seed: trials of earlier waves, in their order."""
        wave = trial - trial % self._wave
        return sorted((c for c in self._past[seed] if c.trial < wave), key=lambda c: c.trial)

    def _rows(self, job: Job, step: int) -> list[tuple[int, dict[str, float]]]:
        return [row for row in read_curves(job.folder / FILE).rows if row[0] <= step]

    def _is_rung(self, trial: int, steps_N: np.ndarray) -> bool:
        """Whether the last report is the first at a rung: resumed attempts also ask later."""
        earlier = -1 if len(steps_N) < 2 else int(steps_N[-2])
        return any(earlier < rung <= steps_N[-1] for rung in self.rungs(trial))
