"""One worker process as its driver sees it: started, given attempts, watched, replaced."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from multiprocessing.connection import Connection

from homeostat.execute.engines.messages import Answer, StopNow, Task
from homeostat.execute.engines.processes import MARK, how_it_died, kill_tree, memory_mb
from homeostat.execute.job import TIME_IS_UP, Job, is_late
from homeostat.execute.loop.control import memory_reason, timeout_reason
from homeostat.execute.loop.threads import VARIABLES
from homeostat.record.outcome import Outcome
from homeostat.workload.process import kill_marked

LOADING_S = 120.0
"""How much longer than its timeout an attempt may take while its workload is being loaded."""
GRACE_S = 0.5
"""A loop that looks at the clock itself gets this long to end properly."""
STOP_S = 10.0
"""After Ctrl-C a step gets this long to come to its end."""

_OWN_MEMORY_EVERY_S = 0.05
_TREE_MEMORY_EVERY_S = 1.0


class Supervised:
    """A worker process and the attempts it is making, if any."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.mark = uuid.uuid4().hex
        self._startup_log = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the worker)
        # The kernel takes the end of the *thread* that started a child for a parent's death.
        in_main = threading.current_thread() is threading.main_thread()
        arguments = [str(theirs.fileno()), str(os.getpid()), "main" if in_main else "thread"]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
                [sys.executable, "-m", "homeostat.execute.engines.worker", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=self._startup_log,
                stderr=self._startup_log,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env=os.environ | dict.fromkeys(VARIABLES, "1") | self._environment(),
            )
        self.connection = Connection(ours.detach())
        self.given: list[tuple[Job, Task]] = []
        """What it was given last, to be made side by side if it is more than one."""
        self.left: list[Job] = []
        """Those of them that have not ended."""
        self.stopping = False
        self.has_begun = False
        """Whether the job's own code runs, and not only our and the workload's loading."""
        self._given = time.monotonic()
        self._deadline = math.inf
        self._memory_checked = 0.0
        self._tree_checked = 0.0

    def _environment(self) -> dict[str, str]:
        # What this process can import, the worker can: also what was added to the path by hand.
        path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)  # noqa: PTH100
        return {MARK: self.mark, "PYTHONPATH": path}

    def give(self, given: list[tuple[Job, Task]]) -> None:
        self.given, self.left = given, [job for job, _ in given]
        self.stopping = self.has_begun = False
        self._given = time.monotonic()
        self._deadline = self._after(self._timeout_s, LOADING_S)
        with contextlib.suppress(OSError):  # a worker that is dead already is noticed as such
            self.connection.send([task for _, task in given])

    @property
    def is_group(self) -> bool:
        """Whether its attempts are made side by side."""
        return len(self.given) > 1

    @property
    def _timeout_s(self) -> float | None:
        """What its attempts may take altogether: each is charged its own share of the time."""
        limits = [job.timeout_s for job, _ in self.given if job.timeout_s is not None]
        return sum(limits) if len(limits) == len(self.given) else None

    def began(self) -> None:
        self.has_begun = True
        self._given = time.monotonic()
        self._deadline = self._after(self._timeout_s, GRACE_S)

    def spent_s(self) -> float:
        """Seconds since its attempts began."""
        return round(time.monotonic() - self._given, 6)

    def answer(self, go_on: bool, spent_s: float) -> None:
        """Let it go on from a rung; waiting for us was not its time."""
        if self._timeout_s is not None:
            self._deadline = self._after(self._timeout_s - spent_s, GRACE_S)
        with contextlib.suppress(OSError):
            self.connection.send(Answer(go_on))

    def stop(self) -> None:
        """Ask for a stop between two steps."""
        if not self.stopping:
            self.stopping = True
            self._deadline = time.monotonic() + STOP_S
            with contextlib.suppress(OSError):
                self.connection.send(StopNow())

    def _after(self, seconds: float | None, extra: float) -> float:
        if self.stopping:
            return self._deadline
        return math.inf if seconds is None else time.monotonic() + seconds + extra

    def offence(self) -> tuple[Outcome, str] | None:
        """Why its attempts have to be ended, if they have to be."""
        job = self.left[0]  # one with a memory limit is alone
        if time.monotonic() > self._deadline and not self.connection.poll():
            if self.stopping:
                return Outcome.INTERRUPTED, f"stopped by Ctrl-C, {STOP_S:g} s into a step"
            assert job.timeout_s is not None
            return Outcome.TIMEOUT, timeout_reason(job.timeout_s)
        if any(is_late(late, GRACE_S) for late in self.left) and not self.connection.poll():
            return Outcome.INTERRUPTED, TIME_IS_UP
        if job.memory_mb is not None:
            used_mb = self._memory_mb()
            if used_mb > job.memory_mb:
                return Outcome.FAILED, memory_reason(used_mb, job.memory_mb)
        return None

    def _memory_mb(self) -> float:
        """Of the process often, of its children (which takes longer to find out) now and then."""
        now = time.monotonic()
        if now - self._tree_checked > _TREE_MEMORY_EVERY_S:
            self._tree_checked = self._memory_checked = now
            return memory_mb(self._process.pid, with_children=True)
        if now - self._memory_checked > _OWN_MEMORY_EVERY_S:
            self._memory_checked = now
            return memory_mb(self._process.pid, with_children=False)
        return 0.0

    def patience_s(self) -> float:
        """How long the driver may wait before it looks at this worker again."""
        wait = 0.2
        if any(job.memory_mb is not None for job in self.left):
            wait = _OWN_MEMORY_EVERY_S
        return max(0.0, min(wait, self._deadline - time.monotonic()))

    def is_bloated(self, limit_mb: float | None) -> bool:
        """Whether it holds so much memory between attempts that the next would suffer for it."""
        if limit_mb is None:
            return False
        return memory_mb(self._process.pid, with_children=False) > limit_mb / 2

    def how_it_died(self) -> str:
        """Why the pipe is closed: the exit code, and the last thing it said outside of a job."""
        try:
            code: int | None = self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            code = None
        self._startup_log.seek(0)
        lines = self._startup_log.read().decode(errors="replace").strip().splitlines()
        said = f": {lines[-1]}" if lines and code != 0 else ""
        return how_it_died(code) + said

    @property
    def was_killed(self) -> bool:
        """Whether the process is gone because somebody or the system killed it."""
        return self._process.poll() == -signal.SIGKILL

    def dismiss(self) -> None:
        """Let an idle worker go: it leaves when the pipe closes."""
        self.connection.close()
        try:
            self._process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            self.kill()
        self._startup_log.close()

    def kill(self) -> None:
        """End it now, and whatever it started."""
        if self._process.poll() is None:
            kill_tree(self._process.pid, self.mark)
            self._process.wait()
        else:  # its number may be somebody else's by now
            kill_marked(MARK, self.mark)
        self.connection.close()
        self._startup_log.close()
