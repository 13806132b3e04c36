"""Run a design: every point over its seeds, resumable."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeostat.design.designs import DesignPoint
from homeostat.design.factorial import FactorialEffect, effects
from homeostat.errors import RecordError
from homeostat.execute.engines.table import make_engine
from homeostat.execute.job import Event
from homeostat.execute.measure import Limits, PendingRun, ahead_of, work_through
from homeostat.execute.rerun import Place, rerun_run
from homeostat.execute.run import checked_budget, checked_seeds
from homeostat.record.files import make_folder
from homeostat.record.hold import Hold
from homeostat.record.names import checked_name, folder_name
from homeostat.record.runs import RunRecord
from homeostat.record.schema import Kind
from homeostat.record.schema import seeds as seed_numbers
from homeostat.space import Config
from homeostat.workload import load
from homeostat.workload.load import reference_or_name
from homeostat.workload.workload import Workload

FILE = "design.json"
KIND = Kind("design", {"code": str | None, "seeds": seed_numbers, "budget": int})


@dataclass(frozen=True)
class DesignRow:
    """One point of the design and how it went."""

    point: DesignPoint
    config: Config
    run: RunRecord

    @property
    def mean(self) -> float:
        """Mean of the objective over the completed seeds; nan without any."""
        return self.run.mean

    def metric(self, name: str) -> float | None:
        """Mean over the seeds of a metric's last value; None where it was not reported."""
        last = [curves.last(name) for curves in self.run.curves().values()]
        known = [value for value in last if value is not None]
        return sum(known) / len(known) if known else None


@dataclass(frozen=True)
class DesignResult:
    """What a design found, in its own order."""

    kind: str
    workload: Workload
    rows: tuple[DesignRow, ...]
    folder: Path
    pins: Mapping[str, Any]
    interrupted: bool = False
    time_was_up: bool = False
    """Whether the time for it was up before all points were run."""

    @property
    def completed(self) -> list[DesignRow]:
        """The rows with a value."""
        return [row for row in self.rows if not math.isnan(row.mean)]

    @property
    def best(self) -> DesignRow | None:
        """The row with the best mean."""
        done = self.completed
        return self.workload.goal.best(done, key=lambda row: row.mean) if done else None

    @property
    def effects(self) -> tuple[FactorialEffect, ...]:
        """Main effects and interactions, where the design is a whole factorial of switches."""
        return effects([(row.point.changes, row.mean) for row in self.rows])

    def rerun(self, row: DesignRow) -> str:
        """What to type to run one row again."""
        return rerun_run(row.run, Place.of(self.folder.parent))

    def to_json(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "kind": self.kind,
            "workload": self.workload.name,
            "folder": str(self.folder),
            "interrupted": self.interrupted,
            "time_was_up": self.time_was_up,
            "best": self.best.point.name if self.best is not None else None,
            "effects": [vars(effect) for effect in self.effects],
            "rows": [
                {
                    "name": row.point.name,
                    "changes": dict(row.point.changes),
                    "config": row.config.to_json(),
                    "outcome": row.run.outcome.value,
                    "mean": row.mean,
                    "sd": row.run.sd,
                    "values": {str(seed): value for seed, value in row.run.values().items()},
                    "folder": str(row.run.folder),
                }
                for row in self.rows
            ],
        }


