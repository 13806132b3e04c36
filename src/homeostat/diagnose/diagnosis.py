"""Diagnosis: everything that was found about a failing run, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from homeostat.diagnose.audit import OptimizerAudit
from homeostat.diagnose.confound import Confound
from homeostat.diagnose.gauges import Gauge
from homeostat.diagnose.ladder import Ladder, Rung
from homeostat.diagnose.offence import Offence
from homeostat.diagnose.precision import PrecisionTest
from homeostat.diagnose.rate import RateTest
from homeostat.record.files import plain
from homeostat.symptoms.symptoms import Finding


@dataclass(frozen=True)
class Fix:
    """What was applied, and the run that came of it."""

    changes: Mapping[str, Any]
    cures: tuple[str, ...]
    """Names of the remedies, in the order in which they were needed."""
    run: Path | None
    """The folder of the last run."""
    outcome: str
    value: float | None
    stable: bool
    """Whether every seed completed within bounds."""

    def to_json(self) -> dict[str, Any]:
        return vars(self) | {"run": str(self.run) if self.run else None}


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What failed first, what it is not, and what cures it.

    `print(diagnosis)` renders it; `to_json()` is the same for machines.
    """

    workload: str
    config: Mapping[str, Any]
    """What was set explicitly."""
    settings: str = ""
    """The same as it is typed on a command line."""
    seed: int
    failed: bool
    outcome: str
    reason: str
    """How the run ended, in one line."""
    failed_at: int | None = None
    steps_seen: int = 0
    offence: Offence | None = None
    rates: RateTest | None = None
    precision: PrecisionTest | None = None
    ladder: Ladder | None = None
    gauges: tuple[Gauge, ...] = ()
    """Of each module, in the last pass before the network broke."""
    audits: tuple[OptimizerAudit, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Symptoms in the record."""
    confounds: tuple[Confound, ...] = ()
    """Mechanisms that also change how weights are updated."""
    fix: Fix | None = None
    unit: str = "step"

    @property
    def cures(self) -> tuple[Rung, ...]:
        """The smallest sets of changes that cure."""
        return self.ladder.cures if self.ladder is not None else ()

    @property
    def next_cure(self) -> Rung | None:
        """What to change next: the smallest cure of a failure, or what ends a confound."""
        if self.cures:
            return self.cures[0]
        mended = [c for c in self.confounds if c.changes]
        return Rung((mended[0].cure,), mended[0].changes, cured=True) if mended else None

    @property
    def dead_outputs(self) -> tuple[Gauge, ...]:
        """Modules most of whose output got no gradient at all."""
        return tuple(gauge for gauge in self.gauges if gauge.no_gradient >= 0.5)

    def to_json(self) -> dict[str, Any]:
        document: dict[str, Any] = plain(
            {
                "workload": self.workload,
                "config": dict(self.config),
                "settings": self.settings,
                "seed": self.seed,
                "failed": self.failed,
                "outcome": self.outcome,
                "reason": self.reason,
                "failed_at": self.failed_at,
                "steps_seen": self.steps_seen,
                "offence": asdict(self.offence) if self.offence else None,
                "rates": self.rates.to_json() if self.rates else None,
                "precision": self.precision.to_json() if self.precision else None,
                "ladder": self.ladder.to_json() if self.ladder else None,
                "gauges": [gauge.to_json() for gauge in self.gauges],
                "audits": [audit.to_json() for audit in self.audits],
                "findings": [finding.to_json() for finding in self.findings],
                "confounds": [confound.to_json() for confound in self.confounds],
                "fix": self.fix.to_json() if self.fix else None,
            }
        )
        return document

    def __str__(self) -> str:
        from homeostat.diagnose.render import render

        return render(self)
