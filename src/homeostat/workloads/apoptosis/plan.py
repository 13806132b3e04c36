"""The guide's four phases: find the root cause, the architecture, the settings, then a full run.

The guide compares runs of different length and with different update rules; here every comparison
is at matched steps and the same optimiser, against a baseline over the same seeds.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import special

from homeostat.design.designs import DesignPoint
from homeostat.design.run_design import DesignResult, DesignRow, run_design
from homeostat.evidence.differences import interval
from homeostat.evidence.statistics import Interval
from homeostat.plan.afford import affordable_steps, whole_attempts
from homeostat.plan.context import Context
from homeostat.plan.phase import Phase, PhaseResult, Status
from homeostat.plan.tune import BASELINE, PROBE, REPORT
from homeostat.record import seeds as seed_list
from homeostat.space.configs import load
from homeostat.wording import plural
from homeostat.workloads.apoptosis.settings import DEATHS_PER_STEP, deaths_of

FINE, PROBLEM = 0.2, 0.5
"""The guide's bounds on the gap to the baseline, in nats."""

EXPERIMENTS = {
    "experiment_1": "scaling only",
    "experiment_2": "two layers held at half influence",
    "experiment_3": "one birth and one death",
    "experiment_4": "dropout senescence",
}
SWEPT = {"plasticity_ceiling": (0.9, 0.95, 1.0), "mutation_strength": (0.3, 0.4, 0.5)}
SEEDS = 2
"""Of each comparison that settles something."""
FEWEST_FRESH, MOST_FRESH = 3, 10
"""Of the last comparison, which is of what was settled."""
NONE: dict[str, Any] = {"senescence": False}


def plan(context: Context) -> tuple[Phase, ...]:
    """The phases in order; what one finds is held in the next."""
    return (
        PROBE,
        BASELINE,
        Phase(
            "experiments", "the four diagnostic experiments, each against the same baseline", 0.3,
            experiments, payoff="high: finds the root cause (guide: 1-2 h)",
        ),
        Phase(
            "architecture", "configurations A, B, C and D: how many layers are born and die", 0.2,
            architecture, risk="medium", payoff="medium (guide: 2-3 h)",
        ),
        Phase(
            "sweep", "lifespan from the formula, then ceiling and mutation one at a time", 0.25,
            sweep, risk="medium", payoff="medium: might miss the best (guide: 3-4 h)",
        ),
        Phase(
            "full", "the settled configuration and its baseline at full length", 0.25,
            full, risk="high", payoff="says whether dying layers pay here",
        ),
        REPORT,
    )  # fmt: skip


def experiments(context: Context, allowance_s: float) -> PhaseResult:
    """Is it the scaling of influence, the number of dynamic layers, or something else?"""
    points = [DesignPoint("baseline", NONE), DesignPoint("default")]
    points += [DesignPoint(name, load(name, context.workload).parameters) for name in EXPERIMENTS]
    result = _run(context, "experiments", points, allowance_s)
    if result.interrupted:
        return _stopped("experiments")
    gaps = _gaps(result)
    sentences = [
        f"{name} ({EXPERIMENTS.get(name, 'everything on')}): gap {gap:+.3f} nats, {_verdict(gap)}."
        for name, gap in gaps.items()
    ]
    return _settle(context, "experiments", sentences, *_root_cause(gaps), {"gaps": gaps})


def _root_cause(gaps: Mapping[str, float]) -> tuple[dict[str, Any], str]:
    """The guide's expected outcomes: what follows from the gaps, and what it settles."""
    scaling = max(gaps.get("experiment_1", 0.0), gaps.get("experiment_2", 0.0))
    if scaling > PROBLEM:
        return {"influence": "element_dropout"}, (
            f"Scaling is the problem (gap {scaling:+.2f}): go on with dropout senescence."
        )
    if gaps.get("default", 0.0) > PROBLEM >= gaps.get("experiment_3", 0.0):
        return {"architecture": "A"}, (
            "One birth and one death train where more do not: go on with configuration A."
        )
    return {}, (
        f"Neither scaling (gap {scaling:+.2f}) nor the dynamic layers cost more than "
        f"{PROBLEM}: nothing to mend, go on."
    )


