"""What the trials show: every value, settings, curves, views, and the best in a table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from homeostat.pages import figures
from homeostat.pages.figures.crowd import Line
from homeostat.pages.figures.curves import Curve, common_steps
from homeostat.pages.figures.style import BLUE, FAINT, GREEN, ORANGE, RED, see_through
from homeostat.pages.study.blocks import Block, Gallery, Heading, Picture, TableBlock, Typed, Words
from homeostat.pages.study.facts import Facts
from homeostat.record.outcome import Outcome
from homeostat.record.runs import RunRecord
from homeostat.study.records import TrialRow
from homeostat.wording import plural
from homeostat.workload.kept_views import views_of
from homeostat.workload.view import best_seed

TOP = 20
"""Rows of the table."""
TYPED = 5
"""Of how many trials the command is given."""
MOST_LINES = 600
"""Most trials that parallel coordinates and slices draw; with more the lines merge."""
MOST_CURVES = 60
MOST_SLICES = 12
KINDS = {
    Outcome.COMPLETED: "completed",
    Outcome.INFEASIBLE: "infeasible",
    Outcome.PRUNED: "stopped early",
}


def trials(facts: Facts) -> Iterator[Block]:
    """Every trial against the default and its noise."""
    if not facts.trials:
        return
    yield Heading("Every trial")
    noise = facts.noise
    beyond = (
        ""
        if noise is None or noise.half is None
        else "; within the green band a value differs from the default's by no more than seeds do"
    )
    yield Picture(
        "history",
        figures.history(
            facts.trials, metric=facts.metric, goal=facts.goal, noise=noise,
            chosen=facts.to_take.number if facts.to_take else None,
        ),
        f"{facts.metric} of every trial in the search, and the best so far{beyond}",
    )  # fmt: skip


def parallel(facts: Facts) -> Iterator[Block]:
    """Settings and value of each trial as a line."""
    if len(facts.ranked) > 2 and facts.names:
        yield Heading("Settings")
        yield Picture(
            "parallel",
            figures.parallel(
                thinned(facts.ranked), metric=facts.metric, goal=facts.goal,
                space=facts.workload.space, names=facts.by_importance,
            ),
            "Each line is a trial, the best orange; drag along an axis to choose some",
        )  # fmt: skip


def slices(facts: Facts) -> Iterator[Block]:
    """The value against each setting alone."""
    if len(facts.ranked) < 3 or not facts.names:
        return
    shown = facts.by_importance[:MOST_SLICES]
    yield Gallery(
        tuple(
            Picture(
                f"slice-{name}",
                figures.sliced(
                    thinned(facts.ranked), name, metric=facts.metric, goal=facts.goal,
                    space=facts.workload.space,
                    chosen=facts.to_take.number if facts.to_take else None,
                ),
                "",
            )
            for name in shown
        ),
        "The value against each setting; the trial to take is ringed, values far beyond all others "
        "are triangles at the edge"
        + (f" ({len(shown)} of {len(facts.names)} settings)" if len(facts.names) > len(shown)
           else ""),
    )  # fmt: skip


def thinned(best_first: Sequence[TrialRow]) -> list[TrialRow]:
    """The best, and the rest evenly thinned."""
    half = MOST_LINES // 2
    rest = best_first[half:]
    return [*best_first[:half], *rest[:: max(1, math.ceil(len(rest) / half))]]


def curves(facts: Facts) -> Iterator[Block]:
    """The curves of all trials, or of as many as can be told apart."""
    take, default = facts.to_take, facts.verdict.default if facts.verdict else None
    ends = [t for t in facts.trials if t.outcome.final and t.outcome is not Outcome.FORGOTTEN]
    if len(ends) > MOST_CURVES:
        best = facts.best_first[: MOST_CURVES // 2]
        shown = {t.number for t in best}
        others = [t for t in ends if t.number not in shown]
        ends = best + others[:: math.ceil(2 * len(others) / MOST_CURVES)]
    groups: dict[str, list[Line]] = {}
    kinds = {
        "completed": (see_through(BLUE, 0.35), 1.2),
        "infeasible": (see_through(ORANGE, 0.35), 1.2),
        "stopped early": (FAINT, 1.0),
        "diverged or failed": (see_through(RED, 0.7), 1.2),
        "the default": (GREEN, 3.0),
        "to take": (ORANGE, 3.0),
    }
    for trial in ends:
        kind = KINDS.get(trial.outcome, "diverged or failed")
        if default is not None and trial.number == default.number:
            kind = "the default"
        if take is not None and trial.number == take.number:
            kind = "to take"
        curve = mean_curve(curves_of(facts.run(trial.number), facts.metric))
        if curve is not None and len(curve[0]) > 1:
            groups.setdefault(kind, []).append((f"trial {trial.number}", curve))
    if not groups:
        return
    yield Heading("Curves")
    total = sum(t.outcome.final and t.outcome is not Outcome.FORGOTTEN for t in facts.trials)
    which = f", {len(ends)} of {total} trials" if len(ends) < total else ""
    ordered = {kind: groups[kind] for kind in kinds if kind in groups}
    yield Picture(
        "curves",
        figures.crowd(
            ordered, kinds, metric=facts.metric, unit=facts.workload.unit, goal=facts.goal
        ),
        f"{facts.metric} by {facts.workload.unit}, means over seeds{which}; "
        "a click on the legend hides a group",
    )


def curves_of(run: RunRecord | None, metric: str) -> list[Curve]:
    """(steps, values) of each seed; none without a run."""
    if run is None:
        return []
    found = []
    for told in run.curves().values():
        steps, values = told.of(metric)
        found.append((steps.tolist(), values.tolist()))
    return found


def mean_curve(seeds: Sequence[Curve]) -> Curve | None:
    """The mean over seeds, as far as all of them reach."""
    seeds = [curve for curve in seeds if len(curve[0])]
    if not seeds:
        return None
    last = min(steps[-1] for steps, _ in seeds)
    steps = [step for step in common_steps(seeds) if step <= last]
    table = [np.interp(steps, *curve) for curve in seeds]
    return steps, np.mean(table, axis=0).tolist()


def looks(facts: Facts) -> Iterator[Block]:
    """What the run of the trial to take looks like, in the views of its workload."""
    trial = facts.to_take
    run = facts.run(trial.number) if trial is not None else None
    seed = best_seed(run) if run is not None else None
    if trial is None or run is None or seed is None:
        return
    views = views_of(run, seed, facts.workload.views)
    if not views:
        return
    yield Heading("What the best looks like")
    yield Words(f"Trial {trial.number}, seed {seed}.")
    for name, view in views.items():
        if isinstance(view, str):
            yield Words(view)
        else:
            yield Heading(view.title, 3)
            yield Picture(f"view-{name}", view.figure, view.caption)


def infeasible(facts: Facts) -> Iterator[Block]:
    """The trials beyond a bound, the best by the main objective first, and by how much."""
    found = [t for t in facts.trials if t.outcome is Outcome.INFEASIBLE]
    if not found:
        return
    told = [t for t in found if facts.metric in t.values]
    shown = facts.goal.ranked(told, key=lambda t: t.values[facts.metric])
    shown += [t for t in found if t not in told]
    yield Heading("Infeasible trials")
    more = f"; the first {TOP}" if len(shown) > TOP else ""
    bounds = facts.verdict.constraints if facts.verdict else ()
    yield Words(
        f"{plural(len(found), 'trial')} ended well and cannot win, because a trial must keep "
        f"{' and '.join(map(str, bounds))}{more}."
    )
    yield TableBlock.of(
        ("trial", f"{facts.metric} in the search", "why"),
        [(t.number, t.values.get(facts.metric), t.reason) for t in shown[:TOP]],
    )


def by_value(facts: Facts) -> Iterator[Block]:
    """The best trials in a table, with what runs the first of them again."""
    top = facts.best_first[:TOP]
    if not top:
        return
    yield Heading("Trials by value")
    names = list(dict.fromkeys(name for t in top for name in t.parameters))
    verdict = facts.verdict
    fresh = {t.number: verdict.on_fresh_seeds(t) if verdict else None for t in top}
    ran = any(fresh.values())
    yield TableBlock.of(
        (
            "trial", *(["on fresh seeds"] if ran else []),
            f"{facts.metric} in the search (chosen on)", "s.d.", *names,
        ),
        [
            (
                t.number, *([fresh[t.number]] if ran else []), t.values[facts.metric],
                t.sds.get(facts.metric), *(t.parameters.get(n) for n in names),
            )
            for t in top
        ],
    )  # fmt: skip
    told = [text for t in top[:TYPED] if (text := facts.command(t))]
    if told:
        yield Typed("\n".join(told))
