"""Growing: what a file that somebody else appends to has gained since the last look.

A file that grows may be put in another's place (a rename, as when a column is added), cut off, or
written anew. Its size tells none of that, and the number of a file that is gone is given to the
next one. So the file that was read is kept open, which keeps its number taken, and the end of what
was read has to be there still.
"""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import NamedTuple

_TAIL = 256
"""So many bytes before the end of what was read have to be the same still."""


class Growth(NamedTuple):
    """What a file has gained."""

    data: bytes
    at: int
    """Where in the file it begins: 0 for a file that is new, or was written anew."""


class GrowingFile:
    """A file that somebody else writes.

    Args:
        path: The file, which need not be there yet.
        whole_lines: Whether to leave a last line that lacks its end for the next look.
    """

    def __init__(self, path: Path, *, whole_lines: bool = False) -> None:
        self.path = path
        self._whole_lines = whole_lines
        self._descriptor: int | None = None
        self._close = weakref.finalize(self, _close, -1)
        self._offset = 0
        self._tail = b""

    def more(self) -> Growth | None:
        """What is new; None if nothing is.

        A file that has become another one is given from its start.

        Raises:
            OSError: If it cannot be read.
        """
        try:
            status = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if self._descriptor is None or not os.path.samestat(status, os.fstat(self._descriptor)):
            self._open()
        elif status.st_size < self._offset or not self._is_still_there():
            self._start()
        assert self._descriptor is not None
        os.lseek(self._descriptor, self._offset, os.SEEK_SET)
        data = _read(self._descriptor)
        if self._whole_lines:
            data = data[: data.rfind(b"\n") + 1]
        if not data:
            return None
        at = self._offset
        self._offset += len(data)
        self._tail = (self._tail + data)[-_TAIL:]
        return Growth(data, at)

    def close(self) -> None:
        """Let go of the file; the next look begins at its start."""
        self._close()
        self._descriptor = None
        self._start()

    def _open(self) -> None:
        self.close()
        self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        self._close = weakref.finalize(self, _close, self._descriptor)

    def _start(self) -> None:
        self._offset, self._tail = 0, b""

    def _is_still_there(self) -> bool:
        """Whether what was read ends as it did."""
        assert self._descriptor is not None
        os.lseek(self._descriptor, self._offset - len(self._tail), os.SEEK_SET)
        return os.read(self._descriptor, len(self._tail)) == self._tail


def _close(descriptor: int) -> None:
    if descriptor >= 0:
        os.close(descriptor)


def _read(descriptor: int) -> bytes:
    """Everything from here to the end."""
    parts = []
    while part := os.read(descriptor, 1 << 20):
        parts.append(part)
    return b"".join(parts)
