"""Everything that the findings of a study are written from, read from what was kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homeostat.errors import HomeostatError
from homeostat.record.runs import RunRecord, read_run
from homeostat.search.result import command
from homeostat.search.review.round import Round
from homeostat.study.definition import Definition
from homeostat.study.earlier import as_searched
from homeostat.study.ranking import objectives_of, ranked
from homeostat.study.records import StudyRow, TrialRow
from homeostat.study.store import Store
from homeostat.workload import load
from homeostat.workload.goal import Goal
from homeostat.workload.workload import Workload

PLAN = "plan.json"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One study.

    Attributes:
        row: The study as stored.
        workload: Its workload, with the space in which the trials can be read; None where it
            cannot be found again (a notebook's own).
        differences: How the space has changed since the study was made.
        trials: All, by number.
        ranked: Those with a value, best first by the main objective.
        phases: Of the plan that made it, if one did.
        folder: Where its runs are.
    """

    row: StudyRow
    workload: Workload | None
    differences: tuple[str, ...] = ()
    trials: Sequence[TrialRow]
    ranked: Sequence[TrialRow]
    phases: Sequence[Mapping[str, Any]] = ()
    folder: Path
    _runs: dict[int, RunRecord | None] = field(default_factory=dict, repr=False)

    @property
    def objectives(self) -> dict[str, Goal]:
        """Metric -> goal, the main one first."""
        return objectives_of(self.row)

    @property
    def metric(self) -> str:
        return next(iter(self.objectives))

    @property
    def goal(self) -> Goal:
        return self.objectives[self.metric]

    @property
    def unit(self) -> str:
        return self.workload.unit if self.workload is not None else "step"

    def trial(self, number: int) -> TrialRow:
        """A trial by its number."""
        return next(trial for trial in self.trials if trial.number == number)

    def run(self, number: int) -> RunRecord | None:
        """The run of a trial, if it is still on disk."""
        if number not in self._runs:
            try:
                self._runs[number] = read_run(self.folder / f"trial_{number:04d}")
            except HomeostatError:
                self._runs[number] = None
        return self._runs[number]

    @property
    def round(self) -> Round | None:
        """The study as its checklist sees it; None without a workload or a result."""
        if self.workload is None or not self.ranked:
            return None
        return Round(
            row=self.row,
            workload=self.workload,
            definition=Definition.from_json(self.row.definition),
            trials=self.trials,
            best=self.ranked[0],
            folder=self.folder,
        )

    def confirmed(self, number: int) -> RunRecord | None:
        """The run of a trial on fresh seeds, if it was confirmed."""
        try:
            return read_run(self.folder / f"confirm_{number:04d}")
        except HomeostatError:
            return None

    def command(self, trial: TrialRow) -> str:
        """The command that reruns a trial."""
        reference = self.row.settings.get("reference") or self.row.workload
        held = {**self.row.definition["start"], **self.row.definition["pins"]}
        return command(str(reference), {**held, **trial.parameters})


def gather(study: str, *, store: Store, results: str | Path) -> Facts:
    """Read a study.

    Raises:
        UnknownNameError: If there is none of that name.
    """
    row = store.study(study)
    trials = sorted(store.trials(row.key), key=lambda trial: trial.number)
    workload = _workload(row)
    differences: tuple[str, ...] = ()
    if workload is not None:
        read = as_searched(workload, Definition.from_json(row.definition))
        workload, differences, trials = read.workload, read.differences, read.read(trials)
    metric, goal = next(iter(objectives_of(row).items()))
    folder = Path(results) / "studies" / row.name
    return Facts(
        row=row,
        workload=workload,
        differences=differences,
        trials=trials,
        ranked=ranked(trials, metric, goal),
        phases=_phases(folder),
        folder=folder,
    )


def _workload(row: StudyRow) -> Workload | None:
    try:
        return load.find(row.settings.get("reference") or row.workload)
    except HomeostatError:
        return None


def _phases(folder: Path) -> list[dict[str, Any]]:
    try:
        plan = json.loads((folder / PLAN).read_text())
    except (OSError, ValueError):
        return []
    found: list[dict[str, Any]] = plan.get("phases", [])
    return found
