"""Warm start: a new study's sampler learns from earlier studies of the same workload.

Its completed and its diverged trials are carried over, each as a point of the new space. They are
stored with the new study, so that it no longer needs the earlier one. They do not count as its own
trials, and the best of them is run again before it may win.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from homeostat.errors import SpaceError, StudyError
from homeostat.record.outcome import Outcome
from homeostat.space import Config
from homeostat.space.order import SearchSpace
from homeostat.space.parameters import settable
from homeostat.space.values import same, show
from homeostat.study.definition import Definition
from homeostat.study.described import range_text
from homeostat.study.records import StudyRow, TrialRow
from homeostat.study.store import Store
from homeostat.study.transferred_trial import TransferredTrial
from homeostat.workload.workload import Workload

FILE = "studies.db"
REFUSING = {
    "random": "learns from no trial",
    "sobol": "learns from no trial",
    "cmaes": "learns from its own trials only",
}
"""The methods that cannot start from other studies, and why."""


def warmed(
    store: Store,
    workload: Workload,
    definition: Definition,
    search_space: SearchSpace,
    sources: Sequence[str],
) -> Definition:
    """The definition of a new study with what earlier ones found.

    Args:
        sources: Names of studies in the store, or paths such as other/studies/first.

    Raises:
        UnknownNameError, StudyError: If there is no such study, it is of another workload, of
            other objectives or another length, or nothing of it can be carried over.
    """
    if sources and definition.method in REFUSING:
        raise StudyError(
            f"Method {definition.method} {REFUSING[definition.method]}: --from would change "
            "nothing.",
            hint="Choose auto, gp, tpe, nsga2 or nsga3.",
        )
    carried: list[TransferredTrial] = []
    told = {}
    for name in sources:
        row, trials = _read(store, name)
        before = Definition.from_json(row.definition)
        _refuse_another(row, before, workload, definition)
        passage = _Passage(name, before, definition, search_space)
        passage.carry(trials)
        if not passage.carried:
            raise StudyError(
                f"Nothing of study {name!r} can be carried over: {passage.left_out or 'no trial'}."
            )
        carried += passage.carried
        told[name] = passage.sentence(len(trials), _has_other_code(row, workload))
    return replace(definition, carried=tuple(carried), sources=told)


def length_of(store: Store, workload: Workload, sources: Sequence[str]) -> int:
    """How many steps each run of these studies has; one that learns from them has as many.

    Raises:
        UnknownNameError, StudyError: As `warmed`, and if they differ.
    """
    found: dict[str, int] = {}
    for name in sources:
        row, _ = _read(store, name)
        before = Definition.from_json(row.definition)
        _refuse_another(row, before, workload, replace(before, objectives=workload.objectives))
        found[name] = before.budget
    if len(set(found.values())) > 1:
        told = ", ".join(f"{name} {budget}" for name, budget in found.items())
        raise StudyError(f"These studies have runs of different lengths: {told}.")
    return next(iter(found.values()))


def best_carried(definition: Definition) -> TransferredTrial | None:
    """The completed one with the best main objective."""
    metric, goal = next(iter(definition.objectives.items()))
    done = [trial for trial in definition.carried if metric in trial.values]
    return goal.best(done, key=lambda trial: trial.values[metric]) if done else None


def _read(store: Store, name: str) -> tuple[StudyRow, list[TrialRow]]:
    if "/" not in name:
        row = store.study(name)
        return row, store.trials(row.key)
    folder = Path(name)
    file = folder.parent.parent / FILE
    if folder.parent.name != "studies" or not file.exists():
        raise StudyError(
            f"No study at {name}.",
            hint=f"A path looks like other/studies/first; other/{FILE} has its trials.",
        )
    elsewhere = Store(file, look=True)
    try:
        row = elsewhere.study(folder.name)
        return row, elsewhere.trials(row.key)
    finally:
        elsewhere.close()


def _refuse_another(row: StudyRow, before: Definition, workload: Workload, now: Definition) -> None:
    if row.workload != workload.name:
        raise StudyError(
            f"Study {row.name!r} is of {row.workload}, not of {workload.name}: nothing of it can "
            "be carried over."
        )
    if dict(before.objectives) != dict(now.objectives):
        raise StudyError(
            f"Study {row.name!r} aims to {_aims(before)}, and this one to {_aims(now)}: nothing "
            "of it can be carried over."
        )
    if before.budget != now.budget:
        raise StudyError(
            f"Study {row.name!r} trained for {before.budget} {workload.unit}s and this one for "
            f"{now.budget}: their values cannot be compared.",
            hint=f"Add:  --steps {before.budget}",
        )


def _aims(definition: Definition) -> str:
    return " and ".join(f"{goal} {name}" for name, goal in definition.objectives.items())


def _listed(definition: Definition) -> str:
    return ", ".join(str(seed) for seed in definition.seeds)


def _has_other_code(row: StudyRow, workload: Workload) -> bool:
    code = row.settings.get("code")
    return code is not None and not workload.has_code(code)


@dataclass
class _Passage:
    """Translates one study's trials into the space of another."""

    study: str
    before: Definition
    now: Definition
    search_space: SearchSpace
    carried: list[TransferredTrial] = field(default_factory=list)
    _reasons: Counter[str] = field(default_factory=Counter)
    _then: list[Config] = field(default_factory=list)

    def carry(self, trials: Iterable[TrialRow]) -> None:
        for trial in trials:
            if trial.outcome not in (Outcome.COMPLETED, Outcome.DIVERGED):
                self._reasons[trial.outcome.value] += 1
                continue
            found = self._translated(trial.parameters)
            if isinstance(found, str):
                self._reasons[found] += 1
                continue
            done = trial.outcome is Outcome.COMPLETED
            values = {n: trial.values[n] for n in self.before.objectives} if done else {}
            self.carried.append(
                TransferredTrial(
                    study=self.study, number=trial.number, parameters=found, values=values
                )
            )

    @property
    def left_out(self) -> str:
        """How many trials were not carried over, and why."""
        return ", ".join(f"{count} {reason}" for reason, count in self._reasons.most_common())

    def sentence(self, trials: int, other_code: bool) -> str:
        parts = [f"From study {self.study}: {len(self.carried)} of {trials} trials carried over"]
        if self.left_out:
            parts.append(f"not carried: {self.left_out}")
        parts += self._differences()
        if self.before.seeds != self.now.seeds:
            parts.append(f"their seeds were {_listed(self.before)} and are {_listed(self.now)} now")
        if other_code:
            parts.append("they ran with other code than today's")
        return "; ".join(parts) + "."

    def _translated(self, drawn: Mapping[str, Any]) -> dict[str, Any] | str:
        """A trial's parameters in the new space, or why it has no place there."""
        given = {**self.before.start, **self.before.pins, **drawn}
        space = self.search_space.space
        known: dict[str, Any] = {}
        for name, value in given.items():
            range_ = settable(space[name]) if name in space else None
            with suppress(SpaceError):
                if range_ is not None:
                    known[name] = range_.check(value, name)
            if name in self.search_space.searched and name not in known:
                return f"with {name} outside {range_text(self.search_space.searched[name])}"
        then = space.resolve(known, inherited=known)
        wanted = {n: then[n] for n in self.search_space.names if n in then.active}
        now = self.search_space.resolve(wanted)
        names = [name for name in self.search_space.names if now.acts(name)]
        lacking = [name for name in names if name not in wanted]
        if lacking:
            return f"without {lacking[0]}"
        self._then.append(then)
        return {name: wanted[name] for name in names}

    def _differences(self) -> list[str]:
        """How else the trials differ from those of the new study."""
        now = self.search_space.resolve({})
        found = []
        for name in (*self.search_space.space, *self.before.searched):
            if name not in self.search_space.space:
                found.append(f"{name}, unknown now, varied in them")
                continue
            seen = [then[name] for then in self._then if name in then.active]
            if not seen or name in self.search_space.space.formulas:
                continue
            varied = any(not same(value, seen[0]) for value in seen)
            if name in self.search_space.searched:
                if name not in self.before.searched and not varied:
                    found.append(f"{name}, searched now, was {show(seen[0])} in them")
            elif varied:
                found.append(f"{name}, {show(now[name])} now, varied in them")
            elif name in now.active and not same(seen[0], now[name]):
                found.append(f"{name}, {show(now[name])} now, was {show(seen[0])} in them")
        return list(dict.fromkeys(found))
