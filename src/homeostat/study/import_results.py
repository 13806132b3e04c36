"""Import: results of other tools as a study of ours, to look at or to go on with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from homeostat.errors import SpaceError, StudyError, UnknownNameError, did_you_mean
from homeostat.record.names import checked_name
from homeostat.record.outcome import Outcome
from homeostat.record.seeds import SEEDS
from homeostat.space.parameters import settable
from homeostat.space.values import among
from homeostat.study.definition import Definition, define
from homeostat.study.foreign_rows import ForeignRow, read_rows
from homeostat.study.records import ReportPoint, StudyRow, TrialRow
from homeostat.study.store import Store
from homeostat.wording import some
from homeostat.workload.goal import Goal
from homeostat.workload.load import reference_or_name
from homeostat.workload.workload import Workload

LOG_FROM = 50.0
"""Where the largest value is so many times the smallest, a range is on a log scale."""
MOST_POINTS = 1_000
"""Of a curve."""
_USUAL_METRIC = "value"
"""What Optuna's table calls its only objective."""


def import_results(
    store: Store,
    source: str | Path,
    *,
    as_name: str | None = None,
    metric: str | None = None,
    goal: str | None = None,
    parameters: Sequence[str] = (),
    workload: Workload | None = None,
) -> StudyRow:
    """Read a table of trials (CSV, TSV, JSON, JSON Lines), or a folder of W&B's or Ray's runs.

    Trials that were running are left out. A parameter that never varies is held; of the others the
    ranges are those of the values, or the workload's.

    Args:
        as_name: The study's name; that of the file or folder by default.
        metric: What was searched for; the workload's by default.
        goal: minimize or maximize; the workload's by default.
        parameters: Which columns are parameters, where these are not marked.
        workload: What was searched, so that the search can go on here.

    Raises:
        RecordError: If nothing can be read there.
        StudyError: If it cannot be told what the metric or a parameter is, or the name is taken.
        UnknownNameError: If a name is none of the table's.

    Example:
        >>> import homeostat as hs
        >>> import json
        >>> from pathlib import Path
        >>> runs = [{"config": {"lr": lr}, "val_loss": 3 * lr} for lr in (0.1, 0.01, 0.5)]
        >>> _ = Path("runs.json").write_text(json.dumps(runs))
        >>> store = hs.Store("imported.db")
        >>> row = hs.import_results(store, "runs.json", metric="val_loss", goal="minimize")
        >>> [trial.parameters["lr"] for trial in store.trials(row.key)]
        [0.1, 0.01, 0.5]
    """
    path = Path(source)
    name = checked_name(as_name or path.resolve().stem, "a study", StudyError)
    if store.find(name) is not None:
        raise StudyError(
            f"There is a study {name!r} in {store.place} already.", hint="Name another with --as."
        )
    rows = [row for row in read_rows(path) if row.state is not Outcome.RUNNING]
    if not rows:
        raise StudyError(f"No trial of {path} has ended.")
    objectives = _objectives(path, rows, metric, goal, workload)
    names = _parameters(path, rows, [*objectives], parameters, workload)
    drawn = [_drawn(row, names, workload) for row in rows]
    definition = _definition(objectives, drawn, workload)
    settings: dict[str, Any] = {"trials": len(rows), "default_trial": None, "reference": ""}
    if workload is not None:
        settings["reference"] = reference_or_name(workload)
    title = workload.name if workload is not None else name
    trials = [
        _trial(n, row, values, definition)
        for n, (row, values) in enumerate(zip(rows, drawn, strict=True))
    ]
    curves = [_points(row, definition) for row in rows]
    return store.add_study(name, title, definition.to_json(), settings, trials, curves)


def _objectives(
    path: Path,
    rows: Sequence[ForeignRow],
    metric: str | None,
    goal: str | None,
    workload: Workload | None,
) -> dict[str, Goal]:
    numbers = _numeric(rows)
    if metric is None and workload is not None:
        found = dict(workload.objectives)
    else:
        if metric is None and _USUAL_METRIC in numbers:
            metric = _USUAL_METRIC
        if metric is None:
            raise StudyError(
                f"Which column of {path} is the metric? It has {some(numbers, 12)}.",
                hint="Add:  --metric NAME --goal minimize",
            )
        if workload is not None and metric not in workload.objectives:
            raise StudyError(
                f"{workload.name} aims at {some([*workload.objectives])}, not {metric}."
            )
        known = workload.objectives[metric] if workload is not None else None
        if known is None and goal is None:
            raise StudyError(f"Is {metric} to be low or high?", hint="Add:  --goal minimize")
        found = {metric: known if known is not None else Goal.of(goal, metric)}
    for name in found:
        if name not in numbers:
            raise UnknownNameError(
                f"{path} has no numbers called {name!r}; it has {some(numbers, 12)}.",
                hint=did_you_mean(name, numbers),
            )
    return found


