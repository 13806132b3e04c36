"""What a probe found: one verdict, a check for each finding, and what was tried."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from homeostat.inspect.probe.experiments import Experiment
from homeostat.inspect.probe.verdict import Candidate, LearningVerdict, candidates, verdict_of
from homeostat.record.check import Check


@dataclass(frozen=True)
class ProbeResult:
    """Everything one probe found, in the order of the checks."""

    workload: str
    checks: tuple[Check, ...]
    seconds: float
    steps: int
    """Length of the short runs."""
    experiments: tuple[Experiment, ...] = ()
    """What was tried to settle why it does not learn."""

    @cached_property
    def verdict(self) -> LearningVerdict:
        """Whether the network learns."""
        return verdict_of(self.checks)

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """Faults and warnings as possible causes, by weight of evidence."""
        return tuple(candidates(self.checks, self.experiments))

    @property
    def cures(self) -> tuple[Experiment, ...]:
        """Changes under which it learns."""
        return tuple(e for e in self.experiments if e.outcome == "cures")

    @property
    def faults(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.status == "fault")

    @property
    def warnings(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.status == "warning")

    @property
    def ok(self) -> bool:
        """Whether there is no fault; warnings do not count."""
        return not self.faults

    def to_json(self) -> dict[str, Any]:
        return {
            "workload": self.workload,
            "ok": self.ok,
            "verdict": self.verdict.to_json(),
            "steps": self.steps,
            "seconds": round(self.seconds, 3),
            "candidates": [candidate.to_json() for candidate in self.candidates],
            "experiments": [experiment.to_json() for experiment in self.experiments],
            "checks": [check.to_json() for check in self.checks],
        }
