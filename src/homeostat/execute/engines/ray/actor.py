"""A station: the far end of the Ray engine, which makes one attempt at a time on its node.

A station is a Ray actor. It has the local engine with a single worker process, so that time, memory
and death are supervised there as they are here, and a seed gives the same digits.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from homeostat.errors import HomeostatError, RecordError
from homeostat.execute.engines.local import Local
from homeostat.execute.engines.messages import Ended, News, Task, WorkerTrouble
from homeostat.execute.engines.ray.order import Order
from homeostat.execute.engines.ray.sync import Piece, Watched, put
from homeostat.execute.job import Event, Finished, Job, Reported
from homeostat.record.attempt import Attempt
from homeostat.record.files import make_folder
from homeostat.record.outcome import Outcome
from homeostat.workload.workload import Workload

SCRATCH = "homeostat-station-"
"""Begins the name of the folder that a station works in; its process id follows."""
PATIENCE_S = 1.0
"""A call comes back after so long, whether there is news or not."""
GATHER_S = 0.02
"""Reports that follow each other this closely come home together."""


@dataclass
class Batch:
    """What a station has to tell, in order, and the files that belong to it."""

    messages: list[News | Ended | WorkerTrouble] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)

    @property
    def is_last(self) -> bool:
        return bool(self.messages) and not isinstance(self.messages[-1], News)


class Actor:
    """Made on a node by Ray; called by one driver, one call at a time."""

    def __init__(self) -> None:
        self._engine = Local(1)
        _clear_after_the_dead()
        self._scratch = Path(tempfile.mkdtemp(prefix=f"{SCRATCH}{os.getpid()}-"))
        self._pulse: Iterator[Event | None] = iter(())
        self._asking: Job | None = None
        self._known: dict[tuple[str, str | None], Workload] = {}
        self._watched: Watched | None = None

    def process(self) -> int:
        """The process id, for people and tests."""
        return os.getpid()

    def begin(self, order: Order) -> Batch:
        """Start an attempt; the same as `go_on` from there."""
        if self._watched is not None:
            self._watched.close()
        self._folder = self._scratch / "attempt"
        shutil.rmtree(self._folder, ignore_errors=True)
        make_folder(self._folder)
        put(self._folder, order.home)
        self._watched = Watched(self._folder)
        task = replace(order.task, job=order.task.job | {"folder": self._folder})
        try:
            job = replace(task, reference=self._reference(order)).unpack(self._known)
        except HomeostatError as error:
            return Batch([Ended(_could_not_load(task, error))])
        self._engine.submit(job)
        self._pulse = self._engine.pulse()
        return self.go_on()

    def go_on(self, answer: bool | None = None, *, stop: bool = False) -> Batch:
        """What has happened since; at a rung, with the word whether to go on.

        Args:
            stop: Ends the attempt between two steps, with a snapshot.
        """
        if stop:
            self._engine.stop()
        if self._asking is not None:
            self._engine.answer(self._asking, answer is not False)
            self._asking = None
        batch = Batch()
        try:
            self._gather(batch)
        except RecordError as error:
            batch.messages.append(WorkerTrouble(error))
        assert self._watched is not None
        batch.pieces = self._watched.rest() if batch.is_last else self._watched.growth()
        return batch

    def _gather(self, batch: Batch) -> None:
        until = time.monotonic() + PATIENCE_S
        for event in self._pulse:
            if isinstance(event, Finished):
                batch.messages.append(Ended(event.attempt))
                return
            if isinstance(event, Reported):
                report = event.report
                batch.messages.append(
                    News(report.step, report.metrics, event.asks, event.repeated, 0.0)
                )
                if event.asks:
                    self._asking = event.job
                    return
                until = min(until, time.monotonic() + GATHER_S)
            if time.monotonic() > until:
                return

    def _reference(self, order: Order) -> str:
        """Where the workload is on this node: where it was, or where we put its file."""
        path, colon, name = order.task.reference.rpartition(":")
        if not colon or not path.endswith(".py"):
            path, name = order.task.reference, ""
        if not order.sources or Path(path).is_file():
            return order.task.reference
        folder = self._scratch / f"workload-{order.task.code}"
        put(folder, [Piece(name, data) for name, data in order.sources.items()])
        here = str(folder / Path(path).name)
        return f"{here}:{name}" if name else here

    def close(self) -> None:
        """End the worker and leave nothing behind."""
        self._engine.close()
        shutil.rmtree(self._scratch, ignore_errors=True)


def _clear_after_the_dead() -> None:
    """Remove what killed stations left on this node."""
    for folder in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*-*"):
        pid = folder.name.removeprefix(SCRATCH).partition("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _could_not_load(task: Task, error: HomeostatError) -> Attempt:
    return Attempt(
        folder=task.job["folder"],
        seed=task.job["seed"],
        budget=task.job["budget"],
        outcome=Outcome.FAILED,
        reason=str(error),
    )
