"""Own time: what passes for this process, without what it spends in the queue for a core."""

from __future__ import annotations

import time
from pathlib import Path

_SCHEDULE = Path("/proc/thread-self/schedstat")
MOST_TIMES = 4.0
"""Of a limit in own time, as many times as much may pass on the wall; then it is over anyway."""


def own_time() -> float:
    """A clock that stands while this thread is ready to run and other programs have the cores.

    Sleeping, reading and waiting for a GPU count; so what it says of a program is the same on a
    busy machine. Where the system does not tell (it is Linux that does), it is the usual clock.

    Returns:
        Seconds, of which only differences mean something.

    Example:
        >>> began = own_time()
        >>> own_time() >= began
        True
    """
    return time.perf_counter() - _queued_s()


class Stopwatch:
    """How much of a limit has been spent, from now on: own time, or a part of the wall's."""

    def __init__(self) -> None:
        self._own, self._wall = own_time(), time.perf_counter()

    @property
    def spent_s(self) -> float:
        wall_s = time.perf_counter() - self._wall
        return max(own_time() - self._own, wall_s / MOST_TIMES)


def _queued_s() -> float:
    try:
        return int(_SCHEDULE.read_bytes().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
