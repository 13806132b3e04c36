"""Round: one study that has been searched, as the checklist and the conclusion see it."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from homeostat.errors import HomeostatError
from homeostat.execute.rerun import (
    Place,
    can_be_found,
    command,
    diagnose_run,
    rerun,
    set_options,
    spoken,
)
from homeostat.inspect.symptoms.evidence import Seen, of_record
from homeostat.inspect.symptoms.examine import SymptomFinding, judge
from homeostat.prune.rules import NONE
from homeostat.record.outcome import Outcome
from homeostat.record.runs import RunRecord, read_run
from homeostat.space import Config, Range
from homeostat.space.values import show
from homeostat.study.definition import Definition
from homeostat.study.described import ranges
from homeostat.study.ranking import forgotten, ranked
from homeostat.study.records import StudyRow, TrialRow
from homeostat.study.transfer import REFUSING
from homeostat.study.trial_command import given_of
from homeostat.workload.goal import Goal
from homeostat.workload.workload import Workload

IN_PYTHON = {
    "--from": "carry_from", "--steps": "budget", "--only": "names", "--scientific": "scientific",
    "--fresh-seeds": "confirm",
}  # fmt: skip
"""Options of `homeostat search` that `hs.search` calls otherwise."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """One study, its trials, and what it recommends."""

    row: StudyRow
    workload: Workload
    definition: Definition
    trials: Sequence[TrialRow]
    best: TrialRow
    """The trial that is recommended."""
    folder: Path
    """Where the study's runs are."""
    place: Place
    """What a command has to say of where results and studies are."""

    @property
    def study(self) -> str:
        return self.row.name

    @property
    def reference(self) -> str:
        """What a command line calls the workload."""
        return str(self.row.settings.get("reference") or self.row.workload)

    @property
    def metric(self) -> str:
        return next(iter(self.definition.objectives))

    @property
    def goal(self) -> Goal:
        return self.definition.objectives[self.metric]

    @cached_property
    def searched(self) -> dict[str, Range]:
        """What was varied, with the ranges that the study has."""
        return ranges(self.definition.searched)

    @cached_property
    def held(self) -> dict[str, Any]:
        """What was set and not varied."""
        given = {**self.definition.start, **self.definition.pins}
        return {name: value for name, value in given.items() if name not in self.searched}

    @cached_property
    def ended(self) -> list[TrialRow]:
        counts = [t for t in self.trials if t.outcome is not Outcome.FORGOTTEN]
        return [trial for trial in counts if trial.outcome.final]

    @cached_property
    def completed(self) -> list[TrialRow]:
        """Those with a value, best first."""
        return ranked(self.trials, self.metric, self.goal)

    def badness(self, trial: TrialRow) -> float:
        """Its main objective, the lower the better."""
        value = trial.values[self.metric]
        return self.goal.sign * value

    @cached_property
    def fresh(self) -> dict[int, dict[int, float]]:
        """Trial -> seed -> value, of those that were run on fresh seeds after the last trial."""
        kept = self.row.confirmation
        if kept is None or kept["after"] != len(self.trials):
            return {}
        if kept.get("forgotten", []) != forgotten(self.trials):
            return {}
        return {int(n): {int(s): v for s, v in seen.items()} for n, seen in kept["values"].items()}

    @cached_property
    def noise(self) -> float | None:
        """The s.d. of a trial's value, where the best was run with several seeds."""
        per_seed = self.best.per_seed.get(self.metric, ())
        several = (
            per_seed if len(per_seed) > 1 else list(self.fresh.get(self.best.number, {}).values())
        )
        if len(several) < 2:
            return None
        return statistics.stdev(several) / math.sqrt(len(self.definition.seeds))

    @cached_property
    def run(self) -> RunRecord | None:
        """The run of the best trial, if it is on this disk."""
        try:
            return read_run(self.folder / f"trial_{self.best.number:04d}")
        except HomeostatError:
            return None

    @cached_property
    def views(self) -> dict[int, Seen]:
        """What the best trial's seeds show."""
        if self.run is None:
            return {}
        return {seed: of_record(self.run, seed, self.workload) for seed in self.run.curves()}

    @cached_property
    def symptoms(self) -> Mapping[str, SymptomFinding]:
        """What the rules of diagnosis find in the best trial, by name."""
        return {finding.symptom: finding for finding in judge(self.views, self.workload)}

    @cached_property
    def config(self) -> Config:
        """The whole configuration of the best trial."""
        given = {**self.definition.start, **self.definition.pins, **self.best.parameters}
        known = {name: value for name, value in given.items() if name in self.workload.space}
        return self.workload.space.resolve(known, inherited=known)

    # What to type next

    def more(self, trials: int, *options: str) -> str:
        """The command that goes on with this study."""
        return self._study(self.study, ["--trials", str(trials)], options)

    def next_round(self, *, seeds: int | None = None) -> str:
        """A study that asks the same and learns from this one."""
        settings = self.row.settings
        asks = [w for name in settings.get("scientific", ()) for w in ("--scientific", name)]
        goal = ["--goal", settings["goal"]] if settings.get("goal") else []
        # A method that cannot learn from another study's trials is left to choose.
        how = self._how(seeds=seeds, method=self.definition.method not in REFUSING)
        start = ["--from", self.study]
        return self._study(self._next_name, start, how, self._what(), asks, goal)

    def of_length(self, steps: int) -> str:
        """The same with runs of another length; it cannot learn from this one's."""
        return self._study(self._next_name, self._how(steps=steps), self._what())

    def of_its_own(self, name: str, value: Any) -> str:
        """The same with one more parameter held."""
        study = re.sub(r"[^\w.+-]", "_", f"{self.study}_{show(value)}")
        return self._study(study, self._how(), self._what({name: value}))

    def rerun(self, steps: int) -> str:
        """The best trial again, at another length."""
        given = given_of(self.row, self.best, self.folder)
        if not can_be_found(self.reference):
            return rerun(self.reference, given, budget=steps, seeds=self.definition.seeds)
        words = (spoken(self.reference), set_options(given), ["--steps", str(steps)])
        return command("homeostat run", *words, self.place.for_runs)

    def diagnose(self, trial: TrialRow) -> str:
        """What failed first in a trial that was lost."""
        return diagnose_run(self.folder / f"trial_{trial.number:04d}", self.reference)

    def _study(self, name: str, *options: Sequence[str]) -> str:
        if not can_be_found(self.reference):
            return self._as_call(name, [word for part in options for word in part])
        words = (spoken(self.reference), ["--study", name], *options)
        return command("homeostat search", *words, self.place.for_studies)

    def _as_call(self, study: str, words: Sequence[str]) -> str:
        """The same in Python, where only the process that made the workload can find it."""
        given: dict[str, Any] = {"study": study}
        for option, text in zip(words[::2], words[1::2], strict=True):
            if option == "--set":
                pins = self.workload.space.parse([text])
                given["pins"] = {**given.get("pins", {}), **pins}
            elif option in ("--only", "--scientific"):
                name = IN_PYTHON[option]
                given[name] = [*given.get(name, ()), text]
            elif option == "--prune-at":
                given["prune_at"] = [int(step) for step in text.split(",")]
            else:
                name = IN_PYTHON.get(option, option.removeprefix("--").replace("-", "_"))
                given[name] = int(text) if text.isdecimal() else text
        if self.place.results:
            given["results"] = self.place.results
        if self.place.store:
            given["store"] = self.place.store
        named = "".join(f", {name}={value!r}" for name, value in given.items())
        return f"hs.search({self.reference}{named})"

    def _how(
        self, *, steps: int | None = None, seeds: int | None = None, method: bool = True
    ) -> list[str]:
        """The options that make another study run its trials as this one does."""
        made = self.definition
        seeds = len(made.seeds) if seeds is None else seeds
        options = ["--steps", str(made.budget if steps is None else steps)]
        options += ["--seeds", str(seeds)] if seeds > 1 else []
        options += ["--method", made.method] if method and made.method != "auto" else []
        options += ["--prune", made.prune] if made.prune != NONE else []
        at = [step for step in made.prune_at if step < (made.budget if steps is None else steps)]
        return [*options, *(["--prune-at", ",".join(map(str, at))] if at else [])]

    def _what(self, more: Mapping[str, Any] | None = None) -> list[str]:
        """The options that make another study vary and hold what this one does."""
        held = {**self.held, **(more or {})}
        names = [name for name in self.searched if name not in held]
        usual = {name for name in self.workload.space.searched() if name not in held}
        left_out = usual.difference(names) & self.config.active
        only = names if left_out or not usual.issuperset(names) else []
        return [*(word for name in only for word in ("--only", name)), *set_options(held)]

    @property
    def _next_name(self) -> str:
        numbered = re.fullmatch(r"(.+)_(\d{1,3})", self.study)
        return f"{numbered[1]}_{int(numbered[2]) + 1}" if numbered else f"{self.study}_2"


def short(value: object) -> str:
    """A value in four digits."""
    return f"{value:.4g}" if isinstance(value, float) else show(value)


def in_words(values: Mapping[str, Any]) -> str:
    """Several values with their names."""
    return ", ".join(f"{name}={short(value)}" for name, value in values.items())
