"""Snapshots while training: every so many seconds, never more than 3 % of the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from homeostat.errors import RecordError
from homeostat.execute.job import Job
from homeostat.execute.loop import isolation
from homeostat.record.attempt import SNAPSHOT
from homeostat.record.fingerprint import config_digest
from homeostat.record.snapshot import read_snapshot, write_snapshot
from homeostat.workload.trial import Trial

MAX_SHARE = 0.03


class Snapshots:
    """Takes a trial's state between two steps, when one is due or asked for."""

    def __init__(self, job: Job, trial: Trial, reports: Callable[[], int]) -> None:
        """`reports` tells how many reports are on disk."""
        self._job = job
        self._reports = reports
        self._trial = trial
        self._path = job.folder / SNAPSHOT
        self._due = time.perf_counter() + job.snapshot_s
        self.trouble = ""
        """A sentence when this trial's state cannot be saved."""

    def between(self, next_step: int) -> None:
        """Called between two steps; costs a look at the clock unless a snapshot is due."""
        if next_step >= self._trial.budget:
            due = self._job.keep_last
        else:
            due = time.perf_counter() > self._due
        if due:
            self.take(next_step)

    def take(self, next_step: int) -> None:
        """Write the state from which `next_step` is done."""
        if self.trouble:
            return
        before = time.perf_counter()
        try:
            write_snapshot(self._path, self._state(next_step))
        except RecordError as error:
            self.trouble = f"No snapshot: {error}"
        now = time.perf_counter()
        self._due = now + max(self._job.snapshot_s, (now - before) / MAX_SHARE)

    def _state(self, next_step: int) -> dict[str, Any]:
        return {
            "config": config_digest(self._job.config),
            "seed": self._job.seed,
            "workload": self._job.workload.name,
            "reports": self._reports(),
            "trial": self._trial.state(next_step),
            "process": isolation.capture(),
        }


def load(job: Job, reports: int) -> tuple[dict[str, Any] | None, str]:
    """The state to resume a job from, or None; and a sentence about it, if there is one to say.

    Args:
        job: The job.
        reports: How many of its reports are on disk.
    """
    path = job.folder / SNAPSHOT
    if not job.resume or not path.exists():
        return None, ""
    try:
        state = read_snapshot(path)
        belongs = (
            state["config"] == config_digest(job.config)
            and state["seed"] == job.seed
            and state["workload"] == job.workload.name
        )
        step, reported = int(state["trial"]["step"]), int(state.get("reports", 0))
    except (RecordError, AttributeError, KeyError, TypeError, ValueError) as error:
        return None, f"Started from the beginning: the snapshot cannot be read ({error})."
    if not belongs:
        return None, "Started from the beginning: the snapshot is of another configuration."
    if reported > reports:
        return None, (
            f"Started from the beginning: {reports} reports are left of the {reported} that the "
            "snapshot comes after."
        )
    return state, f"Resumed from the snapshot before step {step}."
