"""Foreign rows: trials as other tools write them, from a table or a folder of runs.

a CSV or TSV            a row a trial: W&B's export of a project's table or through its API
                        (columns `config` and `summary`), Optuna's `trials_dataframe`, Ray's
                        `get_dataframe`, a sheet of one's own
a JSON or JSON Lines    a record a trial, settings and metrics flat or under `config` and such
a folder of W&B         `run-*/files` with config.yaml and wandb-summary.json
a folder of Ray         a trial's folder has result.json, and params.json
"""

from __future__ import annotations

import ast
import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from homeostat.errors import RecordError
from homeostat.logs.encoding import decode
from homeostat.record.outcome import Outcome

SETTINGS = ("config", "params", "param", "hparams", "hyperparameters", "parameters")
"""What settings are under, as a key or before a separator, in whatever case."""
METRICS = ("summary", "metrics", "values", "summary_metrics")
STATES = {
    Outcome.COMPLETED: ("finished", "complete", "completed", "terminated", "success", "done", "ok"),
    Outcome.PRUNED: ("pruned", "stopped"),
    Outcome.FAILED: ("failed", "fail", "crashed", "error", "errored", "killed", "timeout"),
    Outcome.RUNNING: ("running", "pending", "waiting", "preempting", "paused"),
}
_STATE = ("state", "status")
_NAME = ("name", "display_name", "trial_id", "run", "id", "number")
_WALL = ("_runtime", "runtime", "time_total_s", "duration_s", "wall_s")


@dataclass(frozen=True, kw_only=True)
class ForeignRow:
    """A trial as another tool wrote it."""

    where: str
    """For people: the row of a table, or the folder."""
    settings: Mapping[str, Any]
    """What is marked as a setting."""
    unmarked: Mapping[str, Any]
    """Everything else: metrics, and settings that are not marked."""
    state: Outcome = Outcome.COMPLETED
    reason: str = ""
    name: str = ""
    wall_s: float | None = None
    curve: tuple[tuple[int, Mapping[str, float]], ...] = field(default=())
    """(step, metric -> value) of its reports."""


def read_rows(source: Path) -> list[ForeignRow]:
    """The trials that a table or a folder holds.

    Raises:
        RecordError: If it cannot be read, or holds none.
    """
    try:
        if source.is_dir():
            found = [*_of_ray(source), *_of_wandb(source)]
        else:
            text = decode(source.read_bytes())[0]
            found = list(_of_table(source, text))
    except OSError as error:
        raise RecordError(f"{source} cannot be read: {error.strerror or error}.") from error
    if not found:
        raise RecordError(
            f"{source} holds no trial that could be read.",
            hint="Expected: a CSV, TSV, JSON or JSON Lines with a row for each trial, a folder of "
            "W&B (run-*/files) or of Ray Tune (a result.json for each trial).",
        )
    return found


