"""The inline engine: attempts in this process, one after the other or side by side.

For tests, notebooks, closures and debuggers. A step that hangs hangs everything; timeouts and
memory limits are checked between steps.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator

from homeostat.execute.interrupt import Interruptible
from homeostat.execute.job import (
    Event,
    Finished,
    Job,
    Reported,
    is_late,
    not_started,
    prepare,
)
from homeostat.execute.loop.held_folders import HeldFolders
from homeostat.execute.loop.side_by_side import SideBySide, companions

HAND_OVER_S = 0.05


class Inline(Interruptible):
    """Makes attempts in this process."""

    def __init__(self, jobs: int = 1) -> None:
        super().__init__()
        # One slot, whatever was asked for: a process has one generator of torch and one of numpy.
        self.slots = 1
        self._waiting: deque[Job] = deque()
        self._answers: dict[Job, bool] = {}

    def submit(self, job: Job) -> None:
        self._waiting.append(job)

    def answer(self, job: Job, go_on: bool) -> None:
        self._answers[job] = go_on

    def events(self) -> Iterator[Event]:
        while self._waiting:
            job = self._waiting.popleft()
            if self.stopping or is_late(job):
                yield Finished(job, not_started(job))
                continue
            others = companions(job, self._waiting, self.slots)
            for other in others:
                self._waiting.remove(other)
            yield from self._make([job, *others])

    def _make(self, jobs: list[Job]) -> Iterator[Event]:
        """One attempt, or a few side by side. The caller gets the process's own generators back
        while it looks at reports. That takes a moment, so reports are handed over a few at a time.
        """
        prepare(jobs)
        claims = HeldFolders((job.folder, job.resume) for job in jobs)
        group = SideBySide(jobs, lambda: self._interrupt.requested)
        events = group.events()
        in_hand: list[Event] = []
        handed_over = time.perf_counter()
        go_on: bool | None = None
        try:
            while True:
                event = events.send(go_on)
                if isinstance(event, Finished):
                    claims.release(event.job.folder)
                in_hand.append(event)
                go_on = None
                asks = isinstance(event, Reported) and event.asks
                if asks or time.perf_counter() - handed_over > HAND_OVER_S:
                    self._answers.pop(event.job, None)  # an answer too late for the last rung
                    with group.lent():
                        yield from in_hand
                    in_hand.clear()
                    if asks:
                        go_on = self._answers.pop(event.job, True)
                    handed_over = time.perf_counter()
        except StopIteration:
            pass
        finally:
            events.close()
            claims.close()
        yield from in_hand

    def close(self) -> None:
        self._waiting.clear()
