"""The inline engine: attempts in this process, one after the other.

For tests, notebooks, closures and debuggers. A step that hangs hangs everything; timeouts and
memory limits are checked between steps.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from homeostat.execute.attempt import Reports, attempt
from homeostat.execute.control import Control
from homeostat.execute.interrupt import PoliteInterrupt
from homeostat.execute.isolation import Isolation
from homeostat.execute.job import Event, Finished, Job, Reported, not_started
from homeostat.execute.recorder import clear

HAND_OVER_S = 0.05


class Inline:
    """Makes attempts in this process."""

    def __init__(self, jobs: int = 1) -> None:
        # One at a time, whatever was asked for: torch and numpy's generators are one per process.
        self.slots = 1
        self._waiting: deque[Job] = deque()
        self._answers: dict[Job, bool] = {}
        self._interrupt = PoliteInterrupt()

    @property
    def stopping(self) -> bool:
        return self._interrupt.requested

    def submit(self, job: Job) -> None:
        self._waiting.append(job)

    def answer(self, job: Job, go_on: bool) -> None:
        self._answers[job] = go_on

    def events(self) -> Iterator[Event]:
        while self._waiting:
            job = self._waiting.popleft()
            if self.stopping:
                yield Finished(job, not_started(job))
            else:
                yield from self._make(job)

    def _make(self, job: Job) -> Iterator[Event]:
        """One attempt. While somebody else looks at its reports, it lends back the process's
        generators; that takes a moment, so reports are handed over a few at a time.
        """
        isolation = Isolation(job.seed, device=job.device)
        control = Control(
            timeout_s=job.timeout_s,
            memory_mb=job.memory_mb,
            stop_asked=lambda: self._interrupt.requested,
        )
        if not job.resume:
            clear(job.folder)
        reports: Reports = attempt(job, control, isolation)
        in_hand: list[Reported] = []
        handed_over = time.perf_counter()
        go_on: bool | None = None
        try:
            while True:
                reported = reports.send(go_on)
                in_hand.append(reported)
                go_on = None
                if reported.asks or time.perf_counter() - handed_over > HAND_OVER_S:
                    paused = time.perf_counter()
                    isolation.suspend()
                    self._answers.pop(job, None)  # one that came too late for the rung before
                    yield from in_hand
                    isolation.resume()
                    in_hand.clear()
                    if reported.asks:
                        go_on = self._answers.pop(job, True)
                    handed_over = time.perf_counter()
                    control.waited(handed_over - paused)
        except StopIteration as end:
            result = end.value
        finally:
            reports.close()
        yield from in_hand
        yield Finished(job, result)

    def close(self) -> None:
        self._waiting.clear()

    def __enter__(self) -> Self:
        self._interrupt.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._interrupt.__exit__()
        self.close()
