"""Study: ask for a trial, tell how it went; what was told is never lost and never counted twice.

    study = Study.open(workload, "first", store=store)
    trial = study.ask()
    study.tell(trial.number, Outcome.COMPLETED, {"val_loss": [0.31]})

The sequence of trials depends on the definition and the results alone. Trials that were running
when the process died are asked again, under their numbers. Other processes may drive the same
study: each sees what the others draw and tell, and takes over what a dead one left.
"""

from __future__ import annotations

import contextlib
import math
import statistics
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from homeostat.errors import RecordError, SpaceError, StudyError
from homeostat.record.outcome import Outcome
from homeostat.sample.portfolio import Portfolio
from homeostat.space import Config
from homeostat.study.ask import EXPECTED, Proposals
from homeostat.study.constraint import parsed, violations
from homeostat.study.database import ServerGone
from homeostat.study.definition import Definition
from homeostat.study.drivers import DriverPart
from homeostat.study.earlier import AsSearched, as_searched
from homeostat.study.open_study import find_or_make
from homeostat.study.ranking import ranked
from homeostat.study.records import DriverRow, ReportPoint, StudyRow, TrialRow
from homeostat.study.store import Store
from homeostat.study.trial_command import GIVEN
from homeostat.workload.workload import Workload


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
    """Whether it was begun before, by a process that died."""

    @property
    def overrides(self) -> dict[str, Any]:
        """Everything that was set away from the default on purpose: setting it reruns the trial."""
        return dict(self.config.given)


