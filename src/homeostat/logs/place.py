"""Which count places the rows of a log: its epochs, its steps, or the number of each record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from homeostat.logs.position import Position
from homeostat.logs.reading import Reading

Placed = list[tuple[Reading, float | None]]


class RowAxis(NamedTuple):
    """How rows are placed."""

    unit: str
    """epoch or step."""


def places(readings: Sequence[Reading]) -> tuple[RowAxis, Placed]:
    """Every reading with its place.

    Epochs count where no metric is measured twice in one; else steps, and where these begin anew
    in each epoch, both: batch 300 of 600 in epoch 2 is at 1.5. A log without either is counted
    from 0: a record that measures something a second time begins the next row.
    """
    if not any(r.at.known for r in readings if not r.settings):
        return RowAxis("step"), _counted(_bars(readings))
    placed = [r for r in readings if r.at.known and not r.settings]
    epochs = all(r.at.epoch is not None for r in placed)
    steps = all(r.at.step is not None for r in placed)
    if epochs and any(r.at.part is not None for r in placed):
        return RowAxis("epoch"), _by(readings, _parts([r.at for r in placed]))
    if epochs and (not steps or not _crowded(placed)):
        return RowAxis("epoch"), _by(readings, lambda at: at.epoch)
    if epochs and steps and _restarts(placed):
        return RowAxis("epoch"), _by(readings, _parts(_as_parts(placed)), _inner(placed))
    if steps or not epochs:
        # A line that has an epoch alone, among steps, is where the step before it was.
        return RowAxis("step"), _by(readings, lambda at: at.step)
    return RowAxis("epoch"), _by(readings, lambda at: at.epoch)


def _by(
    readings: Sequence[Reading],
    where: Callable[[Position], float | None],
    change: Callable[[Position], Position] = lambda at: at,
) -> Placed:
    return [(r, where(change(r.at)) if r.at.known else None) for r in readings]


def _crowded(placed: Sequence[Reading]) -> bool:
    """Whether a metric has two values in one epoch, and steps that tell them apart."""
    seen: dict[tuple[float | None, str], tuple[float | None, float]] = {}
    for reading in placed:
        for name, value in reading.metrics.items():
            before = seen.get((reading.at.epoch, name))
            if before is not None and before[0] != reading.at.step and before[1] != value:
                return True
            seen[reading.at.epoch, name] = (reading.at.step, value)
    return False


def _restarts(placed: Sequence[Reading]) -> bool:
    """Whether steps begin anew in each epoch."""
    return any(
        (a.at.epoch or 0) < (b.at.epoch or 0) and (a.at.step or 0) > (b.at.step or 0)
        for a, b in pairwise(placed)
    )


def _inner(placed: Sequence[Reading]) -> Callable[[Position], Position]:
    whole = max(r.at.step or 0 for r in placed) or 1

    def change(at: Position) -> Position:
        return at._replace(part=at.step, whole=at.whole or whole)

    return change


def _as_parts(placed: Sequence[Reading]) -> list[Position]:
    return [_inner(placed)(r.at) for r in placed]


def _parts(positions: Sequence[Position]) -> Callable[[Position], float | None]:
    """Epochs with what was done of them: an epoch's own line is at its end."""
    base = 0 if any(at.epoch == 0 for at in positions) else 1

    def where(at: Position) -> float | None:
        if at.epoch is None:
            return None
        if at.part is None or not at.whole:
            return at.epoch - base + 1
        return at.epoch - base + min(at.part / at.whole, 1)

    return where


def _bars(readings: Sequence[Reading]) -> list[Reading]:
    """Bars without an epoch: each is one row, but the updates of a single bar are one each."""
    bar, previous = 0, -1
    bars = []
    for reading in readings:
        if reading.progress is not None:
            bar += reading.progress.n < previous
            previous = reading.progress.n
        bars.append(bar)
    out = []
    for reading, number in zip(readings, bars, strict=True):
        if reading.progress is None or reading.settings:
            out.append(reading)
        else:
            out.append(reading.placed(step=number if bar else reading.progress.n))
    return out


def _counted(readings: Sequence[Reading]) -> Placed:
    row = 0
    names: set[str] = set()
    placed: Placed = []
    for reading in readings:
        if reading.settings:
            placed.append((reading, None))
            continue
        if reading.at.step is not None:
            row = int(reading.at.step)
        elif names & reading.metrics.keys():
            row += 1
            names = set()
        names |= reading.metrics.keys()
        placed.append((reading, row))
    return placed