def architecture(context: Context, allowance_s: float) -> PhaseResult:
    """Which of the guide's four layouts is best."""
    points = [DesignPoint(name, {"architecture": name}) for name in "ABCD"]
    result = _run(context, "architecture", points, allowance_s)
    if result.interrupted or result.best is None:
        return _stopped("architecture")
    now = context.config["architecture"]
    means = {row.point.name: row.mean for row in result.completed}
    bound = noise_bound(result.completed)
    chosen = settled_among(means, now, bound)
    why = (
        f"it beats {now} by more than the noise of these runs ({bound:.2g})"
        if chosen != now
        else f"no other beats it by more than the noise of these runs ({bound:.2g})"
    )
    return _settle(
        context, "architecture", _scores(result.completed), {"architecture": chosen},
        f"Go on with {chosen}: {why}.",
    )  # fmt: skip


def sweep(context: Context, allowance_s: float) -> PhaseResult:
    """Lifespan for the guide's rate of deaths, then the best ceiling and the best mutation."""
    lifespan = _lifespan(context)
    points = [DesignPoint("as settled", lifespan)]
    points += [
        DesignPoint(f"{name}={value}", {**lifespan, name: value})
        for name, values in SWEPT.items()
        for value in values
    ]
    result = _run(context, "sweep", points, allowance_s)
    if result.interrupted or result.best is None:
        return _stopped("sweep")
    settled = dict(lifespan)
    bound = noise_bound(result.completed)
    for name in SWEPT:
        means = {
            row.point.name: row.mean
            for row in result.completed
            if row.point.name == "as settled" or row.point.name.startswith(name)
        }
        best = settled_among(means, "as settled", bound)
        if best != "as settled":
            settled[name] = next(p for p in points if p.name == best).changes[name]
    words = ", ".join(f"{name} = {value}" for name, value in settled.items())
    return _settle(
        context, "sweep", _scores(result.completed), settled,
        f"Go on with {words or 'no change'}; what differs by less than the noise of these runs "
        f"({bound:.2g}) is a tie, and stays as it was.",
    )  # fmt: skip


def noise_bound(rows: Sequence[DesignRow]) -> float:
    """How far two of these configurations' means lie apart by luck, at most, 19 times in 20.

    From what is left of the scores when each configuration's mean and each seed's are taken away.
    Infinite where that leaves nothing to tell the noise by.
    """
    values = [row.run.values() for row in rows]
    common = sorted(set.intersection(*(set(own) for own in values))) if values else []
    spare = (len(values) - 1) * (len(common) - 1)
    if spare < 1:
        return math.inf
    scores = np.array([[own[seed] for seed in common] for own in values])
    left = scores - scores.mean(0) - scores.mean(1, keepdims=True) + scores.mean()
    error = math.sqrt(float((left**2).sum()) / spare * 2 / len(common))
    return float(special.stdtrit(spare, 0.975)) * error


def settled_among(means: Mapping[str, float], now: str, bound: float) -> str:
    """The lowest, where it lies below what is set now by more than the bound; else what is set."""
    best = min(means, key=means.__getitem__)
    return best if now not in means or means[now] - means[best] > bound else now


def _lifespan(context: Context) -> dict[str, Any]:
    """The longest lifespan with the guide's rate of deaths, by the closed formula: no run."""
    if "max_lifespan" in context.held:
        return {}
    low = max(1, round(DEATHS_PER_STEP[0] * context.steps))
    high = max(low + 1, round(DEATHS_PER_STEP[1] * context.steps))
    for lifespan in range(context.steps * 2, 19, -10):
        changes = {**context.held, "max_lifespan": lifespan}
        config = context.workload.space.resolve(changes, inherited=changes)
        if low <= deaths_of(config, context.steps) <= high:
            return {"max_lifespan": lifespan}
    return {}


