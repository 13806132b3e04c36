"""Rows of the study store as Python objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from homeostat.record.attempt import is_alive
from homeostat.record.outcome import Outcome


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
    driver: Mapping[str, Any] | None
    heartbeat: float | None

    @property
    def driven(self) -> bool:
        """Whether a living process drives it now."""
        return self.driver is not None and is_alive(self.driver, self.heartbeat or 0.0)


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


@dataclass(frozen=True)
class Point:
    """One report of one objective."""

    seed: int
    name: str
    step: int
    value: float


def study_row(row: sa.Row[Any]) -> StudyRow:
    columns = dict(row._mapping)
    return StudyRow(key=columns.pop("id"), **columns)


def trial_row(
    row: sa.Row[Any], drawn: Sequence[sa.Row[Any]], measured: Sequence[sa.Row[Any]]
) -> TrialRow:
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
    )