def _of_table(source: Path, text: str) -> Iterator[ForeignRow]:
    if text.lstrip()[:1] in "[{" and text.strip():
        for number, record in enumerate(_records(source, text)):
            yield _row(f"record {number} of {source.name}", record)
        return
    first = text.partition("\n")[0]
    delimiter = max("\t;,", key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for record in reader:
            cells = {name: _cell(value) for name, value in record.items() if name and value}
            yield _row(f"line {reader.line_num} of {source.name}", cells)
    except csv.Error as error:
        raise RecordError(f"{source}, line {reader.line_num}, is no CSV: {error}.") from error


def _records(source: Path, text: str) -> list[Mapping[str, Any]]:
    try:
        document = json.loads(text)
    except ValueError:
        document = _lines(source, text)
    if isinstance(document, dict):
        lists = [value for value in document.values() if isinstance(value, list)]
        document = lists[0] if len(lists) == 1 else [document]
    if not isinstance(document, list) or not all(isinstance(r, dict) for r in document):
        raise RecordError(f"{source} is no list of records, a record for each trial.")
    return document


def _lines(source: Path, text: str) -> list[Any]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                found.append(json.loads(line))
            except ValueError as error:
                raise RecordError(f"{source}, line {number}, is no JSON: {error}.") from None
    return found


def _cell(text: str) -> Any:
    """A cell as what it says; "{'lr': 0.1}" is how pandas writes what W&B's API gives."""
    text = text.strip()
    low = text.lower()
    if low in ("true", "false"):
        return low == "true"
    for read in (int, float):
        with suppress(ValueError):
            return read(text)
    if text[:1] in "{[":
        for parse in (json.loads, ast.literal_eval):
            with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
                return parse(text)
    return text


def _row(where: str, record: Mapping[str, Any], **facts: Any) -> ForeignRow:
    """A record with its settings told apart, as far as they are marked."""
    settings: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for name, value in record.items():
        low = name.lower()
        # Optuna's tables have params_lr; other names with _ may be anything, such as param_count.
        prefix = next((p for p in SETTINGS if low.startswith((f"{p}/", f"{p}."))), None)
        prefix = "params" if low.startswith("params_") else prefix
        if low in SETTINGS and isinstance(value, Mapping):
            settings |= _flat(value)
        elif low in METRICS and isinstance(value, Mapping):
            others |= _flat(value)
        elif prefix is not None:
            settings[name[len(prefix) + 1 :]] = value
        else:
            others |= _flat({name: value})
    state, reason = _state(others)
    named = next((str(v) for n, v in others.items() if n.lower() in _NAME), "")
    wall = next((v for n, v in others.items() if n.lower() in _WALL and _is_number(v)), None)
    known = {"state": state, "reason": reason, "name": named, "wall_s": wall}
    return ForeignRow(where=where, settings=settings, unmarked=others, **{**known, **facts})


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested settings by their path; W&B keeps each as {"value": ...}."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if str(name).startswith(("_wandb", "wandb_")):
            continue
        if isinstance(value, Mapping) and set(value) <= {"value", "desc"} and "value" in value:
            value = value["value"]
        if isinstance(value, Mapping):
            found |= _flat(value, f"{above}{name}.")
        elif value is not None:
            found[f"{above}{name}"] = value
    return found


def _state(others: Mapping[str, Any]) -> tuple[Outcome, str]:
    word = next((str(v) for n, v in others.items() if n.lower() in _STATE), "")
    low = word.lower().rpartition(".")[2]
    state = next((s for s, words in STATES.items() if low in words), Outcome.COMPLETED)
    return state, "" if state is Outcome.COMPLETED else f"it is called {word} there"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _of_wandb(folder: Path) -> Iterator[ForeignRow]:
    for path in sorted(folder.glob("**/files/config.yaml")):
        summary = path.parent / "wandb-summary.json"
        try:
            config = yaml.safe_load(decode(path.read_bytes())[0]) or {}
        except yaml.YAMLError as error:
            raise RecordError(f"{path} is no YAML: {error}.") from error
        metrics = _mapping(summary) if summary.exists() else {}
        name = path.parent.parent.name
        yield _row(f"{name} of {folder.name}", {"config": config, "summary": metrics}, name=name)


def _of_ray(folder: Path) -> Iterator[ForeignRow]:
    for path in sorted(folder.glob("**/result.json")):
        reports = [line for line in _lines(path, _text(path)) if isinstance(line, dict)]
        parameters = path.parent / "params.json"
        config = reports[-1].get("config") if reports else None
        if config is None and parameters.exists():
            config = _mapping(parameters)
        if config is None:
            continue
        last = {n: v for n, v in reports[-1].items() if n != "config"} if reports else {}
        curve = [
            (int(report.get("training_iteration", number)), _numbers(report))
            for number, report in enumerate(reports, 1)
        ]
        failed = (path.parent / "error.txt").exists()
        facts: dict[str, Any] = {"name": path.parent.name, "curve": tuple(curve)}
        if failed:
            facts |= {"state": Outcome.FAILED, "reason": "Ray kept an error.txt of it"}
        where = f"{path.parent.name} of {folder.name}"
        yield _row(where, {"config": config, "metrics": last}, **facts)


def _mapping(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(_text(path))
    except ValueError as error:
        raise RecordError(f"{path} is no JSON: {error}.") from None
    return document if isinstance(document, dict) else {}


def _text(path: Path) -> str:
    return decode(path.read_bytes())[0]


def _numbers(report: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in report.items() if _is_number(value)}
