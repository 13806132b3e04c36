"""Confirm: the best and the default again, on fresh seeds, pair by pair."""

from __future__ import annotations

from typing import Any

from homeostat.plan.context import Context
from homeostat.plan.phase import PhaseResult
from homeostat.search.confirm import effort, measured_s
from homeostat.search.result import Best, SearchResult
from homeostat.search.search import open_store
from homeostat.search.search import search as run_search
from homeostat.study.records import TrialRow

FEWEST_SEEDS, MOST_SEEDS = 3, 10


def confirm(context: Context, allowance_s: float) -> PhaseResult:
    """Measure what to expect of the choice: in the search its value was the luckiest of many."""
    store = open_store(context.results)
    trials = store.trials(store.study(context.study).key)
    # No time limit for an attempt: confirming gives each what one took in the search, and more.
    result = run_search(
        context.workload,
        max(1, len(trials)),
        study=context.study,
        results=context.results,
        budget_s=max(1.0, allowance_s),
        confirm=_affordable_seeds(context, allowance_s, trials),
        engine=context.engine,
        jobs=context.jobs,
        device=context.device,
        on_event=context.on_event,
    )
    if result.interrupted:
        return PhaseResult("confirm", "interrupted", ("Stopped while confirming.",))
    lines = result.verdict.lines
    if result.best is None or result.verdict.winner is None:
        return PhaseResult("confirm", "skipped", lines)
    return PhaseResult("confirm", "done", lines, (), _facts(result, result.best))


def _affordable_seeds(context: Context, allowance_s: float, trials: list[TrialRow]) -> int:
    """As many fresh seeds per configuration as fit, since few leave a small gain undecided."""
    one_s = measured_s(trials)
    if not one_s:
        return FEWEST_SEEDS
    fits = allowance_s * context.jobs / one_s
    sizes = range(MOST_SEEDS, FEWEST_SEEDS, -1)
    return next((n for n in sizes if effort(len(trials), n).attempts <= fits), FEWEST_SEEDS)


def _facts(result: SearchResult, best: Best) -> dict[str, Any]:
    facts = {
        "best": best.config.to_json(),
        "overrides": dict(best.overrides),
        "number": best.number,
        "command": best.command,
        "verdict": result.verdict.to_json(),
        "checklist": [check.to_json() for check in result.checklist],
    }
    return facts if best.gain is None else facts | {"gain": vars(best.gain)}
