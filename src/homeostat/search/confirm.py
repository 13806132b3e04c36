"""Confirm: run the best trials and the default again, on seeds that had no part in choosing them.

The best of many trials is partly the luckiest: on single noisy runs the wrong one is named more
often than not. So the best of a large search qualify on one more seed first, and the value of those
that do on further ones is what to expect of them.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from homeostat.errors import RecordError
from homeostat.execute.job import Engine, Event
from homeostat.execute.measure import Limits, PendingRun, work_through
from homeostat.record import seeds as seed_list
from homeostat.record.outcome import Outcome
from homeostat.record.runs import RunRecord, read_run
from homeostat.search.scores import FreshScore, standing
from homeostat.study.constraint import parsed
from homeostat.study.ranking import forgotten
from homeostat.study.records import TrialRow
from homeostat.study.study import Study

AT_LEAST = 3.0
"""An attempt on a fresh seed may always take this many times as long as one did in the search."""


@dataclass(frozen=True)
class Effort:
    """How much to spend: so many of the best qualify on one seed, the final has several."""

    entrants: int
    """They qualify, on a fresh seed; where they are no more than the finalists, nobody has to."""
    finalists: int
    seeds: int
    """Of the final, which the default runs too."""
    others: int = 0
    """Trials that are in the final whatever their rank."""

    @property
    def qualifying(self) -> int:
        """How many attempts qualifying takes."""
        return self.entrants if self.entrants > self.finalists else 0

    @property
    def attempts(self) -> int:
        return self.qualifying + (self.finalists + 1 + self.others) * self.seeds

    def within(self, affordable: Callable[[int], bool]) -> Effort | None:
        """The largest part of it that can be afforded; none if two seeds of one cannot."""
        finals = [(f, s) for s in range(self.seeds, 1, -1) for f in range(self.finalists, 0, -1)]
        smaller = (replace(self, entrants=f, finalists=f, seeds=s) for f, s in finals)
        return next((size for size in (self, *smaller) if affordable(size.attempts)), None)


EFFORTS = {200: Effort(12, 3, 6), 100: Effort(8, 2, 5), 30: Effort(2, 2, 5), 0: Effort(1, 1, 5)}
"""By how many trials there are at least.

Where seeds differ as much as good configurations do, the best of a hundred is seldom among the
three that looked best: on tables of trained networks (HPOBench) what is selected of eight that had
to qualify has two thirds of the regret of what is selected of three.