def _numeric(rows: Sequence[ForeignRow]) -> list[str]:
    """What has a number in some row, and is not marked as a setting."""
    found = {n: 0 for row in rows for n, v in row.unmarked.items() if _number(v) is not None}
    return [*found]


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def _parameters(
    path: Path,
    rows: Sequence[ForeignRow],
    metrics: Sequence[str],
    given: Sequence[str],
    workload: Workload | None,
) -> list[str]:
    """The names of the settings: those given, else those marked, else those of the workload."""
    marked = list(dict.fromkeys(name for row in rows for name in row.settings))
    columns = list(dict.fromkeys(name for row in rows for name in row.unmarked))
    for name in given:
        if name not in marked and name not in columns:
            raise UnknownNameError(
                f"{path} has no column {name!r}.", hint=did_you_mean(name, [*marked, *columns])
            )
    if given:
        return list(given)
    known = [*marked, *columns]
    if workload is not None:
        found = [name for name in known if name in workload.space and name not in metrics]
    else:
        found = marked
    if not found:
        others = [name for name in columns if name not in metrics]
        raise StudyError(
            f"Which columns of {path} are parameters? Besides {some([*metrics])} it has "
            f"{some(others, 12)}.",
            hint="Add, for each:  --parameter NAME",
        )
    return found


def _drawn(row: ForeignRow, names: Sequence[str], workload: Workload | None) -> dict[str, Any]:
    """A row's settings; in a workload's space, what acts of them."""
    both = {**row.unmarked, **row.settings}
    found = {name: _plain(both[name]) for name in names if name in both}
    if workload is None:
        return found
    try:
        for name, value in found.items():
            range_ = settable(workload.space[name])
            if range_ is not None:
                text = isinstance(value, str)
                found[name] = range_.parse(value, name) if text else range_.check(value, name)
        workload.space.resolve(found, inherited=found)
    except SpaceError as error:
        raise StudyError(f"{row.where} does not fit {workload.name}: {error.message}") from None
    return found


def _plain(value: Any) -> Any:
    """A value that a study can keep: lists and such as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | bool) else str(value)


def _definition(
    objectives: Mapping[str, Goal], drawn: Sequence[Mapping[str, Any]], workload: Workload | None
) -> Definition:
    values: dict[str, list[Any]] = {}
    for settings in drawn:
        for name, value in settings.items():
            seen = values.setdefault(name, [])
            if not among(value, seen):
                seen.append(value)
    held = {
        name: seen[0] for name, seen in values.items()
        if len(seen) == 1 and all(name in settings for settings in drawn)
    }  # fmt: skip
    varied = {name: seen for name, seen in values.items() if name not in held}
    if not varied:
        raise StudyError("Nothing varies between these trials: there is nothing to compare.")
    if workload is not None:
        return define(
            workload, None, seeds=None, tiers=None, names=[*varied], start=held, pins=None
        )
    return Definition(
        method="auto", seed=0, seeds=(SEEDS[0],), budget=1, wave=1, start=held, pins={},
        objectives=objectives, searched={name: _range(seen) for name, seen in varied.items()},
    )  # fmt: skip


def _range(values: Sequence[Any]) -> dict[str, Any]:
    """The range of some values, as a definition describes it."""
    if all(isinstance(value, bool) for value in values):
        return {"kind": "bool", "options": [False, True]}
    numbers = [number for value in values if (number := _number(value)) is not None]
    if len(numbers) < len(values) or len(values) == 1:
        return {"kind": "choice", "options": list(values)}
    low, high = min(numbers), max(numbers)
    log = low > 0 and high / low >= LOG_FROM
    if all(isinstance(value, int) for value in values):
        return {"kind": "int", "low": int(low), "high": int(high), "log": log}
    return {"kind": "float", "low": low, "high": high, "log": log}


def _trial(
    number: int, row: ForeignRow, drawn: Mapping[str, Any], definition: Definition
) -> TrialRow:
    both = {**row.settings, **row.unmarked}
    told = {name: _number(both.get(name)) for name in definition.objectives}
    values = {name: v for name, v in told.items() if v is not None and math.isfinite(v)}
    outcome, reason = row.state, row.reason
    if outcome is Outcome.COMPLETED and len(values) < len(told):
        lacking = next(name for name in told if name not in values)
        diverged = told[lacking] is not None
        outcome = Outcome.DIVERGED if diverged else Outcome.FAILED
        reason = f"{lacking} is {told[lacking]}" if diverged else f"it has no {lacking}"
    if outcome not in (Outcome.COMPLETED, Outcome.PRUNED):
        values = {}
    return TrialRow(
        key=0,
        number=number,
        outcome=outcome,
        reason=reason,
        parameters={n: _as_kept(v, definition, n) for n, v in drawn.items()
                    if n in definition.searched},
        per_seed={name: (value,) for name, value in values.items()},
        values=values,
        sds=dict.fromkeys(values),
        finished=0.0,
        wall_s=row.wall_s,
        attributes={"name": row.name} if row.name else {},
    )  # fmt: skip


def _as_kept(value: Any, definition: Definition, name: str) -> Any:
    kind = definition.searched[name]["kind"]
    return float(value) if kind == "float" and _number(value) is not None else value


def _points(row: ForeignRow, definition: Definition) -> list[ReportPoint]:
    stride = max(1, -(-len(row.curve) // MOST_POINTS))
    kept = dict(row.curve[::stride])
    return [
        ReportPoint(definition.seeds[0], name, step, metrics[name])
        for step, metrics in sorted(kept.items())
        for name in definition.objectives
        if math.isfinite(metrics.get(name, math.nan))
    ]
