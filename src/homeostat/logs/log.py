"""What a log says, run by run, and what in it was not read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from homeostat.errors import DataError
from homeostat.logs.skipped import Skipped
from homeostat.wording import plural


@dataclass(frozen=True)
class LoggedRun:
    """One run of a log."""

    rows: Mapping[float, Mapping[str, float]]
    """Epoch or step -> metrics, in order."""
    unit: str = "epoch"
    """What the rows count: "epoch" or "step"."""
    settings: Mapping[str, float] = field(default_factory=dict)
    """Numbers that were given as settings, such as a learning rate in a header line."""
    name: str = ""
    """Where the log names it: a column, a folder."""


@dataclass(frozen=True)
class Log:
    """A log that was read."""

    kind: str
    """keras, keras csv, lightning csv, wandb csv, csv, table, jsonl, json, tensorboard or text."""
    runs: tuple[LoggedRun, ...] = ()
    encoding: str = "utf-8"
    skipped: Skipped = field(default_factory=Skipped)
    """The lines that were not read, and why."""

    @property
    def run(self) -> LoggedRun:
        """The run of a log that has one; an empty one if it has none.

        Raises:
            DataError: If it has several.
        """
        if len(self.runs) > 1:
            raise DataError(f"The log holds {plural(len(self.runs), 'run')}, not one.")
        return self.runs[0] if self.runs else LoggedRun({})

    @property
    def rows(self) -> Mapping[float, Mapping[str, float]]:
        """Epoch or step -> metrics, of a log of one run."""
        return self.run.rows

    @property
    def unit(self) -> str:
        """What the rows of a log of one run count."""
        return self.run.unit

    @property
    def settings(self) -> Mapping[str, float]:
        """The settings of a log of one run."""
        return self.run.settings
