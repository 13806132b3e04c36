"""The local engine: supervised worker processes on this machine, one thread each.

A worker that crashes, hangs past its timeout or passes its memory limit costs one attempt; another
takes its place. One that was killed from outside costs nothing but time: its attempt goes on in
another, from its last snapshot, unless that happens again and again. Workers are spawned, never
forked, kept from attempt to attempt, and end with the driver, however that ends.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import wait
from types import TracebackType
from typing import Self

from homeostat.execute.interrupt import PoliteInterrupt
from homeostat.execute.job import Event, Finished, Job, Reported, not_started
from homeostat.execute.lost import RETRIES, STARTS, lost
from homeostat.execute.messages import Began, Ended, News, Task, Trouble, pack
from homeostat.execute.supervised import Supervised
from homeostat.record.outcome import Outcome
from homeostat.workload.report import Report


class Local:
    """Makes `jobs` attempts at a time, each in a process of its own."""

    def __init__(self, jobs: int = 1) -> None:
        self.slots = max(1, jobs)
        self._waiting: deque[tuple[Job, Task]] = deque()
        self._answers: dict[Job, bool] = {}
        # How often an attempt's worker was killed: at all, and after it had begun.
        self._deaths: Counter[Job] = Counter()
        self._kills: Counter[Job] = Counter()
        self._busy: list[Supervised] = []
        self._idle: list[Supervised] = []
        self._interrupt = PoliteInterrupt()

    @property
    def stopping(self) -> bool:
        return self._interrupt.requested

    def submit(self, job: Job) -> None:
        """Queue a job.

        Raises:
            WorkloadError: If the workload cannot be loaded by another process.
        """
        self._waiting.append((job, pack(job)))

    def answer(self, job: Job, go_on: bool) -> None:
        self._answers[job] = go_on

    def stop(self) -> None:
        """The same as a first Ctrl-C."""
        self._interrupt.request()

    def events(self) -> Iterator[Event]:
        return (event for event in self.pulse() if event is not None)

    def pulse(self) -> Iterator[Event | None]:
        """The events, and none several times a second while there is nothing to tell."""
        while self._waiting or self._busy:
            if self.stopping:
                yield from self._stop()
            self._assign()
            for worker in self._ready():
                yield from self._listen(worker)
            for worker in list(self._busy):
                yield from self._judge(worker)
            yield None

    def _stop(self) -> Iterator[Event]:
        """Have the attempts in progress stop, and give back what was not started."""
        for worker in self._busy:
            worker.stop()
        while self._waiting:
            job, _ = self._waiting.popleft()
            yield Finished(job, not_started(job))

    def _assign(self) -> None:
        while self._waiting and len(self._busy) < self.slots:
            job, task = self._waiting.popleft()
            worker = self._idle.pop() if self._idle else Supervised()
            worker.give(job, task)
            self._busy.append(worker)

    def _ready(self) -> list[Supervised]:
        """The workers that have something to say, or have closed their end."""
        by_connection = {worker.connection: worker for worker in self._busy}
        patience_s = min((worker.patience_s() for worker in self._busy), default=0.0)
        ready = wait(list(by_connection), timeout=patience_s)
        return [by_connection[connection] for connection in by_connection if connection in ready]

    def _listen(self, worker: Supervised) -> Iterator[Event]:
        job = worker.job
        assert job is not None
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            yield from self._bury(worker, job)
            return
        if isinstance(message, Began):
            worker.began()
        elif isinstance(message, News):
            self._answers.pop(job, None)  # one that came too late for the rung before
            report = Report(message.step, **message.metrics)
            yield Reported(job, report, message.asks, message.repeated)
            if message.asks:
                worker.answer(self._answers.pop(job, True), message.spent_s)
        elif isinstance(message, Ended):
            self._release(worker, job)
            yield Finished(job, message.attempt)
        elif isinstance(message, Trouble):
            self._release(worker, job)
            raise message.error

    def _bury(self, worker: Supervised, job: Job) -> Iterator[Event]:
        """A worker has died: its job goes on in another if it was killed, or has failed with it."""
        reason, task = worker.how_it_died(), worker.task
        if worker.was_killed:
            self._deaths[job] += 1
            self._kills[job] += worker.has_begun
        bearable = self._kills[job] <= RETRIES and self._deaths[job] < STARTS
        if worker.was_killed and bearable and not self.stopping and task is not None:
            self._busy.remove(worker)
            worker.kill()
            self._waiting.appendleft((job, replace(task, job=task.job | {"resume": True})))
            return
        if self._deaths[job] > 1:
            reason += f", {self._deaths[job]} times"
        yield self._replace(worker, job, Outcome.FAILED, reason)

    def _judge(self, worker: Supervised) -> Iterator[Event]:
        offence = worker.offence()
        if offence is not None and worker.job is not None:
            yield self._replace(worker, worker.job, *offence)

    def _release(self, worker: Supervised, job: Job) -> None:
        """Keep the worker for the next job, unless it kept too much of this one."""
        self._busy.remove(worker)
        worker.job = None
        if worker.is_bloated(job.memory_mb):
            worker.dismiss()
        else:
            self._idle.append(worker)

    def _replace(self, worker: Supervised, job: Job, outcome: Outcome, reason: str) -> Finished:
        """End a worker and its attempt; the next job gets a new one."""
        self._busy.remove(worker)
        worker.kill()
        return Finished(job, lost(job, outcome, reason, worker.spent_s()))

    def close(self) -> None:
        """End every worker. Attempts in progress are recorded as interrupted."""
        self._waiting.clear()
        for worker in list(self._busy):
            if worker.job is not None:
                self._replace(worker, worker.job, Outcome.INTERRUPTED, "its driver was closed")
        while self._idle:
            self._idle.pop().dismiss()

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
