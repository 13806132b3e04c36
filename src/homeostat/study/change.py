"""Change: what a study searches from now on, and which of its trials count.

Nothing is deleted: a trial that is forgotten stays on disk, and is restored by its number. A
parameter that is searched from now on has, in every earlier trial, the value with which it acted
there. The study says what was changed, and when.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from homeostat.errors import (
    HomeostatError,
    SpaceError,
    StudyError,
    StudyLockedError,
    UnknownNameError,
    did_you_mean,
)
from homeostat.record.outcome import Outcome
from homeostat.record.runs import read_run
from homeostat.space import Bool, Choice, Float, Int, Range
from homeostat.space.order import SearchSpace
from homeostat.space.parameters import settable
from homeostat.space.values import show
from homeostat.study.definition import Definition
from homeostat.study.described import describe, describe_space, range_text, ranges, same_range
from homeostat.study.records import StudyRow, TrialRow
from homeostat.study.store import Store
from homeostat.wording import plural, some
from homeostat.workload.workload import Workload


def change_study(
    store: Store,
    name: str,
    workload: Workload | None = None,
    folder: Path | None = None,
    *,
    fix: Mapping[str, Any] | None = None,
    free: Sequence[str] = (),
    widen: bool = False,
    add: Sequence[str] = (),
    forget: Iterable[int] = (),
    restore: Iterable[int] = (),
) -> tuple[str, ...]:
    """Change a study that nobody drives; everything that is asked for, or nothing.

    Args:
        workload: What it searches; needed to widen and to add.
        folder: Where its runs are.
        fix: Parameters to hold at these values in every further trial.
        free: Parameters to vary again.
        widen: Search the ranges that the workload has now.
        add: Parameters to search too.
        forget: Numbers of trials that count for nothing from now on.
        restore: Numbers of trials that count again.

    Returns:
        What was changed, a sentence each.

    Raises:
        StudyLockedError: While a process drives it.
        StudyError, SpaceError, UnknownNameError: If a change is not possible; nothing is changed.
    """
    row = store.study(name)
    drivers = [driver for driver in row.drivers if driver.alive]
    if drivers:
        raise StudyLockedError(
            f"Study {name!r} is being driven by {drivers[0].place}.",
            hint="Stop it with Ctrl-C (everything is kept), change it, and go on.",
        )
    if (widen or add) and workload is None:
        raise StudyError(
            f"Study {name!r} does not say where its workload is, whose ranges are needed.",
            hint="Add:  --workload FILE",
        )
    one = _Change(row, store.trials(row.key), folder)
    if workload is not None and widen:
        one.widen(workload)
    if workload is not None:
        for parameter in add:
            one.add(workload, parameter)
    for parameter in free:
        one.free(parameter)
    one.fix(fix or {})
    one.count([*forget], counts=False)
    one.count([*restore], counts=True)
    if not one.told:
        raise StudyError(
            f"Nothing of study {name!r} is to be changed.", hint="See:  homeostat change --help"
        )
    after = f"After {plural(len(one.trials), 'trial')}"
    changes = (*one.definition.changes, *(f"{after} {told}." for told in one.told))
    definition = replace(one.definition, changes=changes)
    store.change(row.key, definition.to_json(), one.parameters, one.counts)
    return changes[-len(one.told) :]


class _Change:
    """What is to be written, checked part by part."""

    def __init__(self, row: StudyRow, trials: Sequence[TrialRow], folder: Path | None) -> None:
        self.definition = Definition.from_json(row.definition)
        self.trials = trials
        self.parameters: dict[int, dict[str, Any]] = {}
        """Key of a trial -> what is added to its parameters."""
        self.counts: dict[int, bool] = {}
        """Key of a trial -> whether it counts from now on."""
        self.told: list[str] = []
        self._folder = folder

    def fix(self, values: Mapping[str, Any]) -> None:
        searched = ranges(self.definition.searched)
        fixed = dict(self.definition.fixed)
        for name, value in values.items():
            self._check_searched(name)
            fixed[name] = searched[name].check(value, name)
            self.told.append(f"{name} is held at {show(fixed[name])} in further trials")
        if values and not searched.keys() - fixed.keys():
            raise StudyError("Nothing would be left to search: every parameter would be held.")
        self.definition = replace(self.definition, fixed=fixed)

    def free(self, name: str) -> None:
        self._check_searched(name)
        fixed = dict(self.definition.fixed)
        if name not in fixed:
            raise StudyError(f"{name} is not held: further trials vary it already.")
        self.told.append(f"{name}, held at {show(fixed.pop(name))} before, is varied again")
        self.definition = replace(self.definition, fixed=fixed)

    def widen(self, workload: Workload) -> None:
        then = ranges(self.definition.searched)
        searched = dict(then)
        for name, was in then.items():
            now = _range_of(workload, name)
            if name in self.definition.narrowed or now is None or same_range(was, now):
                continue
            for trial in self.trials:
                if name in trial.parameters:
                    self._check_value(now, name, trial.parameters[name], f"trial {trial.number}")
            for held in (self.definition.start, self.definition.fixed):
                if name in held:
                    self._check_value(now, name, held[name], "the start")
            searched[name] = now
            self.told.append(f"{name} is searched in {range_text(now)}, not {range_text(was)}")
        if searched == then:
            raise StudyError(
                f"{workload.name} has the ranges that the study searches: "
                f"{some([f'{n} {range_text(p)}' for n, p in then.items()])}.",
                hint="Widen one in the workload first, then change the study.",
            )
        self.definition = replace(self.definition, searched=describe(searched))

    def add(self, workload: Workload, name: str) -> None:
        definition = self.definition
        now = _range_of(workload, name)
        if name in definition.searched:
            raise StudyError(f"{name} is searched already.")
        if now is None:
            hint = did_you_mean(name, workload.space.searched())
            raise UnknownNameError(f"{workload.name} has no parameter {name!r} to vary.", hint=hint)
        usual = {n: f["default"] for n, f in definition.space.items() if "default" in f}
        held = {**definition.start, **definition.pins}
        default = held.get(name, usual.get(name, now.default))
        searched = {**ranges(definition.searched), name: now}
        space = SearchSpace(workload.space, searched, held)
        pins = {n: value for n, value in definition.pins.items() if n != name}
        acted = set()
        for trial in self.trials:
            value = self._ran_with(trial, name, default)
            self._check_value(now, name, value, f"trial {trial.number}")
            if name in space.acting({**trial.parameters, name: value}):
                self.parameters.setdefault(trial.key, {})[name] = value
                acted.add(show(value))
        start = (
            definition.start if name not in definition.pins else {**definition.start, name: default}
        )
        described = dict(definition.space)
        if described:
            described[name] = describe_space(workload.space)[name]
        self.definition = replace(
            definition, searched=describe(searched), pins=pins, start=start, space=described
        )
        earlier = f"; in earlier trials it was {some(sorted(acted))}" if acted else ""
        self.told.append(f"{name} is searched too, in {range_text(now)}{earlier}")

    def count(self, numbers: Sequence[int], *, counts: bool) -> None:
        by_number = {trial.number: trial for trial in self.trials}
        for number in numbers:
            trial = by_number.get(number)
            if trial is None:
                raise UnknownNameError(
                    f"The study has no trial {number}.",
                    hint=f"Its trials are 0 to {len(self.trials) - 1}." if self.trials else "",
                )
            if (trial.outcome is not Outcome.FORGOTTEN) == counts:
                state = "counts already" if counts else "is forgotten already"
                raise StudyError(f"Trial {number} {state}.")
            if not trial.outcome.final:
                raise StudyError(
                    f"Trial {number} has not ended: {trial.outcome.value}.",
                    hint="Go on with the study first:  homeostat resume STUDY",
                )
            self.counts[trial.key] = counts
        if numbers:
            several = len(numbers) > 1
            which = f"trial{'s' if several else ''} {', '.join(map(str, numbers))}"
            verb = "count" if several else "counts"
            self.told.append(f"{which} {verb} again" if counts else f"{which} {verb} for nothing")

    def _check_searched(self, name: str) -> None:
        if name not in self.definition.searched:
            raise UnknownNameError(
                f"{name} is not searched in this study.",
                hint=did_you_mean(name, self.definition.searched)
                or f"Searched are {', '.join(self.definition.searched)}.",
            )

    def _check_value(self, now: Range, name: str, value: Any, where: str) -> None:
        try:
            now.check(value, name)
        except SpaceError:
            raise SpaceError(
                f"{name} was {show(value)} in {where}, which {range_text(now)} leaves out.",
                hint="Widen it in the workload, or choose another study name and carry over "
                "what fits:  --from STUDY",
            ) from None

    def _ran_with(self, trial: TrialRow, name: str, default: Any) -> Any:
        """What a trial's run says, else what was held or the default then."""
        if self._folder is not None:
            try:
                return read_run(self._folder / f"trial_{trial.number:04d}").config.get(
                    name, default
                )
            except HomeostatError:
                pass
        return default


def _range_of(workload: Workload, name: str) -> Range | None:
    range_ = settable(workload.space[name]) if name in workload.space else None
    return range_ if isinstance(range_, Float | Int | Choice | Bool) else None
