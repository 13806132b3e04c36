"""Runs: one configuration over its seeds, as read from its folder.

results/mlp_20250131_120000/
    run.json           what was run, on what, how it ended; replaced by rename
    seed_42/           an attempt: see record/attempt.py
    seed_123/
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from homeostat.errors import RecordError, did_you_mean
from homeostat.record.attempt import Attempt, read_attempt
from homeostat.record.curves import Curves
from homeostat.record.hold import is_held
from homeostat.record.liveness import is_alive, silence
from homeostat.record.outcome import Outcome, combined
from homeostat.record.reference import found_again
from homeostat.record.schema import Kind, objectives, seeds
from homeostat.wording import as_html

FILE = "run.json"
LIMITS = {"device": str, "timeout_s": float | None, "memory_mb": float | None}
KIND = Kind(
    "run",
    {
        "outcome": Outcome, "workload": str, "objectives": objectives, "config": dict,
        "given": dict, "adjustments": list[str], "seeds": seeds, "budget": int, "unit": str,
        "fingerprint": dict,
    },
    {
        "reason": str, "value": float | None, "sd": float | None, "source": str, "started": str,
        "elapsed_s": float, "values": dict[str, float], "reference": str | None, "near": str | None,
        "limits": LIMITS, "mixed": list[str],
    },
)  # fmt: skip


def seed_folder(run: Path, seed: int) -> Path:
    """Where a seed's attempt is kept."""
    return run / f"seed_{seed}"


