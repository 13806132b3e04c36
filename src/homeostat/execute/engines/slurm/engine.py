"""The SLURM engine: attempts in jobs of a cluster, driven from a machine that can submit them.

A station (a SLURM job) calls this process back and is given one attempt after the other. Attempts
write their own folders, on the file system that the nodes share with this machine; reports and
decisions at rungs go over the network. A station that ends, because its time is up, its node is
gone or somebody cancelled it, costs a retry in another one, from the attempt's last snapshot.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge, wait
from typing import Any

from homeostat.errors import RecordError
from homeostat.execute.engines.messages import Answer, Ended, News, StopNow, WorkerTrouble, pack
from homeostat.execute.engines.orphans import lost
from homeostat.execute.engines.slurm.cluster import Jobs, Request
from homeostat.execute.engines.slurm.station import Joined, serve
from homeostat.execute.fate import Again, End, Fate, Loss
from homeostat.execute.interrupt import Interruptible
from homeostat.execute.job import Event, Finished, Job, Reported, is_late, not_started
from homeostat.record.outcome import Outcome
from homeostat.workload.report import Report

WAIT_S = 0.2
LOOK_S = 2.0
"""How often the driver looks whether a job that has not called has ended."""
HANDSHAKE_S = 5


@dataclass(eq=False)
class Station:
    """A station as its driver sees it."""

    number: int
    connection: Connection
    job: Job | None = None
    """What it makes."""
    has_begun: bool = False
    told_to_stop: bool = False
    started: float = 0.0

    def spent_s(self) -> float:
        return round(time.monotonic() - self.started, 6)


class Slurm(Interruptible):
    """Makes up to `jobs` attempts at a time, each in a SLURM job.

    Args:
        jobs: Attempts at a time; as many as SLURM lets run.
        options: The fields of `Request`.

    Raises:
        MissingExtraError: If submitit is not installed.
        RecordError: If this machine cannot submit to SLURM.
    """

    def __init__(self, jobs: int = 1, **options: Any) -> None:
        super().__init__()
        self.slots = max(1, jobs)
        self._request = Request(**options)
        self._jobs = Jobs(self._request)
        self._key = secrets.token_bytes(32)
        place = "127.0.0.1" if self._request.is_local else ""
        self._server = socket.create_server((place, 0), backlog=128)
        self._waiting: deque[Job] = deque()
        self._resumed: set[Job] = set()
        """Jobs that lost a station: they go on from their snapshot."""
        self._answers: dict[Job, bool] = {}
        self._fate = Fate()
        self._count = 0
        self._expected: list[int] = []
        """Stations that were submitted and have not called yet."""
        self._stations: list[Station] = []
        self._looked = time.monotonic()

    def submit(self, job: Job) -> None:
        """Queue a job.

        Raises:
            WorkloadError: If the workload cannot be loaded by another process.
        """
        pack(job)
        self._waiting.append(job)

    def answer(self, job: Job, go_on: bool) -> None:
        self._answers[job] = go_on

    @property
    def _busy(self) -> list[Station]:
        return [station for station in self._stations if station.job is not None]

    def events(self) -> Iterator[Event]:
        while self._waiting or self._busy:
            if self.stopping:
                yield from self._stop()
            yield from self._late()
            self._assign()
            for ready in wait([self._server, *(s.connection for s in self._stations)], WAIT_S):
                if ready is self._server:
                    self._admit()
                    continue
                [station] = [s for s in self._stations if s.connection is ready]
                yield from self._listen(station)
            self._look()

    def _stop(self) -> Iterator[Event]:
        """Have the attempts in progress stop, and give back what was not started."""
        for station in self._busy:
            if not station.told_to_stop:
                station.told_to_stop = True
                with contextlib.suppress(OSError):
                    station.connection.send(StopNow())
        while self._waiting:
            yield self._given_back(self._waiting.popleft())

    def _late(self) -> Iterator[Event]:
        """Give back what waits, and whose time is up."""
        for job in [job for job in self._waiting if is_late(job)]:
            self._waiting.remove(job)
            yield self._given_back(job)

    def _given_back(self, job: Job) -> Finished:
        if job in self._resumed:
            return Finished(job, lost(job, Outcome.INTERRUPTED, "stopped by Ctrl-C", 0.0))
        return Finished(job, not_started(job))

    def _assign(self) -> None:
        """Give what waits to stations that rest, and submit as many more as are needed."""
        for station in self._stations:
            if station.job is None and self._waiting:
                self._give(station, self._waiting.popleft())
        wanted = min(self.slots, len(self._busy) + len(self._waiting))
        for _ in range(len(self._stations) + len(self._expected), wanted):
            self._count += 1
            port = self._server.getsockname()[1]
            place = (self._request.hosts, port, self._key, list(sys.path))
            self._jobs.submit(self._count, serve, *place)
            self._expected.append(self._count)

    def _give(self, station: Station, job: Job) -> None:
        task = pack(job)
        if job in self._resumed:
            task = replace(task, job=task.job | {"resume": True})
        station.job, station.started, station.has_begun = job, time.monotonic(), False
        with contextlib.suppress(OSError):  # one that is gone is noticed as such
            station.connection.send(task)

    def _admit(self) -> None:
        """Let a station in that knows the key; whoever else calls is not heard."""
        line, _ = self._server.accept()
        line.setblocking(True)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        patience = struct.pack("ll", HANDSHAKE_S, 0)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            line.setsockopt(socket.SOL_SOCKET, option, patience)
        connection = Connection(line.detach())
        try:
            deliver_challenge(connection, self._key)
            answer_challenge(connection, self._key)
            joined: Joined = connection.recv()
        except (AuthenticationError, EOFError, OSError):
            connection.close()
            return
        with socket.socket(fileno=connection.fileno()) as line:
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                line.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", 0, 0))
            line.detach()
        self._expected.remove(joined.number)
        self._stations.append(Station(joined.number, connection))

    def _look(self) -> None:
        """Whether stations that have not called are still to come.

        Raises:
            RecordError: If a job ended without having called.
        """
        if not self._expected or time.monotonic() - self._looked < LOOK_S:
            return
        self._looked = time.monotonic()
        reason = self._jobs.why_not(self._expected)
        if reason is not None:
            raise RecordError(reason, hint=f"The logs of the jobs:  ls {self._jobs.logs}")

    def _listen(self, station: Station) -> Iterator[Event]:
        try:
            message = station.connection.recv()
        except (EOFError, OSError):
            yield from self._lose(station)
            return
        job = station.job
        assert job is not None, "a station that rests says nothing"
        station.has_begun = True
        if isinstance(message, News):
            self._answers.pop(job, None)  # an answer too late for the last rung
            report = Report(message.step, **message.metrics)
            yield Reported(job, report, message.asks, message.repeated)
            if message.asks:
                with contextlib.suppress(OSError):
                    station.connection.send(Answer(self._answers.pop(job, True)))
        elif isinstance(message, Ended):
            station.job = None
            self._fate.forget(job)
            yield Finished(job, message.attempt)
        elif isinstance(message, WorkerTrouble):
            station.job = None
            raise message.error

    def _lose(self, station: Station) -> Iterator[Event]:
        """A station has ended: what it made goes on in another, unless that happens too often."""
        self._stations.remove(station)
        station.connection.close()
        job = station.job
        if job is None:
            return
        reason = f"{self._jobs.name(station.number)} ended"
        loss = Loss(reason=reason, killed=True, begun=station.has_begun, stopping=self.stopping)
        decision = self._fate.lost([job], loss)[job]
        if isinstance(decision, Again):
            self._resumed.add(job)
            self._waiting.appendleft(job)
            return
        yield self._ended(job, decision, station.spent_s())

    def _ended(self, job: Job, decision: End, wall_s: float) -> Finished:
        self._fate.forget(job)
        return Finished(job, lost(job, decision.outcome, decision.reason, wall_s))

    def close(self) -> None:
        """Hang up: stations end by themselves. Attempts in progress are recorded as interrupted."""
        self._waiting.clear()
        self._server.close()
        for station in self._stations:
            station.connection.close()
        self._jobs.close()
        for station in self._busy:
            assert station.job is not None
            end = End(Outcome.INTERRUPTED, "its driver was closed")
            self._ended(station.job, end, station.spent_s())
        self._stations.clear()
