"""A worker process: makes one attempt after another for a driver at the other end of a pipe.

Started as  python -m homeostat.execute.worker DESCRIPTOR DRIVER_PID main|thread  with its threads
limited by the environment. A thread reads the pipe, so that a stop is heard while a step runs and
the driver's death ends the worker at once.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import io
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

import psutil

from homeostat.errors import HomeostatError, RecordError
from homeostat.execute.attempt import attempt
from homeostat.execute.control import Control
from homeostat.execute.isolation import Isolation
from homeostat.execute.job import Job
from homeostat.execute.messages import Answer, Began, Ended, News, StopNow, Task, Trouble
from homeostat.execute.processes import MARK, end_with_parent, kill_children, kill_marked
from homeostat.execute.recorder import clear
from homeostat.record.attempt import LOG, Attempt, write_attempt
from homeostat.record.files import cannot_write, make_folder
from homeostat.record.outcome import Outcome
from homeostat.workload.workload import Workload

PARENT_WATCH_S = 2.0


class Worker:
    """Serves a driver until it hangs up."""

    def __init__(self, connection: Connection, driver: int) -> None:
        self._connection = connection
        self._driver = driver
        self._tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._stop_asked = False
        self._known: dict[tuple[str, str | None], Workload] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def serve(self) -> None:
        while True:
            task = self._tasks.get()
            try:
                self._connection.send(self._make(task))
            except RecordError as error:
                self._connection.send(Trouble(error))

    def _listen(self) -> None:
        """Sort what the driver says; when it is gone, be gone."""
        while True:
            try:
                # Its end of the pipe stays open if a process it forked still holds it.
                while not self._connection.poll(PARENT_WATCH_S):
                    if os.getppid() != self._driver:
                        _vanish()
                message = self._connection.recv()
            except (EOFError, OSError):
                _vanish()
            if isinstance(message, Task):
                self._stop_asked = False
                self._tasks.put(message)
            elif isinstance(message, Answer):
                self._answers.put(message)
            elif isinstance(message, StopNow):
                self._stop_asked = True

    def _make(self, task: Task) -> Ended:
        if not task.job["resume"]:
            clear(task.job["folder"])
        with _printing_to(task.job["folder"]):
            try:
                job = task.unpack(self._known)
            except HomeostatError as error:
                return Ended(_could_not_load(task, error))
            self._connection.send(Began())
            finished = self._attempt(job)
        if job.memory_mb is not None:
            gc.collect()  # what one attempt leaves behind would count against the next
        return Ended(finished)

    def _attempt(self, job: Job) -> Attempt:
        control = Control(
            timeout_s=job.timeout_s,
            memory_mb=job.memory_mb,
            stop_asked=lambda: self._stop_asked,
        )
        reports = attempt(job, control, Isolation(job.seed, device=job.device))
        go_on: bool | None = None
        while True:
            try:
                reported = reports.send(go_on)
            except StopIteration as end:
                finished: Attempt = end.value
                return finished
            report = reported.report
            self._connection.send(
                News(
                    report.step,
                    report.metrics,
                    reported.asks,
                    reported.repeated,
                    control.spent_s,
                )
            )
            go_on = self._wait_for_answer(control) if reported.asks else None

    def _wait_for_answer(self, control: Control) -> bool:
        asked = time.perf_counter()
        answer = self._answers.get()
        control.waited(time.perf_counter() - asked)
        return answer.go_on


def _vanish() -> NoReturn:
    """End at once, with everything that was started from here."""
    kill_children(psutil.Process())
    kill_marked(os.environ[MARK])
    os._exit(1)


def _could_not_load(task: Task, error: HomeostatError) -> Attempt:
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


@contextlib.contextmanager
def _printing_to(folder: Path) -> Iterator[None]:
    """Send everything printed, by libraries in C too, to the attempt's log."""
    make_folder(folder)
    path = folder / LOG
    try:
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise cannot_write(path, error) from error
    before = [os.dup(number) for number in (1, 2)]
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        for number, descriptor in zip((1, 2), before, strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)
        with contextlib.suppress(OSError):
            if path.stat().st_size == 0:
                path.unlink()


def main() -> None:
    descriptor, driver = int(sys.argv[1]), int(sys.argv[2])
    # Ctrl-C is the driver's to hear. Unlike SIG_IGN a handler is not handed on to child processes.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    if sys.argv[3] == "main":
        end_with_parent(driver)
    faulthandler.enable()
    for stream in (sys.stdout, sys.stderr):
        assert isinstance(stream, io.TextIOWrapper)
        # What a crash finds in a buffer is lost.
        stream.reconfigure(line_buffering=True, errors="backslashreplace")
    Worker(Connection(descriptor), driver).serve()


if __name__ == "__main__":
    main()
