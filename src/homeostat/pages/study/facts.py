"""Everything that a study's page is made of, read from what was kept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from homeostat.errors import HomeostatError, RecordError, StudyError
from homeostat.execute.rerun import Place
from homeostat.pages.figures import Noise
from homeostat.record.plan_file import FILE as PLAN
from homeostat.record.plan_file import KIND
from homeostat.record.runs import RunRecord, read_run
from homeostat.search.decide import verdict_of
from homeostat.search.importance import Importance, importance
from homeostat.search.review.round import Round
from homeostat.search.verdict import StudyVerdict
from homeostat.study.definition import Definition
from homeostat.study.kept import for_reading
from homeostat.study.ranking import objectives_of, ranked
from homeostat.study.records import StudyRow, TrialRow
from homeostat.study.store import Store
from homeostat.study.trial_command import place_of, trial_command
from homeostat.workload import load
from homeostat.workload.goal import Goal
from homeostat.workload.workload import Workload


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One study, or a plan that has not searched (yet), with no `row`, trials and verdict.

    Attributes:
        name: Of the study.
        row: The study as stored.
        workload: Its workload, with the space in which the trials can be read; as the study
            describes it, where it is neither given nor installed.
        differences: How the space has changed since the study was made.
        trials: All, by number.
        ranked: Those with a value, best in the search first.
        verdict: Which of them won, and how good it is.
        phases: Of the plan that made it, if one did.
        folder: Where its runs are.
    """

    name: str
    row: StudyRow | None
    workload: Workload
    differences: tuple[str, ...] = ()
    trials: Sequence[TrialRow] = ()
    ranked: Sequence[TrialRow] = ()
    verdict: StudyVerdict | None
    place: Place
    phases: Sequence[Mapping[str, Any]] = ()
    folder: Path
    _runs: dict[int, RunRecord | None] = field(default_factory=dict, repr=False)
    _importances: dict[str, Importance] = field(default_factory=dict, repr=False)

    @property
    def objectives(self) -> dict[str, Goal]:
        """Metric -> goal, the main one first."""
        return dict(self.workload.objectives) if self.row is None else objectives_of(self.row)

    @property
    def metric(self) -> str:
        return next(iter(self.objectives))

    @property
    def goal(self) -> Goal:
        return self.objectives[self.metric]

    @cached_property
    def names(self) -> list[str]:
        """Parameters that the trials varied."""
        return list(dict.fromkeys(name for trial in self.trials for name in trial.parameters))

    @property
    def by_importance(self) -> list[str]:
        """The same, what matters most first, where that is known."""
        try:
            first = [row.name for row in self.importance().rows]
        except StudyError:
            first = []
        return [*first, *(name for name in self.names if name not in first)]

    @cached_property
    def to_take(self) -> TrialRow | None:
        """The trial that the verdict says to take, with the parameters that act."""
        trial = None if self.verdict is None else self.verdict.trial
        return None if trial is None else self.trial(trial.number)

    @property
    def noise(self) -> Noise | None:
        """The default's value in the search, and two standard errors of such a value."""
        default = None if self.verdict is None else self.verdict.default
        if self.verdict is None or default is None or self.metric not in default.values:
            return None
        fresh = self.verdict.on_fresh_seeds(default)
        sds = [default.sds.get(self.metric), math.nan if fresh is None else fresh.sd, self._sd]
        sd = next((sd for sd in sds if sd is not None and math.isfinite(sd)), None)
        seeds = len(default.per_seed.get(self.metric, ())) or 1
        return Noise(default.values[self.metric], None if sd is None else 2 * sd / seeds**0.5)

    @property
    def _sd(self) -> float | None:
        """Of the plan's baseline, between seeds."""
        found = [p["facts"].get("sd") for p in self.phases if p["name"] == "baseline"]
        return found[0] if found else None

    @property
    def checks(self) -> list[Mapping[str, Any]]:
        """What the plan's probe looked at."""
        probes = [phase for phase in self.phases if phase["name"] == "probe"]
        return [check for phase in probes for check in phase["facts"].get("checks", ())]

    @property
    def chosen_command(self) -> str:
        """What runs the choice of a plan without a search."""
        found = [str(p["facts"]["command"]) for p in self.phases if "command" in p["facts"]]
        return found[-1] if found else ""

    def trial(self, number: int) -> TrialRow:
        """A trial by its number."""
        return self._by_number[number]

    @cached_property
    def _by_number(self) -> dict[int, TrialRow]:
        return {trial.number: trial for trial in self.trials}

    def run(self, number: int) -> RunRecord | None:
        """The run of a trial, if it is still on disk."""
        if number not in self._runs:
            try:
                self._runs[number] = read_run(self.folder / f"trial_{number:04d}")
            except HomeostatError:
                self._runs[number] = None
        return self._runs[number]

    def run_on_fresh_seeds(self, number: int) -> RunRecord | None:
        """The run of a trial on fresh seeds, if there was one and it is still on disk."""
        try:
            return read_run(self.folder / f"confirm_{number:04d}")
        except HomeostatError:
            return None

    @property
    def round(self) -> Round | None:
        """The study as its checklist sees it; None without a result."""
        if self.row is None or self.to_take is None:
            return None
        return Round(
            row=self.row,
            workload=self.workload,
            definition=Definition.from_json(self.row.definition),
            trials=self.trials,
            best=self.to_take,
            folder=self.folder,
            place=self.place,
        )

    @property
    def held(self) -> dict[str, Any]:
        """What no trial varied, where it is not the default."""
        definition = {} if self.row is None else self.row.definition
        return {**definition.get("start", {}), **definition.get("pins", {})}

    @property
    def dead(self) -> tuple[str, ...]:
        """Parameters that the plan's probe showed to be connected to nothing."""
        faults = [c for c in self.checks if c["check"] == "knobs" and c["status"] == "fault"]
        return tuple(str(c["evidence"]["knob"]) for c in faults if "knob" in c["evidence"])

    def importance(self, metric: str | None = None) -> Importance:
        """How much involves each parameter: the one ranking that every page shows.

        Raises:
            StudyError: If there are too few trials.
        """
        metric = metric or self.metric
        if metric not in self._importances:
            self._importances[metric] = importance(
                self.trials, self.workload.space, metric=metric, held=self.held, dead=self.dead
            )
        return self._importances[metric]

    def command(self, trial: TrialRow) -> str:
        """What to type to run a trial again."""
        assert self.row is not None, "a trial has a study"
        return trial_command(self.row, trial, self.place, self.folder)

    @property
    def best_first(self) -> list[TrialRow]:
        """The completed trials: the one to take, then by their value in the search."""
        return sorted(self.ranked, key=lambda trial: trial is not self.to_take)


