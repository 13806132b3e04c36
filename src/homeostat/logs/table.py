"""Tables in text: what stands between the columns, which line names them, and the rows."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field

DELIMITERS = (",", ";", "\t", "|", "  ")
"""Two blanks stand for columns that are aligned by blanks."""
MOST_NAME = 120

_RULE = re.compile(r"[\s|+=:─━│┃┼╇╪\-_]*")
_BLANKS = re.compile(r"\s{2,}|\t")
_NUMBER_LIKE = re.compile(r"\s*[-+]?[\d.,]+(?:[eE][-+]?\d+)?\s*%?\s*|\s*[-+]?(?:nan|inf)\s*", re.I)


def is_rule(line: str) -> bool:
    """Whether a line only divides: -----  ------, |---|---|."""
    return _RULE.fullmatch(line) is not None


def split(line: str, delimiter: str) -> list[str]:
    """The cells of a line; [] if its quotes make no sense."""
    if delimiter == "  ":
        return _BLANKS.split(line.strip())
    if delimiter == "|":
        line = line.strip().removeprefix("|").removesuffix("|")
    if '"' not in line:  # nor any limit on the length of a field
        return [cell.strip() for cell in line.split(delimiter)]
    try:
        rows = list(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
    except csv.Error:
        return []
    return [cell.strip() for cell in rows[0]] if rows else []


@dataclass(frozen=True)
class Header:
    """A line that may name the columns of the lines below it."""

    delimiter: str
    names: tuple[str, ...]

    @property
    def aligned(self) -> bool:
        """Whether it is printed for people, where prose may stand between the rows."""
        return self.delimiter in ("  ", "|")

    def fits(self, cells: list[str]) -> bool:
        """Whether the cells can be a row below it: as many, and a number among them."""
        filled = [cell for cell in cells if cell]
        numbers = sum(_NUMBER_LIKE.fullmatch(cell) is not None for cell in filled)
        return len(cells) == len(self.names) and numbers > 0


def headers(line: str) -> list[Header]:
    """The ways to read a line as a header; none if it is prose or holds numbers."""
    line = line.removeprefix("#") if line.startswith("# ") else line
    ways = []
    for delimiter in DELIMITERS:
        cells = split(line, delimiter)
        if len(cells) < 2 or not all(map(_is_name, cells[1:])):
            continue
        # A first column without a name is an index.
        if cells[0] and not _is_name(cells[0]):
            continue
        if len(set(cells)) == len(cells):
            ways.append(Header(delimiter, tuple(cells)))
    return ways


def _is_name(cell: str) -> bool:
    return (
        0 < len(cell) <= MOST_NAME
        and _NUMBER_LIKE.fullmatch(cell) is None
        and re.search(r"[^\W\d]|#", cell) is not None
        and not re.search(r"[=:]\s*[-+]?\.?\d", cell)
    )


@dataclass
class LogTable:
    """The rows below a header."""

    header: Header
    numeric: set[str] = field(default_factory=set)
    """Columns that held a number; text in them is a fault and no label."""

    def is_header(self, line: str) -> bool:
        """Whether the header stands there once more."""
        return tuple(split(line, self.header.delimiter)) == self.header.names
