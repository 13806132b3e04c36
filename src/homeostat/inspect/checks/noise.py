"""Noise: what trivial predictors score, how far seeds differ, how many seeds an effect needs."""

from __future__ import annotations

import math

import numpy as np

from homeostat.errors import HomeostatError
from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found
from homeostat.workload.trial import Trial

EFFECTS = (0.01, 0.02, 0.05)
POWER = 7.85
"""(1.96 + 0.84) squared: a power of 80 % at a significance level of 5 %."""


def check(bench: ShortRuns) -> Checks:
    yield from _baselines(Found("baselines"), bench)
    found = Found("noise")
    metric = bench.workload.metric
    runs = [bench.plain(), bench.plain(seed=bench.seed + 1)]
    if bench.left_s > runs[0].seconds:
        runs.append(bench.plain(seed=bench.seed + 2))
    scores = [run.curve(metric)[-1] for run in runs if run.curve(metric)]
    if len(scores) < 2 or not all(map(math.isfinite, scores)):
        yield found.skipped(f"No two seeds report {metric} within the short run.")
        return
    mean, sd = float(np.mean(scores)), float(np.std(scores, ddof=1))
    if not mean or not sd:
        yield found.ok(f"{metric} is {mean:.4g} for all {len(scores)} seeds.")
        return
    share = sd / abs(mean)
    needs = {effect: max(2, math.ceil(2 * POWER * (share / effect) ** 2)) for effect in EFFECTS}
    told = ", ".join(f"{n} for {100 * effect:.0f} %" for effect, n in needs.items())
    yield found.ok(
        f"{metric} after {bench.length} is {mean:.4g} with a s.d. of {sd:.2g} over {len(scores)} "
        f"seeds. To show an effect each side needs this many: {told} (half of that when paired, "
        "at a correlation of one half).",
        mean=mean, sd=sd, seeds=needs,
    )  # fmt: skip


def _baselines(found: Found, bench: ShortRuns) -> Checks:
    workload = bench.workload
    if workload.baselines is None:
        return
    try:
        scores = workload.baselines(bench.config, Trial(bench.config, seed=bench.seed))
    except (HomeostatError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        yield found.warning(f"The workload's baselines cannot be computed: {error}", "Mend them.")
        return
    curve = bench.plain().curve(workload.metric)
    told = ", ".join(f"{name} {value:.4g}" for name, value in scores.items())
    if not scores or not curve:
        yield found.skipped("There is no score to compare with the baselines.")
        return
    best = workload.goal.best(scores.values())
    better = workload.goal.better(curve[-1], than=best)
    if bench.whole and not better:
        yield found.warning(
            f"{workload.metric} ends at {curve[-1]:.4g}, no better than trivial predictors: "
            f"{told}.",
            "Check what the network is given, and whether it learns at all.",
            baselines=scores,
        )
    else:
        yield found.ok(f"{workload.metric} {curve[-1]:.4g} after {bench.length}; {told}.")
