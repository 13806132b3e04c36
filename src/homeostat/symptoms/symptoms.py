"""Symptoms: small rules over a record that say what is wrong, why, and what to change.

A rule is an object with `name`, `evidence(seen)` (a sentence, empty where the symptom is absent),
`cause`, `remedy`, and perhaps `doubt(seen)` (what in the record contradicts the cause); or the same
as plain data:

    {"name": "every step is clipped", "sign": {"metric": "clip_fraction", "above": 0.5},
     "cause": "the clip sets the length of every step", "remedies": ("a lower rate",)}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from homeostat.errors import WorkloadError, did_you_mean
from homeostat.record.runs import RunRecord
from homeostat.space.values import show
from homeostat.symptoms.seen import Seen, of_record
from homeostat.symptoms.shapes import SHAPES
from homeostat.workload.workload import Workload

Remedy = Mapping[str, Any] | str


def never(_: Seen) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class Symptom:
    """One rule."""

    name: str
    evidence: Callable[[Seen], str]
    """The numbers, as a sentence; empty where the symptom is absent."""
    cause: str
    remedy: Remedy = field(default_factory=dict)
    """Changes to the configuration, or a sentence where no knob is known."""
    doubt: Callable[[Seen], str] = never
    """What in the record contradicts the cause; empty where nothing does."""


@dataclass(frozen=True)
class Finding:
    """A symptom that shows in a record."""

    symptom: str
    status: Literal["found", "contradicted"]
    cause: str
    remedy: Remedy
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


def examine(records: RunRecord | Sequence[RunRecord], workload: Workload) -> list[Finding]:
    """Every symptom of the workload's and the general ones that shows in runs of it.

    One that most seeds of a run show is told once, with the evidence of the first.
    """
    runs = [records] if isinstance(records, RunRecord) else list(records)
    findings: dict[tuple[str, str], Finding] = {}
    for run in runs:
        for finding in judge(
            {seed: of_record(run, seed, workload) for seed in run.curves()}, workload
        ):
            findings.setdefault((finding.symptom, finding.status), finding)
    return list(findings.values())


def judge(views: Mapping[int, Seen], workload: Workload) -> list[Finding]:
    """Every symptom of the workload's and the general ones that shows in the seeds of one run."""
    from homeostat.symptoms.generic import GENERIC

    rules = [as_symptom(rule, workload.remedies) for rule in workload.symptoms]
    own = {rule.name for rule in rules}
    rules += [rule for rule in GENERIC if rule.name not in own]
    found = (_judge(rule, views) for rule in rules)
    return [finding for finding in found if finding is not None]


def _judge(rule: Any, views: Mapping[int, Seen]) -> Finding | None:
    shown = {seed: rule.evidence(seen) for seed, seen in views.items()}
    seeds = tuple(seed for seed, evidence in shown.items() if evidence)
    if not seeds or 2 * len(seeds) < len(views):
        return None
    doubt = getattr(rule, "doubt", never)(views[seeds[0]])
    evidence = f"{shown[seeds[0]]}; but {doubt}" if doubt else shown[seeds[0]]
    status: Literal["found", "contradicted"] = "contradicted" if doubt else "found"
    return Finding(rule.name, status, rule.cause, rule.remedy, evidence, seeds)


def as_symptom(rule: Any, remedies: Mapping[str, Mapping[str, Any]]) -> Any:
    """A rule given as plain data, as an object; objects stay as they are.

    Raises:
        WorkloadError: If its shape is not one that is known.
    """
    if not isinstance(rule, Mapping):
        return rule
    sign = rule["sign"]
    shape = sign.get("shape")
    if shape is not None and shape not in SHAPES:
        raise WorkloadError(
            f"The symptom {rule['name']!r} has an unknown shape {shape!r}.",
            hint=did_you_mean(shape, SHAPES),
        )
    known = [name for name in rule.get("remedies", ()) if name in remedies]
    return Symptom(
        name=rule["name"],
        evidence=lambda seen: _evidence(sign, seen),
        cause=rule["cause"],
        remedy=remedies[known[0]] if known else "",
    )


def _evidence(sign: Mapping[str, Any], seen: Seen) -> str:
    """What of a sign shows, as a sentence; empty unless all of it does."""
    told: list[str] = []
    for name, wanted in sign.get("config", {}).items():
        values = wanted if isinstance(wanted, tuple) else (wanted,)
        if seen.config.get(name) not in values:
            return ""
        told.append(f"{name} is {show(seen.config[name])}")
    if "outcome" in sign:
        if seen.outcome != sign["outcome"]:
            return ""
        told.append(f"it {seen.outcome}: {seen.reason}")
    if "metric" in sign:
        sentence = _of_metric(sign, seen)
        if not sentence:
            return ""
        told.append(sentence)
    return ", ".join(told)


def _of_metric(sign: Mapping[str, Any], seen: Seen) -> str:
    metric = sign["metric"]
    values = [v for v in seen.values(metric) if math.isfinite(v)]
    if not values:
        return ""
    last = values[-1]
    fits = _limits(sign, values)
    if "shape" in sign:
        fits = fits and SHAPES[sign["shape"]](values)
        return f"{metric} is {sign['shape']} ({values[0]:.4g} to {last:.4g})" if fits else ""
    return f"{metric} is {last:.4g}" if fits else ""


def _limits(sign: Mapping[str, Any], values: Iterable[float]) -> bool:
    *_, last = values
    first = next(iter(values))
    above, below = sign.get("above", -math.inf), sign.get("below", math.inf)
    ratio = sign.get("first_over_last")
    return above < last < below and (ratio is None or (last > 0 and first / last > ratio))
