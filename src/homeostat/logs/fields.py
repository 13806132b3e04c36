"""A record with named fields: a row of a table, a JSON object, a printed dictionary."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from homeostat.logs.names import (
    CONSTANTS,
    EPOCHS,
    PHASE_COLUMNS,
    PHASE_WORD,
    RUN_COLUMNS,
    SERIES_COLUMNS,
    SETTINGS,
    STEPS,
    in_phase,
    is_metric,
    key,
)
from homeostat.logs.numbers import Notation
from homeostat.logs.position import Position

MOST_DEPTH = 20


class Fields(NamedTuple):
    """What a record says."""

    at: Position
    metrics: dict[str, float]
    settings: dict[str, float]
    """Numbers that belong to the whole run: a seed, a batch size."""
    run: str
    """The run it names, "" if none."""
    broken: str | None
    """A field that should be a number and is not."""
    twice: str | None
    """A metric that it gives two values."""


class Numbers(NamedTuple):
    """The numbers of a record by name."""

    values: dict[str, float]
    broken: str | None
    """A field that should be a number and is not."""
    twice: str | None
    """A name that has two values."""


def numbers(record: Mapping[str, Any], notation: Notation, numeric: set[str]) -> Numbers:
    """The numbers in a record, those of an inner dictionary as "outer/inner".

    Args:
        record: Names and values. Text that is a number counts where no metric of the record is
            anything but text, or where `numeric` has its name: beside plain numbers it is a label.
        notation: How numbers are written as text.
        numeric: Names whose text has been a number; those of this record are added.
    """
    items = list(_flat(record))
    quoted = not any(_is_number(v) and is_metric(n) for n, v in items)
    values: dict[str, float] = {}
    twice = None
    for name, item in items:
        value = _value(item, notation, name, quoted or name in numeric)
        if value is None:
            continue
        if name in values and values[name] != value:  # {"a/b": 1, "a": {"b": 2}}
            twice = name
        values[name] = value
    flat = dict(items)
    numeric |= {n for n in values if not _is_number(flat[n])}
    broken = next((n for n in flat if n in numeric and n not in values and _is_text(flat[n])), None)
    return Numbers(values, broken, twice)


def read(record: Mapping[str, Any], notation: Notation, *, numeric: set[str]) -> Fields:
    """Sort the fields of a record into its position, its metrics and its run."""
    record = _pivoted(record)
    values, broken, twice = numbers(record, notation, numeric)
    epoch, step = _first(values, EPOCHS), _first(values, STEPS)
    rest = {n: v for n, v in values.items() if n not in (epoch, step)}
    phase = _phase(record)
    metrics = {in_phase(n, phase): v for n, v in rest.items() if is_metric(n) and _named(n)}
    settings = {n: v for n, v in rest.items() if key(n) in CONSTANTS | SETTINGS}
    at = Position(None if epoch is None else values[epoch], None if step is None else values[step])
    return Fields(at, metrics, settings, _run(record), broken, twice)


def _flat(record: Mapping[str, Any], above: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Items; those of an inner dictionary are named "outer/inner"."""
    for name, value in record.items():
        full = f"{above}/{name}" if above else str(name)
        if isinstance(value, Mapping):
            if depth < MOST_DEPTH:
                yield from _flat(value, full, depth + 1)
        else:
            yield full, value


def _pivoted(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of a table with a row for each value, {"metric": "loss", "value": 2} as {"loss": 2}."""
    names = {key(str(name)): name for name in record}
    value = names.get("value", names.get("_value"))
    label = next((names[n] for n in sorted(SERIES_COLUMNS) if n in names), None)
    if value is None or label is None or not isinstance(record[label], str) or not record[label]:
        return record
    counters = {*EPOCHS, *STEPS, *RUN_COLUMNS, *PHASE_COLUMNS}
    kept = {n: v for n, v in record.items() if key(str(n)) in counters}
    return {**kept, record[label]: record[value]}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _value(item: Any, notation: Notation, name: str, text: bool) -> float | None:
    if isinstance(item, str):
        counts = key(name) in EPOCHS or key(name) in STEPS
        return notation.value(item, whole=counts) if text or counts else None
    if not _is_number(item):
        return None
    try:
        return float(item)
    except OverflowError:
        return None


def _is_text(item: Any) -> bool:
    return isinstance(item, str) and key(item) not in ("", "none", "null", "n/a", "na", "_")


def _first(values: Mapping[str, float], names: tuple[str, ...]) -> str | None:
    """The field that counts: the first of `names` that the record has, if it is finite."""
    plain: dict[str, str] = {}
    for name in values:
        plain.setdefault(key(name), name)
    for name in names:
        field = plain.get(name)
        if field is not None and math.isfinite(values[field]):
            return field
    return None


def _named(name: str) -> bool:
    return any(letter.isalpha() for letter in name) and not name.startswith("Unnamed: ")


def _phase(flat: Mapping[str, Any]) -> str | None:
    for name, value in flat.items():
        if key(name) in PHASE_COLUMNS and isinstance(value, str) and PHASE_WORD.search(value):
            return value
    return None


def _run(flat: Mapping[str, Any]) -> str:
    names = [n for n, v in flat.items() if key(n) in RUN_COLUMNS and isinstance(v, str | int)]
    return ", ".join(f"{n} {flat[n]}" for n in names)
