"""The lines that a growing file has gained since the last look."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from homeostat.logs.encoding import sniff
from homeostat.record.growing import GrowingFile

# Progress bars end their lines with a carriage return alone.
_ENDS = re.compile(r"\r\n|\n|\r")
_ENOUGH = 4
"""Bytes that show a byte order mark."""


class Line(NamedTuple):
    """A line of a growing file."""

    text: str
    number: int
    """From 0, in the file as it is now."""
    new: bool
    """False if it was seen before the file was written anew."""


class Tail:
    """The lines of a growing file, in whatever encoding it is; empty ones are left out.

    A line without its end is kept until the end arrives: the writer may be in the middle of it. A
    file that was written anew is read again from the start.
    """

    def __init__(self, path: Path) -> None:
        self._file = GrowingFile(path)
        self._seen = 0
        self._begin()

    def _begin(self) -> None:
        self._decoder: codecs.IncrementalDecoder | None = None
        self._first = b""
        self._rest = ""
        self._number = 0

    def lines(self, final: bool) -> Iterator[Line]:
        """What is new; with `final`, a last line that lacks its end as well."""
        text = self._new_text(final)  # which may find that what is left of the last look is void
        *lines, self._rest = _ENDS.split(self._rest + text)
        if final and self._rest:
            lines.append(self._rest)
            self._rest = ""
        for raw in lines:
            text = raw.strip()
            line = Line(text, self._number, self._number >= self._seen)
            # Empty lines do not count: one stands between the "\\r" and the "\\n" of two reads.
            self._number += bool(text)
            self._seen = max(self._seen, self._number)
            if text:
                yield line

    def _new_text(self, final: bool) -> str:
        data = self._new_bytes()
        if self._decoder is None:
            data = self._first + data
            if len(data) < _ENOUGH and not final:
                self._first = data
                return ""
            encoding, mark = sniff(data)
            self._first, data = b"", data[mark:]
            self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        return self._decoder.decode(data, final)

    def _new_bytes(self) -> bytes:
        growth = self._file.more()
        if growth is None:
            return b""
        if growth.at == 0:
            self._begin()
        return growth.data
