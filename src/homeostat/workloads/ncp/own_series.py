"""One's own series: a CSV file of a time and one or more columns of numbers, with gaps.

    date,load,temperature
    2024-01-01T00:00,41.2,3.5
    2024-01-01T01:00,,3.4
    2024-01-01T04:00,39.9,

Times are numbers or ISO dates, in order, as far apart as they happen to be. An empty cell (or NA,
NaN, null, -) was not observed. Commas, semicolons, tabs or bars separate; decimal commas are read
where commas do not separate.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from homeostat.errors import DataError, did_you_mean
from homeostat.logs.encoding import decode
from homeostat.wording import some

# L observations, C columns.
Values = npt.NDArray[np.float64]

NOT_OBSERVED = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "?"})
LABEL = "label"
FORM = (
    "The first line names the columns: a time (numbers or ISO dates), then values; "
    "an empty cell was not observed."
)


@dataclass(frozen=True)
class TimeSeries:
    """Observations in order of time: values (L, C), NaN where nothing was observed.

    Attributes:
        names: Of the columns.
        times: In usual steps (the median distance of two observations), from `origin`.
        dated: Whether times were dates; `origin` and `unit` are in seconds then.
        labels: 0 or 1 for each row, where the file has a column `label`.
        left_out: Columns that hold no number.
    """

    names: tuple[str, ...]
    times: Values
    values: Values
    origin: float = 0.0
    unit: float = 1.0
    dated: bool = False
    labels: npt.NDArray[np.int64] | None = None
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.times)

    def until(self, stop: int) -> TimeSeries:
        """The first `stop` observations."""
        labels = None if self.labels is None else self.labels[:stop]
        return replace(self, times=self.times[:stop], values=self.values[:stop], labels=labels)

    def picked(self, columns: list[int]) -> TimeSeries:
        """The series with these columns only, in this order."""
        names = tuple(self.names[c] for c in columns)
        return replace(self, names=names, values=self.values[:, columns])

    def column(self, name: str) -> int:
        """Where a column is; the first one for "".

        Raises:
            DataError: If there is none of that name.
        """
        if not name:
            return 0
        if name not in self.names:
            raise DataError(
                f"There is no column {name!r} of numbers.", hint=did_you_mean(name, self.names)
            )
        return self.names.index(name)

    def written(self, time: float) -> str | float:
        """A time as the file writes it: a number, or an ISO date."""
        value = self.origin + time * self.unit
        if not self.dated:
            return round(value, 9)
        moment = datetime.fromtimestamp(round(value, 3), tz=UTC).replace(tzinfo=None)
        day = moment.time() == datetime.min.time() and self.unit >= 86_400 * 0.99
        return moment.date().isoformat() if day else moment.isoformat()

    def on_clock(self, origin: float, unit: float) -> TimeSeries:
        """The same series with its times in another's steps."""
        times = (self.times * self.unit + self.origin - origin) / unit
        return replace(self, times=times, origin=origin, unit=unit)


def read_series(path: Path) -> TimeSeries:
    """The series of a CSV file.

    Raises:
        DataError: If the file is missing, or a line is not of the form: the line and what is
            wrong with it.
    """
    header, lines = _table(path)
    moments, dated = _times(path, header[0], lines)
    columns: dict[str, Values] = {}
    left_out = []
    for place, name in enumerate(header[1:], start=1):
        values = _numbers(path, name, [(number, line[place]) for number, line in lines])
        if values is None:
            left_out.append(name)
        else:
            columns[name] = values
    labels = _labels(path, columns.pop(LABEL, None), lines)
    if not columns:
        raise DataError(f"{path} has no column of numbers beside its time.", hint=FORM)
    unit = float(np.median(np.diff(moments)))
    return TimeSeries(
        names=tuple(columns),
        times=(moments - moments[0]) / unit,
        values=np.column_stack(list(columns.values())),
        origin=float(moments[0]),
        unit=unit,
        dated=dated,
        labels=labels,
        left_out=tuple(left_out),
    )


Lines = list[tuple[int, list[str]]]


