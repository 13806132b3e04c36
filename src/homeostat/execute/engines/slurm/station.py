"""A station: a SLURM job that makes one attempt after the other, for as long as its driver wants.

It calls its driver back over the network, and has the local engine with a single worker process, so
that time, memory and death are supervised on its node as they are here. Attempts' folders are on
the file system that a cluster's nodes share, so nothing is copied.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge

from homeostat.errors import HomeostatError, RecordError
from homeostat.execute.engines.local import Local
from homeostat.execute.engines.messages import Answer, Ended, News, StopNow, Task, WorkerTrouble
from homeostat.execute.engines.worker import could_not_load
from homeostat.execute.job import Finished, Job, Reported
from homeostat.record.attempt import Attempt
from homeostat.workload.workload import Workload

DIAL_S = 10.0


@dataclass(frozen=True)
class Joined:
    """A station is ready for attempts."""

    number: int


def serve(number: int, hosts: Sequence[str], port: int, key: bytes, path: Sequence[str]) -> None:
    """Make attempts until the driver hangs up; this is what a SLURM job runs.

    Args:
        number: Of the station, as its driver counts.
        hosts: Names and addresses of the driver's machine, to be tried in turn.
        port: Where it listens.
        key: The secret by which both know each other.
        path: What the driver can import, the station can.

    Raises:
        OSError: If the driver cannot be reached.
    """
    sys.path.extend(entry for entry in path if entry not in sys.path)
    engine = Local(1)
    with _dial(hosts, port) as connection:
        answer_challenge(connection, key)
        deliver_challenge(connection, key)
        connection.send(Joined(number))
        known: dict[tuple[str, str | None], Workload] = {}
        try:
            while True:
                message = connection.recv()
                if isinstance(message, Task):
                    _make(message, engine, connection, known)
        except (EOFError, OSError):  # the driver has hung up, or is gone
            pass
        finally:
            engine.close()


def _dial(hosts: Sequence[str], port: int) -> Connection:
    refusals = []
    for host in hosts:
        try:
            line = socket.create_connection((host, port), timeout=DIAL_S)
        except OSError as error:
            refusals.append(f"{host}: {error}")
            continue
        line.settimeout(None)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return Connection(line.detach())
    raise OSError(f"cannot reach the driver at port {port} ({'; '.join(refusals)})")


def _make(
    task: Task, engine: Local, connection: Connection, known: dict[tuple[str, str | None], Workload]
) -> None:
    """One attempt, told to the driver as it goes."""
    try:
        job = task.unpack(known)
    except HomeostatError as error:
        connection.send(Ended(could_not_load(task, error)))
        return
    engine.submit(job)
    attempt: Attempt | None = None
    try:
        for event in engine.pulse():
            if isinstance(event, Finished):
                attempt = event.attempt
            elif isinstance(event, Reported):
                report = event.report
                connection.send(News(report.step, report.metrics, event.asks, event.repeated, 0.0))
                if event.asks:
                    _hear_answer(job, engine, connection)
            if connection.poll():  # a stop, or the end of the line
                _hear(connection.recv(), job, engine)
    except RecordError as error:
        connection.send(WorkerTrouble(error))
        return
    # Last of all: the driver's next word is another task.
    assert attempt is not None, "every job finishes"
    connection.send(Ended(attempt))


def _hear_answer(job: Job, engine: Local, connection: Connection) -> None:
    while not _hear(connection.recv(), job, engine):
        pass


def _hear(message: Answer | StopNow, job: Job, engine: Local) -> bool:
    """Pass the driver's word on; whether it was the decision at a rung."""
    if isinstance(message, Answer):
        engine.answer(job, message.go_on)
        return True
    engine.stop()
    return False
