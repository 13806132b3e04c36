"""Diagnosis: everything that was found about a failing run, as data and as text."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from homeostat.execute.rerun import command, seed_options, set_options, spoken
from homeostat.inspect.diagnose import lines
from homeostat.inspect.diagnose.audit import OptimizerAudit
from homeostat.inspect.diagnose.confound import Confound
from homeostat.inspect.diagnose.first_fault import FirstFault
from homeostat.inspect.diagnose.fix import Fix
from homeostat.inspect.diagnose.gauges import Gauge
from homeostat.inspect.diagnose.ladder import Ladder, LadderRung
from homeostat.inspect.diagnose.precision import PrecisionTest
from homeostat.inspect.diagnose.rate import RateTest
from homeostat.inspect.symptoms.examine import SymptomFinding
from homeostat.record.files import plain


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What failed first, what it is not, and what cures it.

    `print(diagnosis)` renders it; `to_json()` is the same for machines.

    Example:
        >>> import homeostat as hs
        >>> import torch
        >>> space = hs.Space(lr=hs.Float(0.01, 1.0))
        >>> @hs.workload(space=space, metric="loss", goal="minimize", budget=9)
        ... def at_zero(config, trial):
        ...     layer = torch.nn.Linear(3, 1, bias=False)
        ...     optimizer = torch.optim.SGD(layer.parameters(), lr=config.lr)
        ...     for step in trial.steps():
        ...         loss = layer(torch.zeros(4, 3)).pow(2).sum().sqrt()  # the slope of a root at 0
        ...         optimizer.zero_grad()
        ...         loss.backward()
        ...         optimizer.step()
        ...         yield hs.Report(step, loss=loss + layer.weight.sum())
        >>> found = hs.diagnose(at_zero)
        >>> found.failed, found.failed_at
        (True, 0)
    """

    workload: str
    reference: str = ""
    """What a command calls the workload, where that is not its name."""
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
    offence: FirstFault | None = None
    rates: RateTest | None = None
    precision: PrecisionTest | None = None
    ladder: Ladder | None = None
    gauges: tuple[Gauge, ...] = ()
    """Of each module, in the last pass before the network broke."""
    audits: tuple[OptimizerAudit, ...] = ()
    findings: tuple[SymptomFinding, ...] = ()
    """Symptoms in the record."""
    confounds: tuple[Confound, ...] = ()
    """Mechanisms that also change how weights are updated."""
    fix: Fix | None = None
    unit: str = "step"
    budget: int = 0
    """How many of them the run has; 0 if that is not known."""

    @property
    def cures(self) -> tuple[LadderRung, ...]:
        """The smallest sets of changes that cure."""
        return self.ladder.cures if self.ladder is not None else ()

    @property
    def next_cure(self) -> LadderRung | None:
        """What to change next: the smallest cure of a failure, or what ends a confound."""
        if self.cures:
            return self.cures[0]
        mended = [c for c in self.confounds if c.changes]
        return LadderRung((mended[0].cure,), mended[0].changes, cured=True) if mended else None

    @property
    def dead_outputs(self) -> tuple[Gauge, ...]:
        """Modules most of whose output got no gradient at all."""
        return tuple(gauge for gauge in self.gauges if gauge.is_dead)

    def to_json(self) -> dict[str, Any]:
        """The same as plain data."""
        document: dict[str, Any] = plain(
            {
                "workload": self.workload,
                "config": dict(self.config),
                "settings": self.settings,
                "seed": self.seed,
                "budget": self.budget,
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
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        """The conclusion, then the evidence section by section, then what to type next."""
        unit = self.unit
        yield f"{self.workload}, seed {self.seed}: {self._headline()}"
        if self.offence is not None:
            yield from _section("First offender", lines.offence_lines(self.offence, unit))
        if self.rates is not None:
            yield from _section("Learning rate", lines.rate_lines(self.rates, unit))
        if self.precision is not None:
            yield from _section("Precision", [self.precision.sentence])
        if self.ladder is not None:
            yield from _section("What cures it", lines.ladder_lines(self.ladder, unit))
        gauges = list(lines.gauge_lines(self.gauges))
        if gauges:
            yield from _section("Gauges, in the last pass before it broke", gauges)
        if self.audits:
            yield from _section("Optimisers", (audit.sentence for audit in self.audits))
        for confound in self.confounds:
            yield from _section("Two effects in one", lines.confound_lines(confound, unit))
        if self.findings:
            findings = chain.from_iterable(map(lines.finding_lines, self.findings))
            yield from _section("Symptoms", findings)
        if self.fix is not None:
            yield from _section("Fix", lines.fix_lines(self.fix))
        yield from ("", f"Next: {self._next()}")

    def _headline(self) -> str:
        if not self.failed:
            seen = f"{self.steps_seen} {self.unit}s"
            return f"{self.outcome}, no failure in {seen}. {self.reason}".rstrip()
        at = f" at {self.unit} {self.failed_at}" if self.failed_at is not None else ""
        return f"{self.outcome}{at}. {self.reason}"

    def _next(self) -> str:
        what = [spoken(self.reference or self.workload), *shlex.split(self.settings)]
        length = ["--steps", str(self.budget)] if self.budget else []
        if self.fix is not None and self.fix.stable:
            changed = command("homeostat search", what, set_options(self.fix.changes), length)
            return f"search from there:  {changed}"
        if self.next_cure is not None:
            again = [*set_options(self.next_cure.changes), *length, *seed_options((self.seed,))]
            return f"let --fix do it, or:  {command('homeostat run', what, again)}"
        if self.offence is not None and self.offence.advice:
            where = ":".join(self.offence.source.split(":")[:2]) or self.offence.operation
            return f"change the code at {where}: {self.offence.advice}."
        return command("homeostat probe", what)


def _section(title: str, body: Iterable[str]) -> Iterator[str]:
    yield from ("", title)
    yield from (f"  {line}" for line in body)