def _table(path: Path) -> tuple[list[str], Lines]:
    """The names of the columns, and the other lines with their numbers, each as long."""
    try:
        text, _ = decode(path.read_bytes())
    except OSError as error:
        raise DataError(
            f"Cannot read {path}: {error.strerror}.", hint="Name it:  --set file=FILE.csv"
        ) from error
    first = text.partition("\n")[0]
    separator = max(",;\t|", key=first.count)
    rows = csv.reader(text.splitlines(), delimiter=separator, skipinitialspace=True)
    found = [(number, [cell.strip() for cell in row]) for number, row in enumerate(rows, start=1)]
    found = [(number, row) for number, row in found if any(row)]
    if len(found) < 3 or len(found[0][1]) < 2:
        raise DataError(f"{path} has no series in it.", hint=FORM)
    (_, header), *lines = found
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice or "" in header:
        wrong = f"{some(twice)} more than once" if twice else "a column without a name"
        raise DataError(f"{path}, line 1, has {wrong}.", hint=FORM)
    for number, row in lines:
        if len(row) != len(header):
            raise DataError(
                f"{path}, line {number}: expected {len(header)} cells, got {len(row)}: "
                f"{separator.join(row)!r}.",
                hint=FORM,
            )
    comma = separator != ","
    return header, [(n, [_point(c) for c in row] if comma else row) for n, row in lines]


def _point(cell: str) -> str:
    """A number with a decimal comma in Python's way."""
    whole, comma, rest = cell.partition(",")
    return f"{whole}.{rest}" if comma and (whole + rest).lstrip("-+").isdigit() else cell


def _times(path: Path, name: str, lines: Lines) -> tuple[Values, bool]:
    """Moments, in the file's unit or in seconds since 1970; and whether they were dates."""
    first = lines[0][1][0]
    dated = _as_number(first) is None
    moments: list[float] = []
    for number, line in lines:
        cell = line[0]
        moment = _as_date(cell) if dated else _as_number(cell)
        if moment is None or not math.isfinite(moment):
            wanted = "an ISO date such as 2024-01-31 or 2024-01-31T12:00" if dated else "a number"
            if number == lines[0][0]:
                wanted = "a number or an ISO date such as 2024-01-31"
            raise DataError(
                f"{path}, line {number}: the time ({name}) must be {wanted}, got {cell!r}.",
                hint="Make the time the first column.",
            )
        if moments and moment <= moments[-1]:
            raise DataError(
                f"{path}, line {number}: time {cell} does not come after the one before it.",
                hint="Sort the observations by time and merge those at the same time.",
            )
        moments.append(moment)
    return np.array(moments), dated


def _as_number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _as_date(cell: str) -> float | None:
    """Seconds since 1970; a date without a zone counts as UTC."""
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _numbers(path: Path, name: str, cells: list[tuple[int, str]]) -> Values | None:
    """A column's numbers; None for a column of words.

    A column of numbers with a word in it is refused and not taken for words: it is a damaged one.
    """
    values, wrong = np.full(len(cells), np.nan), []
    for place, (number, cell) in enumerate(cells):
        if cell.lower() in NOT_OBSERVED:
            continue
        value = _as_number(cell)
        if value is None or math.isinf(value):
            wrong.append((number, cell))
        else:
            values[place] = value
    observed = int(np.isfinite(values).sum())
    if not wrong:
        return values if observed else None
    if observed > len(wrong):
        number, cell = wrong[0]
        raise DataError(
            f"{path}, line {number}: {name} must be a number, got {cell!r}.",
            hint="Leave the cell empty where nothing was observed.",
        )
    return None


def _labels(path: Path, values: Values | None, lines: Lines) -> npt.NDArray[np.int64] | None:
    if values is None:
        return None
    wrong = np.flatnonzero(~np.isin(values, (0.0, 1.0)))
    if len(wrong):
        number = lines[int(wrong[0])][0]
        raise DataError(
            f"{path}, line {number}: the label must be 0 or 1, got {values[wrong[0]]:g}."
        )
    return values.astype(np.int64)
