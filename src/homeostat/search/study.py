"""Study: ask for a trial, tell how it went; what was told is never lost and never counted twice.

    study = Study.open(workload, "first", store=store)
    trial = study.ask()
    study.tell(trial.number, Outcome.COMPLETED, {"val_loss": [0.31]})

The sequence of trials depends on the definition and the results alone. Trials that were running
when the process died are asked again, under their numbers.
"""

from __future__ import annotations

import math
import re
import statistics
import time
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from homeostat.errors import RecordError, StudyError
from homeostat.execute.run import checked_budget, checked_seeds
from homeostat.record.outcome import Outcome
from homeostat.search.definition import Definition, define, refuse_changes
from homeostat.search.proposals import Proposals
from homeostat.search.rows import Point, StudyRow, TrialRow
from homeostat.search.samplers import auto
from homeostat.search.store import Store
from homeostat.search.walk import Walk
from homeostat.space import Config
from homeostat.workload.workload import Workload

HEARTBEAT_S = 15.0


@dataclass(frozen=True, kw_only=True)
class TrialSpec:
    """A trial to be made."""

    number: int
    drawn: Mapping[str, Any]
    """What the search chose."""
    config: Config
    seeds: tuple[int, ...]
    budget: int
    resumed: bool = False
    """It was begun before, by a process that died."""

    @property
    def overrides(self) -> dict[str, Any]:
        """Everything that differs from the default by intent: what reruns it."""
        return dict(self.config.given)


