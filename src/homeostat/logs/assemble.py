"""Readings of lines put together into runs: a row for each epoch or step.

A run ends where a metric's steps go back. Two values never share a key: of a progress bar the last
update counts, and where anything else measures a metric twice at one place, the earlier value is
said to be left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from homeostat.logs.log import LoggedRun
from homeostat.logs.names import RATES, is_measure, key
from homeostat.logs.place import RowAxis, places
from homeostat.logs.reading import Reading
from homeostat.logs.skipped import Skipped

# "Best epoch 3: val_loss 0.4" after the last epoch is a remark, and no run that begins at epoch 3.
_REMARK = re.compile(r"\b(?:best|restor|resum|load|checkpoint|early.?stop)", re.IGNORECASE)


def assemble(readings: Iterable[Reading], skipped: Skipped) -> list[LoggedRun]:
    """The runs, in the order in which they begin."""
    runs: list[LoggedRun] = []
    for name, group in _by_name(_settings_first(list(readings))).items():
        runs += [run for run in _runs(name, group, skipped) if run.rows]
    return runs


def _by_name(readings: Iterable[Reading]) -> dict[str, list[Reading]]:
    """Readings by the run they name; settings belong to what comes next."""
    groups: dict[str, list[Reading]] = {}
    waiting: list[Reading] = []
    for reading in readings:
        if reading.settings:
            waiting.append(reading)
            continue
        group = groups.setdefault(reading.run, [])
        group += waiting
        group.append(reading)
        waiting = []
    return groups


def _settings_first(readings: list[Reading]) -> list[Reading]:
    """A record of rates without a place, in a log whose others have one, are settings."""
    placed = any(r.own and not r.settings for r in readings)
    return [
        r._replace(settings=True) if placed and not r.at.known and _are_settings(r) else r
        for r in readings
    ]


def _are_settings(reading: Reading) -> bool:
    names = [key(name) for name in reading.metrics]
    rates = [name for name in names if name in RATES]
    return bool(rates) and not any(is_measure(name) for name in names if name not in rates)


@dataclass
class _Value:
    key: float
    value: float
    reading: Reading


@dataclass
class _Building:
    """A run that is being put together."""

    place: RowAxis
    skipped: Skipped
    settings: dict[str, float] = field(default_factory=dict)
    rows: dict[float, dict[str, float]] = field(default_factory=dict)
    last: dict[str, _Value] = field(default_factory=dict)
    below: list[tuple[float, str]] = field(default_factory=list)
    """Rates that stand below the last line that said where it was."""

    def goes_back(self, at: float, metrics: dict[str, float]) -> bool:
        """Whether a metric was measured at a later place before."""
        return any(name in self.last and at < self.last[name].key for name in metrics)

    def differs(self, at: float, reading: Reading) -> bool:
        """Whether a metric has another value at this place, which is no bar's earlier update."""
        return any(
            name in self.rows.get(at, {}) and self._conflicts(at, name, value, reading)
            for name, value in reading.metrics.items()
        )

    def _conflicts(self, at: float, name: str, value: float, reading: Reading) -> bool:
        before = self.rows[at][name]
        if before == value or (before != before and value != value):
            return False
        return not _is_update(self.last[name].reading, reading)

    def add(self, at: float, reading: Reading) -> None:
        """Take in a reading."""
        row = self.rows.setdefault(at, {})
        if reading.own:
            self.below = []
        for name, value in reading.metrics.items():
            if name in row and self._conflicts(at, name, value, reading):
                old = self.last[name].reading
                reason = f"another value of {name!r} at the same {self.place.unit} comes after it"
                self.skipped.add(reason, old.line, old.text)
            row[name] = value
            self.last[name] = _Value(at, value, reading)
            if not reading.own and key(name) in RATES:
                self.below.append((at, name))

    def hand_over(self) -> dict[str, float]:
        """The rates below the last line: with another run after them, they are its settings."""
        handed = {}
        for at, name in self.below:
            if at in self.rows and name in self.rows[at]:
                handed[name] = self.rows[at].pop(name)
                if not self.rows[at]:
                    del self.rows[at]
        return handed

    def run(self, name: str) -> LoggedRun:
        """What was put together."""
        rows = {
            int(at) if at == int(at) else at: self.rows[at]
            for at in sorted(self.rows)
            if math.isfinite(at)
        }
        return LoggedRun(rows, self.place.unit, self.settings, name)


def _is_update(before: Reading, after: Reading) -> bool:
    """Whether both are of one progress bar, in order."""
    if before.progress is None or after.progress is None:
        # Keras adds a line of its own below a bar that was written by carriage returns.
        return False
    return after.progress.total == before.progress.total and after.progress.n >= before.progress.n


def _runs(name: str, readings: Sequence[Reading], skipped: Skipped) -> Iterator[LoggedRun]:
    place, placed = places(readings)
    building = _Building(place, skipped)
    settings: dict[str, float] = {}
    for reading, at in placed:
        if reading.settings:
            settings |= reading.metrics
            continue
        if at is None:
            skipped.add("neither epoch nor step", reading.line, reading.text)
            continue
        back = building.goes_back(at, reading.metrics)
        if back and reading.kind == "text" and _REMARK.search(reading.text):
            skipped.add("speaks of an earlier place", reading.line, reading.text)
            continue
        between = settings or (reading.own and building.below)
        if back or (between and building.differs(at, reading)):
            settings = building.hand_over() | settings
            yield building.run(name)
            building = _Building(place, skipped)
        building.settings |= settings
        settings = {}
        building.add(at, reading)
    yield building.run(name)
