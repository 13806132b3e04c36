"""What is left of an attempt whose process is gone: its record, finished in its place."""

from __future__ import annotations

import contextlib

from homeostat.errors import RecordError
from homeostat.execute.job import Job
from homeostat.execute.loop import guard
from homeostat.record.attempt import Attempt, write_attempt
from homeostat.record.curves import FILE as CURVES
from homeostat.record.curves import read_curves
from homeostat.record.files import make_folder
from homeostat.record.outcome import Outcome
from homeostat.workload.report import Report


def lost(job: Job, outcome: Outcome, reason: str, wall_s: float) -> Attempt:
    """Finish the record of an attempt whose process is gone, from the curves it left."""
    rows = read_curves(job.folder / CURVES, good_part=True).rows
    last: dict[str, float] = {}
    for step, values in rows:
        if guard.check(Report(step, **values), job.workload.bounds) is None:
            last.update(values)
    attempt = Attempt(
        folder=job.folder,
        seed=job.seed,
        budget=job.budget,
        outcome=outcome,
        reason=reason,
        values={name: last[name] for name in job.workload.objectives if name in last},
        last_step=rows[-1][0] if rows else None,
        num_reports=len(rows),
        wall_s=wall_s,
    )
    with contextlib.suppress(RecordError):  # a full disk may be what ended it
        make_folder(job.folder)
        write_attempt(attempt)
    return attempt
