"""Replay: the same attempt once more, from its start or from a state, with somebody watching."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homeostat.execute.loop.drive import Ending, Observer, pull
from homeostat.execute.loop.isolation import Isolation, install
from homeostat.own_time import own_time
from homeostat.record.outcome import Outcome
from homeostat.space import Config
from homeostat.workload.trial import SnapshotDoesNotFit, Trial
from homeostat.workload.workload import Workload


@dataclass(frozen=True)
class Case:
    """What is examined: a configuration of a workload with one seed, and where to begin."""

    workload: Workload
    config: Config
    seed: int
    budget: int
    device: str = "cpu"
    state: dict[str, Any] | None = field(default=None, repr=False)
    """A snapshot ({"trial": ..., "process": ...}) to begin from; the start when None."""

    @property
    def first_step(self) -> int:
        """The first step a replay does."""
        return int(self.state["trial"]["step"]) if self.state is not None else 0


@dataclass(frozen=True)
class Replay:
    """How a replay went."""

    ending: Ending
    trial: Trial
    wall_s: float
    timed_out: bool = False


def replay(
    case: Case,
    observers: Sequence[Observer] = (),
    *,
    until: int | None = None,
    stop: Callable[[], bool] = lambda: False,
    seconds: float = float("inf"),
) -> Replay:
    """Run the case with observers, as an engine would, leaving nothing behind.

    Args:
        until: The last step to do; all of the budget unless given.
        stop: Asked after every report: whether enough has been seen.
        seconds: When to give up.
    """
    began = own_time()
    timed_out = False
    isolation = Isolation(case.seed, device=case.device, loop=case.workload.loop)
    with tempfile.TemporaryDirectory(prefix="homeostat_replay_") as folder:
        trial = Trial(
            case.config,
            seed=case.seed,
            budget=case.budget,
            folder=Path(folder),
            device=case.device,
        )
        trial.close = True
        if case.state is not None:
            # Copied: a trial takes parts of the state it is given as its own.
            state = copy.deepcopy(case.state)
            trial.resume_from(state["trial"], lambda: install(state["process"]))
        ending = Ending()
        isolation.enter()
        reports = pull(case.workload, trial, observers=observers, ending=ending)
        try:
            for report in reports:
                timed_out = own_time() - began > seconds
                if timed_out or stop() or (until is not None and report.step >= until):
                    break
        except SnapshotDoesNotFit as error:
            ending.end(Outcome.FAILED, f"the state does not fit: {error}")
        finally:
            reports.close()
            isolation.leave()
    if ending.outcome in (Outcome.RUNNING, Outcome.INTERRUPTED):
        ending.end(Outcome.PRUNED, "seen enough")
    return Replay(ending, trial, own_time() - began, timed_out)
