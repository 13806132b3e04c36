"""Search: try settings until the time is up, at the length of attempt that the time allows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from homeostat.execute.job import Reported
from homeostat.plan.afford import SHORTEST, Pace, pace_of
from homeostat.plan.context import Context
from homeostat.plan.phase import PhaseResult, Status
from homeostat.plan.phases.baseline import NOTABLE_START_S
from homeostat.search.optimise import SearchEvent, Told
from homeostat.search.result import SearchResult
from homeostat.search.search import open_store
from homeostat.search.search import search as run_search
from homeostat.wording import format_duration, plural

TIERS = (1, 2, 3, 4)
MOST_TRIALS = 10_000
TRIALS_PER_PARAMETER = 3
FEWEST_TRIALS = 12


def search(context: Context, allowance_s: float) -> PhaseResult:
    """Search everything that the user has not held fixed, and keep the best."""
    # A study that exists goes on as it was made: only its time is new.
    new = open_store(context.results).find(context.study) is None
    extent = affordable(context, allowance_s)
    result = run_search(
        context.workload,
        MOST_TRIALS,
        study=context.study,
        results=context.results,
        method=context.method if new else None,
        carry_from=context.carry_from,
        tiers=extent.tiers if new and not screened(context) else None,
        names=screened(context) or None if new else None,
        pins=context.held if new else None,
        budget=extent.steps if new else None,
        budget_s=max(1.0, allowance_s),
        # Without reports on the way no trial is stopped, and with few of them hardly any.
        prune="auto" if new and extent.steps > 1 else None,
        enough=True,
        confirm=False,
        engine=context.engine,
        jobs=context.jobs,
        device=context.device,
        timeout_s=timeout_s(context, allowance_s),
        on_event=_told_only(context.on_event),
    )
    return _conclude(context, result, extent if new else Extent(extent.tiers, context.steps))


def screened(context: Context) -> list[str]:
    """The parameters that a screening kept; none if there was no screening or nothing stood out."""
    kept: list[str] = context.fact("screen", "kept", [])
    return [name for name in kept if name not in context.held]


def timeout_s(context: Context, allowance_s: float) -> float:
    """No attempt may take much longer than the default does, or than the whole allowance."""
    pace = pace_of(context)
    longest = max(10.0, 5 * pace.attempt_s(context.steps)) if pace else allowance_s
    return max(1.0, min(longest, allowance_s))


@dataclass(frozen=True)
class Extent:
    """How much of the space is searched and how long each attempt is, with the reasons."""

    tiers: tuple[int, ...]
    steps: int
    why: tuple[str, ...] = ()


def affordable(context: Context, allowance_s: float) -> Extent:
    """Choose as many tiers as full-length trials allow; then shorten attempts, if need be."""
    pace = pace_of(context)
    whole = context.steps if context.search_steps is None else context.search_steps
    if pace is None:
        return Extent(TIERS, whole)
    fits = allowance_s * context.jobs / pace.attempt_s(whole)
    for last in reversed(TIERS):
        tiers = TIERS[:last]
        names = _searched(context, tiers)
        wanted = max(FEWEST_TRIALS, TRIALS_PER_PARAMETER * len(names))
        if names and fits >= wanted:
            break
    why = []
    everything = _searched(context, TIERS)
    if len(names) < len(everything):
        why.append(
            f"Only {', '.join(names)} of {len(everything)} parameters (tiers up to {last}) are "
            f"searched: about {fits:.0f} whole trials fit in {format_duration(allowance_s)}."
        )
    if context.search_steps is not None:
        why.append(
            f"Each attempt gets {whole} {context.workload.unit}s, as in "
            f"{', '.join(context.carry_from)}."
        )
        return Extent(tiers, whole, tuple(why))
    shortest = math.ceil(whole / SHORTEST)
    steps = min(whole, max(shortest, pace.steps_in(allowance_s * context.jobs / wanted)))
    if steps < context.steps:
        unit = context.workload.unit
        why.append(
            f"Each attempt gets {steps} of {context.steps} {unit}s, so that {wanted} trials fit at "
            f"{pace.step_s:.3g} s for one {unit}{_and_start(pace)}."
        )
    return Extent(tiers, steps, tuple(why))


def _and_start(pace: Pace) -> str:
    notable = pace.start_s >= NOTABLE_START_S
    return f" and {format_duration(pace.start_s)} for a start" if notable else ""


def _searched(context: Context, tiers: tuple[int, ...]) -> list[str]:
    """What a search of these tiers would vary; the first tier with anything in it counts."""
    if screened(context):
        return screened(context)
    ranges = context.workload.space.searched()
    return [n for n, p in ranges.items() if p.tier in tiers and n not in context.held]


def _told_only(
    on_event: Callable[[SearchEvent], None] | None,
) -> Callable[[SearchEvent], None] | None:
    """Pass on how trials end, not how each of their seeds does."""
    if on_event is None:
        return None

    def forward(event: SearchEvent) -> None:
        if isinstance(event, (Told, Reported)):
            on_event(event)

    return forward


def _conclude(context: Context, result: SearchResult, extent: Extent) -> PhaseResult:
    counts = {outcome.value: number for outcome, number in result.outcomes.items()}
    told = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items()))
    facts: dict[str, Any] = {
        "trials": len(result.trials),
        "outcomes": counts,
        "steps": extent.steps,
    }
    status: Status = "interrupted" if result.interrupted else "done"
    if result.best is None:
        if result.verdict.completed:
            # Where all score the same, nothing went wrong, and the default is as good as any.
            facts |= {"best": context.config.to_json(), "overrides": dict(context.config.given)}
        elif not result.interrupted:
            status = "stopped"
        counted = f"{plural(len(result.trials), 'trial')} ({told or 'none ended'})."
        return PhaseResult("search", status, (counted, *result.verdict.lines), (), facts)
    best = result.best
    facts |= {
        "best": best.config.to_json(),
        "overrides": dict(best.overrides),
        "value": best.value,
        "number": best.number,
        "command": best.command,
        "checklist": [check.to_json() for check in result.checklist],
    }
    changed = ", ".join(f"{k} = {_short(v)}" for k, v in best.overrides.items()) or "the default"
    sentences = (
        f"{plural(len(result.trials), 'trial')} ({told}); the best in the search is trial "
        f"{best.number} with {result.metric} {best.value:.4g}: {changed}.",
        *result.notes,
        *(result.conclusion.sentences if result.conclusion is not None else ()),
        *(f"{c.name}: {c.saw}" for c in result.checklist if c.status == "warning"),
    )
    return PhaseResult("search", status, sentences, extent.why, facts)


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
