"""JSON documents of metrics: trainer_state.json, a history of columns, a list of records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from homeostat.logs.names import phase_of

MOST_DEPTH = 6


class Record(NamedTuple):
    """A record of a document."""

    fields: Mapping[str, Any]
    run: str = ""
    """The run it belongs to, where a document has one under each of several names."""


def records(document: Any) -> list[Record]:
    """The records of a document; none if there is no number in it.

    {"log_history": [{"epoch": 1, "loss": 2}, ...]}        a record each
    {"loss": [2, 1], "val_loss": [3, 2]}                   a record for each place
    {"train": {"rmse": [2, 1]}, "eval": {"rmse": [3, 2]}}  the same, "train/rmse" and "eval/rmse"
    {"1": {"loss": 2}, "2": {"loss": 1}}                   a record for each epoch
    """
    return list(_records(document, 0))


def _records(value: Any, depth: int) -> Iterator[Record]:
    if depth > MOST_DEPTH:
        return
    if isinstance(value, list):
        yield from _of_list(value)
    elif isinstance(value, dict):
        yield from _of_dict({str(k): v for k, v in value.items()}, depth)


def _of_list(items: Sequence[Any]) -> Iterator[Record]:
    for item in items:
        if isinstance(item, dict):
            yield Record({str(k): v for k, v in item.items()})
        elif isinstance(item, list) and len(item) == 3 and all(map(_is_number, item)):
            # What TensorBoard's page downloads: time, step, value.
            yield Record({"step": item[1], "value": item[2]})


def _of_dict(value: dict[str, Any], depth: int) -> Iterator[Record]:
    columns = dict(_columns(value, ""))
    lists = {name: items for name, items in value.items() if _is_records(items)}
    if lists:
        for name, items in lists.items():
            yield from _labelled(_of_list(items), name if len(lists) > 1 else "")
    elif columns:
        for i in range(max(map(len, columns.values()))):
            yield Record({name: items[i] for name, items in columns.items() if i < len(items)})
    elif value and all(isinstance(v, dict) for v in value.values()):
        yield from _of_dicts(value, depth)
    elif any(_is_number(v) for v in value.values()):
        yield Record(value)
    else:
        for name, inner in value.items():
            yield from _labelled(_records(inner, depth + 1), name if len(value) > 1 else "")


def _of_dicts(value: dict[str, Any], depth: int) -> Iterator[Record]:
    if all(name.isdigit() for name in value):
        for name, inner in value.items():
            yield Record({"epoch": int(name), **inner})
    elif all(inner and all(str(k).isdigit() for k in inner) for inner in value.values()):
        places = sorted({int(k) for inner in value.values() for k in inner})
        for place in places:  # pandas: {"loss": {"0": 2, "1": 1}}
            yield Record(
                {n: inner[str(place)] for n, inner in value.items() if str(place) in inner}
            )
    elif any(_is_number(v) for inner in value.values() for v in inner.values()):
        yield Record(value)
    else:
        for name, inner in value.items():
            yield from _labelled(_records(inner, depth + 1), name if len(value) > 1 else "")


def _labelled(found: Iterator[Record], name: str) -> Iterator[Record]:
    """Records found under a name: of a phase if it is one's, else of a run."""
    for record in found:
        if not name:
            yield record
        elif phase_of(name):
            yield Record({"phase": phase_of(name), **record.fields}, record.run)
        else:
            yield Record(record.fields, f"{name}/{record.run}" if record.run else name)


def _columns(value: Mapping[str, Any], above: str) -> Iterator[tuple[str, list[Any]]]:
    """Lists of numbers by name, also below another name."""
    for name, items in value.items():
        full = f"{above}/{name}" if above else str(name)
        if isinstance(items, list) and items and all(_is_number(i) or i is None for i in items):
            yield full, items
        elif isinstance(items, dict) and not above:
            yield from _columns(items, full)


def _is_records(items: Any) -> bool:
    return (
        isinstance(items, list)
        and bool(items)
        and all(isinstance(item, dict) for item in items)
        and any(_is_number(v) for item in items for v in item.values())
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
