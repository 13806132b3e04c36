"""Steady reading of a file that others write: what was read while it changed is read again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from homeostat.errors import HomeostatError

R = TypeVar("R")
MOST_READINGS = 40
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.001, 0.1

Trace = tuple[tuple[int, int, int] | None, ...]


def read_steadily(file: str, action: Callable[[], R]) -> R:
    """What `action` reads of an SQLite file, once it was read without a writer in between.

    A writer that opens or closes the file makes or removes its journal, and then nothing can be
    opened for a moment; one that moves the journal into the file changes it under a reader who
    takes it for immutable.

    Raises:
        HomeostatError: What `action` raises while nobody writes.
    """
    pause_s = _FIRST_PAUSE_S
    for reading in range(MOST_READINGS):
        before, is_last = _trace(file), reading == MOST_READINGS - 1
        try:
            result = action()
        except (HomeostatError, OSError):
            if is_last or _trace(file) == before:
                raise
        else:
            if is_last or _trace(file)[0] == before[0]:
                return result
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
    raise AssertionError("the last reading ends the loop")


def _trace(file: str) -> Trace:
    """What a writer changes: the file, its journal and the index of that."""
    return tuple(_stat(Path(f"{file}{end}")) for end in ("", "-wal", "-shm"))


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 (hot path)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
