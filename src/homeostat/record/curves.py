"""Curves on disk: one CSV row per report, appended and flushed before anything else happens.

    step,train_loss,val_loss
    0,2.302585092994046,
    1,2.1972245773362196,2.25

Numbers are written with as many digits as bring the same 64 bits back. A metric that appears later
adds a column: the file is then rewritten beside itself and renamed. A last line without its end
(the process was killed, the disk filled up) is dropped when read and cut off before appending, as
is all that follows a damaged line: what goes on has a good beginning.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from homeostat.errors import RecordError, WorkloadError
from homeostat.record.files import cannot_write, write_all, write_bytes
from homeostat.record.schema import changed
from homeostat.record.sums import fits

if TYPE_CHECKING:
    import pandas as pd

FILE = "curves.csv"
MAX_METRICS = 512

Row = tuple[int, dict[str, float]]


class Curves:
    """What an attempt reported, by step.

    curves.steps              [0, 1]
    curves["val_loss"]        [nan, 2.25]        one value per step, nan where it was not reported
    curves.of("val_loss")     ([1], [2.25])      only the steps that have it
    """

    def __init__(self, rows: list[Row], metrics: tuple[str, ...]) -> None:
        self.rows = rows
        self.metrics = metrics

    @property
    def steps(self) -> np.ndarray:
        return np.array([step for step, _ in self.rows], dtype=np.int64)

    def __getitem__(self, metric: str) -> np.ndarray:
        if metric not in self.metrics:
            raise KeyError(metric)
        return np.array([values.get(metric, np.nan) for _, values in self.rows], dtype=np.float64)

    def __contains__(self, metric: str) -> bool:
        return metric in self.metrics

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, metric: str) -> tuple[np.ndarray, np.ndarray]:
        """Steps and values of one metric, where it was reported."""
        pairs = [(step, values[metric]) for step, values in self.rows if metric in values]
        steps = np.array([step for step, _ in pairs], dtype=np.int64)
        return steps, np.array([value for _, value in pairs], dtype=np.float64)

    def last(self, metric: str) -> float | None:
        """The last value reported, or None."""
        return next((row[metric] for _, row in reversed(self.rows) if metric in row), None)

    def frame(self) -> pd.DataFrame:
        """The same as a table: a `step` column and one per metric.

        A metric that is itself called step has the column "step (metric)".
        """
        import pandas as pd

        columns = {name if name != "step" else "step (metric)": self[name] for name in self.metrics}
        return pd.DataFrame({"step": self.steps, **columns})


def read_curves(path: Path, kept: list[int] | None = None, *, good_part: bool = False) -> Curves:
    """Read a curves file; a missing file is a run that has not reported yet.

    Args:
        path: The file.
        kept: Its size and checksum, once nobody writes it any more.
        good_part: Whether the rows before a damaged line are enough.

    Raises:
        RecordError: If the file, or without `good_part` a line of it, cannot be read, or if it is
            not as it was kept.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if kept and kept[0]:
            raise RecordError(f"{path} is gone; it had {kept[0]} bytes.") from None
        return Curves([], ())
    except OSError as error:
        raise RecordError(f"Cannot read {path}: {error.strerror}.") from error
    if not fits(data, kept):
        raise changed(path, 'set "crc32" in the attempt.json beside it to null')
    return _parse(data[: data.rfind(b"\n") + 1].decode("utf-8", "replace"), path, good_part)


