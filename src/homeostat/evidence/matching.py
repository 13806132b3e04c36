"""Make the two arms of a claim comparable: equal time, or a learning rate tuned for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from homeostat.evidence.bench import Arm, Bench
from homeostat.evidence.contrasts import Contrast, with_arms
from homeostat.record import seeds as seed_list
from homeostat.workload.workload import Workload

RETUNE_FACTORS = (1.0, 0.5, 2.0)
"""Rates each arm may choose among, as multiples of its own."""


def _arms(contrasts: Sequence[Contrast]) -> dict[str, Arm]:
    return {arm.key: arm for c in contrasts for arm in (c.changed, c.against)}


def match_time(contrasts: list[Contrast], bench: Bench) -> list[Contrast]:
    """Give each arm the steps that take as long as its contrast's other side."""
    (seed,) = seed_list.fresh(1, use="verify time")
    arms = _arms(contrasts)
    if not bench.measure((arm, seed) for arm in arms.values()):
        return contrasts

    def as_long_as(arm: Arm, other: Arm, compute: float) -> Arm:
        step_s = bench(arm, seed).seconds / arm.budget
        whole_s = bench(other, seed).seconds * compute
        return replace(arm, budget=max(1, round(whole_s / step_s)))

    return [with_arms(c, as_long_as(c.changed, c.against, c.compute), c.against) for c in contrasts]


def retune(
    contrasts: list[Contrast], bench: Bench, workload: Workload, rate: str
) -> list[Contrast]:
    """Let each arm choose its rate on a seed that no pair uses."""
    (seed,) = seed_list.fresh(1, use="verify retune")
    arms = _arms(contrasts)
    options = {
        key: [_at(arm, workload, rate, factor) for factor in RETUNE_FACTORS]
        for key, arm in arms.items()
    }
    if not bench.measure((arm, seed) for choices in options.values() for arm in choices):
        return contrasts
    goal = workload.goal

    def score(arm: Arm) -> float:
        value = bench(arm, seed).value
        return goal.worst_possible if math.isnan(value) else value

    best = {key: goal.best(choices, key=score) for key, choices in options.items()}
    return [with_arms(c, best[c.changed.key], best[c.against.key]) for c in contrasts]


def _at(arm: Arm, workload: Workload, rate: str, factor: float) -> Arm:
    value = arm.config[rate] * factor
    return replace(arm, config=workload.space.resolve({**arm.config.given, rate: value}))