class Study:
    """A study open for asking and telling."""

    _proposals: Proposals  # a study that is only looked at has none

    def __init__(
        self, workload: Workload, row: StudyRow, definition: Definition, store: Store
    ) -> None:
        """Use `Study.open`."""
        self.workload = workload
        self.row = row
        self.definition = definition
        self.store = store
        self._walk = _walk(workload, definition)
        self.notes = [auto(self._walk)[1]] if definition.method == "auto" else []
        """Sentences worth reading."""
        self._trials: list[TrialRow] = []
        self._again: deque[int] = deque()
        self._beaten = time.monotonic()

    @classmethod
    def open(
        cls,
        workload: Workload,
        name: str,
        *,
        store: Store,
        method: str | None = None,
        seed: int | None = None,
        seeds: int | Sequence[int] | None = None,
        budget: int | None = None,
        wave: int | None = None,
        tiers: Collection[int] | None = None,
        names: Collection[str] | None = None,
        start: Mapping[str, Any] | None = None,
        pins: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Self:
        """Opens a study, or makes it. What is not given is as the study was made.

        Args:
            method: A name in `SAMPLERS`; "auto" for a new study.
            seed: Of the samplers; 0 for a new study.
            seeds: How many of the usual seeds each trial runs with, or which; 1 for a new study.
            budget: Steps of each run; the workload's own for a new study.
            wave: How many trials may run side by side; 1 for a new study.
            tiers, names: What is varied; everything that may be, for a new study.
            start: Values in place of the defaults: trial 0, and whatever is not varied.
            pins: Values held in every trial.
            settings: How it is driven, kept for resuming.

        Raises:
            StudyError: If the study was made for another workload or definition.
            StudyLockedError: If another process is driving it.
        """
        if not re.fullmatch(r"\w[\w.+-]{0,99}", name):
            raise StudyError(
                f"{name!r} cannot be a study's name.",
                hint="Use letters, digits, and after the first - + and dots: it names a folder.",
            )
        row = store.find(name)
        before = Definition.from_json(row.definition) if row is not None else None
        definition = define(
            workload,
            before,
            method=method,
            seed=seed,
            seeds=checked_seeds(seeds) if seeds is not None else None,
            budget=checked_budget(workload, budget) if budget is not None else None,
            wave=wave,
            tiers=tiers,
            names=names,
            start=start,
            pins=pins,
        )
        if row is None:
            Proposals(_walk(workload, definition), definition, [])  # refuses what does not fit
            row = store.create(name, workload.name, definition.to_json(), settings or {})
        if row.workload != workload.name:
            raise StudyError(
                f"Study {row.name!r} is of {row.workload}, not of {workload.name}.",
                hint="Choose another study name.",
            )
        refuse_changes(row.name, Definition.from_json(row.definition), definition)
        store.lock(row.key)
        study = cls(workload, store.study(name), definition, store)
        study._load()
        study._again.extend(t.number for t in study._trials if not t.outcome.final)
        return study

    @classmethod
    def look(cls, workload: Workload, name: str, *, store: Store) -> Self:
        """A study for reading, whoever drives it.

        Raises:
            UnknownNameError: If there is none of that name.
        """
        row = store.study(name)
        study = cls(workload, row, Definition.from_json(row.definition), store)
        study._trials = study._ordered(store.trials(row.key))
        return study

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def trials(self) -> Sequence[TrialRow]:
        """Every trial so far, by number."""
        return self._trials

    @property
    def has_unfinished(self) -> bool:
        """Whether `ask` gives a trial that was begun before."""
        return bool(self._again)

    @property
    def must_wait(self) -> bool:
        """Whether `ask` would be without results that are still to come.

        Where the order of trials is to be repeatable, ask only while this is false.
        """
        return not self._again and self._proposals.lacks_results(self._trials)

    def ask(self) -> TrialSpec:
        """The next trial: one that a process left running when it died, or a new one."""
        self.beat()
        if self._again:
            return self._spec(self._trials[self._again.popleft()], resumed=True)
        while True:
            number = len(self._trials)
            drawn = self._proposals.next(self._trials)
            started = time.time()
            key = self.store.add_trial(self.row.key, number, drawn, started)
            if key is not None:
                break
            self._load()  # another driver has taken the number
        row = TrialRow(
            key=key,
            number=number,
            outcome=Outcome.RUNNING,
            parameters=drawn,
            started=started,
        )
        self._trials.append(row)
        return self._spec(row)

    def tell(
        self,
        number: int,
        outcome: Outcome,
        per_seed: Mapping[str, Sequence[float]] | None = None,
        *,
        reason: str = "",
        wall_s: float | None = None,
        curves: Iterable[Point] = (),
    ) -> TrialRow:
        """Records how a trial ended.

        Args:
            per_seed: Objective -> its value for each seed; empty if there is none.
            curves: Its reports.

        Raises:
            StudyError: If there is no such trial, or it was told already.
        """
        if not 0 <= number < len(self._trials):
            raise StudyError(f"Study {self.name!r} has no trial {number}.")
        if self._trials[number].outcome.final:
            raise StudyError(f"Trial {number} of study {self.name!r} was told already.")
        assert outcome.final
        measured = {
            name: tuple(float(value) for value in values)
            for name, values in (per_seed or {}).items()
            if values and all(math.isfinite(value) for value in values)
        }
        row = replace(
            self._trials[number],
            outcome=outcome,
            reason=reason,
            per_seed=measured,
            values={name: statistics.fmean(values) for name, values in measured.items()},
            sds={n: statistics.stdev(v) if len(v) > 1 else None for n, v in measured.items()},
            finished=time.time(),
            wall_s=wall_s,
        )
        self.store.finish_trial(row, curves)
        self._trials[number] = row
        self.beat()
        return row

    def config(self, trial: TrialRow) -> Config:
        """The whole configuration of a trial."""
        return self._walk.resolve(trial.parameters, source=f"trial {trial.number} of {self.name}")

    def is_better(self, trial: TrialRow, other: TrialRow | None) -> bool:
        """Whether a trial has the better main objective; one without has not."""
        if trial.outcome is not Outcome.COMPLETED or self._badness(trial) == math.inf:
            return False
        return other is None or self._badness(trial) < self._badness(other)

    def ranked(self) -> list[TrialRow]:
        """The completed trials, best main objective first."""
        return sorted((t for t in self._trials if self.is_better(t, None)), key=self._badness)

    def keep_settings(self, settings: Mapping[str, Any]) -> None:
        """Records how the study is driven now."""
        self.store.update(self.row.key, settings=settings)
        self.row = replace(self.row, settings=settings)

    def record_confirmation(self, confirmation: Mapping[str, Any]) -> None:
        """Records how the best did on fresh seeds."""
        self.store.update(self.row.key, confirmation=confirmation)
        self.row = replace(self.row, confirmation=confirmation)

    def beat(self) -> None:
        """Says now and then that the driver lives."""
        if time.monotonic() - self._beaten > HEARTBEAT_S:
            self.store.update(self.row.key, heartbeat=time.time())
            self._beaten = time.monotonic()

    def close(self) -> None:
        """Lets another process drive the study."""
        self.store.release(self.row.key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except RecordError:
            if error is None:  # a full disk, say, is reported already
                raise

    def _load(self) -> None:
        self._trials = self._ordered(self.store.trials(self.row.key))
        self._proposals = Proposals(self._walk, self.definition, self._trials)

    def _ordered(self, rows: Sequence[TrialRow]) -> list[TrialRow]:
        """With their parameters in the order of the space; a database has none of its own."""
        order = self._walk.order
        return [
            replace(row, parameters={n: row.parameters[n] for n in order if n in row.parameters})
            for row in rows
        ]

    def _badness(self, trial: TrialRow) -> float:
        """Its main objective, the lower the better."""
        metric, goal = next(iter(self.definition.objectives.items()))
        value = trial.values.get(metric, math.inf)
        return -value if goal == "maximize" and metric in trial.values else value

    def _spec(self, trial: TrialRow, *, resumed: bool = False) -> TrialSpec:
        return TrialSpec(
            number=trial.number,
            drawn=trial.parameters,
            config=self.config(trial),
            seeds=self.definition.seeds,
            budget=self.definition.budget,
            resumed=resumed,
        )


def _walk(workload: Workload, definition: Definition) -> Walk:
    space = workload.space
    searched = space.searched(names=list(definition.searched))
    return Walk(space, searched, {**definition.start, **definition.pins})
