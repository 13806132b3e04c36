"""Runs on disk: curves, attempts, runs, snapshots, seeds, fingerprints."""

from homeostat.record.attempt import Attempt, Violation, read_attempt
from homeostat.record.curves import Curves, read_curves
from homeostat.record.index import find_run, list_runs
from homeostat.record.outcome import Outcome
from homeostat.record.run_writer import RunWriter, start_run
from homeostat.record.runs import RunRecord, read_run

__all__ = [
    "Attempt",
    "Curves",
    "Outcome",
    "RunRecord",
    "RunWriter",
    "Violation",
    "find_run",
    "list_runs",
    "read_attempt",
    "read_curves",
    "read_run",
    "start_run",
]
