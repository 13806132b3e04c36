"""Logs of other tools, read into rows of metrics: whatever makes no sense in them is skipped.

Keras      what `fit` prints, and its CSVLogger
Lightning  metrics.csv of its CSVLogger
JSON Lines one object a line
TensorBoard event files, or a folder of them
text       lines with names and numbers in them
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from homeostat.errors import DataError
from homeostat.workload.metrics import number
from homeostat.workload.tensorboard import TensorBoard

Metrics = dict[str, float]

# Longer than any log a person keeps; a guard against reading a data set by mistake.
MOST_BYTES = 200_000_000
TIME_NAMES = frozenset({"time", "timestamp", "wall_time", "relative_time", "eta", "elapsed", "s"})
STEP_NAMES = ("epoch", "step", "global_step", "iteration", "iter", "trainer/global_step")


@dataclass(frozen=True)
class Log:
    """What a log says, epoch by epoch."""

    kind: str
    """keras, keras csv, lightning csv, csv, jsonl, tensorboard or text."""
    rows: Mapping[int, Mapping[str, float]]
    """Epoch or step -> metrics, in order."""
    unit: str = "epoch"
    settings: Mapping[str, float] = field(default_factory=dict)
    """Numbers that were given as settings, such as a learning rate in a header line."""


def read_log(path: str | Path) -> Log:
    """Read a log whose format is guessed from its contents.

    Raises:
        DataError: If there is no such file, or no metric in it.
    """
    path = Path(path)
    if path.is_dir() or "tfevents" in path.name:
        log = _tensorboard(path)
    else:
        log = parse_log(_text(path))
    if not log.rows:
        raise DataError(
            f"No metrics found in {path}.",
            hint="Understood: Keras output and CSVLogger, Lightning CSV, JSON Lines, TensorBoard "
            "event files, and text with lines such as: epoch 3 loss=0.52",
        )
    return log


def parse_log(text: str) -> Log:
    """Read a log from its text. Never raises: what makes no sense is left out."""
    text = _plain(text)
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return Log("text", {})
    if lines[0].lstrip().startswith("{"):
        return _json_lines(lines)
    header = [cell.strip() for cell in lines[0].split(",")]
    if len(header) > 1 and all(re.fullmatch(r"[A-Za-z_][\w/.@ -]*", cell) for cell in header):
        return _csv(lines, header)
    if any(_KERAS_EPOCH.match(line) for line in lines):
        return _keras(lines)
    return _free_text(lines)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path} is larger than {MOST_BYTES // 10**6} MB; is it a log?")
        return path.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error


_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def _plain(text: str) -> str:
    """Without colours, and with a progress bar's rewritten lines as lines of their own."""
    return _ANSI.sub("", text).replace("\x08", "\n").replace("\r", "\n").replace("\0", "")


_KERAS_EPOCH = re.compile(r"\s*Epoch (\d{1,9})(?:/\d+)?\s*:?\s*$")
_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,4})?|[-+]?(?:nan|inf(?:inity)?)"
_PAIR = re.compile(
    rf"([A-Za-z_][\w/.@-]{{0,79}})\s*(?:[:=]|≈|\s)\s*({_NUMBER})(?![\w.%/])", re.IGNORECASE
)
_SETTING = re.compile(
    rf"(?:--)?(learning[_-]rate|initial[_-]lr|lr)\s*[:= ]\s*({_NUMBER})(?![\w.])", re.IGNORECASE
)


def _keras(lines: list[str]) -> Log:
    """`Epoch 3/30`, then progress lines, the last of which counts."""
    rows: dict[int, Metrics] = {}
    settings: Metrics = {}
    epoch = None
    for line in lines:
        begins = _KERAS_EPOCH.match(line)
        if begins:
            epoch = int(begins.group(1))
        elif epoch is None:
            settings |= _settings(line)
        elif " - " in line:
            found = _pairs(line.split(" - ", 1)[1])
            if found:
                rows.setdefault(epoch, {}).update(found)
    return Log("keras", rows, settings=settings)


