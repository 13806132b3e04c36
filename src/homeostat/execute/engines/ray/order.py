"""Orders: an attempt packed for a node that may share no disk with its driver."""

from __future__ import annotations

from dataclasses import dataclass, replace

from homeostat.execute.engines.messages import Task
from homeostat.execute.engines.ray.sync import Piece, everything
from homeostat.execute.job import Job

SOURCES_MB = 10.0
"""A workload's file travels with its neighbours if they are no larger than this together."""


@dataclass(frozen=True)
class Order:
    """An attempt to make, with everything it needs."""

    task: Task
    home: list[Piece]
    """What the attempt's folder held, if it is gone on with."""
    sources: dict[str, bytes]
    """The workload's file and its neighbours, by name; used where the file is not on this node."""


def order(job: Job, task: Task, *, resume: bool) -> Order:
    """Pack a job as it stands now."""
    return Order(
        task=replace(task, job=task.job | {"resume": resume}),
        home=everything(job.folder) if resume else [],
        sources=sources(job),
    )


def sources(job: Job) -> dict[str, bytes]:
    """The workload's own file and those beside it.

    A workload that is part of a package has to be installed on the nodes.
    """
    source = job.workload.source
    if source is None or source.with_name("__init__.py").is_file():
        return {}
    # A command's script may be called anything; what a Python file may import is Python.
    kind = "*.py" if source.suffix == ".py" else "*"
    beside = [path for path in source.parent.glob(kind) if path != source and path.is_file()]
    if sum(path.stat().st_size for path in beside) > SOURCES_MB * 2**20:
        beside = []
    return {path.name: path.read_bytes() for path in (source, *sorted(beside))}
