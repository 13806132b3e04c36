"""Start and finish a run on disk: its folder, its name, its run.json."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeostat.errors import RecordError
from homeostat.record.attempt import Attempt, read_attempt
from homeostat.record.files import make_folder
from homeostat.record.fingerprint import fingerprint
from homeostat.record.hold import Hold
from homeostat.record.liveness import owner, stop_heartbeat
from homeostat.record.names import folder_name
from homeostat.record.outcome import Outcome
from homeostat.record.reference import near
from homeostat.record.runs import FILE, KIND, RunRecord, seed_folder

if TYPE_CHECKING:
    from homeostat.space import Config
    from homeostat.workload.workload import Workload

# The last suffix given in this process, so that the thousandth run of a second need not try 999.
_suffixes: dict[Path, int] = {}


class RunWriter:
    """A run being made. Its run.json is written at the start and replaced at the end.

    Raises:
        RecordError: If another process is making it.
    """

    def __init__(self, folder: Path, facts: dict[str, Any]) -> None:
        self.folder = folder
        self._hold = Hold(folder)
        self.facts = facts | owner() | {"held": self._hold.works}
        self._started = time.perf_counter()
        self._write(Outcome.RUNNING)

    def seed_folder(self, seed: int) -> Path:
        """Where a seed's attempt goes."""
        return seed_folder(self.folder, seed)

    def finish(self, attempts: Sequence[Attempt]) -> RunRecord:
        """Write how it ended, let it go, and return it as `read_run` would."""
        by_seed = {attempt.seed: _as_on_disk(attempt) for attempt in attempts}
        made = (by_seed.get(seed) for seed in self.facts["seeds"])
        record = RunRecord(self.folder, self.facts, tuple(a for a in made if a is not None))
        self.facts |= {
            "reason": record.reason,
            "value": _known(record.mean),
            "sd": _known(record.sd),
            "values": record.values(),
            "elapsed_s": round(time.perf_counter() - self._started, 6),
        }
        try:
            self._write(record.outcome)
        finally:
            self._hold.release()
        return record

    def abandon(self, reason: str) -> None:
        """Write that it was interrupted, if the disk lets us: it may be what went wrong."""
        self.facts["reason"] = reason
        try:
            self._write(Outcome.INTERRUPTED)
        except RecordError:
            stop_heartbeat(self.folder / FILE)
        finally:
            self._hold.release()

    def _write(self, outcome: Outcome) -> None:
        self.facts["outcome"] = outcome.value
        KIND.write(f"{self.folder}/{FILE}", self.facts)


def _as_on_disk(attempt: Attempt) -> Attempt | None:
    """An attempt interrupted before its turn wrote nothing: an earlier part on disk counts."""
    interrupted = attempt.outcome is Outcome.INTERRUPTED
    return read_attempt(attempt.folder) if interrupted else attempt


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def start_run(
    workload: Workload,
    config: Config,
    *,
    seeds: Sequence[int],
    budget: int | None = None,
    folder: Path | None = None,
    results: str | Path = "results",
    name: str | None = None,
    more: Mapping[str, Any] | None = None,
) -> RunWriter:
    """Make a run's folder and write its run.json.

    Args:
        folder: Exactly this one (a trial of a study); otherwise a new one in `results`, named
            after `name` or the workload and the time of day.
        more: Facts to add to run.json, such as how to go on with it.

    Raises:
        RecordError: If the folder cannot be written.
    """
    if folder is None:
        folder = new_folder(Path(results), name or workload.name)
    else:
        make_folder(folder)
    reference = (more or {}).get("reference")
    facts: dict[str, Any] = {
        "outcome": Outcome.RUNNING.value,
        "reason": "",
        "value": None,
        "sd": None,
        "workload": workload.name,
        "objectives": dict(workload.objectives),
        "config": dict(config),
        "given": config.given,
        "adjustments": config.adjustments,
        "source": config.source,
        "seeds": list(seeds),
        "budget": workload.budget if budget is None else budget,
        "unit": workload.unit,
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "elapsed_s": 0.0,
        "fingerprint": fingerprint(workload.code, workload.source, config),
        "near": near(reference, folder.absolute()) if reference else None,
        **(more or {}),
    }
    return RunWriter(folder.absolute(), facts)


def new_folder(results: Path, name: str) -> Path:
    """Create NAME_YYYYMMDD_HHMMSS, with _2, _3 ... when it is taken."""
    base = results / f"{folder_name(name)}_{time.strftime('%Y%m%d_%H%M%S')}"
    number = _suffixes.get(base, 0)
    while True:
        number += 1
        folder = base if number == 1 else base.with_name(f"{base.name}_{number}")
        try:
            make_folder(folder, new=True)
        except FileExistsError:
            continue
        if base not in _suffixes:
            _suffixes.clear()  # another second: the old names will not be asked for again
        _suffixes[base] = number
        return folder