class Study:
    """A study open for asking and telling.

    Example:
        >>> import homeostat as hs
        >>> space = hs.Space(lr=hs.Float(0.01, 1.0, log=True), unused=hs.Float(0.0, 1.0))
        >>> @hs.workload(space=space, metric="loss", goal="minimize", budget=5)
        ... def valley(config, trial):
        ...     x = 1.0
        ...     for step in trial.steps():
        ...         x -= config.lr * x
        ...         yield hs.Report(step, loss=x * x)
        >>> study = hs.Study.open(valley, "asked", store=hs.Store("asked.db"))
        >>> spec = study.ask()
        >>> spec.number, spec.config.lr
        (0, 0.1)
    """

    # A study that is only looked at has neither.
    _proposals: Proposals
    _sharing: DriverPart

    def __init__(
        self, read: AsSearched, row: StudyRow, definition: Definition, store: Store
    ) -> None:
        """Use `Study.open`."""
        self._as_searched = read
        self.workload = self._as_searched.workload
        self.differences = self._as_searched.differences
        """How the space has changed since the study was made, a sentence for each."""
        self.row = row
        self.definition = definition
        self.store = store
        self._search_space = self._as_searched.search_space
        self.notes = [*definition.told]
        self.notes += [f"Since the study was made: {told}." for told in self.differences]
        """Sentences worth reading."""
        self._trials: list[TrialRow] = []
        self._again: deque[int] = deque()
        self._heard: list[TrialRow] = []

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
        prune: str | None = None,
        prune_at: Sequence[int] | None = None,
        among: Mapping[str, Collection[Any]] | None = None,
        constraints: Sequence[str] | None = None,
        carry_from: Sequence[str] = (),
        settings: Mapping[str, Any] | None = None,
        alone: bool = False,
    ) -> Self:
        """Open a study, or make it. What is not given is as the study was made.

        Args:
            method: A name in `SAMPLERS`; "auto" for a new study.
            seed: Of the samplers; 0 for a new study.
            seeds: How many of the usual seeds each trial runs with, or which; 1 for a new study.
            budget: Steps of each run; the workload's own for a new study.
            wave: How many trials may run side by side; 1 for a new study.
            tiers, names: What is varied; everything that may be, for a new study.
            start: Values in place of the defaults: trial 0, and whatever is not varied.
            pins: Values held in every trial.
            prune: The rule that stops trials early, a name in `RULES`; "none" for a new study.
            prune_at: The steps at which it is asked, in place of its own choice.
            among: Choices of which only some options are searched: {"mode": ("pure", "hybrid")};
                for a new study.
            constraints: Bounds that a trial must keep to win, such as "latency<=5".
            carry_from: Earlier studies whose trials its sampler learns from, by name or path.
            settings: How it is driven, kept for resuming.
            alone: Whether no other process may drive it at the same time.

        Raises:
            StudyError: If the study was made for another workload or definition.
            StudyLockedError: If another process is driving it, and either wants to be alone.
        """
        row, definition = find_or_make(
            store, workload, name, settings=settings, method=method, seed=seed, seeds=seeds,
            budget=budget, wave=wave, tiers=tiers, names=names, start=start, pins=pins,
            prune=prune, prune_at=prune_at, among=among, constraints=constraints,
            carry_from=carry_from,
        )  # fmt: skip
        sharing = DriverPart(store, row.key, alone=alone)
        read = as_searched(workload, definition)
        study = cls(read, store.study(name), definition, store)
        study._sharing = sharing
        study._trials = study._ordered(store.trials(row.key))
        study._proposals = Proposals(study._search_space, definition, study._trials)
        left = sharing.left_behind(study._trials, at_start=True)
        study._again.extend(trial.number for trial in left)
        return study

    @classmethod
    def look(cls, workload: Workload | AsSearched, name: str, *, store: Store) -> Self:
        """A study for reading, whoever drives it.

        Args:
            workload: Its workload; or what `study.kept.for_reading` gives, where none is at hand.
            name: Its name in the store.
            store: Where it is.

        Raises:
            UnknownNameError: If there is none of that name.
        """
        row = store.study(name)
        definition = Definition.from_json(row.definition)
        read = workload if isinstance(workload, AsSearched) else as_searched(workload, definition)
        study = cls(read, row, definition, store)
        study._trials = study._ordered(store.trials(row.key))
        return study

    @property
    def name(self) -> str:
        """Its name in the store."""
        return self.row.name

    @property
    def trials(self) -> Sequence[TrialRow]:
        """Every trial so far, by number."""
        return self._trials

    @property
    def has_unfinished(self) -> bool:
        """Whether `ask` would give a trial that was begun before."""
        return bool(self._again)

    @property
    def must_wait(self) -> bool:
        """Whether `ask` would be without results that are still to come.

        Where the order of trials is to be repeatable, ask only while this is false.
        """
        return not self._again and self._proposals.lacks_results(self._trials)

    def ask(self) -> TrialSpec:
        """The next trial: one that a process left running when it died, or a new one."""
        spec = None
        while spec is None:
            self.refresh()
            spec = self.try_ask()
        return spec

    def try_ask(self) -> TrialSpec | None:
        """As `ask`, but None if another driver was quicker; `trials` has changed then."""
        self.beat()
        if self._again:
            trial = self._trials[self._again.popleft()]
            if not self._sharing.claim(trial):
                self.refresh(at_once=True)
                return None
            self._trials[trial.number] = replace(trial, driver=self._sharing.driver)
            self._sharing.hand_out(trial.number)
            return self._spec(trial, resumed=True)
        row = self._add(self._proposals.next(self._trials), self._sharing.driver)
        if row is None:
            return None
        self._sharing.hand_out(row.number)
        return self._spec(row)

    def enqueue(self, values: Mapping[str, Any]) -> str:
        """Have a configuration tried next, ahead of what the sampler would draw.

        Args:
            values: Of searched parameters; those left out have the values of the start.

        Returns:
            A sentence: which trial it is.

        Raises:
            UnknownNameError, SpaceError: If a value is not possible, or not searched, or without
                effect.
        """
        searched = self._search_space.searched
        for name in values:
            self.workload.space.check(name, values[name])
            if name not in searched:
                raise SpaceError(
                    f"{name} is not searched in study {self.name!r}, so no trial can set it.",
                    hint=f"Searched are {', '.join(searched)}.",
                )
        config = self._search_space.resolve(values)
        for name in values:
            if not config.acts(name):
                told = [text for text in config.adjustments if text.startswith(f"{name}: ")]
                raise SpaceError(f"{name} has no effect there. {' '.join(told)}".strip())
        drawn = self._search_space.acting(values)
        while True:
            self.refresh(at_once=True)
            count = (t for t in self._trials if t.outcome is not Outcome.FORGOTTEN)
            known = next((t.number for t in count if self.config(t) == config), None)
            if known is not None:
                return f"What was to be tried is trial {known} already."
            # The default comes first: it is what the best is compared with.
            first = self._search_space.default() if not self._trials else drawn
            row = self._add(first, driver=None)
            if row is None:
                continue
            self._proposals.take(self._trials)
            self._again.append(row.number)
            if first is drawn:
                return f"Trial {row.number} is what was to be tried."

    def _add(self, drawn: dict[str, Any], driver: int | None) -> TrialRow | None:
        """A new trial with these parameters; None if another driver was quicker."""
        number, started = len(self._trials), time.time()
        attributes = self._given(drawn)
        key = self.store.add_trial(
            self.row.key, number, drawn, started, driver, attributes=attributes
        )
        if key is None:
            # Forget what was drawn in vain before taking up the other driver's trial.
            self._proposals = Proposals(self._search_space, self.definition, self._trials)
            self.refresh(at_once=True)
            return None
        row = TrialRow(
            key=key,
            number=number,
            outcome=Outcome.RUNNING,
            parameters=drawn,
            started=started,
            driver=driver,
            attributes=attributes,
        )
        self._trials.append(row)
        return row

    def refresh(self, *, at_once: bool = False) -> None:
        """Take up what other drivers have drawn and told, and what dead ones left behind."""
        if not (at_once or self._sharing.must_look):
            return
        known = self._trials
        mine = self._sharing.is_mine
        open_ = [t.number for t in known if not t.outcome.final and not mine(t.number)]
        since = min(open_, default=len(known))
        rows = self._ordered(self.store.trials(self.row.key, since=since))
        for row in rows:
            if row.number == len(known):
                known.append(row)
                self._proposals.take(known)
            elif mine(row.number) or known[row.number].outcome.final:
                continue
            known[row.number] = row
            if row.outcome.final:
                self._heard.append(row)
        waiting = set(self._again)
        left = self._sharing.left_behind(rows)
        self._again.extend(trial.number for trial in left if trial.number not in waiting)

    def heard(self) -> list[TrialRow]:
        """The trials that other drivers have told since the last call."""
        heard, self._heard = self._heard, []
        return heard

    def who_confirms(self) -> DriverRow | None:
        """The other driver that runs the best again on fresh seeds; none if it is for us to do."""
        return self._sharing.who_confirms()

    def tell(
        self,
        number: int,
        outcome: Outcome,
        per_seed: Mapping[str, Sequence[float]] | None = None,
        *,
        reason: str = "",
        wall_s: float | None = None,
        curves: Sequence[ReportPoint] = (),
        expected: Mapping[str, float] | None = None,
    ) -> TrialRow:
        """Record how a trial ended.

        Where another driver took this one for dead and took over the trial, that driver's result
        counts, and the trial is returned as it is then.

        Args:
            per_seed: Objective -> its value for each seed; empty if there is none. So with the
                metrics of constraints, which decide whether a completed trial is feasible.
            curves: Its reports.
            expected: Objective -> where it would have ended, of one that was stopped early.

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
        means = {name: statistics.fmean(values) for name, values in measured.items()}
        if outcome is Outcome.COMPLETED:
            broken = violations(parsed(self.definition.constraints), means)
            outcome, reason = (Outcome.INFEASIBLE, broken) if broken else (outcome, reason)
        row = replace(
            self._trials[number],
            outcome=outcome,
            reason=reason,
            per_seed=measured,
            values=means,
            sds={n: statistics.stdev(v) if len(v) > 1 else None for n, v in measured.items()},
            finished=time.time(),
            wall_s=wall_s,
            attributes={
                **self._trials[number].attributes,
                **({EXPECTED: expected} if expected else {}),
            },
        )
        if not self.store.finish_trial(row, curves):
            [row] = self._ordered(self.store.trials(self.row.key, since=number)[:1])
        self._trials[number] = row
        self.beat()
        return row

    def config(self, trial: TrialRow) -> Config:
        """The whole configuration of a trial."""
        source = f"trial {trial.number} of {self.name}"
        return self._search_space.resolve(trial.parameters, source=source)

    def is_better(self, trial: TrialRow, other: TrialRow | None) -> bool:
        """Whether a trial has the better main objective; one without has not."""
        if trial.outcome is not Outcome.COMPLETED or self._badness(trial) == math.inf:
            return False
        return other is None or self._badness(trial) < self._badness(other)

    @property
    def default(self) -> TrialRow | None:
        """The trial of the starting configuration, if the study has one."""
        number = self.row.default_trial
        if number is None or number >= len(self._trials):
            return None
        trial = self._trials[number]
        return None if trial.outcome is Outcome.FORGOTTEN else trial

    def ranked(self) -> list[TrialRow]:
        """The completed trials, best main objective first."""
        metric, goal = next(iter(self.definition.objectives.items()))
        return ranked(self._trials, metric, goal)

    def promising(self) -> list[TrialRow]:
        """The completed trials, the one first that did best, then by what is to be expected.

        A trial among good ones is worth more than one that was lucky alone: what a surrogate of
        all trials expects of each comes before what its seeds gave.
        """
        best_first = self.ranked()
        first, others = best_first[:1], best_first[1:]
        name, goal = next(iter(self.definition.objectives.items()))
        model = Portfolio(self._search_space, [goal], self.definition.seed)
        for trial in best_first:
            model.replay(trial.number, trial.parameters)
            model.learn(trial.number, (trial.values[name],))
        expected = model.expected()
        if expected:
            others.sort(key=lambda trial: expected[trial.number])
        return first + others

    def chance_of_gain(self) -> float:
        """How likely some configuration is better than the best so far by more than seeds differ.

        By the surrogate of method auto, of the main objective, whatever the method.
        """
        return self._proposals.chance_of_gain(self._trials)

    def keep_settings(self, settings: Mapping[str, Any]) -> None:
        """Record how the study is driven now."""
        self.store.update(self.row.key, settings=settings)
        self.row = replace(self.row, settings=settings)

    def record_confirmation(self, confirmation: Mapping[str, Any]) -> None:
        """Record how the best did on fresh seeds."""
        self.store.update(self.row.key, confirmation=confirmation)
        self.row = replace(self.row, confirmation=confirmation)

    def beat(self) -> None:
        """Say now and then that the driver lives."""
        self._sharing.beat()

    def close(self) -> None:
        """Leave the study to its other drivers, or to the next one."""
        with contextlib.suppress(ServerGone):  # it will find out that we are gone
            self._sharing.leave()

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

    def _ordered(self, rows: Sequence[TrialRow]) -> list[TrialRow]:
        """With those parameters that act, in the order of the space; a database has none."""
        return self._as_searched.read(rows)

    def _badness(self, trial: TrialRow) -> float:
        """Its main objective, the lower the better."""
        metric, goal = next(iter(self.definition.objectives.items()))
        value = trial.values.get(metric, math.inf)
        return goal.sign * value if metric in trial.values else value

    def _given(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        """What a rerun has to set, where that is not all that the study sets and draws."""
        whole = {**self.definition.start, **self.definition.pins, **drawn}
        given = dict(self._search_space.resolve(drawn).given)
        return {} if given == whole else {GIVEN: given}

    def _spec(self, trial: TrialRow, *, resumed: bool = False) -> TrialSpec:
        return TrialSpec(
            number=trial.number,
            drawn=trial.parameters,
            config=self.config(trial),
            seeds=self.definition.seeds,
            budget=self.definition.budget,
            resumed=resumed,
        )
