"""The Ray engine: attempts on the nodes of a cluster, driven from here.

A station (an actor that supervises one worker process) sits on each slot. The driver asks it for
news, writes what comes into the attempt's folder at home, and decides at rungs. A station that is
lost, with its worker or its whole node, costs a retry elsewhere, from the last snapshot that came
home; the reports that were heard already are repeated, as after any resume.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from homeostat.errors import RecordError
from homeostat.execute.engines.messages import Ended, News, Task, WorkerTrouble, pack
from homeostat.execute.engines.orphans import lost
from homeostat.execute.engines.ray import cluster
from homeostat.execute.engines.ray.actor import Actor, Batch
from homeostat.execute.engines.ray.cluster import Share
from homeostat.execute.engines.ray.order import order
from homeostat.execute.engines.ray.sync import put
from homeostat.execute.fate import Again, Fate, Loss
from homeostat.execute.interrupt import Interruptible
from homeostat.execute.job import Event, Finished, Job, Reported, is_late, not_started
from homeostat.execute.loop.recorder import HEARTBEAT_S, clear
from homeostat.record.attempt import FILE, Attempt, write_attempt
from homeostat.record.curves import FILE as CURVES
from homeostat.record.curves import read_curves
from homeostat.record.files import make_folder
from homeostat.record.hold import Hold
from homeostat.record.outcome import Outcome
from homeostat.workload.report import Report

WAIT_S = 0.2
LOOK_S = 5.0
"""How often the driver looks whether nodes have come or gone, and whether the head answers."""
CLEAR_UP_S = 5.0
"""A station gets so long to remove its files when it is no longer needed."""


@dataclass(eq=False)
class Work:
    """A job, and what became of it so far."""

    job: Job
    task: Task
    resume: bool
    heard: int = -1
    """The last step that was told: what is reported again up to there is a repetition."""
    starts: int = 0
    """How often it was given to a station."""
    hold: Hold | None = None
    """The lock on its folder at home, from when it is first given until it has ended."""

    def begin(self) -> None:
        """Hold its folder here, where its files come home to.

        Raises:
            RecordError: If another process is writing it.
        """
        if self.hold is not None:
            return
        folder = self.job.folder
        make_folder(folder)
        self.hold = Hold(folder)
        if not self.job.resume:
            clear(folder)
        rows = read_curves(folder / CURVES, good_part=True).rows
        self.heard = rows[-1][0] if rows else -1

    def end(self, attempt: Attempt) -> Finished:
        """Its record is written: let its folder go."""
        if self.hold is not None:
            self.hold.release()
        return Finished(self.job, attempt)


@dataclass(eq=False)
class Placed:
    """A station as its driver sees it."""

    actor: Any
    work: Work | None = None
    call: Any = None
    """The call that is under way."""
    sat_down: bool = False
    """Whether it was heard of: Ray may not have found room for it yet."""
    has_begun: bool = False
    """Whether it was heard of since it was given its work."""
    started: float = 0.0
    beaten: float = 0.0


class Ray(Interruptible):
    """Makes up to `jobs` attempts at a time on a Ray cluster."""

    def __init__(
        self,
        jobs: int = 1,
        *,
        address: str | None = None,
        cpus: float = 1.0,
        gpus: float | None = None,
    ) -> None:
        """
        Args:
            jobs: Attempts at a time; fewer where the cluster has not the room.
            address: Of the cluster; see `cluster.connect`.
            cpus, gpus: What each attempt takes of a node.

        Raises:
            MissingExtraError: If Ray is not installed.
            RecordError: If there is no cluster at the address.
        """
        super().__init__()
        self._share = Share(cpus=cpus, gpus=gpus)
        cluster.connect(address)
        self.slots = max(1, jobs)
        self._waiting: deque[Work] = deque()
        self._answers: dict[Job, bool] = {}
        self._busy: list[Placed] = []
        self._idle: list[Placed] = []
        self._fate = Fate()
        self._room: int | None = None
        self._looked = -math.inf
        self._knocked = time.monotonic()
        self._has_head = True

    def submit(self, job: Job) -> None:
        """Queue a job.

        Raises:
            WorkloadError: If the workload cannot be loaded by another process.
        """
        self._waiting.append(Work(job, pack(job), resume=job.resume))

    def answer(self, job: Job, go_on: bool) -> None:
        self._answers[job] = go_on

    def events(self) -> Iterator[Event]:
        while self._waiting or self._busy:
            if self.stopping:
                yield from self._stop()
            self._look_for_head()
            yield from self._late()
            self._assign()
            for placed in self._ready():
                yield from self._listen(placed)

    def _look_for_head(self) -> None:
        """See now and then whether the head is there.

        Raises:
            RecordError: If it is not, twice in a row.
        """
        if time.monotonic() - self._knocked < LOOK_S:
            return
        self._knocked = time.monotonic()
        answered, self._has_head = self._has_head, cluster.head_answers()
        if not (answered or self._has_head):
            raise RecordError(
                "The head of the Ray cluster is gone.",
                hint="Start it again and go on; what was reported until then is kept.",
            )

    # Jobs to stations

    def _stop(self) -> Iterator[Event]:
        """Give back what was not started; what runs hears of it with its next call."""
        for placed in [p for p in self._busy if not p.sat_down]:
            assert placed.work is not None
            self._dismiss(placed)
            yield placed.work.end(_interrupted(placed.work.job))
        while self._waiting:
            work = self._waiting.popleft()
            begun = work.starts > 0
            yield work.end(_interrupted(work.job) if begun else not_started(work.job))

    def _late(self) -> Iterator[Event]:
        """Give back what waits, and whose time is up; what runs stops by itself."""
        for work in [work for work in self._waiting if is_late(work.job)]:
            self._waiting.remove(work)
            yield work.end(_interrupted(work.job) if work.starts > 0 else not_started(work.job))

    def _assign(self) -> None:
        while self._waiting and len(self._busy) < self.slots:
            if not self._idle and not self._has_room(self._waiting[0].job.device):
                return
            work = self._waiting.popleft()
            placed = self._idle.pop() if self._idle else self._place(work.job.device)
            self._give(placed, work)

    def _has_room(self, device: str) -> bool:
        """Whether another station fits on the nodes that live.

        Raises:
            RecordError: If none has ever fitted.
        """
        if time.monotonic() - self._looked > LOOK_S:
            self._looked = time.monotonic()
            before, self._room = self._room, cluster.capacity(self._share, device)
            if self._room == 0 and before is None:
                wanted = self._share.on(device)
                raise RecordError(
                    f"No node of the Ray cluster has {wanted['num_cpus']:g} CPUs and "
                    f"{wanted['num_gpus']:g} GPUs for an attempt.",
                    hint="See:  ray status   and ask for less with --cpus and --gpus",
                )
            if self._room == 0 and before:
                sys.stderr.write("The Ray cluster has no node left for this; waiting for one.\n")
        return len(self._busy) < (self._room or 0)

    def _place(self, device: str) -> Placed:
        import ray

        options = self._share.on(device) | {"max_restarts": 0}
        return Placed(ray.remote(Actor).options(**options).remote())

    def _give(self, placed: Placed, work: Work) -> None:
        work.begin()
        packed = order(work.job, work.task, resume=work.resume)
        write_attempt(_running(work.job))
        placed.work, placed.started, placed.has_begun = work, time.monotonic(), False
        work.starts += 1
        placed.call = placed.actor.begin.remote(packed)
        self._busy.append(placed)

    def _release(self, placed: Placed) -> None:
        """A station without work: for a job that still waits for a place, or kept."""
        self._busy.remove(placed)
        placed.work = placed.call = None
        seatless = next((p for p in self._busy if not p.sat_down), None)
        if seatless is None or self._waiting:
            self._idle.append(placed)
            return
        assert seatless.work is not None
        work = seatless.work
        self._dismiss(seatless)
        self._give(placed, work)

    def _dismiss(self, placed: Placed) -> None:
        """End a station, wherever it is."""
        import ray

        if placed in self._busy:
            self._busy.remove(placed)
        if not self._has_head:  # a call would wait for it
            return
        with contextlib.suppress(ray.exceptions.RayError):
            ray.kill(placed.actor)

    # News from stations

    def _ready(self) -> list[Placed]:
        import ray

        calls = {placed.call: placed for placed in self._busy}
        if not calls:
            time.sleep(WAIT_S)
            return []
        ready, _ = ray.wait(list(calls), num_returns=1, timeout=WAIT_S)
        if ready:  # and whatever else there is by now
            ready, _ = ray.wait(list(calls), num_returns=len(calls), timeout=0)
        return [calls[call] for call in ready]

    def _listen(self, placed: Placed) -> Iterator[Event]:
        import ray

        work = placed.work
        assert work is not None
        try:
            batch: Batch = ray.get(placed.call)
        except ray.exceptions.RayError as error:
            yield from self._lose(placed, work, error)
            return
        placed.sat_down = placed.has_begun = True
        put(work.job.folder, batch.pieces)
        self._beat(placed, work.job)
        answer: bool | None = None
        for message in batch.messages:
            if isinstance(message, News):
                self._answers.pop(work.job, None)  # an answer too late for the last rung
                report = Report(message.step, **message.metrics)
                repeated = report.step <= work.heard
                work.heard = max(work.heard, report.step)
                yield Reported(work.job, report, message.asks, repeated)
                if message.asks:
                    answer = self._answers.pop(work.job, True)
            elif isinstance(message, Ended):
                self._release(placed)
                yield work.end(_at_home(message.attempt, work, self._fate.losses(work)))
            elif isinstance(message, WorkerTrouble):
                self._dismiss(placed)
                reason = message.error.message
                work.end(lost(work.job, Outcome.INTERRUPTED, reason, self._spent_s(placed)))
                raise message.error
        if not batch.is_last:
            placed.call = placed.actor.go_on.remote(answer, stop=self.stopping)

    def _lose(self, placed: Placed, work: Work, error: Exception) -> Iterator[Event]:
        """A station is gone: its job goes on elsewhere, unless it was lost too often."""
        self._dismiss(placed)
        self._looked = -math.inf
        while self._idle:  # those on the same node are gone as well, and others are soon made
            self._dismiss(self._idle.pop())
        place = "its place in the Ray cluster was lost"
        loss = Loss(reason=place, killed=True, begun=placed.has_begun, stopping=self.stopping)
        decision = self._fate.lost([work], loss)[work]
        if isinstance(decision, Again):
            work.resume = True
            self._waiting.appendleft(work)
            return
        times = _times(max(self._fate.losses(work), 1))
        reason = f"{place} {times}: {_why(error)}"
        yield work.end(lost(work.job, decision.outcome, reason, self._spent_s(placed)))

    def _beat(self, placed: Placed, job: Job) -> None:
        """A sign of life at home, for other machines."""
        now = time.monotonic()
        if now - placed.beaten > HEARTBEAT_S:
            placed.beaten = now
            with contextlib.suppress(OSError):
                os.utime(job.folder / FILE)

    def _spent_s(self, placed: Placed) -> float:
        return round(time.monotonic() - placed.started, 6)

    def close(self) -> None:
        """End every station. Attempts in progress are recorded as interrupted."""
        while self._waiting:
            work = self._waiting.popleft()
            if work.hold is not None:
                work.end(lost(work.job, Outcome.INTERRUPTED, "its driver was closed", 0.0))
        for placed in list(self._busy):
            assert placed.work is not None
            self._dismiss(placed)
            work = placed.work
            work.end(lost(work.job, Outcome.INTERRUPTED, "its driver was closed", 0.0))
        self._clear_up()
        while self._idle:
            self._dismiss(self._idle.pop())

    def _clear_up(self) -> None:
        """Have the stations that rest remove what they wrote on their nodes."""
        import ray

        if not self._has_head:
            return
        calls = [placed.actor.close.remote() for placed in self._idle]
        if calls:
            ray.wait(calls, num_returns=len(calls), timeout=CLEAR_UP_S)


def _running(job: Job) -> Attempt:
    return Attempt(folder=job.folder, seed=job.seed, budget=job.budget, outcome=Outcome.RUNNING)


def _interrupted(job: Job) -> Attempt:
    return lost(job, Outcome.INTERRUPTED, "stopped by Ctrl-C", 0.0)


def _at_home(attempt: Attempt, work: Work, losses: int) -> Attempt:
    """Its record, written here."""
    notes = attempt.notes
    if losses:
        notes += (f"Its place in the Ray cluster was lost {_times(losses)}; it went on elsewhere.",)
    attempt = replace(attempt, folder=work.job.folder, notes=notes)
    write_attempt(attempt)
    return attempt


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _why(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__
