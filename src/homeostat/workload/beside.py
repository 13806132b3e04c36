"""Beside: the table of simple predictors that a run is shown with.

    beside(trial, "On the test part", {"the network": {"rmse": 1.2}, "last value": {"rmse": 1.5}})

A score alone says nothing; whoever prints a run prints these tables too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeostat.workload.trial import Trial

KEY = "beside"


@dataclass(frozen=True)
class Beside:
    """A table of scores; the first column names who has them."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    notes: tuple[str, ...] = ()


def beside(
    trial: Trial, title: str, rows: Mapping[str, Mapping[str, Any]], notes: Sequence[str] = ()
) -> None:
    """Keep a table with a trial, in place of an earlier one of that title.

    Args:
        title: What the scores are of, such as "On the test part, in degrees".
        rows: Who -> score -> number or text; what one has not is left blank.
        notes: Sentences below it.
    """
    columns = list(dict.fromkeys(name for scores in rows.values() for name in scores))
    table = {
        "title": title,
        "columns": ["", *columns],
        "rows": [[who, *(scores.get(name) for name in columns)] for who, scores in rows.items()],
        "notes": list(notes),
    }
    others = [old for old in trial.extra.get(KEY, []) if old["title"] != title]
    trial.extra[KEY] = [*others, table]


def tables(extras: Iterable[Mapping[str, Any]]) -> list[Beside]:
    """The tables of several seeds, numbers as means over them; text is the first seed's."""
    by_title: dict[str, list[Mapping[str, Any]]] = {}
    for extra in extras:
        for table in extra.get(KEY, []):
            by_title.setdefault(table["title"], []).append(table)
    return [_mean(found) for found in by_title.values()]


def _mean(found: Sequence[Mapping[str, Any]]) -> Beside:
    first = found[0]
    same = [t for t in found if t["columns"] == first["columns"] and _who(t) == _who(first)]
    rows = []
    for place, row in enumerate(first["rows"]):
        cells = zip(*(table["rows"][place][1:] for table in same), strict=True)
        rows.append((row[0], *(_one(values) for values in cells)))
    over = [f"Numbers are means over {len(same)} seeds."] if len(same) > 1 else []
    return Beside(first["title"], tuple(first["columns"]), tuple(rows), (*first["notes"], *over))


def _who(table: Mapping[str, Any]) -> list[str]:
    return [row[0] for row in table["rows"]]


def _one(values: Sequence[Any]) -> Any:
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return sum(numbers) / len(numbers) if len(numbers) == len(values) else values[0]