def _parse(text: str, path: Path, good_part: bool) -> Curves:
    lines = csv.reader(io.StringIO(text))
    rows: list[Row] = []
    metrics: tuple[str, ...] = ()
    number, before = 1, -1
    try:
        metrics = _metrics(next(lines, []))
        for cells in lines:
            number += 1
            if len(cells) != len(metrics) + 1:
                raise ValueError(f"{len(cells)} cells for {len(metrics) + 1} columns")
            values = {
                name: float(cell) for name, cell in zip(metrics, cells[1:], strict=True) if cell
            }
            before = _step(cells[0], before)
            rows.append((before, values))
    except (ValueError, csv.Error) as error:
        # A power cut can leave a whole line of rubbish at the end.
        if not good_part and (number == 1 or lines.line_num < text.count("\n")):
            raise RecordError(
                f"Cannot read {path}, line {number}: {error}.",
                hint="Resuming an interrupted run cuts it back to the rows before.",
            ) from None
    return Curves(rows, metrics)


def _metrics(head: list[str]) -> tuple[str, ...]:
    if head and (head[0] != "step" or len(set(head)) < len(head) - ("step" in head[1:])):
        raise ValueError(f"the columns must be step and one for each metric, and are {head[:5]}")
    return tuple(head[1:])


def _step(cell: str, before: int) -> int:
    step = int(cell)
    if not 0 <= step < 2**63:
        raise ValueError(f"there is no step {cell[:40]}")
    if step <= before:
        raise ValueError(f"step {step} comes after step {before}")
    return step


class CurveWriter:
    """Appends reports to a curves file; what is on disk already stays and is never repeated."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1
        self._known: dict[int, dict[str, float]] = {}
        existing = read_curves(path, good_part=True)
        self._metrics = existing.metrics
        if existing.metrics:
            self._known = dict(existing.rows)
            self._rewrite(existing.metrics)  # also cuts off what is damaged

    @property
    def recorded(self) -> Mapping[int, dict[str, float]]:
        """The rows that an earlier attempt left, by step."""
        return self._known

    def append(self, step: int, values: Mapping[str, float]) -> None:
        """Write one row and hand it to the operating system.

        Raises:
            RecordError: If the disk refuses; rows written before stay readable.
            WorkloadError: If there are more than 512 different metrics, or one's name has a line
                break or another unprintable character.
        """
        new = [name for name in values if name not in self._metrics]
        if new:
            self._add_columns(new)
        cells = (repr(values[name]) if name in values else "" for name in self._metrics)
        self._write(f"{step},{','.join(cells)}\n".encode())

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _add_columns(self, new: list[str]) -> None:
        metrics = (*self._metrics, *new)
        if len(metrics) > MAX_METRICS:
            raise WorkloadError(
                f"more than {MAX_METRICS} different metrics, the last one {new[-1]!r}; "
                "a metric keeps its name from step to step"
            )
        unprintable = next((name for name in new if not name.isprintable()), None)
        if unprintable is not None:
            raise WorkloadError(f"a metric cannot be named {unprintable!r}: it has to fit a line")
        if self._metrics:
            self._rewrite(metrics)
        else:
            self._metrics = metrics
            self._open(os.O_TRUNC)  # a header that was cut short is not worth keeping
            self._write(_header(metrics))

    def _rewrite(self, metrics: tuple[str, ...]) -> None:
        self.close()
        text = io.BytesIO()
        text.write(_header(metrics))
        for step, values in read_curves(self.path, good_part=True).rows:
            cells = (repr(values[name]) if name in values else "" for name in metrics)
            text.write(f"{step},{','.join(cells)}\n".encode())
        write_bytes(self.path, text.getvalue())
        self._metrics = metrics
        self._open()

    def _open(self, flags: int = 0) -> None:
        flags |= os.O_WRONLY | os.O_CREAT | os.O_APPEND
        try:
            self._descriptor = os.open(self.path, flags, 0o644)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def _write(self, data: bytes) -> None:
        whole = os.fstat(self._descriptor).st_size
        try:
            write_all(self._descriptor, data)
        except OSError as error:
            with contextlib.suppress(OSError):  # cut off the part of a row that did fit
                os.ftruncate(self._descriptor, whole)
            raise cannot_write(self.path, error) from error


def _header(metrics: tuple[str, ...]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(["step", *metrics])
    return line.getvalue().encode()
