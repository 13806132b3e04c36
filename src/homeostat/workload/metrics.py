"""Metrics of a command: read from its files or its output while it runs.

A reader is asked again and again for what is new, and a last time when the command has ended. A
line that makes no sense is skipped and counted: a metrics file is written by somebody else's code.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

from homeostat.record.growing import GrowingFile

Record: TypeAlias = tuple[int, dict[str, float]]
"""A step and what was measured there."""


class Reader(Protocol):
    """Where a command's metrics come from."""

    poll_s: float
    """Seconds to wait before looking again."""
    skipped: int
    """Lines that made no sense so far."""

    def read(self, final: bool) -> Iterator[Record]:
        """What is new; with `final`, a last line that lacks its end as well."""
        ...


class Line(NamedTuple):
    """A line of a growing file."""

    text: str
    number: int
    """From 0, in the file as it is now."""
    new: bool
    """False if it was seen before the file was written anew."""


class Tail:
    """The lines a growing file has gained since the last look; empty ones are left out.

    A line without its end is kept until the end arrives: the writer may be in the middle of it. A
    file that was written anew is read again from the start.
    """

    def __init__(self, path: Path) -> None:
        self._file = GrowingFile(path)
        self._rest = b""
        self._number = 0
        self._seen = 0

    def lines(self, final: bool) -> Iterator[Line]:
        data = self._new_bytes()  # which may find that what is left of the last look is void
        # Progress bars end their lines with a carriage return alone.
        lines = (self._rest + data).splitlines(keepends=True)
        self._rest = b""
        if lines and not final and not lines[-1].endswith((b"\n", b"\r")):
            self._rest = lines.pop()
        for raw in lines:
            line = Line(
                raw.decode("utf-8", errors="replace").strip(),
                self._number,
                self._number >= self._seen,
            )
            self._number += 1
            self._seen = max(self._seen, self._number)
            if line.text:
                yield line

    def _new_bytes(self) -> bytes:
        growth = self._file.more()
        if growth is None:
            return b""
        if growth.at == 0:
            self._rest, self._number = b"", 0
        return growth.data


class JsonLines:
    """One JSON object a line; its numbers are the metrics.

    {"step": 3, "val_loss": 0.71, "note": "not a number, so not a metric"}
    """

    poll_s = 0.05

    def __init__(self, path: Path, step: str) -> None:
        self._tail = Tail(path)
        self._step = step
        self._steps = _Steps(step)
        self.skipped = 0

    def read(self, final: bool) -> Iterator[Record]:
        for line in self._tail.lines(final):
            if not line.new:
                continue
            record = self._steps.record(_json_object(line.text, self._step))
            if record is None:
                self.skipped += 1
            else:
                yield record


class Csv:
    """A header with names, then a row per report; empty cells are left out."""

    poll_s = 0.05

    def __init__(self, path: Path, step: str) -> None:
        self._tail = Tail(path)
        self._steps = _Steps(step)
        self._header: list[str] = []
        self.skipped = 0

    def read(self, final: bool) -> Iterator[Record]:
        for line in self._tail.lines(final):
            cells = [cell.strip() for cell in next(csv.reader([line.text]))]
            if line.number == 0:
                self._header = cells
            if not line.new or cells == self._header:
                continue
            record = None
            if len(cells) == len(self._header):
                filled = {k: c for k, c in zip(self._header, cells, strict=True) if c != ""}
                record = self._steps.record(filled)
            if record is None:
                self.skipped += 1
            else:
                yield record


class Pattern:
    """A regular expression whose named groups are the metrics, searched in each line of output.

    epoch (?P<step>\\d+) loss (?P<val_loss>\\S+)

    Lines without a match are ordinary output; a match that is not a number counts as skipped.
    """

    poll_s = 0.05

    def __init__(self, output: Path, step: str, pattern: re.Pattern[str]) -> None:
        self._tail = Tail(output)
        self._steps = _Steps(step)
        self._pattern = pattern
        self.skipped = 0

    def read(self, final: bool) -> Iterator[Record]:
        for line in self._tail.lines(final):
            match = self._pattern.search(line.text) if line.new else None
            if match is None:
                continue
            found = {name: text for name, text in match.groupdict().items() if text is not None}
            record = self._steps.record(found, strict=True)
            if record is None:
                self.skipped += 1
            else:
                yield record


class _Steps:
    """Turns a line's fields into a record; lines without a step are counted instead."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._count = 0

    def record(self, fields: Mapping[str, Any] | None, strict: bool = False) -> Record | None:
        """The record, or none if the line has no metric or its step makes no sense.

        With `strict`, every field must be a number.
        """
        if fields is None:
            return None
        step: float | None = self._count
        if self._key in fields:
            step = number(fields[self._key])
        metrics = {name: number(value) for name, value in fields.items() if name != self._key}
        if strict and None in metrics.values():
            return None
        good = {name: value for name, value in metrics.items() if value is not None}
        if not good or step is None or not math.isfinite(step) or step < 0 or step != int(step):
            return None
        self._count = int(step) + 1
        return int(step), good


def number(value: Any) -> float | None:
    """A number, or text that is one (also nan and inf); None for everything else."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _json_object(line: str, step: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    # A number in quotes is a label (a run's name, a version), not a measurement.
    return {k: item for k, item in value.items() if isinstance(item, int | float) or k == step}


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