def run_design(
    workload: Workload | str | Path,
    points: Sequence[DesignPoint],
    *,
    kind: str,
    name: str | None = None,
    pins: Mapping[str, Any] | None = None,
    seeds: int | Sequence[int] = 1,
    budget: int | None = None,
    results: str | Path = "results",
    engine: str = "inline",
    jobs: int = 1,
    budget_s: float | None = None,
    timeout_s: float | None = None,
    memory_mb: float | None = None,
    device: str = "cpu",
    on_event: Callable[[Event], None] | None = None,
    on_row: Callable[[DesignRow], None] | None = None,
) -> DesignResult:
    """Run every point over the same seeds; a call with the same name resumes.

    Args:
        workload: A workload, or what `load.find` takes.
        points: The design; a value without effect at a point is left out there.
        kind: Such as `grid`; begins the folder's name.
        name: The rest of it; by default the workload's name and a digest of its code, the pins,
            the seeds and the budget, so that the same call finds the same folder.
        pins: Values under every point.
        seeds: How many of the usual seeds, or which.
        budget: Steps of each run, in place of the workload's.
        budget_s: Seconds for this call; what is not done then is left for the next one.
        on_row: Called with each point that has ended.

    Raises:
        RecordError: If the folder holds a design made with other code, seeds or budget.
    """
    load.refuse_while_loading()
    workload = load.find(workload)
    numbers = checked_seeds(seeds)
    steps = checked_budget(workload, budget)
    held = dict(pins or {})
    if name is not None:
        checked_name(name, "a design")
    facts = {"code": workload.code_digest, "seeds": list(numbers), "budget": steps}
    folder = Path(results) / f"{kind}_{name or _own_name(workload, facts | {'pins': held})}"
    make_folder(folder)
    with Hold(folder):
        _claim(folder, facts, workload)
    resolved = [_resolve(workload, held, point) for point in points]
    until_s = time.time() + budget_s if budget_s is not None else math.inf
    limits = Limits(
        timeout_s=timeout_s, memory_mb=memory_mb, device=device,
        until_s=until_s if budget_s is not None else None,
    )  # fmt: skip
    rows: dict[int, DesignRow] = {}

    def runs() -> Iterator[tuple[int, PendingRun]]:
        for index in _distinct(resolved):
            if time.time() > until_s:
                return
            place = folder / resolved[index].digest
            yield index, PendingRun.begin(
                workload, resolved[index], seeds=numbers, budget=steps, folder=place, limits=limits,
                resumed=place.exists(), more={"reference": reference_or_name(workload)},
            )  # fmt: skip

    def done(index: int, record: RunRecord) -> None:
        rows[index] = DesignRow(points[index], resolved[index], record)
        if on_row is not None:
            on_row(rows[index])

    with make_engine(engine, jobs) as running:
        heard = on_event or (lambda event: None)
        work_through(running, runs(), done, heard, ahead_of(workload))
        interrupted = running.stopping
    ended = tuple(_in_order(points, resolved, rows))
    late = len(ended) < len(points) and time.time() > until_s
    return DesignResult(kind, workload, ended, folder, held, interrupted, late and not interrupted)


def _own_name(workload: Workload, facts: Mapping[str, Any]) -> str:
    text = json.dumps(facts, sort_keys=True)
    return f"{folder_name(workload.name)}_{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def _claim(folder: Path, facts: Mapping[str, Any], workload: Workload) -> None:
    """Make the folder this design's own, or check that the same design made it."""
    if (folder / FILE).exists():
        before = KIND.read(folder / FILE)
        if workload.has_code(before.get("code")):  # also as an earlier version wrote it down
            before["code"] = facts["code"]
        changed = [key for key, value in facts.items() if before.get(key) != value]
        if changed:
            raise RecordError(
                f"{folder} was made with other {' and '.join(changed)}.",
                hint="Choose another --name, or remove the folder.",
            )
        return
    KIND.write(folder / FILE, facts)


def _resolve(workload: Workload, pins: Mapping[str, Any], point: DesignPoint) -> Config:
    values = {**pins, **point.changes}
    return workload.space.resolve(values, source=point.name, inherited=values)


def _distinct(configs: Sequence[Config]) -> list[int]:
    """Indices of the distinct configurations: several points may resolve to the same one."""
    seen: dict[str, int] = {}
    for index, config in enumerate(configs):
        seen.setdefault(config.digest, index)
    return list(seen.values())


def _in_order(
    points: Sequence[DesignPoint], configs: Sequence[Config], rows: Mapping[int, DesignRow]
) -> Iterator[DesignRow]:
    by_digest = {row.config.digest: row for row in rows.values()}
    for point, config in zip(points, configs, strict=True):
        row = by_digest.get(config.digest)
        if row is not None and row.run.outcome.final:
            yield DesignRow(point, config, row.run)
