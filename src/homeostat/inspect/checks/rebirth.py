"""Rebirth: an optimiser and its schedule live as long as training does."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.probe.longest import longest
from homeostat.inspect.tracer.facts import Birth
from homeostat.record.check import Check, Checks, Found

LEAST = 2
"""Made anew so often after training began: once may be a second phase."""


def check(bench: ShortRuns) -> Checks:
    found = Found("optimiser life")
    births = longest(bench).facts.births
    if not births:
        return
    again = _again([b for b in births if not b.scheduler])
    schedules = [b for b in births if b.scheduler and b.passes]
    if len(again) >= LEAST:
        yield _anew(found, bench, again, schedules)
        return
    over = _again([b for b in births if b.scheduler])
    if len(over) >= LEAST:
        yield found.warning(
            f"A {over[0].kind} is made {len(over)} times more for the same weights after training "
            "began: each starts its schedule from the beginning.",
            "Make the scheduler once, before the loop.",
            times=len(over),
        )
        return
    yield found.ok("Optimisers and schedules are made once.")


def _again(births: list[Birth]) -> list[Birth]:
    """Those made after training began for weights that had one of that kind before."""
    known: set[tuple[str, frozenset[int]]] = set()
    later = []
    for birth in births:
        key = (birth.kind, birth.parameters)
        if birth.passes and key in known and birth.parameters:
            later.append(birth)
        known.add(key)
    return later


def _anew(found: Found, bench: ShortRuns, again: list[Birth], schedules: list[Birth]) -> Check:
    run = longest(bench)
    updates = max(run.num_updates, 1)
    every = updates / (len(again) + 1)
    remedy = "Make the optimiser once, before the loop"
    saw = (
        f"{again[0].kind} is made anew {len(again)} times for the same weights after training "
        f"began, about every {every:.3g} updates"
    )
    rates = {r for o in run.optimizers if o.steps for rates in o.rates for r in rates}
    if len(schedules) >= LEAST and len(rates) == 1:
        return found.fault(
            f"{saw}, and its scheduler ({schedules[0].kind}) with it: the schedule never gets "
            "beyond its first rate and changes nothing.",
            f"{remedy}, and its scheduler too: what the schedule sets, such as gamma or "
            "step_size, has no effect as it is.",
            times=len(again),
        )
    lost = (
        " What it had gathered, such as momentum, is lost each time." if again[0].stateful else ""
    )
    return found.warning(
        f"{saw}.{lost}",
        f"{remedy}, unless each of these is a task of its own.",
        times=len(again),
    )
