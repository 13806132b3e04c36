"""What a probe found: a check for each finding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from homeostat.record.check import Check


@dataclass(frozen=True)
class ProbeResult:
    """Everything one probe found, in the order of the checks."""

    workload: str
    checks: tuple[Check, ...]
    seconds: float
    steps: int
    """Length of the short runs."""

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
            "steps": self.steps,
            "seconds": round(self.seconds, 3),
            "checks": [check.to_json() for check in self.checks],
        }
