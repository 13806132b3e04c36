"""History: a study or a run as plain rows that any tracker takes, read from what was kept."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from homeostat.errors import RecordError, UnknownNameError
from homeostat.pages.study.facts import Facts, gather
from homeostat.record.index import find_run
from homeostat.record.outcome import Outcome
from homeostat.record.runs import RunRecord
from homeostat.study.records import ReportPoint, TrialRow
from homeostat.study.store import Store

Row = tuple[int, dict[str, float]]


@dataclass(frozen=True, kw_only=True)
class Past:
    """One configuration and how it went, over all of its seeds."""

    name: str
    """trial_0003; confirm_0003 on fresh seeds; the run's own name."""
    config: Mapping[str, Any]
    outcome: Outcome
    reason: str = ""
    roles: tuple[str, ...] = ()
    """Of winner, default, fresh seeds: what the verdict calls it."""
    values: Mapping[str, float]
    """Objective -> its mean over seeds, as it ended."""
    rows: Sequence[Row]
    """By step: each metric (its mean over seeds), and with several seeds METRIC/seed_N too."""
    started: float
    """Seconds since 1970."""
    finished: float

    @property
    def tags(self) -> dict[str, str]:
        """Outcome, reason and roles, as text."""
        tags = {"outcome": self.outcome.value, "reason": self.reason, "role": ", ".join(self.roles)}
        return {f"homeostat.{name}": text for name, text in tags.items() if text}


@dataclass(frozen=True, kw_only=True)
class History:
    """A study with all its trials, or a single run."""

    name: str
    workload: str
    objectives: Mapping[str, str]
    """Metric -> "minimize" or "maximize"."""
    verdict: Sequence[str]
    """In sentences; of a single run: how it ended."""
    pasts: Sequence[Past]

    @property
    def text(self) -> str:
        """The verdict in Markdown."""
        return f"# {self.workload}: {self.name}\n\n" + "  \n".join(self.verdict) + "\n"


def history_of(what: str | Path, *, results: str | Path, store: Store) -> History:
    """The study of that name, else the run.

    Raises:
        UnknownNameError: If there is neither.
        RecordError: If what was kept cannot be read.
    """
    if store.find(str(what)) is not None:
        return _of_study(gather(str(what), store=store, results=results), store)
    try:
        return of_run(find_run(what, results))
    except RecordError as error:
        raise UnknownNameError(
            f"There is no study and no run {str(what)!r} in {results}.",
            hint="See:  homeostat status",
        ) from error


def of_run(record: RunRecord) -> History:
    """A single run."""
    return History(
        name=record.name,
        workload=record.workload,
        objectives=record.objectives,
        verdict=[repr(record).strip("<>")],
        pasts=[_past_of(record, record.name)],
    )


def _of_study(facts: Facts, store: Store) -> History:
    assert facts.row is not None and facts.verdict is not None, "a study in the store has both"
    verdict = facts.verdict
    points = store.points(facts.row.key)
    pasts = [_past_of_trial(facts, trial, points.get(trial.number, ())) for trial in facts.trials]
    for number in sorted(verdict.fresh.get(verdict.metric, {})):
        record = facts.run_on_fresh_seeds(number)
        if record is not None:
            roles = (*_roles(facts, number), "fresh seeds")
            pasts.append(_past_of(record, f"confirm_{number:04d}", roles))
    return History(
        name=facts.name,
        workload=facts.workload.name,
        objectives={name: goal.value for name, goal in facts.objectives.items()},
        verdict=verdict.lines,
        pasts=pasts,
    )


def _roles(facts: Facts, number: int) -> tuple[str, ...]:
    assert facts.verdict is not None
    named = {"winner": facts.verdict.winner, "default": facts.verdict.default}
    return tuple(role for role, t in named.items() if t is not None and t.number == number)


def _past_of_trial(facts: Facts, trial: TrialRow, points: Sequence[ReportPoint]) -> Past:
    """A trial: all its metrics where its run is on disk, else the objectives that the store has."""
    record = facts.run(trial.number)
    if record is None:
        by_seed: dict[int, dict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
        for point in points:
            by_seed[point.seed][point.step][point.name] = point.value
        rows = _joined({seed: sorted(by_step.items()) for seed, by_step in by_seed.items()})
    else:
        rows = _rows(record)
    return Past(
        name=f"trial_{trial.number:04d}",
        config=dict(trial.parameters) if record is None else record.config,
        outcome=trial.outcome,
        reason=trial.reason,
        roles=_roles(facts, trial.number),
        values=trial.values,
        rows=rows,
        started=trial.started,
        finished=trial.finished or trial.started,
    )


def _past_of(record: RunRecord, name: str, roles: tuple[str, ...] = ()) -> Past:
    by_metric = {metric: record.values(metric).values() for metric in record.objectives}
    started = _seconds(record.facts.get("started"), record.folder)
    return Past(
        name=name,
        config=record.config,
        outcome=record.outcome,
        reason=record.reason,
        roles=roles,
        values={name: statistics.fmean(v) for name, v in by_metric.items() if v},
        rows=_rows(record),
        started=started,
        finished=started + float(record.facts.get("elapsed_s") or record.wall_s),
    )


def _rows(record: RunRecord) -> list[Row]:
    try:
        return _joined({seed: curves.rows for seed, curves in record.curves().items()})
    except RecordError:  # a damaged curve costs the curves, not the export
        return []


def _joined(by_seed: Mapping[int, Iterable[Row]]) -> list[Row]:
    """The rows of all seeds by step; a mean where every seed has the metric."""
    steps: dict[int, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for seed, rows in by_seed.items():
        for step, values in rows:
            for name, value in values.items():
                steps[step][name][seed] = value
    joined: list[Row] = []
    for step, metrics in sorted(steps.items()):
        row: dict[str, float] = {}
        for name, of_seeds in metrics.items():
            if len(of_seeds) == len(by_seed):
                row[name] = statistics.fmean(of_seeds.values())
            if len(by_seed) > 1:
                row |= {f"{name}/seed_{seed}": value for seed, value in of_seeds.items()}
        joined.append((step, row))
    return joined


def _seconds(text: Any, folder: Path) -> float:
    """When a run started; of one that does not say, when its folder was last changed."""
    try:
        return datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%S%z").timestamp()
    except ValueError:
        return folder.stat().st_mtime
