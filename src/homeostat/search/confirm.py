"""Confirm: run the best trials and the default again, on seeds that had no part in choosing them.

The best of many trials is partly the luckiest: on single noisy runs the wrong one is named more
often than not. Its value on fresh seeds is what to expect of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeostat.execute.job import Engine, Event
from homeostat.record import seeds as seed_list
from homeostat.record.runs import RunRecord
from homeostat.search.making import Limits, Making
from homeostat.search.rows import TrialRow
from homeostat.search.study import Study
from homeostat.search.work import work

DEFAULT = 0
"""The number of the trial that has the starting configuration."""


@dataclass(frozen=True)
class Effort:
    """How much to spend: so many of the best, each on so many fresh seeds."""

    top: int
    seeds: int
    others: int = 0
    """Trials that are run too, whatever their rank."""

    @property
    def attempts(self) -> int:
        return (self.top + 1 + self.others) * self.seeds

    def within(self, affordable: Callable[[int], bool]) -> Effort | None:
        """The largest part of it that can be afforded; none if two seeds of one cannot."""
        sizes = ((t, s) for s in range(self.seeds, 1, -1) for t in range(self.top, 0, -1))
        smaller = (Effort(t, s, self.others) for t, s in sizes)
        return next((size for size in smaller if affordable(size.attempts)), None)


def effort(trials: int, wanted: bool | int) -> Effort:
    """About a tenth of a large search, and what it takes at least of a small one."""
    top, seeds = next(
        (top, seeds)
        for least, top, seeds in ((200, 5, 4), (100, 3, 3), (30, 2, 3), (0, 1, 3))
        if trials >= least
    )
    return Effort(top, seeds if wanted is True else wanted)


def confirm(
    study: Study,
    engine: Engine,
    size: Effort,
    folder: Path,
    limits: Limits,
    on_event: Callable[[Event], None],
    others: Sequence[TrialRow] = (),
) -> None:
    """Makes the runs that are missing and records them with the study.

    Interrupted, it leaves the study unconfirmed; what has run is used next time.

    Args:
        others: Trials to run too, whatever their rank.
    """
    chosen = candidates(study, size.top)
    if not chosen:
        return
    arms = {trial.number: trial for trial in (*chosen, *others, study.trials[DEFAULT])}
    fresh = seed_list.fresh(size.seeds)
    found: dict[int, RunRecord] = {}
    waiting = iter(arms)
    numbers: dict[Making, int] = {}

    def source() -> Making | None:
        number = next(waiting, None)
        if number is None:
            return None
        place = folder / f"confirm_{number:04d}"
        making = Making(
            study.workload,
            study.config(arms[number]),
            seeds=fresh,
            budget=study.definition.budget,
            folder=place,
            limits=limits,
            resumed=place.exists(),
            more={
                "study": study.name,
                "trial": number,
                "reference": study.row.settings.get("reference"),
            },
        )
        numbers[making] = number
        return making

    def done(making: Making, record: RunRecord) -> None:
        study.beat()
        found[numbers.pop(making)] = record

    work(engine, source, done, on_event)
    if len(found) < len(arms) or not all(record.outcome.final for record in found.values()):
        return
    values = {str(n): {str(s): v for s, v in r.values().items()} for n, r in found.items()}
    study.record_confirmation(
        {"after": len(study.trials), "seeds": list(fresh), "chosen": [t.number for t in chosen]}
        | {"values": values}
    )


def candidates(study: Study, top: int) -> list[TrialRow]:
    """The best completed trials with different configurations."""
    by_config: dict[str, TrialRow] = {}
    for trial in study.ranked():
        by_config.setdefault(study.config(trial).digest, trial)
        if len(by_config) == top:
            break
    return list(by_config.values())


def winner(confirmation: Mapping[str, Any], goal: str) -> int:
    """The trial that did best on the fresh seeds; one that failed there comes last."""
    sign = -1.0 if goal == "maximize" else 1.0

    def rank(number: str) -> tuple[int, float]:
        values = confirmation["values"][number].values()
        failed = len(confirmation["seeds"]) - len(values)
        return failed, sign * math.fsum(values) / max(1, len(values))

    return int(min(confirmation["values"], key=rank))