def full(context: Context, allowance_s: float) -> PhaseResult:
    """The settled configuration against its baseline, at full length where the time allows.

    On seeds that had no part in settling anything, as many as fit at full length.
    """
    points = [DesignPoint("baseline", NONE), DesignPoint("settled")]
    fits = whole_attempts(context, allowance_s) // len(points)
    seeds = seed_list.fresh(min(max(fits, FEWEST_FRESH), MOST_FRESH))
    result = _run(context, "full", points, allowance_s, seeds)
    gaps = _gaps(result)
    if result.interrupted or "settled" not in gaps:
        return _stopped("full")
    apart = _apart(result)["settled"]
    settled = next(row for row in result.rows if row.point.name == "settled")
    deaths = settled.metric("deaths") or 0.0
    reach = interval(apart)
    within = f" (95 % interval {reach.low:+.3f} .. {reach.high:+.3f})" if len(apart) > 1 else ""
    sentence = (
        f"Settled: val_loss {settled.mean:.4g} with {plural(round(deaths), 'death')}, "
        f"{gaps['settled']:+.3f} nats{within} against the baseline, "
        f"on {plural(len(apart), 'fresh seed')}."
    )
    facts = {
        "best": settled.config.to_json(), "command": result.rerun(settled), "gaps": gaps,
        "fresh_seeds": list(seeds), "interval": [reach.low, reach.high],
    }  # fmt: skip
    return PhaseResult("full", "done", (sentence,), (_concluded(reach),), facts)


def _concluded(gap: Interval) -> str:
    """What the interval of the gap says of dying layers."""
    if gap.high < 0:
        return "Dying layers pay here."
    if gap.low > 0:
        return "The baseline is ahead."
    if gap.high < FINE:
        return f"Dying layers cost less than {FINE} nats here, if anything."
    return "Undecided with so few seeds: which of the two is ahead may be luck."


def _run(
    context: Context,
    name: str,
    points: Sequence[DesignPoint],
    allowance_s: float,
    seeds: Sequence[int] = seed_list.first(SEEDS),
) -> DesignResult:
    # The gap is measured here against one shared baseline, so no run needs one of its own.
    held = {**context.held, "gap": False}
    steps = affordable_steps(context, allowance_s, len(points) * len(seeds))
    context.say(f"   {len(points)} configurations x {len(seeds)} seeds x {steps} steps")
    return run_design(
        context.workload, points, kind=name, results=context.folder, pins=held, seeds=seeds,
        budget=steps, engine=context.engine, jobs=context.jobs, device=context.device,
        on_row=lambda row: context.say(f"   {row.point.name}: {row.run.outcome}, {row.mean:.4g}"),
    )  # fmt: skip


def _gaps(result: DesignResult) -> dict[str, float]:
    """Each row's mean loss above the baseline's, over the seeds that both completed."""
    return {name: statistics.fmean(apart) for name, apart in _apart(result).items()}


def _apart(result: DesignResult) -> dict[str, list[float]]:
    """Each row's loss above the baseline's, seed by seed."""
    base = next((row.run.values() for row in result.rows if row.point.name == "baseline"), {})
    apart = {}
    for row in result.rows:
        values = row.run.values()
        common = [values[seed] - base[seed] for seed in values if seed in base]
        if row.point.name != "baseline" and common:
            apart[row.point.name] = common
    return apart


def _verdict(gap: float) -> str:
    if gap > PROBLEM:
        return "this is a problem"
    return "fine" if gap < FINE else "worth a look"


def _scores(rows: Sequence[DesignRow]) -> list[str]:
    return [", ".join(f"{row.point.name} {row.mean:.4g}" for row in rows) + "."]


def _settle(
    context: Context,
    name: str,
    sentences: Sequence[str],
    changes: dict[str, Any],
    decision: str,
    facts: dict[str, Any] | None = None,
) -> PhaseResult:
    """Hold what was found from here on; what the user holds stays."""
    settled = {key: value for key, value in changes.items() if key not in context.pins}
    context.settled |= settled
    status: Status = "done"
    found = {**(facts or {}), "settled": settled}
    return PhaseResult(name, status, tuple(sentences), (decision,), found)


def _stopped(name: str) -> PhaseResult:
    return PhaseResult(name, "interrupted", ("Stopped; the same command goes on.",))
