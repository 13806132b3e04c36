"""Metrics of a command: read from its files or its output while it runs.

A reader is asked again and again for what is new, and a last time when the command has ended. A
line that makes no sense is skipped and counted: a metrics file is written by somebody else's code.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from homeostat.logs import Skipped, literals
from homeostat.logs.clean import plain
from homeostat.logs.fields import numbers
from homeostat.logs.numbers import Notation
from homeostat.logs.table import Header, headers, split
from homeostat.logs.tail import Line, Tail
from homeostat.logs.tensorboard import EventFiles

Record: TypeAlias = tuple[int, dict[str, float]]
"""A step and what was measured there."""


class Reader(Protocol):
    """Where a command's metrics come from."""

    poll_s: float
    """Seconds to wait before looking again."""
    skipped: Skipped
    """Lines that made no sense so far."""

    def read(self, final: bool) -> Iterator[Record]:
        """What is new; with `final`, a last line that lacks its end as well."""
        ...


class JsonLines:
    """One JSON object a line; its numbers are the metrics, inner ones as "outer/inner".

    {"step": 3, "val_loss": 0.71, "note": "not a number, so not a metric"}
    """

    poll_s = 0.05

    def __init__(self, path: Path, step: str) -> None:
        self._tail = Tail(path)
        self._steps = _StepNumbers(step)
        self.skipped = Skipped()

    def read(self, final: bool) -> Iterator[Record]:
        for line in self._tail.lines(final):
            if not line.new:
                continue
            record = literals.parse(line.text)
            if isinstance(record, dict):
                yield from self._steps.record(record, line, self.skipped)
            else:
                self.skipped.add("no JSON object", line.number + 1, line.text)


class Csv:
    """A header with names, then a row per report; empty cells are left out.

    Columns may be divided by commas, semicolons, tabs or bars, and numbers have decimal commas.
    """

    poll_s = 0.05

    def __init__(self, path: Path, step: str) -> None:
        self._tail = Tail(path)
        self._steps = _StepNumbers(step)
        self._headers: list[Header] = []
        self.skipped = Skipped()

    def read(self, final: bool) -> Iterator[Record]:
        for line in self._tail.lines(final):
            if line.number == 0:
                self._headers = headers(line.text) or [Header(",", (line.text,))]
                continue
            row = self._row(line.text)
            if not line.new or row is _HEADER:
                continue
            if row is None:
                self.skipped.add(self._why(), line.number + 1, line.text)
            else:
                yield from self._steps.record(row, line, self.skipped)

    def _row(self, text: str) -> dict[str, str] | None:
        """The filled cells of a line, by the header that it fits; None if it fits none."""
        for header in self._headers:
            cells = split(text, header.delimiter)
            if tuple(cells) == header.names:
                return _HEADER
            if len(cells) == len(header.names):
                self._headers = [header]
                return {n: c for n, c in zip(header.names, cells, strict=True) if c != ""}
        return None

    def _why(self) -> str:
        return f"not {len(self._headers[0].names)} columns" if self._headers else "no header above"


_HEADER: dict[str, str] = {}
"""Stands for a header that is repeated."""


class Pattern:
    """A regular expression whose named groups are the metrics, searched in each line of output.

    epoch (?P<step>\\d+) loss (?P<val_loss>\\S+)

    Lines without a match are ordinary output; a match that is not a number counts as skipped.
    """

    poll_s = 0.05

    def __init__(self, output: Path, step: str, pattern: re.Pattern[str]) -> None:
        self._tail = Tail(output)
        self._steps = _StepNumbers(step)
        self._pattern = pattern
        self.skipped = Skipped()

    def read(self, final: bool) -> Iterator[Record]:
        for line in self._tail.lines(final):
            match = self._pattern.search(plain(line.text)) if line.new else None
            if match is None:
                continue
            found = {name: text for name, text in match.groupdict().items() if text is not None}
            yield from self._steps.record(found, line, self.skipped, strict=True)


class TensorBoard:
    """Scalars from the event files that appear under a folder.

    A second folder beside the first is another writer, and its values have its name before them.
    """

    poll_s = 0.5

    def __init__(self, folder: Path) -> None:
        self._files = EventFiles(folder)
        self._run: str | None = None
        self.skipped = self._files.skipped

    def read(self, final: bool) -> Iterator[Record]:
        found: dict[int, dict[str, float]] = {}
        for scalar in self._files.read():
            self._run = scalar.run if self._run is None else self._run
            name = scalar.name if scalar.run == self._run else f"{scalar.run}/{scalar.name}"
            row = found.setdefault(scalar.step, {})
            if row.get(name, scalar.value) != scalar.value:
                self.skipped.add("another value at the same step comes after it", 0, name)
            row[name] = scalar.value
        # Tags are written one after the other: by step, so that those of a step come together.
        yield from sorted(found.items())


class _StepNumbers:
    """Turns a line's fields into a record; lines without a step are counted instead."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._count = 0
        self._notation = Notation()
        self._numeric: set[str] = set()

    def record(
        self, fields: Mapping[str, Any], line: Line, skipped: Skipped, strict: bool = False
    ) -> Iterator[Record]:
        """The record, if the line has a metric and its step makes sense.

        With `strict`, every field must be a number.
        """
        for value in fields.values():
            if isinstance(value, str):
                self._notation.learn(value)
        ambiguous = self._notation.ambiguous
        values, broken, twice = numbers(fields, self._notation, self._numeric)
        metrics = {name: value for name, value in values.items() if name != self._key}
        step = self._step(fields, values)
        reason = None
        if twice is not None:
            reason = f"two values of {twice!r}"
        elif self._notation.ambiguous > ambiguous:
            reason = "a number in it may have decimals or thousands"
        elif step is None:
            reason = f"its {self._key} is no whole number from 0"
        elif not metrics:
            reason = "no metric in it"
        elif broken is not None or (strict and len(values) < len(fields)):
            reason = f"no number in {broken or next(n for n in fields if n not in values)!r}"
        if reason is not None:
            skipped.add(reason, line.number + 1, line.text)
        if metrics and step is not None and twice is None and not (strict and reason):
            self._count = step + 1
            yield step, metrics

    def _step(self, fields: Mapping[str, Any], values: Mapping[str, float]) -> int | None:
        if self._key not in fields:
            return self._count
        step = values.get(self._key)
        if step is None and isinstance(fields[self._key], str):
            step = self._notation.value(fields[self._key], whole=True)
        if step is None or not math.isfinite(step) or step < 0 or step != int(step):
            return None
        return int(step)


class Merge:
    """Puts together what was written about one step in several lines, such as train and validation.

    A step is handed on as soon as every metric in `wanted` is there, so that pruning need not wait
    for the next one; otherwise when the next step begins. What comes later about a step that was
    handed on is counted in `late`.
    """

    def __init__(self, wanted: Iterable[str]) -> None:
        self._wanted = frozenset(wanted)
        self._step = -1
        self._metrics: dict[str, float] = {}
        self._done = -1
        self.late = 0

    def add(self, step: int, metrics: dict[str, float]) -> Iterator[Record]:
        if step <= self._done or step < self._step:
            self.late += 1
            return
        if step > self._step:
            yield from self.flush()
        self._step = step
        self._metrics |= metrics
        if self._wanted <= self._metrics.keys():
            yield from self.flush()

    def flush(self) -> Iterator[Record]:
        """The step that is still held back, if any."""
        if self._metrics:
            self._done = self._step
            metrics, self._metrics = self._metrics, {}
            yield self._step, metrics
