"""The local engine: supervised worker processes on this machine, one thread each.

A worker that crashes, hangs past its timeout or passes its memory limit costs one attempt; another
takes its place. One that was killed from outside costs nothing but time: its attempt goes on in
another, from its last snapshot, unless that happens again and again. So do attempts that a worker
was making side by side, whatever became of it. Workers are spawned, never forked, kept from attempt
to attempt, and end with the driver, however that ends.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace
from multiprocessing.connection import wait

from homeostat.execute.engines.messages import Began, Ended, News, Task, WorkerTrouble, pack
from homeostat.execute.engines.orphans import lost
from homeostat.execute.engines.supervised import Supervised
from homeostat.execute.fate import Again, End, Fate, Loss
from homeostat.execute.interrupt import Interruptible
from homeostat.execute.job import Event, Finished, Job, Reported, is_late, not_started
from homeostat.execute.loop.side_by_side import companions
from homeostat.record.outcome import Outcome
from homeostat.workload.report import Report


class Local(Interruptible):
    """Makes `jobs` attempts at a time, each in a process of its own."""

    def __init__(self, jobs: int = 1) -> None:
        super().__init__()
        self.slots = max(1, jobs)
        self._waiting: dict[Job, Task] = {}
        self._alone: set[Job] = set()
        self._answers: dict[Job, bool] = {}
        self._fate = Fate()
        self._busy: list[Supervised] = []
        self._idle: list[Supervised] = []

    def submit(self, job: Job) -> None:
        """Queue a job.

        Raises:
            WorkloadError: If the workload cannot be loaded by another process.
        """
        self._waiting[job] = pack(job)

    def answer(self, job: Job, go_on: bool) -> None:
        self._answers[job] = go_on

    def stop(self) -> None:
        """The same as a first Ctrl-C."""
        self._interrupt.request()

    def events(self) -> Iterator[Event]:
        return (event for event in self.pulse() if event is not None)

    def pulse(self) -> Iterator[Event | None]:
        """The events, with None several times a second while there are none."""
        while self._waiting or self._busy:
            if self.stopping:
                yield from self._stop()
            yield from self._late()
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
            job = next(iter(self._waiting))
            del self._waiting[job]
            yield Finished(job, not_started(job))

    def _late(self) -> Iterator[Event]:
        """Give back what waits, and whose time is up."""
        for job in [job for job in self._waiting if is_late(job)]:
            del self._waiting[job]
            yield Finished(job, not_started(job))

    def _assign(self) -> None:
        while self._waiting and len(self._busy) < self.slots:
            job = next(iter(self._waiting))
            others: list[Job] = []
            if job not in self._alone:
                rest = (each for each in self._waiting if each not in self._alone | {job})
                others = companions(job, rest, self.slots - len(self._busy))
            worker = self._idle.pop() if self._idle else Supervised()
            worker.give([(each, self._waiting.pop(each)) for each in (job, *others)])
            self._busy.append(worker)

    def _ready(self) -> list[Supervised]:
        """The workers that have something to say, or have closed their end."""
        by_connection = {worker.connection: worker for worker in self._busy}
        patience_s = min((worker.patience_s() for worker in self._busy), default=0.0)
        ready = wait(list(by_connection), timeout=patience_s)
        return [by_connection[connection] for connection in by_connection if connection in ready]

    def _listen(self, worker: Supervised) -> Iterator[Event]:
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            yield from self._bury(worker)
            return
        if isinstance(message, Began):
            worker.began()
        elif isinstance(message, News):
            job, _ = worker.given[message.member]
            self._answers.pop(job, None)  # an answer too late for the last rung
            report = Report(message.step, **message.metrics)
            yield Reported(job, report, message.asks, message.repeated)
            if message.asks:
                worker.answer(self._answers.pop(job, True), message.spent_s)
        elif isinstance(message, Ended):
            job, _ = worker.given[message.member]
            worker.left.remove(job)
            self._fate.forget(job)
            if not worker.left:
                self._release(worker, job.memory_mb)
            yield Finished(job, message.attempt)
        elif isinstance(message, WorkerTrouble):
            self._release(worker, None)
            raise message.error

    def _bury(self, worker: Supervised) -> Iterator[Event]:
        """A worker has died."""
        loss = Loss(
            reason=worker.how_it_died(),
            killed=worker.was_killed,
            begun=worker.has_begun,
            stopping=self.stopping,
        )
        yield from self._replace(worker, self._fate.lost(worker.left, loss))

    def _judge(self, worker: Supervised) -> Iterator[Event]:
        offence = worker.offence()
        if offence is not None:
            decisions = self._fate.offended(worker.left, *offence, stopping=self.stopping)
            yield from self._replace(worker, decisions)

    def _release(self, worker: Supervised, memory_mb: float | None) -> None:
        """Keep the worker for the next job, unless it holds on to too much memory."""
        self._busy.remove(worker)
        worker.left = []
        if worker.is_bloated(memory_mb):
            worker.dismiss()
        else:
            self._idle.append(worker)

    def _replace(
        self, worker: Supervised, decisions: Mapping[Hashable, Again | End]
    ) -> Iterator[Event]:
        """End a worker; its attempts go on in others, from their snapshots, or end as decided."""
        self._busy.remove(worker)
        worker.kill()
        again = {
            job: replace(task, job=task.job | {"resume": True})
            for job, task in worker.given
            if isinstance(decisions.get(job), Again)
        }
        self._alone.update(again)
        self._waiting = again | self._waiting
        for job in worker.left:
            decision = decisions[job]
            if isinstance(decision, End):
                self._fate.forget(job)
                yield Finished(job, lost(job, decision.outcome, decision.reason, worker.spent_s()))

    def close(self) -> None:
        """End every worker. Attempts in progress are recorded as interrupted."""
        self._waiting.clear()
        for worker in list(self._busy):
            end = End(Outcome.INTERRUPTED, "its driver was closed")
            list(self._replace(worker, dict.fromkeys(worker.left, end)))
        while self._idle:
            self._idle.pop().dismiss()
