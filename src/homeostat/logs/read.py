"""A whole log read: from a file or folder, or from its text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from homeostat.errors import DataError
from homeostat.logs import documents, fields, literals
from homeostat.logs.assemble import assemble
from homeostat.logs.encoding import decode
from homeostat.logs.line_reader import LineReader
from homeostat.logs.log import Log, LoggedRun
from homeostat.logs.numbers import Notation
from homeostat.logs.reading import Reading
from homeostat.logs.skipped import Skipped

# Longer than any log a person keeps; a guard against reading a data set by mistake.
MOST_BYTES = 200_000_000
UNDERSTOOD = (
    "Understood: what Keras, Lightning, HuggingFace, xgboost and the like print, tables (CSV, "
    "tabs, semicolons), JSON and JSON Lines, TensorBoard event files, and text with lines such as: "
    "epoch 3 loss=0.52"
)


def read_log(path: str | Path) -> Log:
    """Read a log whose format is guessed from its contents.

    Raises:
        DataError: If there is no such file, or no metric in it.
    """
    path = Path(path)
    if path.is_dir() or "tfevents" in path.name:
        from homeostat.logs.tensorboard import read_events

        log = read_events(path)
    else:
        text, encoding = decode(_bytes(path))
        log = replace(parse_log(text), encoding=encoding)
    if not log.runs:
        why = log.skipped.sentences()
        raise DataError(
            f"No metrics found in {path}." + (f" {why[0]}" if why else ""), hint=UNDERSTOOD
        )
    return log


def parse_log(text: str) -> Log:
    """Read a log from its text. Never raises: what makes no sense is counted in `skipped`."""
    text = text.removeprefix("\ufeff")
    if text.lstrip()[:1] in ("{", "["):
        log = _document(text.strip())
        if log is not None:
            return log
    reader, readings = _lines(text, LineReader())
    if reader.text.decimal == "," or reader.cells.decimal == "," or _ambiguous(reader):
        # How numbers are written is known only now; read again with it.
        reader, readings = _lines(text, LineReader(text=reader.text, cells=reader.cells))
    runs = assemble(readings, reader.skipped)
    kind = _kind(reader, readings)
    if kind == "keras csv" or (kind == "lightning csv" and all(r.unit == "epoch" for r in runs)):
        runs = [_from_one(run) for run in runs]
    return Log(kind, tuple(runs), skipped=reader.skipped)


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path} is larger than {MOST_BYTES // 10**6} MB; is it a log?")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error


def _lines(text: str, reader: LineReader) -> tuple[LineReader, list[Reading]]:
    readings = reader.feed(text)
    return reader, readings + reader.close()


def _ambiguous(reader: LineReader) -> bool:
    return any(n.ambiguous and n.decimal for n in (reader.text, reader.cells))


def _document(text: str) -> Log | None:
    """The log that a text is as one JSON document, or several one after the other."""
    values = _values(text)
    skipped = Skipped()
    readings: list[Reading] = []
    notation, numeric = Notation(), set[str]()
    for i, value in enumerate(values):
        for record in documents.records(value):
            found = fields.read(record.fields, notation, numeric=numeric)
            if found.metrics:
                run = "/".join(part for part in (record.run, found.run) if part)
                # A record without a place of its own is no longer where the one before was.
                readings.append(
                    Reading(
                        found.at, found.metrics, found.at.known, run=run, line=i + 1, kind="json"
                    )
                )
    runs = assemble(readings, skipped)
    return Log("json", tuple(runs), skipped=skipped) if runs else None


def _values(text: str) -> list[Any]:
    """The documents in a text; none where each line is one (which lines are read for)."""
    first = text.split("\n", 1)[0].strip()
    if "\n" in text and first[-1:] == "}" and isinstance(literals.parse(first), dict):
        return []
    value = literals.parse(text)
    if value is not None:
        return [value]
    decoder, values, at = json.JSONDecoder(), list[Any](), 0
    while at < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return []
        values.append(value)
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
    return values


def _kind(reader: LineReader, readings: Sequence[Reading]) -> str:
    kinds = [reading.kind for reading in readings]
    if "table" in kinds:
        return reader.table_kind
    if "jsonl" in kinds and kinds.count("jsonl") * 2 > len(kinds):
        return "jsonl"
    return "keras" if reader.keras else "text"


def _from_one(run: LoggedRun) -> LoggedRun:
    """Keras and Lightning count epochs from 0 in a CSV; here the first is 1, as Keras prints."""
    if min(run.rows, default=1) != 0 or any(at != int(at) for at in run.rows):
        return run
    return replace(run, rows={at + 1: row for at, row in run.rows.items()})
