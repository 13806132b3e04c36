"""A worker process: makes attempts for a driver at the other end of a pipe.

Started as  python -m homeostat.execute.engines.worker DESCRIPTOR DRIVER_PID main|thread  with its
threads limited by the environment. A thread reads the pipe, so that a stop is heard while a step
runs and the driver's death ends the worker at once.
"""

from __future__ import annotations

import faulthandler
import gc
import io
import os
import queue
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import NoReturn

import psutil

from homeostat.errors import HomeostatError, RecordError
from homeostat.execute.engines.messages import (
    Answer,
    Began,
    Ended,
    News,
    StopNow,
    Task,
    WorkerTrouble,
)
from homeostat.execute.engines.processes import MARK, end_with_parent, kill_children
from homeostat.execute.job import Finished, Job, prepare
from homeostat.execute.loop.held_folders import HeldFolders
from homeostat.execute.loop.output_capture import OutputCapture
from homeostat.execute.loop.side_by_side import SideBySide
from homeostat.record.attempt import Attempt, write_attempt
from homeostat.record.files import make_folder
from homeostat.record.outcome import Outcome
from homeostat.workload.process import kill_marked
from homeostat.workload.workload import Workload

PARENT_WATCH_S = 2.0


class Worker:
    """Serves a driver until it hangs up."""

    def __init__(self, connection: Connection, driver: int) -> None:
        self._connection = connection
        self._driver = driver
        self._tasks: queue.SimpleQueue[list[Task]] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._stop_asked = False
        self._known: dict[tuple[str, str | None], Workload] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def serve(self) -> None:
        while True:
            tasks = self._tasks.get()
            try:
                self._make(tasks)
            except RecordError as error:
                self._connection.send(WorkerTrouble(error))

    def _listen(self) -> None:
        """Sort the driver's messages; end when the driver is gone."""
        while True:
            try:
                # Its end of the pipe stays open if a process it forked still holds it.
                while not self._connection.poll(PARENT_WATCH_S):
                    if os.getppid() != self._driver:
                        _vanish()
                message = self._connection.recv()
            except (EOFError, OSError):
                _vanish()
            if isinstance(message, list):
                self._stop_asked = False
                self._tasks.put(message)
            elif isinstance(message, Answer):
                self._answers.put(message)
            elif isinstance(message, StopNow):
                self._stop_asked = True

    def _make(self, tasks: list[Task]) -> None:
        """One attempt, or several side by side; each one's end is told when it comes."""
        claims = HeldFolders((task.job["folder"], task.job["resume"]) for task in tasks)
        try:
            ended = self._make_claimed(tasks, claims)
        finally:
            claims.close()
        if tasks[0].job["memory_mb"] is not None:
            gc.collect()  # what one attempt leaves behind would count against the next
        for message in ended:
            self._connection.send(message)

    def _make_claimed(self, tasks: list[Task], claims: HeldFolders) -> list[Ended]:
        """Make them; return what is to be told when everything is in its place."""
        with OutputCapture(task.job["folder"] for task in tasks) as printing:
            try:
                jobs = [task.unpack(self._known) for task in tasks]
            except HomeostatError as error:
                return [Ended(could_not_load(t, error), m) for m, t in enumerate(tasks)]
            prepare(jobs)
            self._connection.send(Began())
            return [self._attempts(jobs, printing, claims)]

    def _attempts(self, jobs: list[Job], printing: OutputCapture, claims: HeldFolders) -> Ended:
        """Make them; return the end of the last, to be told when everything is in its place."""
        group = SideBySide(
            jobs,
            lambda: self._stop_asked,
            on_turn=lambda job: printing.to(None if job is None else job.folder),
        )
        events, left = group.events(), len(jobs)
        go_on: bool | None = None
        while True:
            event = events.send(go_on)
            member = jobs.index(event.job)
            if isinstance(event, Finished):
                go_on, left = None, left - 1
                ended = Ended(event.attempt, member)
                if not left:
                    return ended
                claims.release(event.job.folder)
                self._connection.send(ended)
                continue
            step, metrics = event.report.step, event.report.metrics
            self._connection.send(
                News(step, metrics, event.asks, event.repeated, group.spent_s, member)
            )
            go_on = self._answers.get().go_on if event.asks else None


def _vanish() -> NoReturn:
    """End at once, with everything that was started from here."""
    kill_children(psutil.Process())
    kill_marked(MARK, os.environ[MARK])
    os._exit(1)


def could_not_load(task: Task, error: HomeostatError) -> Attempt:
    """The record of an attempt whose workload cannot be loaded here."""
    failed = Attempt(
        folder=task.job["folder"],
        seed=task.job["seed"],
        budget=task.job["budget"],
        outcome=Outcome.FAILED,
        reason=str(error),
    )
    make_folder(failed.folder)
    write_attempt(failed)
    return failed


def main() -> None:
    descriptor, driver = int(sys.argv[1]), int(sys.argv[2])
    # Ctrl-C is the driver's to hear. Unlike SIG_IGN a handler is not handed on to child processes.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    if sys.argv[3] == "main":
        end_with_parent(driver)
    faulthandler.enable()
    for stream in (sys.stdout, sys.stderr):
        assert isinstance(stream, io.TextIOWrapper)
        # A crash loses what is still in a buffer.
        stream.reconfigure(line_buffering=True, errors="backslashreplace")
    Worker(Connection(descriptor), driver).serve()


if __name__ == "__main__":
    main()
