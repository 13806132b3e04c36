"""Pending run: one configuration over its seeds, from jobs to a run record.

A folder that an earlier process left is continued: seeds that have ended stay as they are, others
resume from their snapshots.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeostat.errors import RecordError
from homeostat.execute.job import SNAPSHOT_S, Job
from homeostat.record.attempt import Attempt, read_attempt, write_attempt
from homeostat.record.files import make_folder
from homeostat.record.outcome import Outcome
from homeostat.record.run_writer import RunWriter, start_run
from homeostat.record.runs import RunRecord
from homeostat.space import Config
from homeostat.workload.workload import Workload

PATIENCE_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What every attempt of a search may use."""

    timeout_s: float | None = None
    memory_mb: float | None = None
    until_s: float | None = None
    """When the time for all of them is up, in seconds since 1970."""
    device: str = "cpu"
    snapshot_s: float = SNAPSHOT_S


class PendingRun:
    """A run that is being made.

    run.jobs            what is left to do
    run.ready()         which of that may be done now
    run.take(attempt)   True when that was the last
    run.skip("why")     the rest need not be done
    run.finish()        the run
    """

    def __init__(
        self,
        workload: Workload,
        config: Config,
        *,
        seeds: Sequence[int],
        budget: int,
        folder: Path,
        limits: Limits,
        resumed: bool = False,
        rungs: frozenset[int] = frozenset(),
        in_turn: bool = False,
        again: Collection[Outcome] = (),
        more: Mapping[str, Any],
    ) -> None:
        """
        Args:
            resumed: Whether the folder may hold a part of the run already.
            rungs: At which steps an attempt asks whether to go on.
            in_turn: Whether a seed waits for the one before it.
            again: Attempts that ended so are gone on with; the others stay as they ended.
            more: Facts for the run's record.
        """
        kept = {name: getattr(limits, name) for name in ("device", "timeout_s", "memory_mb")}
        self._writer: RunWriter = start_run(
            workload,
            config,
            seeds=seeds,
            budget=budget,
            folder=folder,
            more={"limits": kept, **more},
        )
        folders = {seed: self._writer.seed_folder(seed) for seed in seeds}
        found = [_at_rest(folder) for folder in folders.values()] if resumed else []
        self._attempts = [
            a for a in found if a is not None and a.outcome.final and a.outcome not in again
        ]
        ended = {attempt.seed for attempt in self._attempts}
        self.jobs = [
            Job(
                workload=workload,
                config=config,
                seed=seed,
                budget=budget,
                folder=folders[seed],
                rungs=rungs,
                timeout_s=limits.timeout_s,
                until_s=limits.until_s,
                memory_mb=limits.memory_mb,
                device=limits.device,
                snapshot_s=limits.snapshot_s,
                resume=resumed,
            )
            for seed in seeds
            if seed not in ended
        ]
        self._left = len(self.jobs)
        self._waiting = list(self.jobs)
        self._in_turn = in_turn

    @property
    def attempts(self) -> Sequence[Attempt]:
        """Those that have ended."""
        return self._attempts

    @property
    def waits(self) -> bool:
        """Whether there are jobs that `ready` has not given yet."""
        return bool(self._waiting)

    def ready(self) -> list[Job]:
        """The jobs to do next; each is given once."""
        count = 1 if self._in_turn else len(self._waiting)
        ready, self._waiting = self._waiting[:count], self._waiting[count:]
        return ready

    def take(self, attempt: Attempt) -> bool:
        """Add an attempt that has ended; True if it was the last."""
        self._attempts.append(attempt)
        self._left -= 1
        return self._left == 0

    def skip(self, reason: str) -> None:
        """Record that the jobs still waiting are left out: stopped before they began."""
        for job in self._waiting:
            make_folder(job.folder)
            skipped = Attempt(
                folder=job.folder,
                seed=job.seed,
                budget=job.budget,
                outcome=Outcome.PRUNED,
                reason=reason,
            )
            write_attempt(skipped)
            self._attempts.append(skipped)
        self._waiting = []

    def finish(self) -> RunRecord:
        """Write how the run ended."""
        return self._writer.finish(self._attempts)

    def abandon(self, reason: str) -> None:
        """Write that it was interrupted."""
        self._writer.abandon(reason)


def _at_rest(folder: Path) -> Attempt | None:
    """What is known of an attempt, once no process writes to it any more.

    A worker whose driver was killed lives until it notices, for a moment.

    Raises:
        RecordError: If somebody still does.
    """
    given_up = time.monotonic() + PATIENCE_S
    while True:
        attempt = read_attempt(folder)
        if attempt is None or attempt.outcome is not Outcome.RUNNING:
            return attempt
        if time.monotonic() > given_up:
            raise RecordError(f"Another process is writing {folder}.", hint="Stop it first.")
        time.sleep(0.02)
