"""Jobs and events: what an engine is given, and what it gives back."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from homeostat.record.attempt import Attempt
from homeostat.record.outcome import Outcome
from homeostat.space import Config
from homeostat.workload.report import Report
from homeostat.workload.workload import Workload

SNAPSHOT_S = 10.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """One attempt to make: a configuration, a seed, a folder of its own. Equal only to itself."""

    workload: Workload
    config: Config
    seed: int
    budget: int
    folder: Path
    device: str = "cpu"
    rungs: frozenset[int] = frozenset()
    """At the first report at or past each of these steps the driver is asked whether to go on."""
    timeout_s: float | None = None
    """None: the workload's own limit."""
    until_s: float | None = None
    """When the time of whoever asks for it is up, in seconds since 1970: it is then interrupted."""
    memory_mb: float | None = None
    resume: bool = False
    """Continue from the folder's snapshot, keep its curves; otherwise start afresh in it."""
    snapshot_s: float = SNAPSHOT_S
    """Seconds between snapshots; infinity for none but at Ctrl-C."""
    flight: bool = True
    """Whether the flight recorder runs: states from before a divergence, for the diagnosis."""
    keep_last: bool = False
    """Also take a snapshot after the last step."""

    def __post_init__(self) -> None:
        if self.timeout_s is None:
            object.__setattr__(self, "timeout_s", self.workload.timeout_s)


TIME_IS_UP = "the time for it was up"


def is_late(job: Job, grace_s: float = 0.0) -> bool:
    """Whether the time of whoever asked for a job is up."""
    return job.until_s is not None and time.time() > job.until_s + grace_s


def prepare(jobs: Iterable[Job]) -> None:
    """Let the workloads of some jobs import what they need: that is no attempt's time."""
    for job in jobs:
        if job.workload.prepare is not None:
            job.workload.prepare()


def not_started(job: Job) -> Attempt:
    """The attempt of a job that was stopped before its turn came."""
    return Attempt(
        folder=job.folder,
        seed=job.seed,
        budget=job.budget,
        outcome=Outcome.INTERRUPTED,
        reason="not started",
    )


@dataclass(frozen=True)
class Reported:
    """A report arrived and is on disk."""

    job: Job
    report: Report
    asks: bool = False
    """The attempt waits at a rung for `engine.answer(job, go_on)`."""
    repeated: bool = False
    """The attempt was resumed, and this step had been reported before."""


@dataclass(frozen=True)
class Finished:
    """An attempt ended, in whatever way."""

    job: Job
    attempt: Attempt


Event = Reported | Finished


class Engine(Protocol):
    """Makes attempts.

    submit(job) any number of times, then read events() until it ends: every job submitted, also
    in between, gets its reports in order and exactly one Finished. When `Reported.asks`, call
    answer(job, go_on) before taking the next event; without an answer the attempt goes on.
    After a first Ctrl-C the attempts in progress stop between two steps, and what was not
    started comes back interrupted as well; a second one raises KeyboardInterrupt.
    """

    slots: int
    """How many attempts it makes at the same time."""

    def submit(self, job: Job) -> None: ...
    def events(self) -> Iterator[Event]: ...
    def answer(self, job: Job, go_on: bool) -> None: ...
    def close(self) -> None: ...
    @property
    def stopping(self) -> bool:
        """True after a Ctrl-C: submit nothing more."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
