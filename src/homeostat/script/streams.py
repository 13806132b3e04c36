"""Streams: a script's standard output and error, passed on, and read for numbers line by line."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

MOST_LENGTH = 4000


class Stream:
    """Stands where sys.stdout stood: writes go on to it, and each whole line to `on_line`.

    Args:
        name: "stdout" or "stderr".
        quiet: Whether writes are read only, and not passed on.
    """

    def __init__(self, name: str, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self.name = f"<{name}>"
        self.to: Any = None
        self.on_line: Callable[[str], None] | None = None
        self.last = ""
        """The last line with anything in it."""
        self._line = ""
        self._pid = os.getpid()

    def write(self, text: str) -> int:
        count = len(text) if self._quiet else self.to.write(text)
        if self._pid == os.getpid():  # a forked worker writes, and is not read
            self._read(text)
        return int(count or 0)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def _read(self, text: str) -> None:
        if "\n" not in text:
            if len(self._line) < MOST_LENGTH:
                self._line += text
            return
        *lines, rest = (self._line + text).split("\n")
        self._line = rest
        for line in lines:
            if line.strip():
                self.last = " ".join(line.rsplit("\r", 1)[-1].split())[:300] or self.last
                if self.on_line is not None:
                    self.on_line(line)

    def flush(self) -> None:
        self.to.flush()

    def close(self) -> None:
        """Nothing: the stream behind it is not the script's to close."""

    def __getattr__(self, name: str) -> Any:
        if name == "to":
            raise AttributeError(name)
        return getattr(self.to, name)

    def __iter__(self) -> Any:
        return iter(self.to)
