"""Conclusions: decision rules as data, printed with the numbers they rest on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from homeostat.design.designs import BASE
from homeostat.design.run_design import DesignResult


@dataclass(frozen=True)
class Sweep:
    """What a rule looks at: one parameter's values and the mean at each, and the base's mean."""

    parameter: str
    means: Mapping[Any, float]
    base: float | None
    configs: Mapping[Any, Mapping[str, Any]]
    measured: Mapping[Any, Mapping[str, float]] = field(default_factory=dict)
    """Value -> the mean over the seeds of every other metric's last value."""

    def of(self, value: Any, metric: str) -> float | None:
        """What was measured at a value; None where that was not reported."""
        return self.measured.get(value, {}).get(metric)


@dataclass(frozen=True)
class Conclusion:
    """One rule: what follows for a parameter, and when.

    `numbers` gives the figures it rests on as a sentence, or nothing when it does not apply.
    """

    parameter: str
    says: str
    numbers: Callable[[Sweep], str]


def conclude(result: DesignResult, rules: Sequence[Conclusion]) -> list[str]:
    """The rules that apply to a design, as sentences."""
    sentences = []
    for rule in rules:
        seen = _sweep(result, rule.parameter)
        numbers = rule.numbers(seen) if seen.means else ""
        if numbers:
            sentences.append(f"{rule.says} ({numbers}).")
    return sentences


def _sweep(result: DesignResult, parameter: str) -> Sweep:
    """The rows that set the parameter and nothing else, and those that set nothing."""
    means, configs, measured, base = {}, {}, {}, None
    for row in result.completed:
        if row.point.name == BASE:
            base = row.mean
        elif set(row.point.changes) == {parameter}:
            value = row.point.changes[parameter]
            means[value], configs[value] = row.mean, row.config
            names = {name for curves in row.run.curves().values() for name in curves.metrics}
            last = {name: row.metric(name) for name in names}
            measured[value] = {name: v for name, v in last.items() if v is not None}
    return Sweep(parameter, means, base, configs, measured)
