"""Knobs: does every parameter of the space change anything, over all of its range?

A knob is *inert* when two runs at values far apart are the same bit by bit: every report, every
weight, every setting of an optimiser. It is *clamped* where that holds for part of its range.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.probe.compare import difference
from homeostat.inspect.probe.where import where_free
from homeostat.record.check import Check, Checks, Found
from homeostat.record.outcome import Outcome
from homeostat.space import Bool, Choice, Config, Space
from homeostat.space.values import show
from homeostat.wording import plural
from homeostat.workload.words import Words

FOUND = Found("knobs")
ENDS = (0.12, 0.88)
POINTS = (0.0, 1 / 3, 2 / 3, 1.0)
_RATE = re.compile(r"(^|_)(lr|rate|eta)(_|$)|learning")


def check(bench: ShortRuns) -> Checks:
    knobs = bench.workload.space.searched()
    base = bench.plain()
    if difference(base, bench.again(), ignore=bench.noisy):
        yield from _against_the_spread(bench, list(knobs))
        return

    def names(some_knobs: list[str]) -> str:
        return ", ".join(bench.workload.words.knob(name) for name in some_knobs)

    alive: list[str] = []
    left: list[str] = []
    unseen: list[str] = []
    for name in knobs:
        if bench.left_s < 0:
            left.append(name)
            continue
        findings = list(_examine(bench, name))
        if not findings:
            alive.append(name)
        elif "unseen" in findings[0].evidence:
            unseen.append(name)
        else:
            yield from findings
    # The cheap question of all knobs first; then the finer one, while there is time.
    for name in alive:
        if bench.left_s > 0 and not isinstance(bench.workload.space[name], Choice | Bool):
            yield from _clamped(bench, name)
    if alive:
        every = "Every knob changes" if len(alive) == len(knobs) else (
            f"{len(alive)} of {len(knobs)} knobs change"
        )  # fmt: skip
        yield FOUND.ok(f"{every} the run: {names(alive)}.", alive=alive)
    if unseen:
        yield FOUND.warning(
            f"No effect can be seen within {bench.length} of {bench.workload.budget}: "
            f"{names(unseen)}. {'It is' if len(unseen) == 1 else 'They are'} read, and may act "
            "later.",
            "Probe for longer (--seconds) to be sure.",
            knobs=unseen,
        )
    if left:
        yield FOUND.skipped(f"No time left for {names(left)}; give more (--seconds).")


def _examine(bench: ShortRuns, name: str) -> Iterator[Check]:
    base = where_free(bench.workload.space, bench.config, name)
    if base is None:
        yield FOUND.skipped(
            f"{bench.workload.words.knob(name)}: no configuration was found in which it is active."
        )
        return
    reference = bench.plain(base)
    if not reference.reports:
        return
    ends = [v for v in _values(bench.workload.space, name, ENDS) if v != base[name]]
    for value in ends:
        if bench.changes(_with(bench, base, name, value), reference):
            return
    yield from _inert(bench, base, name, ends)


def _inert(bench: ShortRuns, base: Config, name: str, ends: list[Any]) -> Iterator[Check]:
    """Make sure: over a whole attempt if there is time, and say what it would take."""
    tried = [show(v) for v in [base[name], *ends]]
    runs = [bench.plain(base)]
    reads = any(name in run.read for run in runs)
    words = bench.workload.words
    remedy = _remedy(words, name, reads)
    length = bench.length
    if not bench.whole:
        budget = bench.workload.budget
        per_step = runs[0].seconds / max(bench.budget, 1)
        if bench.most_updates is None and 2 * budget * per_step < bench.left_s:
            one = bench.run(base, bench.seed, budget=budget)
            two = bench.run(_with(bench, base, name, ends[-1]), bench.seed, budget=budget)
            if difference(one, two, ignore=bench.noisy):
                return
            length = f"{budget} {bench.workload.unit}s"
        elif reads:
            yield Check("knobs", "skipped", name, evidence={"unseen": name})
            return
    if runs[0].ending.outcome in (Outcome.DIVERGED, Outcome.FAILED):
        yield FOUND.skipped(
            f"{words.knob(name)}: {', '.join(tried)} give the same run, but that one ends after "
            f"{plural(len(runs[0].reports), 'report')}, too early to tell."
        )
        return
    edges = [v for v in _values(bench.workload.space, name, (0.0, 1.0)) if v != base[name]]
    if reads and any(bench.changes(_with(bench, base, name, v), runs[0]) for v in edges):
        return
    if reads and bench.run(base, bench.seed, followed=name).compared:
        yield FOUND.warning(
            f"{words.knob(name)} is a limit that is not reached within {length}: "
            f"{', '.join(tried)} give the same run.",
            "Leave it out of the search, or bring its range to where it would act.",
            knob=name,
        )
        return
    verdict = "has no effect" if reads else "is not connected to anything"
    how = f", although {words.loop} reads it" if reads else f"; {words.loop} never reads it"
    yield FOUND.fault(
        f"{words.knob(name)} {verdict}: {', '.join(tried)} give the same run of {length}, bit by "
        f"bit{how}.",
        remedy,
        knob=name, tried=tried, read=reads,
    )  # fmt: skip


def _remedy(words: Words, name: str, reads: bool) -> str:
    value = words.value(name)
    if not reads:
        return f"Use {value} where it belongs, or take it out of {words.space}."
    if _RATE.search(name):
        return (
            f"{value} is read, but no optimiser's rate follows it: see that it is set before "
            "the rates are computed from it."
        )
    return f"{value} is read, and what it sets is not used: follow it to where it ends."


def _clamped(bench: ShortRuns, name: str) -> Iterator[Check]:
    """Neighbouring values over the range that give the same run."""
    base = where_free(bench.workload.space, bench.config, name)
    assert base is not None  # it was found alive there
    values = _values(bench.workload.space, name, POINTS)
    same: list[tuple[Any, Any]] = []
    for low, high in pairwise(values):
        if bench.left_s < 0:
            return
        one = bench.plain(_with(bench, base, name, low))
        if one.reports and not bench.changes(_with(bench, base, name, high), one):
            same.append((low, high))
    if same and len(values) > 2:
        parts = ", ".join(f"{show(low)} to {show(high)}" for low, high in same)
        yield FOUND.warning(
            f"{bench.workload.words.knob(name)} acts over part of its range only: {parts} give the "
            f"same run of {bench.length}.",
            "Narrow its range, or see what limits it; a search would waste trials there.",
            knob=name, clamped=same,
        )  # fmt: skip


def _values(space: Space, name: str, units: tuple[float, ...]) -> list[Any]:
    found: list[Any] = []
    for unit in units:
        value = space[name].from_unit(unit)  # type: ignore[union-attr]  # searched ones are ranges
        if value not in found:
            found.append(value)
    return found


def _with(bench: ShortRuns, base: Config, name: str, value: Any) -> Config:
    return bench.workload.space.resolve(
        {**base.given, name: value}, inherited=[other for other in base.given if other != name]
    )


def _against_the_spread(bench: ShortRuns, knobs: list[str]) -> Iterator[Check]:
    """Runs that do not repeat themselves: an effect must be larger than their spread."""
    metric = bench.workload.metric
    repeats = [bench.plain(), bench.again(), *(bench.run(bench.config, bench.seed) for _ in "ab")]
    scores = [run.curve(metric)[-1] for run in repeats if run.curve(metric)]
    if len(scores) < 3:
        yield FOUND.skipped(f"The run does not repeat itself, and reports no {metric}.")
        return
    spread = max(scores) - min(scores)
    unclear, settings = [], repeats[0].settings
    for name in knobs:
        if bench.left_s < 0:
            break
        base = where_free(bench.workload.space, bench.config, name)
        moved = False
        for value in _values(bench.workload.space, name, ENDS) if base is not None else []:
            assert base is not None
            run = bench.plain(_with(bench, base, name, value))
            score = run.curve(metric)
            outside = score and not min(scores) - spread <= score[-1] <= max(scores) + spread
            if run.settings != settings or outside:
                moved = True
                break
        if not moved:
            unclear.append(name)
    if unclear:
        yield FOUND.warning(
            f"Because the run does not repeat itself (spread of {metric} {spread:.2g}), no effect "
            f"can be seen of {', '.join(map(bench.workload.words.knob, unclear))}.",
            "Make the run repeat itself first, then probe again.",
            knobs=unclear, spread=spread,
        )  # fmt: skip
    else:
        yield FOUND.ok(f"Every knob changes the run by more than its spread of {spread:.2g}.")
