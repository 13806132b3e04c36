"""Rows of the study store as Python objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from homeostat.errors import StudyError
from homeostat.record.outcome import Outcome
from homeostat.record.schema import Kind, objectives, seeds

DEFINITION = {
    "method": str, "seed": int, "seeds": seeds, "budget": int, "wave": int,
    "objectives": objectives, "searched": dict[str, dict[str, Any]], "start": dict, "pins": dict,
}  # fmt: skip
"""What a study's definition must have; see `study.definition`."""
FORGOTTEN = "homeostat:forgotten"
"""Among a trial's attributes: that it counts for nothing, until it is restored."""
UNREADABLE = "a text that is no JSON"
"""Stands for a column of JSON that cannot be read, so that the others can."""


@dataclass(frozen=True, kw_only=True)
class DriverRow:
    """A process that drives a study, or did until it died."""

    key: int
    owner: Mapping[str, Any]
    """Process id, when it started, on which machine."""
    heartbeat: float
    """By the clock of the database's server."""
    alone: bool
    confirms: bool
    alive: bool
    """Whether it ran when the row was read."""

    @property
    def place(self) -> str:
        return f"process {self.owner['pid']} on {self.owner['host']}"


@dataclass(frozen=True, kw_only=True)
class StudyRow:
    """A study as stored."""

    key: int
    name: str
    workload: str
    definition: Mapping[str, Any]
    settings: Mapping[str, Any]
    confirmation: Mapping[str, Any] | None
    created: float
    uid: str | None = None
    """What its folder carries too; none until it is driven, if an earlier version made it."""
    drivers: tuple[DriverRow, ...] = ()
    """Those that joined and have not left."""

    @property
    def driven(self) -> bool:
        """Whether a living process drives it now."""
        return any(driver.alive for driver in self.drivers)

    @property
    def default_trial(self) -> int | None:
        """The number of the trial with the starting configuration; none of a foreign study."""
        number: int | None = self.settings.get("default_trial", 0)
        return number


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """A trial as stored."""

    key: int
    number: int
    outcome: Outcome
    reason: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """The values that were drawn for it."""
    per_seed: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Objective -> its value for each seed."""
    values: Mapping[str, float] = field(default_factory=dict)
    """Objective -> its mean over seeds."""
    sds: Mapping[str, float | None] = field(default_factory=dict)
    """Objective -> its s.d. over seeds; none for a single one."""
    started: float = 0.0
    finished: float | None = None
    wall_s: float | None = None
    driver: int | None = None
    """The key of the driver that makes or made it."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What an imported trial brought along."""


@dataclass(frozen=True)
class ReportPoint:
    """One report of one objective."""

    seed: int
    name: str
    step: int
    value: float


_STUDY = Kind(
    "study",
    {"name": str, "workload": str, "definition": DEFINITION, "settings": dict, "created": float},
    {"confirmation": dict | None, "uid": str | None},
)
_TRIAL = Kind(
    "trial",
    {"number": int, "outcome": Outcome, "reason": str, "started": float},
    {
        "finished": float | None, "wall_s": float | None, "driver_id": int | None,
        "attributes": dict | None,
    },
)  # fmt: skip
_OBJECTIVE = Kind(
    "objective", {"value": float, "sd": float | None, "per_seed": list[float], "name": str}
)


def study_row(row: sa.Row[Any], drivers: Sequence[DriverRow]) -> StudyRow:
    """A study.

    Raises:
        StudyError: If its row is damaged.
    """
    columns = dict(row._mapping)
    wrong = _STUDY.problem(columns)
    if wrong is None and not _counts(columns.get("confirmation") or {}):
        wrong = ("confirmation", "a trial or a seed of 'confirmation' is no number")
    if wrong is not None:
        raise StudyError(
            f"The row of study {columns['name']!r} is damaged: {wrong[1]}.",
            hint="Its runs are in its folder; restore the database from a copy.",
        )
    return StudyRow(key=columns.pop("id"), drivers=tuple(drivers), **columns)


def _counts(confirmation: Mapping[str, Any]) -> bool:
    """Whether what a confirmation names by number is so named."""
    try:
        tables = [confirmation.get("values", {}), confirmation.get("lost", {})]
        for table in [*tables, *confirmation.get("others", {}).values()]:
            for number, by_seed in table.items():
                _ = int(number), [int(seed) for seed in by_seed]
    except (AttributeError, TypeError, ValueError):
        return False
    return True


def driver_row(row: sa.Row[Any], alive: bool) -> DriverRow:
    columns = dict(row._mapping)
    for name in ("study_id", "now"):
        del columns[name]
    return DriverRow(key=columns.pop("id"), alive=alive, **columns)


def trial_row(
    row: sa.Row[Any], drawn: Sequence[sa.Row[Any]], measured: Sequence[sa.Row[Any]]
) -> TrialRow:
    """A trial; one whose rows are damaged is read as that, without values."""
    problems = [_TRIAL.problem(row._asdict()), *(_OBJECTIVE.problem(m._asdict()) for m in measured)]
    wrong = next((problem[1] for problem in problems if problem is not None), None)
    if wrong is not None:
        return TrialRow(
            key=row.id,
            number=row.number,
            outcome=Outcome.DAMAGED,
            reason=f"its row in the store is damaged: {wrong}",
            parameters={p.name: p.value for p in drawn if p.value is not UNREADABLE},
            # Whoever takes it over says whose it was.
            driver=row.driver_id if isinstance(row.driver_id, int) else None,
        )
    if (row.attributes or {}).get(FORGOTTEN):
        return TrialRow(
            key=row.id,
            number=row.number,
            outcome=Outcome.FORGOTTEN,
            reason=f"forgotten; it had {row.outcome}"
            if row.outcome == Outcome.COMPLETED
            else f"forgotten; it was {row.outcome}",
            parameters={p.name: p.value for p in drawn},
            started=row.started,
            finished=row.finished,
            driver=row.driver_id,
            attributes=row.attributes,
        )
    return TrialRow(
        key=row.id,
        number=row.number,
        outcome=Outcome(row.outcome),
        reason=row.reason,
        parameters={p.name: p.value for p in drawn},
        per_seed={m.name: tuple(m.per_seed) for m in measured},
        values={m.name: m.value for m in measured},
        sds={m.name: m.sd for m in measured},
        started=row.started,
        finished=row.finished,
        wall_s=row.wall_s,
        driver=row.driver_id,
        attributes=row.attributes or {},
    )
