"""The CSV that Weights & Biases exports from a plot: a column for each run and metric."""

from __future__ import annotations

from collections.abc import Sequence

from homeostat.logs.names import EPOCHS, STEPS, TIMES, key

_EXTREMES = ("__MIN", "__MAX")


def columns(names: Sequence[str]) -> dict[str, tuple[str, str]] | None:
    """Column -> (run, metric); None if the header is no such export.

    columns(["Step", "run-a - loss", "run-a - loss__MIN"])  ->  {"run-a - loss": ("run-a", "loss")}
    """
    if len(names) < 2 or key(names[0]) not in {*EPOCHS, *STEPS, *TIMES}:
        return None
    if not all(" - " in name for name in names[1:]):
        return None
    found = {}
    for name in names[1:]:
        if not name.endswith(_EXTREMES):
            run, _, metric = name.rpartition(" - ")
            found[name] = (run, metric)
    return found


def extremes(row: dict[str, str], name: str) -> bool:
    """Whether the smallest or largest value beside a column differs from the one in it."""
    return any(row.get(name + end, row[name]) != row[name] for end in _EXTREMES)