@dataclass(frozen=True)
class RunRecord:
    """One configuration over its seeds.

    run.outcome              completed, or the most pressing outcome of its seeds
    run.mean, run.sd         of the main metric over the completed seeds
    run.values("val_loss")   {42: 0.31, 123: 0.29}
    run.curves()[42]         what seed 42 reported

    Example:
        >>> import homeostat as hs
        >>> space = hs.Space(lr=hs.Float(0.01, 1.0, log=True), unused=hs.Float(0.0, 1.0))
        >>> @hs.workload(space=space, metric="loss", goal="minimize", budget=5)
        ... def valley(config, trial):
        ...     x = 1.0
        ...     for step in trial.steps():
        ...         x -= config.lr * x
        ...         yield hs.Report(step, loss=x * x)
        >>> record = hs.run(valley, {"lr": 0.5})
        >>> record.metric, record.seeds, len(record.curves()[42])
        ('loss', (42,), 5)
    """

    folder: Path
    facts: Mapping[str, Any]
    """Everything in run.json."""
    attempts: tuple[Attempt, ...]
    """Those that were started, in the order of the seeds."""
    alive: bool = False
    """Whether the process that makes it still runs."""

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @property
    def workload(self) -> str:
        """The name of its workload."""
        return str(self.facts["workload"])

    @property
    def config(self) -> dict[str, Any]:
        """Every parameter's value."""
        return dict(self.facts["config"])

    @property
    def given(self) -> dict[str, Any]:
        """What was set explicitly."""
        return dict(self.facts["given"])

    @property
    def adjustments(self) -> tuple[str, ...]:
        """What rules and formulas changed, as sentences."""
        return tuple(self.facts["adjustments"])

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds it was to train with, in order."""
        return tuple(self.facts["seeds"])

    @property
    def budget(self) -> int:
        """Steps of each attempt, in `unit`."""
        return int(self.facts["budget"])

    @property
    def unit(self) -> str:
        """What a step is, such as "step" or "epoch"."""
        return str(self.facts["unit"])

    @property
    def objectives(self) -> dict[str, str]:
        """Metric -> "minimize" or "maximize"; the first is the main one."""
        return dict(self.facts["objectives"])

    @property
    def metric(self) -> str:
        """The main objective."""
        return next(iter(self.objectives))

    @property
    def goal(self) -> str:
        """ "minimize" or "maximize", for the main objective."""
        return self.objectives[self.metric]

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What the result depends on: code, configuration, versions, machine."""
        return dict(self.facts["fingerprint"])

    @property
    def reference(self) -> str | None:
        """Where its workload is, as far as that can be told; None of one made in a notebook."""
        kept = self.facts.get("reference")
        return found_again(kept, self.facts.get("near"), self.folder) if kept else None

    @property
    def wall_s(self) -> float:
        """Seconds of training, all seeds together."""
        return sum(attempt.wall_s for attempt in self.attempts)

    @property
    def outcome(self) -> Outcome:
        """How its attempts ended, in one word: the most pressing of theirs."""
        words = [attempt.outcome for attempt in self.attempts]
        if len(words) < len(self.seeds):
            words.append(Outcome.RUNNING if self.alive else Outcome.INTERRUPTED)
        return combined(words)

    @property
    def reason(self) -> str:
        """Why the attempt that decides the outcome ended."""
        outcome = self.outcome
        return next((a.reason for a in self.attempts if a.outcome is outcome), "")

    def values(self, metric: str | None = None) -> dict[int, float]:
        """The final value of a metric for each completed seed.

        A diverged seed has none: what it scored before it blew up is not a result.
        """
        metric = metric or self.metric
        if metric in self.objectives:
            done = (a for a in self.attempts if a.outcome is Outcome.COMPLETED)
            return {a.seed: a.values[metric] for a in done if metric in a.values}
        values: dict[int, float] = {}
        for attempt in self.attempts:
            if attempt.outcome is not Outcome.COMPLETED:
                continue
            last = self.curves()[attempt.seed].last(metric)
            if last is not None:
                values[attempt.seed] = last
        if not values and self.attempts:
            known = {name for curves in self.curves().values() for name in curves.metrics}
            if metric not in known:
                raise RecordError(
                    f"{self.name} has no metric {metric!r}.", hint=did_you_mean(metric, known)
                )
        return values

    @property
    def mean(self) -> float:
        """Mean of the main metric over the completed seeds; nan without any."""
        values = self.values()
        return statistics.fmean(values.values()) if values else math.nan

    @property
    def sd(self) -> float:
        """Standard deviation between seeds (n - 1); nan with fewer than two."""
        values = self.values()
        return statistics.stdev(values.values()) if len(values) > 1 else math.nan

    def curves(self) -> dict[int, Curves]:
        """Seed -> what it reported."""
        return self._curves

    @cached_property
    def _curves(self) -> dict[int, Curves]:
        return {attempt.seed: attempt.curves for attempt in self.attempts}

    def to_json(self) -> dict[str, Any]:
        """What run.json and the attempts say, as one document."""
        attempts = [
            {
                "seed": attempt.seed,
                "outcome": attempt.outcome.value,
                "reason": attempt.reason,
                "last_step": attempt.last_step,
                "values": dict(attempt.values),
                "wall_s": attempt.wall_s,
                "extra": dict(attempt.extra),
                "notes": list(attempt.notes),
            }
            for attempt in self.attempts
        ]
        summary = {"outcome": self.outcome.value, "mean": self.mean, "sd": self.sd}
        return {**self.facts, "folder": str(self.folder), **summary, "attempts": attempts}

    def _repr_html_(self) -> str:
        """What a notebook shows: how each seed ended."""
        told = [
            f"seed {a.seed}: {a.outcome}{f' ({a.reason})' if a.reason else ''}"
            + "".join(f", {name} {value:.6g}" for name, value in a.values.items())
            for a in self.attempts
        ]
        return as_html(repr(self).strip("<>"), told)

    def __repr__(self) -> str:
        spread = "" if math.isnan(self.sd) else f" ± {self.sd:.3g}"
        return (
            f"<{self.name}: {self.outcome}, {self.metric} {self.mean:.6g}{spread} "
            f"over {len(self.values())} of {len(self.seeds)} seeds>"
        )


def read_run(folder: str | Path) -> RunRecord:
    """Read a run from its folder (or from its run.json).

    Raises:
        RecordError: If there is no run, or its files cannot be read.
    """
    folder = Path(folder)
    if folder.name == FILE:
        folder = folder.parent
    path = folder / FILE
    if not path.exists():
        near = [p.parent.name for p in folder.parent.glob(f"*/{FILE}")]
        raise RecordError(f"No run in {folder}.", hint=did_you_mean(folder.name, near))
    facts = KIND.read(path)
    found = [read_attempt(seed_folder(folder, seed)) for seed in facts["seeds"]]
    running = facts.get("outcome") == Outcome.RUNNING
    alive = running and is_alive(facts, silence(path.stat().st_mtime), is_held(folder))
    return RunRecord(folder, facts, tuple(a for a in found if a is not None), alive)
