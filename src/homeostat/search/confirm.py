"""Confirm: run the best trials and the default again, on seeds that had no part in choosing them.

The best of many trials is partly the luckiest: on single noisy runs the wrong one is named more
often than not. So the best of a large search qualify on one more seed first, and the value of those
that do on further ones is what to expect of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from homeostat.execute.job import Engine, Event
from homeostat.record import seeds as seed_list
from homeostat.record.runs import RunRecord
from homeostat.search.pending_run import Limits, PendingRun
from homeostat.search.scheduler import work_through
from homeostat.study.records import TrialRow
from homeostat.study.study import Study
from homeostat.workload.goal import Goal

DEFAULT = 0
"""The number of the trial that has the starting configuration."""
Values = Mapping[int, Mapping[int, float]]
"""Trial -> seed -> the main metric."""


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


EFFORTS = {200: Effort(12, 5, 4), 100: Effort(8, 4, 3), 30: Effort(2, 2, 3), 0: Effort(1, 1, 3)}
"""By how many trials there are at least.

Where seeds differ as much as good configurations do, the best of a hundred is seldom among the
three that looked best: on tables of trained networks (HPOBench) what is selected of eight that had
to qualify has two thirds of the regret of what is selected of three.
"""


def effort(trials: int, wanted: bool | int) -> Effort:
    """About a fifth of a large search, and what it takes at least of a small one."""
    size = next(size for least, size in EFFORTS.items() if trials >= least)
    return size if wanted is True else replace(size, seeds=wanted)


def confirm(
    study: Study,
    engine: Engine,
    size: Effort,
    folder: Path,
    limits: Limits,
    on_event: Callable[[Event], None],
    others: Sequence[TrialRow] = (),
) -> None:
    """Make the runs that are missing and record them with the study.

    Interrupted, it leaves the study unconfirmed; what has run is used next time.

    Args:
        others: Trials that are in the final too, whatever their rank.
    """
    again = _Again(study, engine, folder, limits, on_event)
    chosen = candidates(study, size.entrants)
    if chosen and size.qualifying:
        qualified = again.run(chosen, seed_list.fresh(1, use="qualify"), "qualify")
        if qualified is None:
            return
        _, goal = next(iter(study.definition.objectives.items()))
        chosen.sort(key=lambda trial: _standing(qualified[trial.number], 1, goal))
    if not chosen:
        return
    fresh = seed_list.fresh(size.seeds)
    finalists = chosen[: size.finalists]
    final = again.run([*finalists, *others, study.trials[DEFAULT]], fresh, "confirm")
    if final is None:
        return
    values = {str(n): {str(s): v for s, v in seen.items()} for n, seen in final.items()}
    study.record_confirmation(
        {"after": len(study.trials), "seeds": list(fresh), "chosen": [t.number for t in finalists]}
        | {"values": values}
    )


@dataclass(frozen=True)
class _Again:
    """Runs trials of a study again."""

    study: Study
    engine: Engine
    folder: Path
    limits: Limits
    on_event: Callable[[Event], None]

    def run(self, trials: Sequence[TrialRow], seeds: Sequence[int], name: str) -> Values | None:
        """The value of each trial on each seed that completed; None if not all have ended."""
        wanted = {trial.number: trial for trial in trials}
        found: dict[int, RunRecord] = {}

        def done(number: int, record: RunRecord) -> None:
            self.study.beat()
            found[number] = record

        runs = ((n, self._pending(trial, seeds, name)) for n, trial in wanted.items())
        work_through(self.engine, runs, done, self.on_event)
        if not all(n in found and found[n].outcome.final for n in wanted):
            return None
        return {number: record.values() for number, record in found.items()}

    def _pending(self, trial: TrialRow, seeds: Sequence[int], name: str) -> PendingRun:
        study = self.study
        place = self.folder / f"{name}_{trial.number:04d}"
        return PendingRun(
            study.workload,
            study.config(trial),
            seeds=seeds,
            budget=study.definition.budget,
            folder=place,
            limits=self.limits,
            resumed=place.exists(),
            more={
                "study": study.name,
                "trial": trial.number,
                "reference": study.row.settings.get("reference"),
            },
        )


def candidates(study: Study, top: int) -> list[TrialRow]:
    """The best completed trials with different configurations."""
    by_config: dict[str, TrialRow] = {}
    for trial in study.ranked():
        by_config.setdefault(study.config(trial).digest, trial)
        if len(by_config) == top:
            break
    return list(by_config.values())


def winner(confirmation: Mapping[str, Any], goal: Goal) -> int:
    """The trial that did best on the fresh seeds; one that failed there comes last."""
    values, seeds = confirmation["values"], len(confirmation["seeds"])
    return int(min(values, key=lambda number: _standing(values[number], seeds, goal)))


def _standing(values: Mapping[Any, float], seeds: int, goal: Goal) -> tuple[int, float]:
    """What to sort by: how many seeds are missing, then the mean."""
    return seeds - len(values), goal.sign * math.fsum(values.values()) / max(1, len(values))
