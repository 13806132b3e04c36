"""Constraint: a bound that a metric must keep, such as "latency <= 5"; nobody else compares.

A trial whose mean over seeds is beyond the bound is infeasible: it is kept and learned from, and
cannot win.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from homeostat.errors import StudyError

_TEXT = re.compile(r"\s*(?P<metric>.+?)\s*(?P<sign><=|>=|<|>|==?)\s*(?P<bound>\S+)\s*")


@dataclass(frozen=True)
class Constraint:
    """A bound on a metric."""

    metric: str
    sign: str
    """ "<=" or ">="."""
    bound: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """From "latency<=5".

        Raises:
            StudyError: If it is no bound.

        >>> Constraint.parse("latency<=5").excess({"latency": 7.0})
        2.0
        """
        found = _TEXT.fullmatch(text)
        try:
            if found is None or found["sign"] not in ("<=", ">="):
                raise ValueError
            bound = float(found["bound"])
            if not math.isfinite(bound):
                raise ValueError
        except ValueError:
            raise StudyError(
                f"The constraint {text!r} is no bound of a metric.",
                hint="Write a metric, <= or >=, and a number, such as:  latency<=5",
            ) from None
        assert found is not None
        return cls(found["metric"], found["sign"], bound)

    def excess(self, values: Mapping[str, float]) -> float:
        """How far beyond the bound a trial is: 0 or less within it, nan without the metric."""
        beyond = values.get(self.metric, math.nan) - self.bound
        return beyond if self.sign == "<=" else -beyond

    def __str__(self) -> str:
        return f"{self.metric} {self.sign} {self.bound:g}"


def parsed(texts: Sequence[str]) -> tuple[Constraint, ...]:
    """Constraints from their texts, as a definition keeps them."""
    return tuple(map(Constraint.parse, texts))


def violations(constraints: Sequence[Constraint], values: Mapping[str, float]) -> str:
    """Which constraints a trial does not keep, in words; empty if it keeps all."""
    told = []
    for constraint in constraints:
        if constraint.metric not in values:
            told.append(f"no {constraint.metric} was reported, and it must be {_must(constraint)}")
        elif not constraint.excess(values) <= 0:
            value = values[constraint.metric]
            told.append(f"{constraint.metric} is {value:.4g}, and must be {_must(constraint)}")
    return "; ".join(told)


def _must(constraint: Constraint) -> str:
    return f"{constraint.sign} {constraint.bound:g}"


def closest(
    constraints: Sequence[Constraint], by_trial: Mapping[int, Mapping[str, float]]
) -> int | None:
    """The trial that is beyond the bounds by least, each excess in units of its median."""
    whole = {
        n: [max(0.0, c.excess(values)) for c in constraints]
        for n, values in by_trial.items()
        if all(c.metric in values for c in constraints)
    }
    if not whole:
        return None
    columns = list(zip(*whole.values(), strict=True))
    usual = [sorted(column)[len(column) // 2] or 1.0 for column in columns]
    return min(whole, key=lambda n: sum(e / u for e, u in zip(whole[n], usual, strict=True)))
