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

from homeostat.record.curves import FILE as CURVES
from homeostat.record.curves import Curves, read_curves
from homeostat.record.files import read_json, write_json
from homeostat.record.hold import holds, is_held
from homeostat.record.liveness import is_alive, owner, silence
from homeostat.record.outcome import Outcome

FILE = "attempt.json"
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
    violation: Violation | None = None
    last_reports: tuple[Mapping[str, float], ...] = ()
    """The last healthy reports before a divergence, `step` among their metrics."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Facts the workload left in `trial.extra`."""
    notes: tuple[str, ...] = ()
    """Sentences worth reading: where it was resumed, why there is no snapshot."""

    @property
    def curves(self) -> Curves:
        """What it reported, read from disk."""
        return read_curves(self.folder / CURVES)

    @property
    def log(self) -> str:
        """What it printed, and its traceback."""
        path = self.folder / LOG
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def write_attempt(attempt: Attempt) -> None:
    """Write attempt.json, by rename."""
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
    if attempt.violation is not None:
        document["violation"] = vars(attempt.violation)
        document["last_reports"] = attempt.last_reports
    if attempt.extra:
        document["extra"] = attempt.extra
    if attempt.notes:
        document["notes"] = attempt.notes
    document |= owner() | {"held": holds(attempt.folder)}
    write_json(f"{attempt.folder}/{FILE}", document)


def read_attempt(folder: Path) -> Attempt | None:
    """Read attempt.json; None when the seed was never started.

    An attempt whose process died reads as interrupted, whatever it wrote last.
    """
    path = folder / FILE
    if not path.exists():
        return None
    record = read_json(path)
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
        violation=Violation(**violation | {"value": float(violation["value"])})
        if violation
        else None,
        last_reports=tuple(_floats(row) for row in record.get("last_reports", ())),
        extra=record.get("extra", {}),
        notes=tuple(record.get("notes", ())),
    )
    if attempt.outcome is not Outcome.RUNNING:
        return attempt
    alive = is_alive(record, silence(path.stat().st_mtime), is_held(folder))
    return _while_running(attempt, alive)


def _while_running(attempt: Attempt, alive: bool) -> Attempt:
    """An attempt that has not said how it ended: its curves know more than its summary."""
    rows = attempt.curves.rows
    last_step = rows[-1][0] if rows else None
    attempt = replace(attempt, last_step=last_step, num_reports=len(rows))
    if alive:
        return attempt
    return replace(attempt, outcome=Outcome.INTERRUPTED, reason="its process is gone")


def _floats(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}
