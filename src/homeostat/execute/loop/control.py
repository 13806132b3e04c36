"""When to stop an attempt from inside: asked to, out of time, over its memory."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil

from homeostat.execute.job import TIME_IS_UP
from homeostat.record.outcome import Outcome

_MEMORY_EVERY_S = 0.1


class Stop(BaseException):
    """Ends an attempt between two steps; not an Exception, so that no loop swallows it."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


class Control:
    """Checked between steps and at reports. It cannot end a step that hangs: a supervisor can."""

    def __init__(
        self,
        *,
        timeout_s: float | None = None,
        memory_mb: float | None = None,
        is_late: Callable[[], bool] = lambda: False,
        stop_asked: Callable[[], bool] = lambda: False,
    ) -> None:
        self.stop_asked = stop_asked
        self._timeout_s = timeout_s
        self._memory_mb = memory_mb
        self._is_late = is_late
        self._started = time.perf_counter()
        self._paused: float | None = None
        self._memory_checked = 0.0

    @property
    def spent_s(self) -> float:
        """Seconds the attempt has had; while it is paused the clock stands."""
        now = time.perf_counter() if self._paused is None else self._paused
        return now - self._started

    def pause(self) -> None:
        """What follows is not the attempt's time: it waits for an answer, or for its turn."""
        self._paused = time.perf_counter()

    def go_on(self) -> None:
        """The end of a pause."""
        if self._paused is not None:
            self._started += time.perf_counter() - self._paused
            self._paused = None

    def charge(self, seconds: float) -> None:
        """Add time that shared work took on this attempt's behalf."""
        self._started -= seconds

    def check(self) -> None:
        """Raise Stop when the attempt has to end here."""
        if self.stop_asked():
            raise Stop(Outcome.INTERRUPTED, "stopped by Ctrl-C")
        if self._is_late():
            raise Stop(Outcome.INTERRUPTED, TIME_IS_UP)
        if self._timeout_s is not None and self.spent_s > self._timeout_s:
            raise Stop(Outcome.TIMEOUT, timeout_reason(self._timeout_s))
        if self._memory_mb is not None and self._memory_due():
            used_mb = psutil.Process().memory_info().rss / 2**20
            if used_mb > self._memory_mb:
                raise Stop(Outcome.FAILED, memory_reason(used_mb, self._memory_mb))

    def _memory_due(self) -> bool:
        now = time.perf_counter()
        due = now - self._memory_checked > _MEMORY_EVERY_S
        if due:
            self._memory_checked = now
        return due


def timeout_reason(timeout_s: float) -> str:
    return f"ran longer than its {timeout_s:.3g} s"


def memory_reason(used_mb: float, limit_mb: float) -> str:
    return f"memory: used {used_mb:.0f} MB, over its limit of {limit_mb:g} MB"
