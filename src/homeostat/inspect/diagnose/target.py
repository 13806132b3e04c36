"""What is to be examined: a workload's configuration, or a recorded run with what it left."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from homeostat.errors import RecordError
from homeostat.execute.loop.state_ring import read_flight
from homeostat.execute.predict import workload_of
from homeostat.execute.rerun import diagnose_run, set_options
from homeostat.inspect.diagnose.replay import Case
from homeostat.record import Attempt, Outcome, RunRecord, read_run
from homeostat.record.attempt import SNAPSHOT
from homeostat.record.seeds import SEEDS
from homeostat.record.snapshot import read_snapshot
from homeostat.space import Config, configs
from homeostat.workload import load
from homeostat.workload.workload import Workload

State = dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """A case, and what a run of it left behind, if there was one."""

    case: Case
    states: list[State] = field(default_factory=list, repr=False)
    """States that the run left on disk, oldest first."""
    attempt: Attempt | None = None
    record: RunRecord | None = None

    @property
    def completed(self) -> bool:
        """The run completed: there is no failure to look for."""
        return self.attempt is not None and self.attempt.outcome is Outcome.COMPLETED


def find_target(
    target: Workload | RunRecord | str | Path,
    config: Config | Mapping[str, Any] | str | None,
    seed: int | None,
    budget: int | None,
    device: str,
    workload: Workload | str | Path | None = None,
) -> Subject:
    """What to examine.

    Args:
        workload: Of a recorded run; an installed one is known by its name.

    Raises:
        RecordError: If the folder is no run, or its workload has to be named.
    """
    record = _record(target)
    if record is None:
        assert not isinstance(target, RunRecord)
        named = load.find(target)
        resolved, steps = _config(named, config)
        chosen = SEEDS[0] if seed is None else seed
        return Subject(Case(named, resolved, chosen, steps if budget is None else budget, device))
    again = diagnose_run(record.folder, str(record.facts.get("reference")))
    named = workload_of(record, workload, again)
    attempt = _failed_attempt(record, seed)
    case = Case(
        named,
        named.space.resolve(record.given, source=str(record.facts.get("source", ""))),
        attempt.seed,
        record.budget if budget is None else budget,
        device,
    )
    return Subject(case, _states(attempt), attempt, record)


def target_of_run(case: Case, record: RunRecord) -> Subject:
    """The same for a run that was made just now."""
    attempt = record.attempts[0]
    return Subject(case, _states(attempt), attempt, record)


def _record(target: Workload | RunRecord | str | Path) -> RunRecord | None:
    if isinstance(target, RunRecord):
        return target
    if isinstance(target, Workload):
        return None
    path = Path(target)
    return read_run(path) if path.is_dir() or path.name == "run.json" else None


def _failed_attempt(record: RunRecord, seed: int | None) -> Attempt:
    attempts = [a for a in record.attempts if seed is None or a.seed == seed]
    if not attempts:
        known = ", ".join(str(a.seed) for a in record.attempts) or "none"
        raise RecordError(f"{record.name} has no seed {seed}; it has {known}.")
    return next((a for a in attempts if a.violation is not None), attempts[0])


def _states(attempt: Attempt) -> list[State]:
    """States that an attempt left on disk, oldest first."""
    states = read_flight(attempt.folder)
    try:
        states.append(read_snapshot(attempt.folder / SNAPSHOT))
    except RecordError:
        return states
    return sorted(states, key=lambda state: int(state["trial"]["step"]))


def _config(
    workload: Workload, config: Config | Mapping[str, Any] | str | None
) -> tuple[Config, int]:
    if isinstance(config, Config):
        return config, workload.budget
    if isinstance(config, str):
        named = configs.load(config, workload)
        return named.resolve(
            workload.space
        ), workload.budget if named.budget is None else named.budget
    return workload.space.resolve(config), workload.budget


def typed(workload: Workload, config: Config) -> str:
    """A configuration as it is typed: the named one it came from, and what was set on top."""
    given, words = dict(config.given), list[str]()
    if config.source in configs.names(workload):
        words += ["--config", config.source]
        named = configs.load(config.source, workload).parameters
        given = {k: v for k, v in given.items() if k not in named or named[k] != v}
    return shlex.join([*words, *set_options(given)])


def newest_finite(states: list[State], step: int) -> State | None:
    """The newest state before a step in which everything is still finite."""
    for state in reversed(states):
        if int(state["trial"]["step"]) <= step and _all_finite(state["trial"]["watched"]):
            return state
    return None


def _all_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_all_finite(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return all(_all_finite(item) for item in value)
    if hasattr(value, "detach"):
        value = value.detach().cpu().double().numpy() if value.is_floating_point() else 0.0
    if isinstance(value, (float, np.ndarray)):
        return bool(np.isfinite(np.asarray(value, dtype=np.float64)).all())
    return True
