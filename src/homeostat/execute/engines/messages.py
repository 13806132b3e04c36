"""The messages between the driver and a worker process, pickled through a pipe.

driver -> worker    [Task]  Answer    StopNow
worker -> driver    Began   News      Ended    WorkerTrouble
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from typing import Any

from homeostat.errors import HomeostatError, WorkloadError
from homeostat.execute.job import Job
from homeostat.record.attempt import Attempt
from homeostat.workload import load
from homeostat.workload.workload import Workload


@dataclass(frozen=True)
class Task:
    """A job, with its workload named instead of pickled: functions do not travel."""

    reference: str
    code: str | None
    settings: dict[str, Any]
    """The workload's fields that matter while it runs and may have been replaced."""
    job: dict[str, Any]

    def unpack(self, known: dict[tuple[str, str | None], Workload]) -> Job:
        """The job, with its workload loaded here; `known` keeps it for the next time."""
        key = (self.reference, self.code)
        if key not in known:
            loaded = load.find(self.reference)
            if loaded.code_digest != self.code:
                raise WorkloadError(
                    f"{loaded.source} or a module of its own was changed since this work started."
                )
            known[key] = loaded
        return Job(workload=replace(known[key], **self.settings), **self.job)


@dataclass(frozen=True)
class Answer:
    """The decision at a rung."""

    go_on: bool


@dataclass(frozen=True)
class StopNow:
    """End the attempt between two steps, with a snapshot."""


@dataclass(frozen=True)
class Began:
    """The workload is loaded and the attempts start."""


@dataclass(frozen=True)
class News:
    """A report is on disk."""

    step: int
    metrics: dict[str, float]
    asks: bool
    repeated: bool
    spent_s: float
    """Seconds used so far by all attempts that are made side by side."""
    member: int = 0
    """Which of them it is from."""


@dataclass(frozen=True)
class Ended:
    """The attempt is over."""

    attempt: Attempt
    member: int = 0


@dataclass(frozen=True)
class WorkerTrouble:
    """Something is wrong that every other attempt would meet as well, such as a full disk."""

    error: HomeostatError


def pack(job: Job) -> Task:
    """Pack a job to be sent to another process.

    Raises:
        WorkloadError: If the workload cannot be loaded by another process.
    """
    workload = job.workload
    fields = {field.name: getattr(job, field.name) for field in dataclasses.fields(job)}
    del fields["workload"]
    fields["folder"] = job.folder.absolute()
    return Task(
        reference=workload.reference,
        code=workload.code_digest,
        settings={"bounds": dict(workload.bounds), "objectives": dict(workload.objectives)},
        job=fields,
    )
