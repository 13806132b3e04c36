"""Confirm: the best and the default again, on fresh seeds, pair by pair."""

from __future__ import annotations

from typing import Any

from homeostat.plan.afford import MARGIN
from homeostat.plan.context import Context
from homeostat.plan.phase import PhaseResult
from homeostat.plan.phases.search import timeout_s
from homeostat.search.confirm import DEFAULT, effort
from homeostat.search.result import Best
from homeostat.search.search import open_store
from homeostat.search.search import search as run_search

FEWEST_SEEDS, MOST_SEEDS = 3, 10


def confirm(context: Context, allowance_s: float) -> PhaseResult:
    """Measure what to expect of the choice: in the search its value was the luckiest of many."""
    store = open_store(context.results)
    done = len(store.trials(store.study(context.study).key))
    result = run_search(
        context.workload,
        max(1, done),
        study=context.study,
        results=context.results,
        budget_s=max(1.0, allowance_s),
        confirm=_affordable_seeds(context, allowance_s, done),
        engine=context.engine,
        jobs=context.jobs,
        device=context.device,
        timeout_s=timeout_s(context, allowance_s),
        on_event=context.on_event,
    )
    if result.interrupted:
        return PhaseResult("confirm", "interrupted", ("Stopped while confirming.",))
    best = result.best
    if best is None or best.confirmed is None or best.default is None:
        return PhaseResult(
            "confirm", "skipped", ("Time ran out before the best could be run again.",)
        )
    checks = [check.to_json() for check in result.checklist]
    return _conclude(context, best, {"checklist": checks})


def _affordable_seeds(context: Context, allowance_s: float, trials: int) -> int:
    """As many fresh seeds per configuration as fit, since few leave a small gain undecided."""
    pace_s = context.fact("baseline", "step_s")
    steps = context.fact("search", "steps", context.steps)
    if not pace_s:
        return FEWEST_SEEDS
    fits = allowance_s * context.jobs / (pace_s * steps * MARGIN)
    sizes = range(MOST_SEEDS, FEWEST_SEEDS, -1)
    return next((n for n in sizes if effort(trials, n).attempts <= fits), FEWEST_SEEDS)


def _conclude(context: Context, best: Best, seen: dict[str, Any]) -> PhaseResult:
    assert best.confirmed is not None
    assert best.default is not None
    metric = context.workload.metric
    facts = seen | {
        "best": best.config.to_json(),
        "overrides": dict(best.overrides),
        "number": best.number,
        "command": best.command,
        "selected": best.value,
        "confirmed": {"mean": best.confirmed.mean, "n": best.confirmed.n},
        "default": {"mean": best.default.mean, "n": best.default.n},
    }
    sentences = [
        f"On {best.confirmed.n} fresh seeds trial {best.number} scores {metric} {best.confirmed} "
        f"(in the search: {best.value:.4g}); the default {best.default}."
    ]
    led = context.fact("search", "number")
    if led not in (None, best.number):
        sentences.append(
            f"On fresh seeds it did better than trial {led}, which had been the best of the search."
        )
    if best.number == DEFAULT:
        return PhaseResult("confirm", "done", (*sentences, "Nothing beat the default."), (), facts)
    if best.gain is None:
        return PhaseResult("confirm", "done", tuple(sentences), (), facts)
    gain = best.gain
    facts["gain"] = {"mean": gain.mean, "low": gain.low, "high": gain.high}
    verdict = "an improvement"
    if gain.high < 0:
        verdict = "a loss: keep the default"
    elif gain.low <= 0:
        verdict = "undecided with so few seeds"
    sentences.append(
        f"Paired gain {gain.mean:.3g} (95 % interval {gain.low:.3g} .. {gain.high:.3g}): {verdict}."
    )
    return PhaseResult("confirm", "done", tuple(sentences), (), facts)
