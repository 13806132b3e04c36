"""Execution: one attempt through guard, record and pruning; engines; run and resume."""

from homeostat.execute.engines.table import ENGINES, make_engine
from homeostat.execute.job import Engine, Event, Finished, Job, Reported
from homeostat.execute.loop.drive import Ending, Observer, Watcher, drive
from homeostat.execute.run import resume, run

__all__ = [
    "ENGINES",
    "Ending",
    "Engine",
    "Event",
    "Finished",
    "Job",
    "Observer",
    "Reported",
    "Watcher",
    "drive",
    "make_engine",
    "resume",
    "run",
]
