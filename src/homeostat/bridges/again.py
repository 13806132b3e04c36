"""Again: the best of a study and its default, measured by whoever measured the trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from homeostat.record import seeds as seed_list
from homeostat.record.outcome import Outcome
from homeostat.search.confirm import candidates, effort
from homeostat.study.records import TrialRow
from homeostat.study.study import Study

Pair = tuple[TrialRow, int]
Measure = Callable[[Sequence[Pair]], Sequence[Mapping[str, float]]]
"""Trials with fresh seeds -> the objectives of each; what failed lacks them."""


def run_again(study: Study, wanted: bool | int, measure: Measure) -> None:
    """What `search.confirm` does with an engine: record how the best do on fresh seeds.

    Args:
        wanted: On how many seeds; True for as many as a search takes.
    """
    if not wanted or not study.ranked():
        return
    size = effort(len(study.trials), wanted)
    finalists = candidates(study, size.finalists)
    default = [study.default] if study.default is not None else []
    final = {trial.number: trial for trial in [*finalists, *default]}
    seeds = seed_list.fresh(size.seeds)
    pairs = [(trial, seed) for _, trial in sorted(final.items()) for seed in seeds]
    metrics = list(study.definition.objectives)
    values: dict[str, dict[str, dict[str, float]]] = {metric: {} for metric in metrics}
    lost: dict[str, dict[str, str]] = {str(number): {} for number in final}
    for (trial, seed), measured in zip(pairs, measure(pairs), strict=True):
        number = str(trial.number)
        if not all(math.isfinite(measured.get(metric, math.nan)) for metric in metrics):
            lost[number][str(seed)] = Outcome.FAILED.value
            continue
        for metric in metrics:
            values[metric].setdefault(number, {})[str(seed)] = measured[metric]
    for of_metric in values.values():
        for one in final:
            of_metric.setdefault(str(one), {})
    study.record_confirmation(
        {
            "after": len(study.trials),
            "seeds": list(seeds),
            "chosen": [trial.number for trial in finalists],
            "values": values.pop(metrics[0]),
            "others": values,
            "lost": lost,
        }
    )