def gather(
    study: str,
    *,
    store: Store,
    results: str | Path,
    workload: Workload | str | Path | None = None,
) -> Facts:
    """Read a study; nothing that it names is imported or run.

    Args:
        study: Its name.
        store: Where it is.
        results: Where its runs are.
        workload: Its workload, or what `load.find` takes, for what only that knows (its views, its
            own conclusions); an installed one is known by its name.

    Raises:
        UnknownNameError: If there is none of that name.
        StudyError: If what it keeps of its space makes none.
    """
    folder = Path(results) / "studies" / study
    phases = _phases(folder)
    row = store.find(study)
    if row is None and phases and workload is not None:
        found = load.find(workload)
        place = place_of(store, results)
        return Facts(
            name=study, row=None, workload=found, verdict=None, place=place, phases=phases,
            folder=folder,
        )  # fmt: skip
    row = store.study(study)
    stored = sorted(store.trials(row.key), key=lambda trial: trial.number)
    read = for_reading(row, workload)
    trials = read.read(stored)
    metric, goal = next(iter(objectives_of(row).items()))
    return Facts(
        name=row.name,
        row=row,
        workload=read.workload,
        differences=read.differences,
        trials=trials,
        ranked=ranked(trials, metric, goal),
        verdict=verdict_of(row, stored),
        place=place_of(store, results),
        phases=phases,
        folder=folder,
    )


def _phases(folder: Path) -> list[dict[str, Any]]:
    if not (folder / PLAN).exists():
        return []
    try:
        found: list[dict[str, Any]] = KIND.read(folder / PLAN)["phases"]
    except RecordError as error:
        told = {"status": "stopped", "sentences": [str(error)], "decisions": [], "facts": {}}
        return [{"name": "plan", "seconds": 0.0, **told}]
    return found