Few finalists on many seeds rather than many on few: what is selected is as good (the regret of 2 on
5 seeds is within 5 % of that of 4 on 3), and the interval of the gain, which allows for the choice
among them, reaches 2.7 standard deviations of a difference each way instead of 9.8.
"""


def effort(trials: int, wanted: bool | int) -> Effort:
    """About a fifth of a large search, and what it takes at least of a small one."""
    size = next(size for least, size in EFFORTS.items() if trials >= least)
    return size if wanted is True else replace(size, seeds=wanted)


def measured_s(trials: Iterable[TrialRow]) -> float:
    """Seconds that one whole attempt takes, by what these trials took; 0 if that is not known.

    The mean of the trials that completed: one that was stopped early says nothing of a whole one.
    """
    found = [
        trial.wall_s / max(1, *(len(values) for values in trial.per_seed.values()), 1)
        for trial in trials
        if trial.outcome is Outcome.COMPLETED and trial.wall_s
    ]
    return statistics.fmean(found) if found else 0.0


def confirm(
    study: Study,
    engine: Engine,
    size: Effort,
    folder: Path,
    limits: Limits,
    on_event: Callable[[Event], None],
    others: Sequence[TrialRow] = (),
    left_s: float | None = None,
) -> None:
    """Make the runs that are missing and record them with the study.

    Interrupted, it leaves the study unconfirmed; what has run is used next time.

    Args:
        limits: What each attempt may use.
        others: Trials that are in the final too, whatever their rank.
        left_s: The time for all of it. Without a limit of its own an attempt is stopped when it
            takes longer than that, as one that hangs does, but never before `AT_LEAST` times what
            it took in the search.
    """
    again = _Reruns(study, engine, folder, limits, left_s, on_event)
    chosen = candidates(study, size.entrants)
    if chosen and size.qualifying:
        runs = again.run(chosen, seed_list.fresh(1, use="qualify"), "qualify")
        if runs is None:
            return
        goal = next(iter(study.definition.objectives.values()))
        qualified = {number: FreshScore(run.values(), 1) for number, run in runs.items()}
        chosen.sort(key=lambda trial: standing(qualified[trial.number], goal))
    if not chosen:
        return
    fresh = seed_list.fresh(size.seeds)
    finalists = chosen[: size.finalists]
    default = study.default
    beside = [*others, default] if default is not None else [*others]
    final = again.run([*finalists, *beside], fresh, "confirm")
    if final is None:
        return
    ended = {str(number): final[number] for number in sorted(final)}
    bounded = [constraint.metric for constraint in parsed(study.definition.constraints)]
    values = {
        metric: {number: _by_seed(_values(run, metric)) for number, run in ended.items()}
        for metric in (*study.definition.objectives, *bounded)
    }
    main = next(iter(values))
    study.record_confirmation(
        {
            "after": len(study.trials),
            "forgotten": forgotten(study.trials),
            "seeds": list(fresh),
            "chosen": [trial.number for trial in finalists],
            "values": values.pop(main),
            "others": values,
            "lost": {number: _lost(run) for number, run in ended.items()},
        }
    )


def leave_unconfirmed(study: Study, why: str) -> None:
    """Record why the best in the search was not run on fresh seeds."""
    after = {"after": len(study.trials), "forgotten": forgotten(study.trials)}
    study.record_confirmation({**after, "seeds": [], "values": {}, "why": why})


def _by_seed(values: Mapping[int, float]) -> dict[str, float]:
    return {str(seed): value for seed, value in values.items()}


def _values(run: RunRecord, metric: str) -> dict[int, float]:
    try:
        return run.values(metric)
    except RecordError:  # a metric that it did not report
        return {}


def _lost(run: RunRecord) -> dict[str, str]:
    """Seed -> how it ended, of the attempts that did not complete: they count for nothing."""
    ended = {a.seed: a.outcome for a in run.attempts if a.outcome is not Outcome.COMPLETED}
    return {str(seed): outcome.value for seed, outcome in ended.items()}


@dataclass(frozen=True)
class _Reruns:
    """Runs trials of a study again."""

    study: Study
    engine: Engine
    folder: Path
    limits: Limits
    left_s: float | None
    on_event: Callable[[Event], None]

    def run(
        self, trials: Sequence[TrialRow], seeds: Sequence[int], name: str
    ) -> dict[int, RunRecord] | None:
        """Each trial's run on these seeds; None if not all have ended."""
        wanted = {trial.number: trial for trial in trials}
        found: dict[int, RunRecord] = {}

        def done(number: int, record: RunRecord) -> None:
            self.study.beat()
            found[number] = record

        runs = ((n, self._pending(trial, seeds, name)) for n, trial in wanted.items())
        work_through(self.engine, runs, done, self.on_event)
        if not all(n in found and found[n].outcome.final for n in wanted):
            return None
        return found

    def _pending(self, trial: TrialRow, seeds: Sequence[int], name: str) -> PendingRun:
        study = self.study
        place = self.folder / f"{name}_{trial.number:04d}"
        limits = self._limits(trial)
        return PendingRun.begin(
            study.workload,
            study.config(trial),
            seeds=seeds,
            budget=study.definition.budget,
            folder=place,
            limits=limits,
            resumed=place.exists(),
            again=(Outcome.TIMEOUT,) if _was_shorter(place, limits.timeout_s) else (),
            more={
                "study": study.name,
                "trial": trial.number,
                "reference": study.row.settings.get("reference"),
            },
        )

    def _limits(self, trial: TrialRow) -> Limits:
        if self.limits.timeout_s is not None or self.left_s is None:
            return self.limits
        measured = measured_s([trial]) or measured_s(self.study.trials)
        return replace(self.limits, timeout_s=max(1.0, self.left_s, AT_LEAST * measured))


def _was_shorter(place: Path, timeout_s: float | None) -> bool:
    """Whether the attempts that a folder holds were given less time."""
    try:
        before = read_run(place).facts.get("limits", {}).get("timeout_s")
    except RecordError:
        return False
    return before is not None and (timeout_s is None or timeout_s > before)


def candidates(study: Study, top: int) -> list[TrialRow]:
    """The most promising of the completed trials, with different configurations."""
    by_config: dict[str, TrialRow] = {}
    for trial in study.promising():
        by_config.setdefault(study.config(trial).digest, trial)
        if len(by_config) == top:
            break
    return list(by_config.values())
