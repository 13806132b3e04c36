"""Knobs: does every parameter of the space change anything, over all of its range?

A knob is *dead* when two runs at values far apart are the same bit by bit: every report, every
weight, every learning rate. What an optimiser or a schedule merely stores does not count. It is
*clamped* where that holds for part of its range, and *unseen* where the runs that were to tell
were cut by the clock, or are too short for it to act.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from homeostat.inspect.probe.bench import NoTimeLeft, ShortRuns
from homeostat.inspect.probe.compare import RunComparison, compare
from homeostat.inspect.probe.where import where_free
from homeostat.record.check import Check, Checks, Found
from homeostat.record.outcome import Outcome
from homeostat.space import Bool, Choice, Config, Space
from homeostat.space.values import show
from homeostat.wording import plural
from homeostat.workload.words import Vocabulary

FOUND = Found("knobs")
ENDS = (0.12, 0.88)
POINTS = (0.0, 1 / 3, 2 / 3, 1.0)
_RATE = re.compile(r"(^|_)(lr|rate|eta)(_|$)|learning")


@dataclass
class _Tally:
    """What became of each knob."""

    alive: list[str] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    """Set in an optimiser or a schedule, which has not acted within the short run."""
    late: list[str] = field(default_factory=list)
    """Without effect within a run that is shorter than an attempt."""
    cut: dict[str, str] = field(default_factory=dict)
    """The runs were cut by the clock: knob -> how."""
    left: list[str] = field(default_factory=list)


def check(bench: ShortRuns) -> Checks:
    if not bench.num_knobs:
        yield FOUND.skipped(f"There is no knob: {bench.workload.words.loop} has nothing to vary.")
        return
    knobs = bench.workload.space.searched()
    base = bench.plain()
    again = compare(base, bench.again(), ignore=bench.noisy)
    if again.differs:
        yield from _against_the_spread(bench, list(knobs))
        return
    tally = _Tally()
    for name in knobs:
        try:
            if bench.left_s > 0:
                yield from _examine(bench, name, tally)
                continue
        except NoTimeLeft:
            pass
        tally.left.append(name)
    # The cheap question of all knobs first; then the finer one, while there is time.
    for name in tally.alive:
        if bench.left_s > 0 and not isinstance(bench.workload.space[name], Choice | Bool):
            with contextlib.suppress(NoTimeLeft):
                yield from _clamped(bench, name)
    yield from _summary(bench, len(knobs), tally)


def _summary(bench: ShortRuns, count: int, tally: _Tally) -> Checks:
    alive, late, cut = tally.alive, tally.late, tally.cut

    def names(some_knobs: Iterable[str]) -> str:
        return ", ".join(bench.workload.words.knob(name) for name in some_knobs)

    if alive:
        every = "Every knob changes" if len(alive) == count else f"{len(alive)} of {count} change"
        yield FOUND.ok(f"{every} the run: {names(alive)}.", alive=alive)
    if tally.stored:
        yield FOUND.ok(
            f"Set in an optimiser or a schedule, and not yet seen to act within {bench.length} of "
            f"{bench.workload.budget}: {names(tally.stored)}.",
            stored=tally.stored,
        )
    if late:
        yield FOUND.warning(
            f"No effect can be seen within {bench.length} of {bench.workload.budget}: "
            f"{names(late)}. {'It is' if len(late) == 1 else 'They are'} read, and may act "
            "later.",
            "Probe for longer (--seconds) to be sure.",
            knobs=late,
        )
    if cut:
        name, how = next(iter(cut.items()))
        yield FOUND.skipped(
            f"Unseen: {names(cut)} ({names([name])}: {how}); give more time (--seconds).",
            no_time=list(cut),
        )
    if tally.left:
        yield FOUND.skipped(
            f"No time left for {names(tally.left)}; give more (--seconds).",
            no_time=list(tally.left),
        )


def _examine(bench: ShortRuns, name: str, tally: _Tally) -> Checks:
    """Sort one knob; a dead one, or one that cannot be judged, is told at once."""
    base = where_free(bench.workload.space, bench.config, name)
    if base is None:
        knob = bench.workload.words.knob(name)
        yield FOUND.skipped(f"{knob}: no configuration was found in which it is active.")
        return
    reference = bench.plain(base)
    if not reference.reports:
        tally.cut[name] = "no report within the short run"
        return
    ends = [v for v in _values(bench.workload.space, name, ENDS) if v != base[name]]
    seen: list[RunComparison] = []
    for value in ends:
        seen.append(bench.changes(_with(bench, base, name, value), reference))
        if seen[-1].differs:
            tally.alive.append(name)
            return
    unseen = [comparison for comparison in seen if not comparison.same]
    if unseen:
        tally.cut[name] = unseen[0].where
        return
    yield from _dead(bench, base, name, ends, tally, stored=any(c.stored for c in seen))


def _dead(
    bench: ShortRuns, base: Config, name: str, ends: list[Any], tally: _Tally, *, stored: bool
) -> Iterator[Check]:
    """Make sure: over a whole attempt if there is time, and say what it would take."""
    # Four digits are enough to know a value by: 0.084, not 0.08399999999999999.
    shown = [float(f"{v:.4g}") if isinstance(v, float) else v for v in [base[name], *ends]]
    tried = [show(v) for v in shown]
    run = bench.plain(base)
    reads = name in run.read
    length = bench.length
    if not bench.whole:
        budget = bench.workload.budget
        per_step = run.seconds / max(bench.budget, 1)
        if bench.most_updates is None and 2 * budget * per_step < bench.left_s:
            limit_s = max(bench.left_s, 1.0)
            one = bench.run(base, bench.seed, budget=budget, limit_s=limit_s)
            other = _with(bench, base, name, ends[-1])
            two = bench.run(other, bench.seed, budget=budget, limit_s=limit_s)
            whole = compare(one, two, ignore=bench.noisy)
            if whole.differs:
                tally.alive.append(name)
                return
            if not whole.same:
                tally.cut[name] = whole.where
                return
            length, stored = f"{budget} {bench.workload.unit}s", whole.stored
        elif reads:
            (tally.stored if stored else tally.late).append(name)
            return
    if run.ending.outcome in (Outcome.DIVERGED, Outcome.FAILED):
        yield FOUND.skipped(
            f"{bench.workload.words.knob(name)}: {', '.join(tried)} give the same run, but that "
            "one ends after "
            f"{plural(len(run.reports), 'report')}, too early to tell."
        )
        return
    edges = [v for v in _values(bench.workload.space, name, (0.0, 1.0)) if v != base[name]]
    for value in edges if reads else ():
        at_edge = bench.changes(_with(bench, base, name, value), run)
        if at_edge.differs:
            tally.alive.append(name)
            return
        if not at_edge.same:
            tally.cut[name] = at_edge.where
            return
    yield _told_dead(bench, base, name, tried, length, reads=reads, stored=stored)


def _told_dead(
    bench: ShortRuns, base: Config, name: str, tried: list[str], length: str, *, reads: bool,
    stored: bool,
) -> Check:  # fmt: skip
    words = bench.workload.words
    knob = words.knob(name)
    if stored:
        return FOUND.warning(
            f"{knob} is kept in an optimiser or a schedule, and nothing comes of it: "
            f"{', '.join(tried)} give the same reports, rates and weights over {length}, bit by "
            "bit.",
            "See that the schedule reaches the point where it would act: that it is made once, "
            "stepped as often as it counts, and follows the optimiser that steps.",
            knob=name, tried=tried, read=reads, dead=True,
        )  # fmt: skip
    if reads and bench.run(base, bench.seed, followed=name).compared:
        return FOUND.warning(
            f"{knob} is a limit that is not reached within {length}: {', '.join(tried)} give the "
            "same run.",
            "Leave it out of the search, or bring its range to where it would act.",
            knob=name,
        )
    verdict = "has no effect" if reads else "is not connected to anything"
    how = f", although {words.loop} reads it" if reads else f"; {words.loop} never reads it"
    return FOUND.fault(
        f"{knob} {verdict}: {', '.join(tried)} give the same run of {length}, bit by bit{how}.",
        _remedy(words, name, reads),
        knob=name, tried=tried, read=reads, dead=True,
    )  # fmt: skip


def _remedy(words: Vocabulary, name: str, reads: bool) -> str:
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
        if one.reports and bench.changes(_with(bench, base, name, high), one).same:
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
