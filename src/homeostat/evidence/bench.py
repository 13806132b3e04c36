"""The bench: what arms measure on seeds, each run once."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from homeostat.errors import WorkloadError
from homeostat.execute.job import Engine
from homeostat.execute.measure import Limits, PendingRun, ahead_of, work_through
from homeostat.record.attempt import Attempt, read_attempt
from homeostat.record.files import make_folder, remove_leftovers
from homeostat.record.outcome import Outcome
from homeostat.record.runs import FILE as RUN
from homeostat.record.runs import RunRecord, read_run, seed_folder
from homeostat.space import Config
from homeostat.workload.load import reference_or_none
from homeostat.workload.workload import Workload


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
    """Measures arms on seeds. A measurement is a run's attempt: what is on disk is not made again.

    Args:
        workload: What is run.
        metric: What is read off the end of each run.
        folder: Where the runs go.
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
        self._limits = Limits(device=device, snapshot_s=math.inf)
        self._known: dict[tuple[str, int], ArmResult] = {}
        make_folder(folder)
        # A run that was killed at its very end has all that is measured, and is not opened again.
        for place in (folder, *folder.glob("runs/*")):
            remove_leftovers(place)

    def has(self, arm: Arm, seed: int) -> bool:
        """Whether it has been measured."""
        return self._result(arm, seed) is not None

    def __call__(self, arm: Arm, seed: int) -> ArmResult:
        """A measurement that has been made."""
        result = self._result(arm, seed)
        if result is None:
            raise KeyError((arm.name, seed))
        return result

    def measure(self, wanted: Iterable[tuple[Arm, int]]) -> bool:
        """Run what has not been measured yet; False if it was interrupted.

        Raises:
            WorkloadError: If a run failed with an exception: no claim can be judged by it.
        """
        arms: dict[str, Arm] = {}
        seeds: dict[str, list[int]] = {}
        for arm, seed in wanted:
            if not self.has(arm, seed) and seed not in seeds.setdefault(arm.key, []):
                arms[arm.key] = arm
                seeds[arm.key].append(seed)
        planned = list(arms.values())
        runs = ((i, self._pending(arm, seeds[arm.key])) for i, arm in enumerate(planned))

        def done(index: int, record: RunRecord) -> None:
            for attempt in record.attempts:
                if attempt.outcome is Outcome.FAILED:
                    arm = planned[index].name
                    raise WorkloadError(f"{arm}, seed {attempt.seed}: {attempt.reason}.")

        work_through(self._engine, runs, done, lambda event: None, ahead_of(self.workload))
        left = any(not self.has(arm, seed) for arm in planned for seed in seeds[arm.key])
        self.interrupted = self.interrupted or left
        return not self.interrupted

    def _place(self, arm: Arm) -> Path:
        # A measurement belongs to the code that made it.
        code = self.workload.code_digest or "none"
        return self.folder / "runs" / f"{code}_{arm.key}"

    def _pending(self, arm: Arm, seeds: Sequence[int]) -> PendingRun:
        place = self._place(arm)
        resumed = (place / RUN).exists()
        before = read_run(place).seeds if resumed else ()
        return PendingRun.begin(
            self.workload, arm.config, seeds=[*before, *(s for s in seeds if s not in before)],
            budget=arm.budget, limits=self._limits, folder=place, resumed=resumed,
            again=(Outcome.FAILED,), more={"reference": reference_or_none(self.workload)},
        )  # fmt: skip

    def _result(self, arm: Arm, seed: int) -> ArmResult | None:
        key = (arm.key, seed)
        if key not in self._known:
            attempt = read_attempt(seed_folder(self._place(arm), seed))
            failed = attempt is not None and attempt.outcome is Outcome.FAILED
            if attempt is None or failed or not attempt.outcome.final:
                return None
            self._known[key] = self._read(arm, attempt)
        return self._known[key]

    def _read(self, arm: Arm, attempt: Attempt) -> ArmResult:
        curves = attempt.curves
        rows = json.dumps(curves.rows, sort_keys=True).encode()
        reported = [row[self.metric] for _, row in curves.rows if self.metric in row]
        finite = [value for value in reported if not math.isnan(value)]
        completed = attempt.outcome is Outcome.COMPLETED
        if completed and not finite:
            raise WorkloadError(
                f"{self.workload.name} never reported {self.metric!r} "
                f"({arm.name}, seed {attempt.seed}).",
                hint=f"It reports: {', '.join(curves.metrics)}.",
            )
        return ArmResult(
            value=finite[-1] if completed else math.nan,
            outcome=attempt.outcome.value,
            curves=hashlib.sha256(rows).hexdigest()[:16],
            seconds=attempt.wall_s,
        )
