"""Which symptoms show in the record of a run, and in how many of its seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from homeostat.inspect.symptoms.evidence import Seen, of_record
from homeostat.inspect.symptoms.generic import GENERIC
from homeostat.inspect.symptoms.symptom import Changes, as_symptom, never, remedy_for
from homeostat.record.runs import RunRecord
from homeostat.workload.workload import Workload


@dataclass(frozen=True)
class SymptomFinding:
    """A symptom that shows in a record."""

    symptom: str
    status: Literal["found", "contradicted"]
    cause: str
    remedy: Changes | str
    """Changes to the configuration, a sentence, or nothing."""
    evidence: str
    seeds: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        remedy = self.remedy if isinstance(self.remedy, str) else dict(self.remedy)
        return {
            "symptom": self.symptom,
            "status": self.status,
            "cause": self.cause,
            "remedy": remedy,
            "evidence": self.evidence,
            "seeds": list(self.seeds),
        }


def examine(records: RunRecord | Sequence[RunRecord], workload: Workload) -> list[SymptomFinding]:
    """Every symptom, of the workload's own and the general ones, that shows in its runs.

    A symptom that most seeds of a run show is reported once, with the evidence of the first seed.
    """
    runs = [records] if isinstance(records, RunRecord) else list(records)
    findings: dict[tuple[str, str], SymptomFinding] = {}
    for run in runs:
        for finding in judge(
            {seed: of_record(run, seed, workload) for seed in run.curves()}, workload
        ):
            findings.setdefault((finding.symptom, finding.status), finding)
    return list(findings.values())


def judge(
    views: Mapping[int, Seen], workload: Workload, *, failed: Sequence[Changes] = ()
) -> list[SymptomFinding]:
    """Every symptom, of the workload's own and the general ones, that the seeds of one run show.

    Args:
        failed: Changes that were tried and did not help; no remedy gives them.
    """
    rules = [as_symptom(rule, workload.remedies) for rule in workload.symptoms]
    own = {rule.name for rule in rules}
    rules += [rule for rule in GENERIC if rule.name not in own]
    found = (_judge(rule, views, failed) for rule in rules)
    return [finding for finding in found if finding is not None]


def _judge(
    rule: Any, views: Mapping[int, Seen], failed: Sequence[Changes]
) -> SymptomFinding | None:
    shown = {seed: rule.evidence(seen) for seed, seen in views.items()}
    seeds = tuple(seed for seed, evidence in shown.items() if evidence)
    if not seeds or 2 * len(seeds) < len(views):
        return None
    doubt = getattr(rule, "doubt", never)(views[seeds[0]])
    evidence = f"{shown[seeds[0]]}; but {doubt}" if doubt else shown[seeds[0]]
    status: Literal["found", "contradicted"] = "contradicted" if doubt else "found"
    return SymptomFinding(
        rule.name,
        status,
        rule.cause,
        _remedy(rule, views[seeds[0]], failed, doubt),
        evidence,
        seeds,
    )


def _remedy(rule: Any, seen: Seen, failed: Sequence[Changes], doubt: str) -> Changes | str:
    """A remedy for the values at hand: nothing that is set already, or was shown not to help."""
    if doubt:  # what the record contradicts is no reason to change anything
        return {}
    made = remedy_for(rule.remedy, seen, failed)
    meant = rule.remedy and not callable(rule.remedy)
    return made or ("What would help as a rule is set already." if meant else {})
