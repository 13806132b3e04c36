"""Predictions: what a workload makes of new data with weights that a run kept.

    def predict(trained, file):
        model = build(trained.config)
        model.load(trained.weights)
        return Prediction({"time": times, "forecast": values}, remarks=("80 % intervals.",))

    @hs.workload(..., predict=predict)

`homeostat predict RUN FILE` writes whatever table comes back, and knows no workload by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from homeostat.errors import WorkloadError

if TYPE_CHECKING:
    from homeostat.space import Config


@dataclass(frozen=True)
class Trained:
    """One seed of a run: its configuration, its weights, and the facts kept with them."""

    config: Config
    weights: Mapping[str, np.ndarray]
    facts: Mapping[str, Any]
    """What the loop handed to `Trial.keep_weights`."""


@dataclass(frozen=True)
class Prediction:
    """A table, and what has to be said about it.

    Raises:
        WorkloadError: If its columns differ in length.
    """

    columns: Mapping[str, Sequence[Any] | np.ndarray]
    """Name -> one value a row: numbers or text; None where there is nothing to say."""
    remarks: tuple[str, ...] = ()
    """Sentences to read before the numbers."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """How well it went, where the file itself tells."""

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise WorkloadError(f"The columns of a prediction differ in length: {lengths}.")

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """The table, row by row."""
        columns = [
            values.tolist() if isinstance(values, np.ndarray) else list(values)
            for values in self.columns.values()
        ]
        return list(zip(*columns, strict=True))
