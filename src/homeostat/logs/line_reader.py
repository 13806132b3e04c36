"""One line after the other, as a log grows: what is measured in each, and where.

    reader = LineReader()
    for at, metrics, *_ in reader.feed("Epoch 1/5, Training Loss: 1.0, Validation Loss: 1.2\\n"):
        at.hint, metrics  ->  1.0, {"Training Loss": 1.0, "Validation Loss": 1.2}

It reads text, printed dictionaries, JSON Lines and tables (CSV and the like), also one after the
other in one stream. A line without a position of its own is where the line before it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from homeostat.logs import fields, literals, wandb
from homeostat.logs.clean import EDGE, BarProgress, clean, plain
from homeostat.logs.names import PHASE_WORD, SETTINGS, in_phase, key
from homeostat.logs.numbers import Notation
from homeostat.logs.pairs import pairs, together, without_tensors
from homeostat.logs.position import NOWHERE, Position, locate
from homeostat.logs.reading import Reading
from homeostat.logs.skipped import Skipped
from homeostat.logs.table import Header, LogTable, headers, is_rule, split

AMBIGUOUS = "a number in it may have decimals or thousands"

MOST_TEXT = 20_000
"""A longer line of text is no sentence about the training."""

_BREAK = re.compile(r"\r\n|\n|\r|\x08+")
_KERAS = re.compile(r"\s*Epoch (\d{1,9})(?:/\d+)?\s*:?\s*$")


class LineReader:
    """Reads what a log says line by line; `feed` takes text in pieces of any length.

    Args:
        text: How numbers are written in text, if that is known; else it is learnt.
        cells: How they are written in tables, where a comma may stand between two of them.
    """

    def __init__(self, *, text: Notation | None = None, cells: Notation | None = None) -> None:
        self.skipped = Skipped()
        self.text = text or Notation()
        self.cells = cells or Notation()
        self.table_kind = "table"
        """Whose tables were read: "keras csv", "lightning csv", "wandb csv", "csv" or "table"."""
        self.keras = False
        """Whether what Keras prints was read."""
        self._learns = text is None
        self._rest = ""
        self._line = 1
        self._at = NOWHERE
        self._table: LogTable | None = None
        self._wandb: Mapping[str, tuple[str, str]] | None = None
        self._headers: list[Header] = []
        self._numeric: set[str] = set()

    def feed(self, text: str) -> list[Reading]:
        """The readings in the lines that `text` completes; the rest waits for its end."""
        text = self._rest + text
        readings: list[Reading] = []
        start = 0
        for end in _BREAK.finditer(text):
            if end[0] == "\r" and end.end() == len(text):
                break  # the other half of a line's end may be still to come
            readings += self._read(text[start : end.start()])
            self._line += "\n" in end[0]
            start = end.end()
        self._rest = text[start:]
        return readings

    def close(self) -> list[Reading]:
        """The readings in a last line that has no end."""
        rest, self._rest = self._rest, ""
        return self._read(rest.rstrip("\r"))

    def _read(self, raw: str) -> list[Reading]:
        line = plain(raw).replace("\0", "")
        if not line.strip():
            return []
        if self._table is None and not self._begins_table(line):
            return self._say(line)
        return self._row(line)

    def _begins_table(self, line: str) -> bool:
        """Whether the line before named columns and this is their first row."""
        if self._headers and is_rule(line):
            return False
        for header in self._headers:
            cells = split(line, header.delimiter)
            if header.fits(cells):
                self._table, self._headers = LogTable(header), []
                self._wandb = wandb.columns(header.names)
                self.table_kind = self._kind(header)
                return True
        self._headers = headers(line)
        return False

    def _kind(self, header: Header) -> str:
        names = list(header.names)
        if self._wandb:
            return "wandb csv"
        if header.aligned:
            return "table"
        if "epoch" in names and "step" in names:
            return "lightning csv"
        # Keras's CSVLogger writes the epoch and then its metrics in order of the alphabet.
        keras = names[0] == "epoch" and names[1:] == sorted(names[1:])
        return "keras csv" if keras else "csv"

    def _row(self, line: str) -> list[Reading]:
        """The readings of a line below a header."""
        assert self._table is not None
        header = self._table.header
        if is_rule(line) or self._table.is_header(line):
            return []
        cells = split(line, header.delimiter)
        if not header.fits(cells):
            return self._no_row(line)
        row = {name: cell for name, cell in zip(header.names, cells, strict=True) if cell}
        for cell in row.values():
            self.cells.learn(cell)
        if self._wandb is not None:
            return self._wandb_row(row, line)
        return self._record(row, "table", line, self.cells, self._table.numeric)

    def _no_row(self, line: str) -> list[Reading]:
        """A line below a table's header that is none of its rows."""
        assert self._table is not None
        header = self._table.header
        new = [h for h in headers(line) if h.aligned or not header.aligned]
        if header.aligned or new:
            # Another header, or prose between printed rows.
            said = self._say(line)
            if new and not said:
                self._table, self._headers = None, new
            return said
        self.skipped.add(f"not {len(header.names)} columns with a number", self._line, line)
        return []

    def _wandb_row(self, row: dict[str, str], line: str) -> list[Reading]:
        assert self._table is not None and self._wandb is not None
        first = self._table.header.names[0]
        readings = []
        for column, (run, metric) in self._wandb.items():
            if column not in row:
                continue
            if wandb.extremes(row, column):
                self.skipped.add("W&B's __MIN and __MAX beside a value", self._line, line)
            record = {name: row[name] for name in (first,) if name in row} | {metric: row[column]}
            for reading in self._record(record, "table", line, self.cells, {metric}):
                readings.append(reading._replace(run=run))
        return readings

    def _record(
        self,
        record: Mapping[str, Any],
        kind: str,
        line: str,
        notation: Notation,
        numeric: set[str],
    ) -> list[Reading]:
        """The reading of a record with named fields."""
        ambiguous = notation.ambiguous
        found = fields.read(record, notation, numeric=numeric)
        for wrong, reason in (
            (notation.ambiguous > ambiguous, AMBIGUOUS),
            (found.broken is not None, f"no number in {found.broken!r}"),
            (found.twice is not None, f"two values of {found.twice!r}"),
        ):
            if wrong:
                self.skipped.add(reason, self._line, line)
        if found.twice is None and found.metrics:
            return [self._reading(found.at, found.metrics, kind, line, run=found.run)]
        if found.at.known:
            self._at = found.at
        elif found.settings and found.twice is None:
            return [Reading(NOWHERE, found.settings, False, None, True, "", self._line, line, kind)]
        elif kind == "jsonl" and found.broken is None:
            self.skipped.add("no metric in it", self._line, line)
        return []

    def _reading(
        self,
        at: Position,
        metrics: dict[str, float],
        kind: str,
        line: str,
        progress: BarProgress | None = None,
        run: str = "",
    ) -> Reading:
        own = at.known
        if not own:
            # Below an epoch's batches: its validation, at its end.
            at = self._at._replace(part=None, whole=None)
        elif kind != "table":
            at = self._completed(at)
        if own:
            self._at = at
        return Reading(at, metrics, own, progress, False, run, self._line, line, kind)

    def _completed(self, at: Position) -> Position:
        """A step below an epoch's heading is in that epoch; its summary is at its last step."""
        if at.epoch is None:
            return at._replace(epoch=self._at.epoch)
        if at.step is None and self._at.step is not None and at.part is None:
            return at._replace(step=self._at.step)
        return at

    def _say(self, line: str) -> list[Reading]:
        """What a line that is no row of a table says."""
        inside = literals.in_line(line)
        if inside is not None:
            before, record, after = inside
            if not before.strip() and not after.strip(" ,\r"):
                return self._record(record, "jsonl", line, self.text, self._numeric)
            return self._dictionary(line, before, record, after)
        if len(line) > MOST_TEXT:
            self.skipped.add(f"longer than {MOST_TEXT:,} characters", self._line, line[:200])
            return []
        text, progress = clean(without_tensors(line))
        if self._learns:
            self.text.learn(text)
        at, rest = locate(text, self.text)
        self.keras = self.keras or _KERAS.match(line) is not None
        ambiguous = self.text.ambiguous
        found = pairs(rest, self.text, loose=at.known or "|" in line)
        if self.text.ambiguous > ambiguous:
            self.skipped.add(AMBIGUOUS, self._line, line)
            found = []
        elif not at.known and progress is None:
            found = [pair for pair in found if pair.measure or key(pair.name) in SETTINGS]
        metrics, twice = together(found)
        if twice is not None:
            self.skipped.add(f"two values of {twice!r}", self._line, line)
        elif metrics and not at.known and not self._at.known and _only_settings(metrics):
            return [Reading(NOWHERE, metrics, False, None, True, "", self._line, line)]
        elif metrics:
            return [self._reading(at, metrics, "text", line, progress)]
        elif line.lstrip().startswith("{"):
            self.skipped.add("no JSON object", self._line, line)
        if at.known:
            self._at = self._completed(at)
        return []

    def _dictionary(
        self, line: str, before: str, record: Mapping[str, Any], after: str
    ) -> list[Reading]:
        """A dictionary that is printed within a line: "epoch 1: {'loss': 0.5}"."""
        text, progress = clean(before)
        at, rest = locate(text, self.text)
        words = PHASE_WORD.findall(rest.replace(EDGE, " "))
        phase = words[-1] if words else None
        ambiguous = self.text.ambiguous
        found = fields.read(record, self.text, numeric=self._numeric)
        outside = pairs(rest + EDGE + after, self.text, loose=False)
        metrics = {pair.name: pair.value for pair in outside if pair.measure}
        metrics |= {in_phase(name, phase): value for name, value in found.metrics.items()}
        if self.text.ambiguous > ambiguous or found.twice is not None:
            self.skipped.add(AMBIGUOUS, self._line, line)
            return []
        at = found.at if found.at.known else at
        if metrics:
            return [self._reading(at, metrics, "dict", line, progress, found.run)]
        if at.known:
            self._at = self._completed(at)
        return []


def _only_settings(metrics: Mapping[str, float]) -> bool:
    return all(key(name) in SETTINGS for name in metrics)