def _csv(lines: list[str], header: list[str]) -> Log:
    """A header and rows; those of one epoch (Lightning writes several) are put together.

    Keras and Lightning count epochs from 0; here the first is 1, as in what Keras prints.
    """
    lightning = "step" in header and "epoch" in header
    keras = header[0] == "epoch"
    key = next((name for name in STEP_NAMES if name in header), None)
    from_zero = lightning or keras
    rows: dict[int, Metrics] = {}
    for i, cells in enumerate(_csv_rows(lines[1:])):
        if len(cells) != len(header):
            continue
        fields = dict(zip(header, cells, strict=True))
        at = _whole(fields.get(key, "")) if key else i + 1
        metrics = {
            name: value
            for name, text in fields.items()
            if name not in STEP_NAMES and name.lower() not in TIME_NAMES
            if (value := number(text)) is not None
        }
        if at is not None and metrics:
            rows.setdefault(at + (1 if from_zero and key == "epoch" else 0), {}).update(metrics)
    kind = "lightning csv" if lightning else "keras csv" if keras else "csv"
    return Log(kind, dict(sorted(rows.items())), unit="epoch" if key == "epoch" else "step")


def _csv_rows(lines: Iterable[str]) -> Iterator[list[str]]:
    for line in lines:
        try:
            yield next(csv.reader(io.StringIO(line)), [])
        except csv.Error:  # a stray carriage return, a field too large
            continue


def _json_lines(lines: list[str]) -> Log:
    rows: dict[int, Metrics] = {}
    settings: Metrics = {}
    unit = "step"
    for i, line in enumerate(lines):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(record, dict):
            continue
        numbers = {
            name: value
            for name, item in _flat(record)
            # A number in quotes is a label (a version, a run's name), not a measurement.
            if isinstance(item, int | float) and (value := number(item)) is not None
        }
        key = next((name for name in STEP_NAMES if name in numbers), None)
        at = _whole(numbers[key]) if key else i + 1
        metrics = {
            name: value
            for name, value in numbers.items()
            if name not in STEP_NAMES and name.lower() not in TIME_NAMES
        }
        if key is None and not rows and set(metrics) & {"lr", "learning_rate"}:
            settings |= metrics  # a first line of settings
        elif at is not None and metrics:
            unit = "epoch" if key == "epoch" else unit
            rows.setdefault(at, {}).update(metrics)
    return Log("jsonl", dict(sorted(rows.items())), unit, settings)


def _flat(record: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Items; those of an inner dictionary are named "outer/inner"."""
    for key, value in record.items():
        if isinstance(value, dict):
            yield from ((f"{key}/{k}", v) for k, v in value.items())
        else:
            yield key, value


def _free_text(lines: list[str]) -> Log:
    """Lines that name an epoch or step and some numbers."""
    rows: dict[int, Metrics] = {}
    settings: Metrics = {}
    unit = "step"
    for line in lines:
        at = re.search(
            r"\b(epoch|step|iter(?:ation)?)\b\W{0,3}(\d{1,9})(?:\s*/\s*\d+)?", line, re.IGNORECASE
        )
        if at is None:
            settings |= _settings(line)
            continue
        found = _pairs(line[: at.start()] + " " + line[at.end() :])
        if found:
            unit = "epoch" if at.group(1).lower() == "epoch" else unit
            rows.setdefault(int(at.group(2)), {}).update(found)
    return Log("text", dict(sorted(rows.items())), unit, settings)


def _tensorboard(path: Path) -> Log:
    folder = path if path.is_dir() else path.parent
    rows: dict[int, Metrics] = {}
    if folder.is_dir():
        try:
            for step, metrics in TensorBoard(folder).read(final=True):
                rows.setdefault(step, {}).update(metrics)
        except (OSError, ValueError) as error:
            raise DataError(f"Cannot read the event files in {folder}: {error}.") from error
    return Log("tensorboard", dict(sorted(rows.items())), unit="step")


def _pairs(text: str) -> Metrics:
    return {
        name: float(value)
        for name, value in _PAIR.findall(text)
        if name.lower() not in TIME_NAMES and name.lower() not in STEP_NAMES
    }


def _settings(line: str) -> Metrics:
    return {name.replace("-", "_").lower(): float(v) for name, v in _SETTING.findall(line)}


def _whole(value: object) -> int | None:
    found = number(value)
    if found is None or not math.isfinite(found) or found != int(found) or not 0 <= found < 1e12:
        return None
    return int(found)
