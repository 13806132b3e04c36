"""The bench: runs arms on seeds, once each, and remembers what came out."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from homeostat.errors import WorkloadError
from homeostat.execute.job import Engine, Finished, Job
from homeostat.record.attempt import Attempt
from homeostat.record.files import make_folder, remove_leftovers
from homeostat.record.outcome import Outcome
from homeostat.record.schema import Kind, read_line, sealed_line
from homeostat.space import Config
from homeostat.workload.workload import Workload

_RESULT = {"value": float, "outcome": Outcome, "curves": str, "seconds": float}
KIND = Kind("values", {"key": str, **_RESULT})


@dataclass(frozen=True, eq=False)
class Arm:
    """A configuration with the steps it is given."""

    name: str
    config: Config
    budget: int

    @property
    def key(self) -> str:
        """The same for arms that would run the same."""
        return f"{self.config.digest}_{self.budget}"


@dataclass(frozen=True)
class ArmResult:
    """What one arm did on one seed."""

    value: float
    """The metric in the last report that has it; nan where the run did not complete."""
    outcome: str
    curves: str
    """A digest of everything it reported."""
    seconds: float


class Bench:
    """Measures arms, and keeps every measurement in a file, so that interrupted work can go on.

    Args:
        workload: What is run.
        metric: What is read off the end of each run.
        folder: Where runs and `values.jsonl` go.
        engine: Makes the attempts.
        device: Where they train.
    """

    def __init__(
        self, workload: Workload, metric: str, folder: Path, engine: Engine, *, device: str = "cpu"
    ) -> None:
        self.workload = workload
        self.metric = metric
        self.folder = folder
        self.interrupted = False
        self._engine = engine
        self._device = device
        # A measurement belongs to the code that made it.
        self._code = workload.code_digest or "none"
        make_folder(folder)
        remove_leftovers(folder)
        self._file = folder / "values.jsonl"
        self._known = self._read()

    def has(self, arm: Arm, seed: int) -> bool:
        """Whether it has been measured."""
        return self._key(arm, seed) in self._known

    def __call__(self, arm: Arm, seed: int) -> ArmResult:
        """A measurement that has been made."""
        return self._known[self._key(arm, seed)]

    def measure(
        self, wanted: Iterable[tuple[Arm, int]], *, each: Callable[[Arm, int], None] | None = None
    ) -> bool:
        """Run what has not been measured yet; False if it was interrupted.

        Raises:
            WorkloadError: If a run failed with an exception: no claim can be judged by it.
        """
        missing = {self._key(arm, seed): (arm, seed) for arm, seed in wanted}
        running: dict[Job, tuple[Arm, int]] = {}
        for key, (arm, seed) in missing.items():
            if key not in self._known:
                job = self._job(arm, seed)
                running[job] = (arm, seed)
                self._engine.submit(job)
        if not running:
            return True
        for event in self._engine.events():
            if isinstance(event, Finished):
                self._keep(*running[event.job], event.attempt)
                if each is not None:
                    each(*running[event.job])
        self.interrupted = self.interrupted or not all(
            self.has(arm, seed) for arm, seed in running.values()
        )
        return not self.interrupted

    def _job(self, arm: Arm, seed: int) -> Job:
        return Job(
            workload=self.workload,
            config=arm.config,
            seed=seed,
            budget=arm.budget,
            folder=self.folder / "runs" / arm.key / f"seed_{seed}",
            device=self._device,
            snapshot_s=math.inf,
        )

    def _keep(self, arm: Arm, seed: int, attempt: Attempt) -> None:
        if attempt.outcome is Outcome.INTERRUPTED:
            return
        if attempt.outcome is Outcome.FAILED:
            raise WorkloadError(f"{arm.name}, seed {seed}: {attempt.reason}.")
        curves = attempt.curves
        rows = json.dumps(curves.rows, sort_keys=True).encode()
        reported = [row[self.metric] for _, row in curves.rows if self.metric in row]
        finite = [value for value in reported if not math.isnan(value)]
        completed = attempt.outcome is Outcome.COMPLETED
        if completed and not finite:
            raise WorkloadError(
                f"{self.workload.name} never reported {self.metric!r} ({arm.name}, seed {seed}).",
                hint=f"It reports: {', '.join(curves.metrics)}.",
            )
        measured = ArmResult(
            value=finite[-1] if completed else math.nan,
            outcome=attempt.outcome.value,
            curves=hashlib.sha256(rows).hexdigest()[:16],
            seconds=attempt.wall_s,
        )
        key = self._key(arm, seed)
        self._known[key] = measured
        with self._file.open("a", encoding="utf-8") as file:
            file.write(sealed_line({"key": key, **asdict(measured)}))

    def _key(self, arm: Arm, seed: int) -> str:
        return f"{self._code} {arm.key} {self.metric} {seed}"

    def _read(self) -> dict[str, ArmResult]:
        """What is known; the run of a line that is torn or damaged is made again."""
        known = {}
        if self._file.is_file():
            text = self._file.read_text(encoding="utf-8", errors="replace")
            if text and not text.endswith("\n"):  # so that the next line starts a line
                with self._file.open("a", encoding="utf-8") as file:
                    file.write("\n")
            for line in text.splitlines():
                row = read_line(line)
                if row is not None and KIND.problem(row) is None:
                    known[row.pop("key")] = ArmResult(**{n: row[n] for n in _RESULT})
        return known
