"""One attempt at training one configuration with one seed, as it is kept on disk.

seed_42/                held by the process that runs it, see record/hold.py
seed_42/attempt.json    who runs it, how it ended; its modification time is the heartbeat
seed_42/curves.csv      what it reported
seed_42/log.txt         what it printed, and the traceback of what it raised
seed_42/snapshot.npz    where it can continue
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from homeostat.errors import RecordError
from homeostat.record.curves import FILE as CURVES
from homeostat.record.curves import Curves, read_curves
from homeostat.record.hold import holds, is_held
from homeostat.record.liveness import is_alive, owner, silence
from homeostat.record.outcome import Outcome
from homeostat.record.schema import Kind
from homeostat.record.sums import Sums, add_up, fits

FILE = "attempt.json"
KIND = Kind(
    "attempt",
    {
        "outcome": Outcome, "reason": str, "seed": int, "budget": int, "last_step": int | None,
        "num_reports": int, "values": dict[str, float], "wall_s": float,
    },
    {
        "violation": {"step": int, "metric": str, "value": float, "bound": str},
        "last_reports": list[dict[str, float]], "extra": dict, "notes": list[str],
        "files": dict[str, list[int]], "first_s": float,
    },
)  # fmt: skip
LOG = "log.txt"
SNAPSHOT = "snapshot.npz"


@dataclass(frozen=True)
class Violation:
    """A metric out of its bound: where, which, what it was, what it had to be."""

    step: int
    metric: str
    value: float
    bound: str

    def __str__(self) -> str:
        return f"{self.metric} was {self.value:g} at step {self.step}; it {self.bound}"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """How one seed of one configuration went."""

    folder: Path
    seed: int
    budget: int
    outcome: Outcome
    reason: str = ""
    """One line; empty when it completed."""
    values: Mapping[str, float] = field(default_factory=dict)
    """Each objective in the last healthy report that has it."""
    last_step: int | None = None
    """The step of the last report."""
    num_reports: int = 0
    wall_s: float = 0.0
    first_s: float = 0.0
    """Seconds until its first report; 0 where that is not known."""
    violation: Violation | None = None
    last_reports: tuple[Mapping[str, float], ...] = ()
    """The last healthy reports before a divergence, `step` among their metrics."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Facts the workload left in `trial.extra`."""
    notes: tuple[str, ...] = ()
    """Sentences worth reading: where it was resumed, why there is no snapshot."""
    files: Sums = field(default_factory=dict, compare=False, repr=False)
    """What the files beside it were when it ended, as read from disk."""

    @property
    def curves(self) -> Curves:
        """What it reported, read from disk.

        Raises:
            RecordError: If the file cannot be read, or is not as it was when the attempt ended.
        """
        return read_curves(self.folder / CURVES, self.files.get(CURVES))

    @property
    def log(self) -> str:
        """What it printed, and its traceback; a damaged one says so in its first line."""
        path = self.folder / LOG
        data = path.read_bytes() if path.exists() else b""
        text = data.decode("utf-8", "replace")
        # What a library prints at the end of the process comes after the end of the attempt.
        whole = fits(data, self.files.get(LOG), grows=True)
        return text if whole else f"[{LOG} is not as it was written: damaged]\n{text}"


def write_attempt(attempt: Attempt) -> None:
    """Write attempt.json, by rename; of an attempt that has ended, with what its files are."""
    document: dict[str, Any] = {
        "outcome": attempt.outcome.value,
        "reason": attempt.reason,
        "seed": attempt.seed,
        "budget": attempt.budget,
        "last_step": attempt.last_step,
        "num_reports": attempt.num_reports,
        "values": attempt.values,
        "wall_s": attempt.wall_s,
    }
    if attempt.first_s:
        document["first_s"] = attempt.first_s
    if attempt.violation is not None:
        document["violation"] = vars(attempt.violation)
        document["last_reports"] = attempt.last_reports
    if attempt.extra:
        document["extra"] = attempt.extra
    if attempt.notes:
        document["notes"] = attempt.notes
    if attempt.outcome is not Outcome.RUNNING:
        document["files"] = add_up(attempt.folder, (CURVES, LOG))
    document |= owner() | {"held": holds(attempt.folder)}
    KIND.write(f"{attempt.folder}/{FILE}", document)


def read_attempt(folder: Path) -> Attempt | None:
    """Read attempt.json; None when the seed was never started.

    An attempt whose process died reads as interrupted, whatever it wrote last; one whose file
    cannot be read as damaged, with the reason, so that the others of its run can be.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        return _read(folder, path)
    except RecordError as error:
        number = folder.name.rpartition("_")[2]
        return Attempt(
            folder=folder,
            seed=int(number) if number.isdecimal() else 0,
            budget=0,
            outcome=Outcome.DAMAGED,
            reason=str(error),
        )


def _read(folder: Path, path: Path) -> Attempt:
    record = KIND.read(path)
    violation = record.get("violation")
    attempt = Attempt(
        folder=folder,
        seed=int(record["seed"]),
        budget=int(record["budget"]),
        outcome=Outcome(record["outcome"]),
        reason=str(record["reason"]),
        values=_floats(record["values"]),
        last_step=record["last_step"],
        num_reports=int(record["num_reports"]),
        wall_s=float(record["wall_s"]),
        first_s=float(record.get("first_s", 0.0)),
        violation=_violation(violation) if violation else None,
        last_reports=tuple(_floats(row) for row in record.get("last_reports", ())),
        extra=record.get("extra", {}),
        notes=tuple(record.get("notes", ())),
        # Who sets the checksum to null has changed something on purpose, here or in those files.
        files=record.get("files", {}) if record.get("crc32") else {},
    )
    if attempt.outcome is not Outcome.RUNNING:
        return attempt
    alive = is_alive(record, silence(path.stat().st_mtime), is_held(folder))
    return _while_running(attempt, alive)


def _while_running(attempt: Attempt, alive: bool) -> Attempt:
    """An attempt that has not said how it ended: its curves know more than its summary."""
    rows = read_curves(attempt.folder / CURVES, good_part=True).rows
    last_step = rows[-1][0] if rows else None
    attempt = replace(attempt, last_step=last_step, num_reports=len(rows))
    if alive:
        return attempt
    return replace(attempt, outcome=Outcome.INTERRUPTED, reason="its process is gone")


def _violation(facts: Mapping[str, Any]) -> Violation:
    return Violation(facts["step"], facts["metric"], float(facts["value"]), facts["bound"])


def _floats(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}
